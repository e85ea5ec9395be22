"""Every ``sh`` block of the pages is run by a test: those below, and those of the pages that have a test of their own.

``console`` blocks are sessions (``test_docs_commands``). What needs ``gcloud`` or ``gh`` runs against stand-ins
(``test_docs_cloud``), calls of the emulator's and the tutorial's pages against the emulator. Here is the rest: what
serves the emulator, speaks to GitHub, installs from a checkout, and calls ``make`` or the tools of the checks, which
are asked what they would do, since they run this very test.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import site
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from docs_kit import PAGES, ROOT, Block, blocks, read
from fake_github import GitHub, blob, serving

if TYPE_CHECKING:
    from collections.abc import Callable

_ASKED = ("gcloud", "gh")
_CHECKS = {
    "python": 'PYTEST_ADDOPTS=--collect-only exec {0} "$@"',
    "ruff": 'exec {0} -m ruff "$@"',
    "mypy": "test $# = 0",
}
LOCKFILE = {
    "format": "tunectl.lock/v1",
    "lineage": "6f0e3c1a-0000-4000-8000-000000000001",
    "writeId": "6f0e3c1a-0000-4000-8000-000000000002",
    "remote": {"type": "generativelanguage", "endpoint": "https://example.com", "project": None, "location": None},
    "models": {},
}
_SOURCES = ("reconciler", "pyproject.toml", "README.md", "LICENSE")


def _begins(*words: str) -> Callable[[Block], bool]:
    return lambda block: all(line.startswith(words) for line in block.text.splitlines())


KINDS: dict[str, Callable[[Block], bool]] = {
    "cloud": lambda block: any(re.search(rf"(^|[\s(]){word} ", block.text) for word in _ASKED),
    "calls": lambda block: block.text.startswith("curl "),
    "serve": _begins("tunectl emulator "),
    "github": _begins("tunectl github "),
    "make": _begins("make "),
    "install": lambda block: " -m pip install " in block.text,
    "checks": _begins(".venv/bin/"),
}
FOUND = [
    (page, block) for page in PAGES for block in blocks(read(page)) if block.info in {"sh", "bash", "shell", "zsh"}
]


def kind(block: Block) -> str | None:
    return next((name for name, fits in KINDS.items() if fits(block)), None)


def of(name: str) -> list[str]:
    return [block.text for _, block in FOUND if kind(block) == name]


def run(script: str, folder: Path, **environ: str) -> str:
    ended = subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=folder,
        env=os.environ | environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, f"{script}\n{ended.stdout}"
    return ended.stdout


def test_every_block_is_run_by_some_test():
    left = [f"{page}:{block.line}: {block.text}" for page, block in FOUND if kind(block) is None]
    assert not left, "\n".join(["make it a session (console), or run it here:", *left])


def test_calls_stand_on_pages_whose_tests_make_them():
    assert {page for page, block in FOUND if kind(block) == "calls"} == {"docs/emulator.md", "docs/tutorial.md"}


def test_a_block_that_no_test_runs_is_noticed():
    assert kind(Block("sh", "tunectl plan", 1)) is None
    assert kind(Block("sh", "make test\nrm -r .venv", 1)) is None


@pytest.mark.parametrize("text", sorted(set(of("serve"))))
def test_the_emulator_is_served(text, tmp_path):
    command = text.replace("--port 8787", "--port 0").replace("tunectl", f"{sys.executable} -m reconciler", 1)
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command.split(), cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True) as served:
        try:
            url = served.stdout.readline().strip()
            with urllib.request.urlopen(f"{url}/v1beta/tunedModels", timeout=30) as answer:
                assert answer.status == 200
        finally:
            served.terminate()


@pytest.mark.parametrize("text", of("github"))
def test_the_commands_for_github_do_what_they_say(text, tmp_path):
    old, new = (json.dumps(LOCKFILE | {"serial": serial}).encode() for serial in (1, 2))
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "tunectl.lock").write_bytes(new)
    for name in ("plan.md", "drift.md"):
        (tmp_path / name).write_text(f"# {name}\n")
    event = tmp_path / "event.json"
    event.write_text('{"pull_request": {"number": 7}}')
    with serving(GitHub()) as github:
        github.push("tunectl.lock", old)
        run(
            text,
            tmp_path,
            PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            BASE=blob(old),
            GITHUB_REF_NAME="main",
            GITHUB_EVENT_PATH=str(event),
            **github.environ,
        )
        assert [post.body.count("# plan.md") for post in github.comments] == [1]
        assert [post.open for post in github.issues] == [False]
        assert github.files["tunectl.lock"] == new


@pytest.mark.parametrize("text", sorted(set(of("make"))))
def test_make_knows_what_to_do(text):
    said = run(re.sub(r"^make ", "make --dry-run --no-print-directory ", text, flags=re.MULTILINE), ROOT)
    assert "pytest" in said or "demo" in said


@pytest.mark.parametrize("text", of("checks"))
def test_the_tools_of_the_checks_take_their_arguments(text, tmp_path):
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, does in _CHECKS.items():
        (programs / name).write_text(f"#!/bin/sh\n{does.format(sys.executable)}\n")
        (programs / name).chmod(0o755)
    for name in ("reconciler", "tests", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    run(text, tmp_path)


def test_what_is_installed_from_a_checkout_is_a_command(tmp_path):
    """The blocks run as they stand, one after the other, with pip told to reach for nothing beyond this machine."""
    for name in _SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    quiet = {
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }
    no_isolation = {"PIP_NO_BUILD_ISOLATION": "0"}  # pip reads the value as that of build_isolation
    libraries = os.pathsep.join([*site.getsitepackages(), *(path for path in sys.path if path.endswith("-packages"))])
    installs = sorted(of("install"), key=lambda text: "venv .venv" not in text)
    said = run("\n".join(installs), tmp_path, PYTHONPATH=libraries, **quiet, **no_isolation)
    assert len(installs) == 2
    assert "Usage: tunectl" in said
    (extra,) = re.findall(r"'\.\[(\w+)\]'", installs[1])
    assert re.search(rf"^{extra} = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert "does not provide the extra" not in said
