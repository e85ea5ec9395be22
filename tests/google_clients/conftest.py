"""Runs a driver program with the interpreter of an environment that has one of Google's libraries."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

Drive = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def drive() -> Drive:
    """Run a driver: environment, program, arguments; returns what it printed."""

    def run(environment: str, program: str, *arguments: str) -> dict[str, Any]:
        python = ROOT / ".venvs" / environment / "bin" / "python"
        if not python.exists():
            pytest.fail(
                f"{python.relative_to(ROOT)} is missing; `make .venvs/{environment}/.done` makes it", pytrace=False
            )
        done = subprocess.run(
            [str(python), str(HERE / "drivers" / program), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
