"""The reports that were asked for with ``--format``, when a run ended badly, and those of a run that changes something.

A file that was asked for is always written: with what it was to hold, or with why it does not.
"""

from __future__ import annotations

import os
from contextlib import suppress
from io import StringIO
from typing import TYPE_CHECKING

import click

from reconciler.cli.stopped import as_ours
from reconciler.errors import Problem, Refused, TunectlError

if TYPE_CHECKING:
    from reconciler.cli.invocation import Invocation


def report_failure(error: BaseException, invocation: Invocation) -> None:
    """Write every report that is still owed, each in its form; what cannot be written is not worth a second error."""
    outputs = invocation.outputs
    if outputs is None:
        return
    ours = as_ours(error)
    for form, path in outputs.owed():
        with suppress(OSError):
            path.write_text(_rendered(form, ours, invocation), encoding="utf-8")
    if outputs.stdout == "github" and not outputs.told:
        from reconciler.cli.actions import annotate, summarise

        annotate(() if invocation.account is None else invocation.account.failures, title="tunectl", to_stdout=True)
        with suppress(TunectlError):
            summarise(_rendered("markdown", ours, invocation), invocation.environ)


def report_run(invocation: Invocation) -> None:
    """Write the reports of a run that is over.

    Raises:
        click.FileError: a file cannot be written.
        StoreError: a file the runner named cannot be written.
    """
    from reconciler.views.run_markdown import render_run

    outputs, account = invocation.outputs, invocation.account
    if outputs is None or account is None:
        return
    for form, path in outputs.owed():
        if form in {"markdown", "github"}:
            try:
                path.write_text(render_run(account), encoding="utf-8")
            except OSError as error:
                raise click.FileError(str(path), os.strerror(error.errno or 0)) from error
            outputs.done.add((form, str(path)))
    if outputs.stdout == "github":
        from reconciler.cli.actions import report_run

        report_run(account, invocation.environ)
        outputs.done.add(("github", ""))


def _rendered(form: str, error: TunectlError, invocation: Invocation) -> str:
    from reconciler.cli.failure import document, problems_of
    from reconciler.cli.running import jsonl_reporter
    from reconciler.core.event import Errored
    from reconciler.views.problems import render_error
    from reconciler.views.run_markdown import render_failure
    from reconciler.views.words import json_text

    if form == "json":
        return json_text(document(error)) + "\n"
    if form == "text":
        return render_error(error)
    if form == "jsonl":
        stream = StringIO()
        jsonl_reporter(invocation, stream)(Errored(error.message, error.hint, error.exit_code))
        return stream.getvalue()
    problems = problems_of(error)
    if isinstance(error, Refused) and error.violations:  # its message says what they have in common
        problems = (Problem(None, error.message, error.hint), *problems)
    return render_failure(invocation.command, problems, exit_code=error.exit_code, account=invocation.account)
