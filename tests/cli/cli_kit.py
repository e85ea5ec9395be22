"""A small project on disk, a service that trains nothing, and one call that runs a command line on both."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.cli.invocation import Invocation
from reconciler.cli.main import run
from reconciler.emulator import Emulator, parse_fault
from reconciler.testing.fakes import FakeClock

if TYPE_CHECKING:
    import pytest

DATA = Path(__file__).parent.parent / "data"
SEED = DATA / "seed-listing.json"
BISON = "models/text-bison-001"
FLASH = "models/gemini-1.5-flash-001-tuning"
HYPERPARAMETERS = {"epochCount": 3, "batchSize": 2, "learningRate": 0.001}
TRAIN_SECONDS = 10.0


@dataclass(frozen=True)
class Ended:
    """How a command line ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err

    def json(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.out)

    def events(self) -> list[dict[str, Any]]:
        """The JSON Lines on standard output."""
        return [json.loads(line) for line in self.out.splitlines()]


def count_trainings(emulator: Emulator) -> list[str]:
    """Return a list that the id of every model is added to when its training begins."""
    store = emulator.world.store
    begun: list[str] = []
    add = store.add

    def counted(model: Any, *rest: Any) -> Any:
        if model.training is not None:
            begun.append(model.id)
        return add(model, *rest)

    store.add = counted  # type: ignore[method-assign]  # of this one store only
    return begun


@dataclass
class Workshop:
    """A project folder and what runs on it. ``environ`` is all the environment a command in process sees."""

    root: Path
    emulator: Emulator
    clock: FakeClock
    capsys: pytest.CaptureFixture[str]
    environ: dict[str, str] = field(default_factory=dict)
    trainings: list[str] = field(default_factory=list)

    def run(self, *arguments: str, expect: int | None = 0, environ: Mapping[str, str] | None = None) -> Ended:
        """Run a command line in process; every run keeps what holds for all: no traceback, no bug of ours."""
        self.capsys.readouterr()
        invocation = Invocation(environ={**self.environ, **(environ or {})}, clock=self.clock)
        code = run(arguments, invocation=invocation)
        os.chdir(self.root)  # -C has effect for as long as the process lives
        captured = self.capsys.readouterr()
        ended = Ended(code, captured.out, captured.err)
        assert "Traceback" not in ended.text
        assert "internal error" not in ended.text, ended.text
        assert expect is None or code == expect, f"{arguments} ended with {code}\n{ended.out}\n{ended.err}"
        return ended

    def fails(self, code: int, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
        """Run what must fail: nothing that is not a result on standard output, the error on the other."""
        ended = self.run(*arguments, expect=code, environ=environ)
        assert ended.out == "", ended.out
        assert ended.err != ""
        return ended.err

    def apply(self, *arguments: str, expect: int | None = 0, environ: Mapping[str, str] | None = None) -> Ended:
        return self.run("apply", "-y", *arguments, expect=expect, environ=environ)

    def plan(self, *arguments: str) -> dict[str, Any]:
        """The plan as its document."""
        document: dict[str, Any] = self.run("plan", "--format", "json", *arguments, expect=None).json()
        return document

    def kinds(self, *arguments: str) -> list[tuple[str, str]]:
        """What a plan holds: names and kinds of action."""
        return [(action["name"], action["action"]) for action in self.plan(*arguments)["actions"]]

    def write(self, path: str, content: str | bytes) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return target

    def project(self, **spec: Any) -> None:
        """Write the project file."""
        document = {"apiVersion": "tunectl/v1", "kind": "Project", "metadata": {"name": "demo"}, "spec": spec}
        self.write("tunectl.yaml", json.dumps(document))

    def want(self, name: str, *, metadata: Mapping[str, Any] | None = None, **spec: Any) -> None:
        """Write a manifest; None leaves one of its usual fields out."""
        usual = {
            "displayName": name,
            "baseModel": BISON,
            "dataset": {"path": "datasets/numbers.jsonl"},
            "hyperparameters": HYPERPARAMETERS,
        }
        document = {
            "apiVersion": "tunectl/v1",
            "kind": "TunedModel",
            "metadata": {"name": name, **(metadata or {})},
            "spec": {key: value for key, value in {**usual, **spec}.items() if value is not None},
        }
        self.write(f"manifests/{name}.yaml", json.dumps(document, indent=2))

    def drop(self, name: str) -> None:
        (self.root / "manifests" / f"{name}.yaml").unlink()

    def dataset(self, count: int = 15, *, path: str = "manifests/datasets/numbers.jsonl", step: int = 1) -> None:
        rows = ({"text_input": str(number), "output": str(number + step)} for number in range(1, count + 1))
        self.write(path, "".join(json.dumps(row) + "\n" for row in rows))

    @property
    def lockfile(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.root / "tunectl.lock").read_text())
        return document

    def entry(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.lockfile["models"][name]
        return found

    def serving(self, name: str) -> str:
        """The resource that serves under a name; the test fails if none does."""
        entry = self.entry(name)
        assert entry["state"] == "ready", entry
        return str(entry["resource"])

    def fault(self, text: str) -> None:
        """Let something go wrong, as ``tunectl emulator --fault`` would."""
        self.emulator.faults.add(parse_fault(text))

    def remote(self) -> list[str]:
        """The ids of all models that the service has, whoever owns them."""
        with self.emulator.world.store.reading():
            return sorted(
                model.id for model, _, _ in self.emulator.world.store.models(after=0, account="user@example.com")
            )

    def vanish(self, resource: str) -> None:
        """Let somebody delete a model at the service."""
        store = self.emulator.world.store
        with store.writing():
            model = store.find(resource.rpartition("/")[2])
            assert model is not None, resource
            store.remove(model.seq)

    def bought(self) -> int:
        """How many trainings the service has begun, and charges for, whether its answer arrived or not."""
        return len(self.trainings)

    def requests(self) -> list[tuple[str, str]]:
        """Method and path of every request since the log was emptied, the API version cut off."""
        return [(r.method, re.sub(r"^/v1(beta\d?)?/", "", r.path)) for r in self.emulator.requests]


def python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "reconciler", *arguments]


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment of a child process: none of the variables that tunectl reads, but those given."""
    prefixes = ("TUNECTL_", "GOOGLE_", "GITHUB_", "PYTEST_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(prefixes)}
    for name in ("CI", "NO_COLOR"):
        kept.pop(name, None)
    return {**kept, "PYTHONWARNINGS": "error", **extra}


def call(arguments: Sequence[str], *, cwd: Path, **environ: str) -> Ended:
    """Run a command line as a process of its own."""
    done = subprocess.run(
        python(*arguments),
        cwd=cwd,
        env=clean_environment(**environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    ended = Ended(done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in ended.text, ended.text
    return ended
