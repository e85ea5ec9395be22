"""Shells complete commands, options and the names of models; without a service, and silent when nothing fits."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from cli_kit import call, clean_environment


def completed(root, *words):
    """What fish would be offered behind these words; its protocol is one line a candidate."""
    done = subprocess.run(
        [sys.executable, "-m", "reconciler"],
        cwd=root,
        env=clean_environment(
            _TUNECTL_COMPLETE="fish_complete", COMP_WORDS=" ".join(["tunectl", *words]), COMP_CWORD=words[-1]
        ),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.stderr == ""
    return {line.split("\t")[0].removeprefix("plain,") for line in done.stdout.splitlines() if line}


def test_commands_options_and_names_are_completed(workshop):
    workshop.want("letters")
    assert "apply" in completed(workshop.root, "ap")
    assert completed(workshop.root, "status", "le") == {"letters"}
    assert completed(workshop.root, "plan", "--target", "nu") == {"numbers"}
    assert "--detailed-exitcode" in completed(workshop.root, "plan", "--det")


def test_names_that_only_the_lockfile_knows_are_completed(workshop):
    workshop.apply()
    workshop.drop("numbers")
    assert completed(workshop.root, "show", "nu") == {"numbers"}


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("fmt", "man"), "file"),
        (("validate", "man"), "file"),
        (("plan", "--out", "pl"), "file"),
        (("apply", "pl"), "file"),
        (("show", "pl"), "file"),
        (("dataset", "check", "man"), "file"),
        (("--config", "tu"), "file"),
        (("init", "mo"), "dir"),
        (("-C", "mo"), "dir"),
        (("plan", "-C", "mo"), "dir"),
    ],
)
def test_files_and_folders_are_left_to_the_shell(workshop, words, kind):
    assert completed(workshop.root, *words) == {f"{kind},{words[-1]}"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("explain", "spec.hy"), {"spec.hyperparameters"}),
        (("explain", "spec.hyperparameters.ba"), {"spec.hyperparameters.batchSize"}),
        (("explain", "hyperparameters.ba"), {"hyperparameters.batchSize"}),
        (("explain", "nu"), {"numbers"}),
        (("drift", "--format", "ma"), {"markdown"}),
        (("dataset", "check", "nu"), {"numbers"}),
        (("explain", "nothing.of.this"), set()),
    ],
)
def test_fields_forms_and_names_are_completed_where_they_are_wanted(workshop, words, expected):
    assert completed(workshop.root, *words) == expected


def test_a_broken_project_completes_nothing_and_says_nothing(workshop):
    workshop.write("tunectl.yaml", "kind: [")
    assert completed(workshop.root, "status", "nu") == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_it_can_read(tmp_path, shell):
    ended = call(["completion", shell], cwd=tmp_path)
    assert ended.code == 0
    assert "_TUNECTL_COMPLETE" in ended.out
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=ended.out, text=True, capture_output=True, check=False)
        assert checked.returncode == 0, checked.stderr


def test_without_a_shell_it_says_where_each_script_goes(tmp_path):
    assert ".bashrc" in call(["completion"], cwd=tmp_path).out
    assert call(["completion", "tcsh"], cwd=tmp_path).code == 64
