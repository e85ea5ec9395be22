"""``make demo``, on a copy of what it needs: it ends well, twice, and touches nothing but .tunectl/."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli_kit import clean_environment

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path):
    """What the demo reads, and a tunectl that runs this checkout."""
    for name in ("tunectl.yaml", "manifests", "scripts/demo.sh"):
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    tunectl = tmp_path / "bin" / "tunectl"
    tunectl.parent.mkdir()
    tunectl.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reconciler "$@"\n')
    tunectl.chmod(0o755)
    return tmp_path


def demo(copy, **environ):
    done = subprocess.run(
        ["sh", "scripts/demo.sh", "bin/tunectl"],
        cwd=copy,
        env=clean_environment(TUNECTL_EMULATOR_TRAIN_SECONDS="0.2", **environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tree(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".tunectl" not in path.parts
    }


def test_plans_applies_asks_and_finds_no_changes(copy):
    before = tree(copy)
    out = demo(copy)
    commands = re.findall(r"^\$ (.*)$", out, re.MULTILINE)
    assert commands == ["tunectl plan", "tunectl apply -y", 'tunectl generate number-generator "1,999"', "tunectl plan"]
    after = [part.split("\n", 1)[1] for part in out.split("\n$ ")[1:]]
    assert "Plan: 2 to create" in after[0]
    assert "Applied: 2 created" in after[1]
    assert after[2].startswith("2,000\n")
    assert after[3].startswith("No changes.")
    assert tree(copy) == before


def test_a_second_run_ends_well_too_and_says_what_is_different(copy):
    demo(copy)
    out = demo(copy)
    assert "An earlier run left its models" in out
    assert out.count("No changes.") == 3
    assert "\n2,000\n" in out


def test_takes_up_a_run_that_was_killed(copy):
    process = subprocess.Popen(
        ["sh", "scripts/demo.sh", "bin/tunectl"],
        cwd=copy,
        env=clean_environment(TUNECTL_EMULATOR_TRAIN_SECONDS="3"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for line in process.stderr:
        if "tuning has begun" in line:
            break
    os.killpg(process.pid, 9)
    process.communicate()
    out = demo(copy)
    assert "Applied:" in out
    assert "\n2,000\n" in out
    assert out.split("\n$ ")[-1].split("\n", 1)[1].startswith("No changes.")


def test_nothing_in_the_environment_leads_it_elsewhere(copy):
    elsewhere = "http://127.0.0.1:1"
    out = demo(
        copy,
        TUNECTL_ENDPOINT=elsewhere,
        TUNECTL_LOCKFILE="/nonexistent/lock",
        TUNECTL_CONFIG="missing.yaml",
        TUNECTL_API_KEY="canary",
        GOOGLE_CLOUD_PROJECT="my-real-project",
    )
    assert "Applied: 2 created" in out
    assert not {"my-real-project", elsewhere} & set(re.findall(r"\S+", out))


def test_draws_on_a_terminal(copy):
    """On a real terminal: live lines while the models are tuned, colours, and every command in bold."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        ["sh", "scripts/demo.sh", "bin/tunectl"],
        cwd=copy,
        env=clean_environment(TUNECTL_EMULATOR_TRAIN_SECONDS="1", TERM="xterm-256color", COLUMNS="120"),
        stdin=child,
        stdout=child,
        stderr=child,
        close_fds=True,
    )
    os.close(child)
    shown = b""
    while select.select([parent], [], [], 30)[0]:
        try:
            block = os.read(parent, 65536)
        except OSError:
            break
        shown += block
    os.close(parent)
    assert process.wait(timeout=30) == 0
    text = shown.decode()
    assert "\x1b[1m$ tunectl apply -y\x1b[0m" in text
    assert "\x1b[?25l" in text
    assert "\x1b[?25h" in text
    assert "Applied: 2 created" in text
