"""The way in: start-up stays light, mistakes of typing are named, global options stand on either side."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from cli_kit import clean_environment, python

from reconciler._version import __version__
from reconciler.cli.main import COMMANDS, SECTIONS

HEAVY = {
    "asyncio",
    "deepdiff",
    "filelock",
    "google",
    "httpx",
    "pydantic",
    "pydantic_core",
    "rich",
    "sqlite3",
    "tenacity",
    "waitress",
    "yaml",
}


def bare():
    """An environment without coverage's hook, which imports more than we do."""
    return {key: value for key, value in clean_environment().items() if not key.startswith("COVERAGE_")}


def imported(*arguments):
    """The top-level packages that a command line imports, by -X importtime."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "reconciler", *arguments],
        env=bare(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    modules = re.findall(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", done.stderr, re.MULTILINE)
    packages = {module.partition(".")[0] for module in modules}
    assert "reconciler" in packages
    return packages


def test_the_measure_sees_a_heavy_import():
    assert imported("schema", "project") >= {"pydantic", "click"}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["version"], ["plan", "--help"], ["apply", "--help"]])
def test_help_and_version_import_nothing_heavy(arguments):
    assert imported(*arguments) & HEAVY == set()


@pytest.mark.parametrize("arguments", [["--version"], ["version"]])
def test_the_version_needs_no_click(arguments):
    assert "click" not in imported(*arguments)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_lists_the_global_options(workshop, name):
    ended = workshop.run(name, "--help")
    assert f"Usage: tunectl {name}" in ended.out
    for option in ("--directory", "--config", "--endpoint", "--project", "--no-color", "--verbose", "--quiet"):
        assert option in ended.out


def test_no_command_imports_anything_heavy_by_itself():
    modules = ", ".join(f"reconciler.cli.commands.{module}" for module, _ in COMMANDS.values())
    code = f"import sys, {modules}; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], env=bare(), capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_help_page_lists_every_command(workshop):
    out = workshop.run("--help").out
    for name in COMMANDS:
        assert re.search(rf"^  {name} +\S", out, re.MULTILINE)


@pytest.mark.parametrize("arguments", [["--version"], ["version"], ["version", "-q"], ["-q", "version"]])
def test_tells_its_version(arguments):
    done = subprocess.run(python(*arguments), capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == (f"tunectl {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["paln"], "did you mean plan?"),
        (["aply"], "did you mean apply?"),
        (["ls"], "did you mean status?"),
        (["xyzzy"], "error: there is no command 'xyzzy'\n  see tunectl --help"),
        (["lock", "brake"], "did you mean break?\n  see tunectl lock --help"),
        (["help", "paln"], "did you mean plan?"),
        (["plan", "--out"], "see tunectl plan --help"),
        (["plan", "--formt", "json"], "--format"),
        (["apply", "--auto-aprove"], "--auto-approve"),
        (["--confg", "x", "plan"], "--config"),
        (["plan", "-format", "json"], "two dashes"),
        (["plan", "surplus"], "error: Got unexpected extra argument (surplus). Did you mean --target NAME?\n"),
        (["history", "numbers", "letters"], "error: Got unexpected extra argument (letters)\n"),
        (["plan", "-C", "missing"], "-C missing"),
        (["plan", "--format", "yaml"], "--format yaml"),
    ],
)
def test_a_mistake_of_typing_is_named_and_ends_with_64(workshop, arguments, message):
    assert message in workshop.fails(64, *arguments)


@pytest.mark.parametrize(
    ("asked", "same"),
    [
        (["help"], ["--help"]),
        (["help", "plan"], ["plan", "--help"]),
        (["help", "lock", "break"], ["lock", "break", "-h"]),
    ],
)
def test_help_is_a_word_as_well_as_an_option(workshop, asked, same):
    assert workshop.run(*asked).out == workshop.run(*same).out


def test_a_group_lists_its_commands_in_whole_sentences(workshop):
    listed = " ".join(workshop.run("lock", "--help").out.split())
    assert "Show who holds the lockfile, since when, and which lockfile it is." in listed


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "--format", "json", "--bogus"],
        ["plan", "--format=json", "--out"],
        ["drift", "--bogus", "--format", "json"],
    ],
)
def test_a_command_line_that_cannot_be_read_is_told_in_the_form_it_asked_for(workshop, arguments):
    ended = workshop.run(*arguments, expect=64)
    assert ended.err == ""
    assert (ended.json()["format"], ended.json()["exitCode"]) == ("tunectl.error/v1", 64)
    assert ended.json()["hint"] == f"see tunectl {arguments[0]} --help"


def test_a_form_that_goes_to_a_file_says_nothing_of_how_errors_are_told(workshop):
    assert workshop.run("plan", "--format", "json=plan.json", "--bogus", expect=64).out == ""


def test_no_command_at_all_shows_the_help(workshop):
    ended = workshop.run(expect=None)
    assert all(f"{heading}:" in ended.text for heading in SECTIONS)
    assert ended.code in {0, 64}


@pytest.mark.parametrize(
    "arguments",
    [["-C", "inner", "validate"], ["validate", "-C", "inner"], ["-C", "missing", "validate", "-C", "inner"]],
)
def test_global_options_stand_before_or_after_the_command(workshop, arguments):
    workshop.run("init", "inner")
    assert workshop.run(*arguments).out == "Valid: 1 manifest, 15 examples.\n"


@pytest.mark.parametrize("arguments", [["-q", "validate"], ["validate", "-q"]])
def test_quiet_counts_on_either_side(workshop, arguments):
    ended = workshop.run(*arguments)
    assert (ended.out, ended.err) == ("", "")


@pytest.mark.parametrize("arguments", [["--config", "other.yaml", "doctor"], ["doctor", "--config", "other.yaml"]])
def test_the_project_file_is_named_on_either_side(workshop, arguments):
    (workshop.root / "tunectl.yaml").rename(workshop.root / "other.yaml")
    assert "demo, other.yaml" in workshop.run(*arguments).out
