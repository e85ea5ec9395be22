"""The reference is what the code says."""

from __future__ import annotations

import subprocess
import sys

from docs_kit import ROOT, read

from reconciler.cli.main import COMMANDS


def test_the_reference_is_fresh():
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "reference.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT), "COLUMNS": "100"},
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n`make reference` writes it anew"


def test_every_command_has_its_section():
    page = read("docs/reference/cli.md")
    assert all(f"## tunectl {name}\n" in page for name in COMMANDS)
