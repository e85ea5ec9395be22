"""``tunectl eval``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from reconciler.cli.command import Command
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option
from reconciler.cli.running import stopping
from reconciler.core.text import sanitize
from reconciler.errors import FailedPrecondition, GateNotMet, InvalidArgument, NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.lockfile import Entry, Instance
    from reconciler.core.resource import Desired
    from reconciler.engine.judgement import Subject
    from reconciler.views.verdict_text import Ruling
    from reconciler.wiring import Session


@click.command("eval", cls=Command, epilog="Example: tunectl eval number-generator --candidate")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--candidate", is_flag=True, help="Judge the model that is to serve, or was rejected, not the one that does."
)
@click.option("--resource", metavar="RESOURCE", help="Judge this model of the service, whoever made it.")
@click.option("--parallelism", type=click.IntRange(1, 100), default=10, help="Questions at the same time (10).")
@format_option("text", "json")
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    names: tuple[str, ...],
    candidate: bool,
    resource: str | None,
    parallelism: int,
    outputs: Outputs,
) -> int:
    """Hold a model to the gate of its manifest, by hand. Nothing is changed or recorded but the answers."""
    if resource is not None and (candidate or len(names) > 1):
        raise click.UsageError("--resource is one model: give one NAME, and leave --candidate out")
    with invocation.session() as session:
        resource = None if resource is None else _resource(session, resource)
        subjects = _subjects(session, names, candidate=candidate, resource=resource)
        with stopping(session.stop, quiet=invocation.globals.quiet):
            rulings = _judge(session, subjects, parallelism)
        if session.embedded:
            invocation.note("(simulated: the embedded emulator answers from the training examples)")
    _write(invocation, outputs, rulings)
    unmet = [ruling.name for ruling in rulings if not ruling.verdict.passed]
    if unmet and outputs.machine is None:
        raise GateNotMet(f"gate not met: {', '.join(unmet)}; nothing was changed")
    return GateNotMet.exit_code if unmet else 0


def _subjects(session: Session, names: tuple[str, ...], *, candidate: bool, resource: str | None) -> list[Subject]:
    """Return whom to judge by which gate.

    Raises:
        click.UsageError: a name has no manifest.
        FailedPrecondition: it has no gate, or no model to judge.
    """
    from reconciler.cli.planning import check_names

    manifests = {manifest.name: manifest for manifest in session.manifests().desired}
    check_names("NAME", names, manifests)
    models = session.store().load().lockfile.models
    return [_subject(manifests[name], models, candidate=candidate, resource=resource) for name in names]


def _resource(session: Session, text: str) -> str:
    """Return the full name of a model that somebody typed, which exists.

    Raises:
        UsageError: there is none of that name.
    """
    from reconciler.cli.resources import resource_name

    resource = resource_name(text, session.policy().capabilities.resource_prefix)
    try:
        return session.provider(read_only=True).get(resource).resource
    except (NotFound, InvalidArgument) as error:
        hint = "`tunectl status` lists the models managed here, `tunectl drift` the others"
        raise UsageError(f"--resource {sanitize(text)}: there is no model of that name", hint=hint) from error


def _subject(manifest: Desired, models: Mapping[str, Entry], *, candidate: bool, resource: str | None) -> Subject:
    from reconciler.engine.judgement import Subject, label_of, label_of_resource

    name, gate, entry = manifest.name, manifest.gate, models.get(manifest.name)
    if gate is None or not gate.judges:
        raise FailedPrecondition(f"{name}: its manifest has no gate that judges a model", hint="see spec.gate")
    current = entry.current if entry is not None and entry.serves else None
    serving = None if current is None else current.resource
    if resource is not None:
        rival = None if serving == resource else serving
        return Subject(name, resource, gate, f"{label_of_resource(resource)}-eval", current=rival)
    chosen = _candidate(entry) if candidate else current
    if chosen is None:
        what = "to serve, or that was rejected" if candidate else "that serves"
        raise FailedPrecondition(f"{name}: there is no model {what}", hint="`tunectl status` shows what there is")
    rival = None if serving == chosen.resource else serving
    return Subject(name, chosen.resource, gate, f"{label_of(chosen.revision, chosen.attempt)}-eval", current=rival)


def _candidate(entry: Entry | None) -> Instance | None:
    """Return the model that is to serve and is ready, else the one that was rejected last."""
    from reconciler.core.planning.judging import awaits_gate

    if entry is None:
        return None
    first = [] if entry.serves else [entry.current]
    making = [instance for instance in (entry.candidate, *first) if instance is not None and awaits_gate(instance)]
    return next(iter((*making, *reversed(entry.rejected))), None)


def _judge(session: Session, subjects: list[Subject], parallelism: int) -> list[Ruling]:
    """Judge all; the first one that gives no verdict ends it.

    Raises:
        TunectlError: what kept us from a verdict.
    """
    from reconciler.engine.applying.gate import Examiner
    from reconciler.ports.store import LastingHold
    from reconciler.views.verdict_text import Ruling

    world = session.world(LastingHold(), read_only=False)  # inference is a POST, though it changes nothing
    rulings = []
    with Examiner(world, parallelism=parallelism) as examiner:
        for subject in subjects:
            judgement = examiner.judge(subject)
            if judgement.verdict is None:
                raise judgement.error or FailedPrecondition(f"{subject.name}: no verdict")
            rulings.append(Ruling(subject.name, subject.resource, judgement.verdict, judgement.answers))
    return rulings


def _write(invocation: Invocation, outputs: Outputs, rulings: list[Ruling]) -> None:
    from reconciler.views.verdict_text import render_rulings, rulings_document
    from reconciler.views.words import json_text

    outputs.write(
        {
            "text": lambda: render_rulings(rulings, color=invocation.color(sys.stdout)),
            "json": lambda: json_text(rulings_document(rulings)) + "\n",
        }
    )
