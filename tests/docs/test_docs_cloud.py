"""The blocks of the pages that need ``gcloud`` or ``gh`` are run, in order, against stand-ins.

The stand-ins are fakes with rules (``fake_cloud``): they refuse a command, a flag or an order of steps that the
references do not have, and they know nothing of accounts. The table of flags is held against the real Google Cloud SDK
where one is installed. ``tunectl`` commands in these blocks are left out here: they need the service, and the sessions
of the same pages run them on the emulator.
"""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import fake_cloud
import pytest
from docs_kit import PAGES, blocks, read

_FAKE = Path(__file__).with_name("fake_cloud.py")
_TREE = "data/cli/gcloud_completions.py"


def _asks_for_an_account(text: str) -> bool:
    return any(word in text.split() for word in ("gcloud", "gh")) or "$(gcloud" in text or "$(gh" in text


_CLOUDY = {
    page: found
    for page in PAGES
    if (found := [block for block in blocks(read(page)) if block.info == "sh" and _asks_for_an_account(block.text)])
}


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script with the stand-ins first on the path, in a clone of an empty repository."""
    programs = folder / "bin"
    programs.mkdir()
    for name in ("gcloud", "gh"):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{_FAKE}" {name} "{folder / "made.json"}" "$@"\n')
        program.chmod(0o755)
    (programs / "tunectl").write_text("#!/bin/sh\n")
    (programs / "tunectl").chmod(0o755)
    identity = {
        "GIT_AUTHOR_NAME": "you",
        "GIT_AUTHOR_EMAIL": "you@example.com",
        "GIT_COMMITTER_NAME": "you",
        "GIT_COMMITTER_EMAIL": "you@example.com",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    for command in (["init", "-q", "--bare", "origin.git"], ["clone", "-q", "origin.git", "work"]):
        subprocess.run(["git", *command], cwd=folder, env=os.environ | identity, check=True, capture_output=True)
    work = folder / "work"
    for name in re.findall(r"^git add (.*)$", script, re.MULTILINE):
        for path in name.split():  # what the sessions of the page have made by then
            (work / path).write_text("")
    return subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=work,
        env=os.environ | identity | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("page", _CLOUDY)
def test_every_step_that_needs_an_account_is_spelt_as_its_reference_has_it(page: str, tmp_path: Path) -> None:
    ended = run("\n".join(block.text for block in _CLOUDY[page]), tmp_path)
    assert ended.returncode == 0, ended.stderr


def test_the_walkthrough_and_the_readme_are_among_them() -> None:
    assert {"README.md", "docs/vertex-walkthrough.md"} <= _CLOUDY.keys()


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("gcloud projects make p", "no such command: projects make p"),
        ("gcloud projects create my-project --location=here", "no such flag: --location"),
        ("gcloud projects create UPPER", "'UPPER' is no project"),
        ("gcloud config set project never-made", "project never-made was never made"),
        ("gcloud iam workload-identity-pools create github", "needs --location"),
        (
            (
                "gcloud projects create my-project; gcloud projects add-iam-policy-binding my-project "
                "--member=serviceAccount:ghost@x --role=roles/aiplatform.user"
            ),
            "account ghost was never made",
        ),
        ("gh variable set lower --body x", "'lower' is no name of a variable"),
        ("gh variable set A --env production --body x", "environment production was never made"),
        ("gh api --verb PUT x", "no such flag: --verb"),
        ("gh pr create --fil", "no such flag: --fil"),
    ],
)
def test_the_stand_ins_refuse_what_the_real_ones_would(script: str, complaint: str, tmp_path: Path) -> None:
    ended = run(script, tmp_path)
    assert ended.returncode != 0
    assert complaint in ended.stderr


@pytest.mark.system
def test_the_table_of_flags_is_that_of_the_google_cloud_sdk() -> None:
    """The SDK ships the tree of its commands for shell completion; what the stand-in takes has to be in it."""
    program = shutil.which("gcloud")
    tree = None if program is None else Path(program).resolve().parents[1] / _TREE
    if tree is None or not tree.is_file():
        pytest.skip("no Google Cloud SDK here")
    root = runpy.run_path(str(tree))["STATIC_COMPLETION_CLI_TREE"]
    assert fake_cloud.GCLOUD_EVERYWHERE.values | fake_cloud.GCLOUD_EVERYWHERE.switches <= root["flags"].keys()
    for name, form in fake_cloud.GCLOUD.items():
        node = root
        for word in name.split():
            node = node["commands"][word]
        known = {flag: kind == "bool" for flag, kind in node["flags"].items()}
        assert dict.fromkeys(form.values, False) | dict.fromkeys(form.switches, True) == {
            flag: known.get(flag) for flag in form.values | form.switches
        }, name
