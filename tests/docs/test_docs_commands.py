"""What the pages tell people to type works, and prints what the pages show."""

from __future__ import annotations

import re
import shlex

import click
import pytest
from docs_kit import PAGES, ROOT, blocks, fits, play, read, steps

from reconciler.cli.invocation import Invocation
from reconciler.cli.main import group

_SESSIONS = [page for page in PAGES if steps(page)]
_SH = [(page, block) for page in PAGES for block in blocks(read(page)) if block.info == "sh"]


def test_the_readme_and_the_guides_hold_sessions():
    assert {"README.md", "docs/plans.md", "docs/lockfile.md", "docs/troubleshooting.md"} <= set(_SESSIONS)


@pytest.mark.parametrize("page", _SESSIONS)
def test_every_session_prints_what_the_page_shows(page, tmp_path):
    found = steps(page)
    results = play(found, tmp_path)
    wrong = []
    for index, (step, (status, output)) in enumerate(zip(found, results, strict=True)):
        asked = index + 1 < len(found) and found[index + 1].command == "echo $?"
        if status and not asked:
            wrong.append(f"{page}:{step.line}: $ {step.command}\nexits with {status}:\n{output}")
        elif step.shown and not fits(step.shown, output):
            wrong.append(f"{page}:{step.line}: $ {step.command}\nprints\n{output}\nnot\n" + "\n".join(step.shown))
    assert not wrong, "\n\n".join([*wrong, "python tests/docs/docs_rewrite.py brings the pages up to date"])


@pytest.mark.parametrize(("page", "block"), _SH, ids=[f"{page}:{block.line}" for page, block in _SH])
def test_commands_that_are_not_run_exist_with_their_options(page, block):
    for line in block.text.replace("\\\n", " ").splitlines():
        if re.match(r"make ", line):
            made = shlex.split(line, comments=True)[1:]
            assert all(re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE) for target in made)
        elif re.match(r"(\S*/)?tunectl ", line):
            _parse(shlex.split(line, comments=True)[1:])


def _parse(arguments: list[str]) -> None:
    """Parse a command line as tunectl does, without running it."""
    eager = {"--help", "-h", "--version"}
    given = [word for word in arguments if word not in eager]
    if not given:
        return
    context = group.make_context("tunectl", list(given), obj=Invocation())
    name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
    assert command is not None
    command.make_context(name, rest, parent=context)


def test_a_command_line_that_does_not_exist_is_noticed():
    with pytest.raises(click.UsageError):
        _parse(["plan", "--no-such-option"])
    with pytest.raises(click.UsageError):
        _parse(["no-such-command"])


def test_an_output_that_differs_is_noticed():
    assert fits(("a", "…", "d"), "a\nb\nc\nd\n")
    assert fits(("at 2026-01-01T00:00:00Z",), "at 2027-02-03T04:05:06.789Z\n")
    assert not fits(("a", "…", "d"), "a\nb\nc\n")
    assert not fits(("a",), "a\nb\n")
