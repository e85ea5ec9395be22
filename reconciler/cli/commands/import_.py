"""``tunectl import``."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.command import Command
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option
from reconciler.cli.running import lock_timeout_option

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.core.observation import Observation
    from reconciler.ports.provider import Provider
    from reconciler.ports.store import Hold
    from reconciler.project.importing import Drafts, Importing
    from reconciler.wiring import Session

_FORMS = ("text", "json")


def _labels(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for value in values:
        key, equals, text = value.partition("=")
        if not key or not equals:
            raise click.UsageError(f"--label {value}: must be key=value")
        found[key] = text
    return found


@click.command("import", cls=Command, epilog="Example: tunectl import --all --dir manifests/imported")
@click.argument("resources", nargs=-1, metavar="[RESOURCE]...")
@click.option("--all", "everything", is_flag=True, help="Every model that nothing manages.")
@click.option("--dir", "folder", metavar="DIR", help="Where the manifests go (default: the first of spec.manifests).")
@click.option("--permissions", is_flag=True, help="Manage who may use them, too, as it is now.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", callback=_labels, help="A label for each.")
@click.option("--dry-run", is_flag=True, help="Show what would be imported, and write nothing.")
@lock_timeout_option
@format_option(*_FORMS)
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    resources: tuple[str, ...],
    everything: bool,
    folder: str | None,
    dry_run: bool,
    lock_timeout: float,
    outputs: Outputs,
    **asked: Any,
) -> int:
    """Write a manifest for each model that has none, and take it over; nothing remote is changed."""
    if everything == bool(resources):
        raise click.UsageError("name models, or say --all; `tunectl drift` lists those that nothing manages")
    with invocation.session() as session:
        store = session.store()
        with nullcontext() if dry_run else store.hold(timeout=lock_timeout) as hold:
            importing = _look(session, folder, **asked)
            provider = importing.provider
            models = _chosen(importing, provider, resources)
            drafts = importing.prepare(models, named=not everything)
            if resources and drafts.skipped:
                raise _refused(drafts)
            if drafts.ready and not dry_run:
                _write(session, importing, drafts, hold)
    _show(outputs, drafts, dry_run=dry_run)
    return 0


def _look(session: Session, folder: str | None, *, permissions: bool, labels: dict[str, str]) -> Importing:
    from reconciler import confined
    from reconciler.core.past.lineage_text import read_records
    from reconciler.core.unsupported import unsupported
    from reconciler.core.upkeep.adoption import names_had
    from reconciler.engine.looking.observe import observe
    from reconciler.errors import ProblemsError, TunectlError, UsageError
    from reconciler.project.importing import Importing, default_folder

    policy = session.policy()
    if permissions and not policy.capabilities.permissions:
        raise UsageError(f"--permissions: the models of {session.config.provider.type} cannot be shared one by one")
    root = session.config.root
    where = default_folder(session.config.manifests, root) if folder is None else folder
    try:
        where = confined.resolve("", where.removeprefix(f"{root}/"))
    except TunectlError as error:
        raise UsageError(f"--dir {where}: {error.message}", hint="name a folder inside the project") from error
    manifests = session.manifests(may_be_empty=True)
    refuse = unsupported(manifests.desired, policy.capabilities)
    if refuse:
        raise ProblemsError(refuse)
    provider, loaded = session.provider(read_only=True), session.store().load()
    return Importing(
        provider=provider,
        loaded=loaded,
        observed=observe(provider, loaded.lockfile),
        manifests=manifests,
        policy=policy,
        draft=session.draft,
        root=root,
        folder=where,
        labels=labels,
        former=names_had(read_records(session.lineage().read().split(b"\n")), session.config.name),
        shared=permissions,
    )


def _chosen(importing: Importing, provider: Provider, resources: tuple[str, ...]) -> list[Observation]:
    """Return the models to import: those named, else all that nothing manages."""
    from reconciler.cli.resources import find_unmanaged

    owner = importing.loaded.lockfile.resources()
    if not resources:
        return [seen for resource, seen in importing.observed.models.items() if resource not in owner]
    prefix = importing.policy.capabilities.resource_prefix
    found = {}
    for text in resources:
        seen = find_unmanaged(text, prefix, importing.observed, owner, provider)
        found[seen.resource] = seen
    return list(found.values())


def _refused(drafts: Drafts) -> Exception:
    from reconciler.core.text import sanitize
    from reconciler.errors import FailedPrecondition, Problem, ProblemsError

    reasons = [f"{sanitize(each.resource)}: {sanitize(each.reason)}" for each in drafts.skipped]
    if len(reasons) == 1:
        return FailedPrecondition(reasons[0], hint="nothing was imported")
    return ProblemsError(tuple(Problem(None, reason) for reason in reasons))


def _write(session: Session, importing: Importing, drafts: Drafts, hold: Hold | None) -> None:
    assert hold is not None  # noqa: S101  # only a dry run goes without
    importing.carry_out(drafts.ready, session.store(), hold, lambda: session.manifests(may_be_empty=True))
    if any(draft.text is not None for draft in drafts.ready):
        _write_schema(importing.root)


def _write_schema(root: Path) -> None:
    """Put the schema where the first line of a manifest has editors look for it; one that is there stays.

    The import is recorded by now, and nothing but an editor needs this file: that it cannot be written is no failure.
    """
    from reconciler.cli.commands.schema import render
    from reconciler.errors import TunectlError
    from reconciler.manifest.writing import make_folder, write_new

    with suppress(TunectlError):
        make_folder(root, "schemas")
        write_new(root, "schemas", "tunedmodel.schema.json", render("tunedmodel"))


def _show(outputs: Outputs, drafts: Drafts, *, dry_run: bool) -> None:
    from reconciler.views.imported import import_document, render_import
    from reconciler.views.words import json_text

    document = import_document(*_rows(drafts), written=not dry_run)
    outputs.write(
        {
            "text": lambda: render_import(*_rows(drafts), dry_run=dry_run),
            "json": lambda: json_text(document) + "\n",
        }
    )


def _rows(drafts: Drafts) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
    return (
        [(draft.name, draft.seen.resource, draft.path) for draft in drafts.ready],
        [(each.resource, each.display_name, each.reason) for each in drafts.skipped],
    )
