"""``tunectl dataset``: what is wrong with data (``check``), its numbers (``stats``), what changed in it (``diff``)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.command import Command, CommandGroup, Wrapped, cache_option, rows_option, wants_rows
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option

if TYPE_CHECKING:
    from reconciler.cli.naming_data import DataFile
    from reconciler.core.showing.datafacts import Portrait
    from reconciler.manifest.load import LoadedManifest
    from reconciler.wiring import Session


def _keys(command: Wrapped) -> Wrapped:
    for option, what in (("--output-key", "output"), ("--input-key", "input")):
        text = f"The column of the {what}, for files that have it; manifests name their own."
        command = click.option(option, metavar="KEY", help=text)(command)
    return command


@click.group("dataset", cls=CommandGroup)
def command() -> None:
    """Check, count and compare: what is wrong with the data, its numbers, what changed in it."""


@command.command("check", cls=Command, epilog="Example: tunectl dataset check number-generator extra.csv")
@click.argument("words", nargs=-1, metavar="[NAME|PATH]...")
@_keys
@cache_option
@format_option("text", "json", "github")
@click.pass_obj
def check(
    invocation: Invocation,
    /,
    words: tuple[str, ...],
    input_key: str | None,
    output_key: str | None,
    outputs: Outputs,
) -> int:
    """Check every row: format, empty texts, lengths, repeats, contradictions, and rows that judge and train."""
    from reconciler.cli.failure import show_problems
    from reconciler.cli.naming_data import data_file, sort_out
    from reconciler.errors import ProblemsError
    from reconciler.views.document import problem_document
    from reconciler.views.words import count, json_text

    with invocation.session() as session:
        manifests, files = sort_out(words, session.reading.loaded())
        desired, problems = session.reading.check(manifests)
        datasets = [each.dataset for each in desired if each.dataset is not None]
        for word in files:
            file = data_file(word, session.config.root, input_key=input_key, output_key=output_key)
            report = session.reading.check_file(file.root, file.source)
            problems += file.relabelled(report.problems)
            datasets += [] if report.dataset is None else [report.dataset]
    if any(problem.severity == "error" for problem in problems):
        raise ProblemsError(tuple(problems))
    if problems and outputs.stdout != "json":
        show_problems(problems, invocation)
    examples = sum(dataset.examples for dataset in datasets)
    said = f"Good: {count(len(datasets), 'training dataset')}, {count(examples, 'example')}.\n"
    document: dict[str, Any] = {
        "format": "tunectl.dataset-check/v1",
        "datasets": len(datasets),
        "examples": examples,
        "warnings": [problem_document(problem) for problem in problems],
    }
    outputs.write({"text": lambda: said, "json": lambda: f"{json_text(document)}\n", "github": lambda: said})
    return 0


@command.command("stats", cls=Command, epilog="Example: tunectl dataset stats --format json")
@click.argument("words", nargs=-1, metavar="[NAME|PATH]...")
@_keys
@format_option("text", "json")
@click.pass_obj
def stats(
    invocation: Invocation,
    /,
    words: tuple[str, ...],
    input_key: str | None,
    output_key: str | None,
    outputs: Outputs,
) -> int:
    """Count rows, repeats and contradictions, and tell how long inputs and outputs are."""
    from reconciler.cli.naming_data import data_file, sort_out
    from reconciler.views.datasets import render_stats, stats_document
    from reconciler.views.words import json_text

    with invocation.session() as session:
        manifests, files = sort_out(words, session.reading.loaded())
        portraits = [portrait for manifest in manifests for portrait in _portraits(session, manifest)]
        for word in files:
            file = data_file(word, session.config.root, input_key=input_key, output_key=output_key)
            portraits.append(_portrait_of(session, file))
    outputs.write(
        {"text": lambda: render_stats(portraits), "json": lambda: json_text(stats_document(portraits)) + "\n"}
    )
    return 0


def _portraits(session: Session, manifest: LoadedManifest) -> list[Portrait]:
    from reconciler.cli.naming_data import judging
    from reconciler.core.showing.datafacts import Portrait
    from reconciler.dataset.stats import take_stats

    name, root, limits = manifest.desired.name, session.config.root, session.reading.limits
    return [
        Portrait(source.path or f"{source.location}", f"{name}, {role}", take_stats(root, source), limits)
        for role, source in judging(manifest)
        if source.uri is None
    ]


def _portrait_of(session: Session, file: DataFile) -> Portrait:
    from reconciler.core.showing.datafacts import Portrait
    from reconciler.dataset.stats import take_stats

    with file.named():
        return Portrait(file.word, "file", take_stats(file.root, file.source), session.reading.limits)


@command.command("diff", cls=Command, epilog="Example: tunectl dataset diff number-generator --from-commit v1.2")
@click.argument("old", metavar="NAME|OLD")
@click.argument("new", required=False, metavar="[NEW]")
@click.option("--from-commit", metavar="REV", help="Compare with the file as it was at this commit, tag or branch.")
@_keys
@rows_option
@cache_option
@format_option("text", "json", "markdown")
@click.pass_obj
def diff(
    invocation: Invocation,
    /,
    old: str,
    new: str | None,
    from_commit: str | None,
    input_key: str | None,
    output_key: str | None,
    show_rows: bool | None,
    outputs: Outputs,
) -> int:
    """Tell what changed in a dataset: since its model was tuned, since a commit, or between two files."""
    from reconciler.cli.comparing_data import of_files, since_apply, since_commit
    from reconciler.views.datasets import comparison_document, render_comparison, render_comparison_markdown
    from reconciler.views.words import json_text

    if new is not None and from_commit is not None:
        raise click.UsageError("--from-commit: compares one dataset with itself; leave NEW out")
    keys = {"input_key": input_key, "output_key": output_key}
    samples = bool(show_rows) or (wants_rows(show_rows) and outputs.stdout == "text" and not outputs.files)
    with invocation.session() as session:
        if new is not None:
            found = of_files(session, old, new, keys, samples=samples)
        elif from_commit is not None:
            found = since_commit(session, old, from_commit, keys, samples=samples)
        else:
            found = since_apply(session, old, samples=samples)
    outputs.write(
        {
            "text": lambda: render_comparison(found, color=invocation.color(sys.stdout)),
            "json": lambda: json_text(comparison_document(found)) + "\n",
            "markdown": lambda: render_comparison_markdown(found),
        }
    )
    return 0
