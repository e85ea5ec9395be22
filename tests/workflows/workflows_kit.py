"""A runner for the `run:` steps of a workflow or an action: bash as GitHub starts it, expressions, outputs, summary.

Steps that use an action are not run; every other step is, in order. What they ask of pip is noted and not done.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
INSTALL = "Install tunectl"
_PYTHON = """\
#!/bin/sh
case "$1 $2" in
"-m pip") echo "$@" >> "{log}" ;;
"-m venv") mkdir -p "$3/bin" && ln -sf "{bin}/python" "$3/bin/python" && ln -sf "{bin}/tunectl" "$3/bin/tunectl" ;;
*) exec "{python}" "$@" ;;
esac
"""
_NAME = re.compile(r"'[^']*'|\b(?:github|vars|env|steps|needs|matrix|inputs)(?:\.[\w-]+)+")
_WHOLE = re.compile(r"\$\{\{(.*?)\}\}")


def load(path: Path) -> dict[str, Any]:
    """Read a workflow; YAML 1.1 takes the key ``on`` for a boolean, so it comes back as text."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document["on"] = document.pop(True)
    return document


def evaluate(expression: str, contexts: Mapping[str, str]) -> Any:
    """Evaluate an expression: names, strings, ``&& || == != !``, two functions. What is not set is empty."""
    code = _NAME.sub(lambda found: _operand(found.group(), contexts), expression)
    code = re.sub(r"!(?!=)", " not ", code.replace("&&", " and ").replace("||", " or "))
    functions = {"always": lambda: True, "contains": lambda text, part: part in text}
    return eval(code.strip(), {"__builtins__": {}}, functions)


def _operand(name: str, contexts: Mapping[str, str]) -> str:
    return name if name.startswith("'") else repr(contexts.get(name, ""))


def expand(text: object, contexts: Mapping[str, str]) -> str:
    """Replace every expression in a text by its value."""

    def value(found: re.Match[str]) -> str:
        result = evaluate(found.group(1), contexts)
        return str(result).lower() if isinstance(result, bool) else str(result)

    return _WHOLE.sub(value, str(text))


@dataclass
class Job:
    """One run of one job on a checkout; ``contexts`` holds what expressions may name, such as ``vars.X``."""

    workflow: str
    name: str
    checkout: Path
    contexts: dict[str, str] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    output: str = ""
    ran: list[str] = field(default_factory=list)

    event: dict[str, Any] = field(default_factory=dict)
    _results: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.temp = self.checkout.parent / "runner"
        self.temp.mkdir(exist_ok=True)
        self.bin = self.temp / "bin"
        self.bin.mkdir(exist_ok=True)
        self.tool("tunectl", f'#!/bin/sh\nexec "{sys.executable}" -m reconciler "$@"\n')
        self.pips = self.temp / "pip.log"
        for name in ("python", "python3"):
            self.tool(name, _PYTHON.format(log=self.pips, python=sys.executable, bin=self.bin))
        self.contexts = {"github.token": "", **self.contexts}
        (self.temp / "event.json").write_text(json.dumps(self.event))

    def tool(self, name: str, script: str) -> None:
        """Put a program on the runner's PATH."""
        path = self.bin / name
        path.write_text(script)
        path.chmod(0o755)

    @property
    def installed(self) -> list[str]:
        """What pip was asked for, a line each."""
        return self.pips.read_text().splitlines() if self.pips.exists() else []

    def steps(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return what the steps' environment has in common, and the steps."""
        job = load(FOLDER / self.workflow)["jobs"][self.name]
        return job.get("env", {}), job["steps"]

    @property
    def summary(self) -> str:
        path = self.temp / "summary.md"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def run(self) -> int:
        """Run the job's steps and return the exit code of the first that failed, or 0."""
        common, steps = self.steps()
        shared = {key: expand(value, self.contexts) for key, value in common.items()}
        self.contexts |= {f"env.{key}": value for key, value in shared.items()}
        failed = 0
        for step in steps:
            condition = step.get("if", "'always'")
            if (failed and "always()" not in condition) or not evaluate(condition, self.contexts):
                continue
            self.ran.append(step.get("name") or step["uses"].partition("@")[0])
            if "run" in step:
                code = self._step(step, shared)
                failed = failed or code
        return failed

    def _step(self, step: Mapping[str, Any], shared: Mapping[str, str]) -> int:
        assert "${{" not in step["run"]
        own = {key: expand(value, self.contexts) for key, value in step.get("env", {}).items()}
        outputs = self.temp / "output"
        outputs.write_text("")
        script = self.temp / "step.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            [shutil.which("bash") or "bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.checkout,
            env={**self._environ(), **shared, **own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        self.output += done.stdout
        for key, value in _outputs(outputs.read_text()).items():
            self.contexts[f"steps.{step.get('id')}.outputs.{key}"] = value
        return done.returncode

    def _environ(self) -> dict[str, str]:
        return {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "HOME": str(self.temp),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_STEP_SUMMARY": str(self.temp / "summary.md"),
            "GITHUB_OUTPUT": str(self.temp / "output"),
            "GITHUB_REPOSITORY": "team/models",
            "GITHUB_REF_NAME": "main",
            "GITHUB_EVENT_PATH": str(self.temp / "event.json"),
            "GITHUB_ACTION_PATH": str(ROOT),
            "RUNNER_TEMP": str(self.temp),
            "TUNECTL_EMULATOR_TRAIN_SECONDS": "0",
            "TUNECTL_POLL_INTERVAL": "0.05",
            **self.environ,
        }


class Action(Job):
    """One run of ``action.yml``; ``contexts`` holds its inputs, such as ``inputs.command``."""

    def __init__(self, checkout: Path, *, inputs: Mapping[str, str], token: str, **more: Any) -> None:
        contexts = {"github.token": token}
        for name, given in action()["inputs"].items():
            contexts[f"inputs.{name}"] = inputs.get(name, expand(given["default"], contexts))
        super().__init__("action.yml", "action", checkout, contexts=contexts, **more)

    def steps(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return nothing in common, and the steps of the action."""
        return {}, action()["runs"]["steps"]

    @property
    def outputs(self) -> dict[str, str]:
        """The action's outputs, as a workflow would read them."""
        return {name: expand(given["value"], self.contexts) for name, given in action()["outputs"].items()}


def action() -> dict[str, Any]:
    """Read action.yml."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return document


def _outputs(text: str) -> dict[str, str]:
    """Read a file of step outputs: ``name=value`` lines and blocks between delimiters."""
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        name, mark, delimiter = line.partition("<<")
        if mark and "=" not in name:
            block = []
            while (inner := next(lines)) != delimiter:
                block.append(inner)
            found[name] = "\n".join(block)
        elif "=" in line:
            key, _, value = line.partition("=")
            found[key] = value
    return found
