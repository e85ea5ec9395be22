"""The options of everything that makes a plan, and the making of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.command import Wrapped, cache_option, rows_option, wants_rows
from reconciler.cli.limits import LIMITS, Allowances
from reconciler.core.plan import Plan, Scope
from reconciler.core.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from reconciler.core.canonical import Json
    from reconciler.core.resource import Desired
    from reconciler.engine.looking.preview import Preview
    from reconciler.wiring import Session


def _terms(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    from reconciler.core.scope import parse_selectors

    try:
        return parse_selectors(values)
    except ValueError as error:
        raise click.UsageError(f"--select {error}: must be key=value, key!=value or key") from error


_TARGET = click.option("--target", multiple=True, metavar="GLOB", help="Only these names; may be repeated.")
_EXCLUDE = click.option("--exclude", multiple=True, metavar="GLOB", help="Not these names; may be repeated.")
select_option = click.option(
    "--select",
    multiple=True,
    metavar="LABELS",
    callback=_terms,
    help="Only manifests with these labels: key=value,key!=value,key.",
)
_SCOPE = (_EXCLUDE, select_option)
_OPTIONS = (
    _TARGET,
    *_SCOPE,
    click.option(
        "--replace", "replaced", multiple=True, metavar="NAME", help="Tune this name anew, as a fresh attempt."
    ),
    click.option("--only", type=click.Choice(["drift"]), help="Mend what changed outside, and do nothing else."),
    click.option(
        "--max-effect",
        type=click.Choice(["update", "replace"]),
        help="With --only drift: by patches (update, the default), or missing models by new ones, too (replace).",
    ),
)


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What the command line asks of a plan."""

    target: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    allow_deletes: int | None = None
    allow_replaces: int | None = None
    allow_steps: int | None = None
    allow_cost: tuple[Decimal, str | None] | None = None
    allow_lockouts: int | None = None
    only: str | None = None
    max_effect: str | None = None
    show_rows: bool | None = None

    @property
    def selects(self) -> bool:
        """Whether anything was said of what the plan is to hold (limits only say what it may hold)."""
        return bool(self.target or self.exclude or self.select or self.replaced or self.only or self.max_effect)

    @property
    def allowances(self) -> Allowances:
        """What the plan may do in spite of the project's limits."""
        allowed = (self.allow_deletes, self.allow_replaces, self.allow_steps, self.allow_cost)
        return Allowances(*allowed, lockouts=self.allow_lockouts)

    @property
    def scope(self) -> Scope:
        """What the plan looks at.

        Raises:
            click.UsageError: ``--max-effect`` or ``--replace`` do not go with what was said of ``--only``.
        """
        if self.only is None:
            if self.max_effect is not None:
                raise click.UsageError("--max-effect: says how drift may be mended; give --only drift, too")
            return Scope(self.target, self.exclude, self.select)
        if self.replaced:
            raise click.UsageError("--replace: tunes anew, which --only drift is there to rule out; leave one out")
        return Scope(self.target, self.exclude, self.select, self.only, self.max_effect or "update")


def plan_options(command: Wrapped) -> Wrapped:
    """Add to a command what a plan may be asked: which names, what of it, the limits, rows, and ``--no-cache``."""
    return limit_options(_decorated(rows_option(cache_option(command)), _OPTIONS))


def scope_options(command: Wrapped, *, target: bool = True) -> Wrapped:
    """Add ``--exclude``, ``--select`` and, unless names are given otherwise, ``--target`` to a command."""
    return _decorated(command, (_TARGET, *_SCOPE) if target else _SCOPE)


def limit_options(command: Wrapped) -> Wrapped:
    """Add ``--allow-deletes`` and its like, one for each limit, to a command."""
    return _decorated(command, LIMITS)


def _decorated(command: Wrapped, options: tuple[Callable[[Any], Any], ...]) -> Wrapped:
    for option in reversed(options):
        command = option(command)
    return command


def make_preview(
    session: Session, options: PlanOptions, *, destroy: bool = False, variants: tuple[Mapping[str, Json], ...] = ()
) -> Preview:
    """Plan, with a provider that cannot write; ``variants`` are settings to forecast besides.

    Raises:
        click.UsageError: what was selected names nothing.
        ProblemsError, LockfileError, RemoteError: see ``engine.preview.preview``.
    """
    from reconciler.core.manifests import Manifests
    from reconciler.engine.looking.preview import preview

    policy = session.policy(
        limits=lambda limits: options.allowances.over(limits, session.config.prices),
        scope=options.scope,
        replaced=frozenset(options.replaced),
        destroy=destroy,
        variants=variants,
    )
    load = (lambda: Manifests(())) if destroy and not options.select else session.manifests
    shown = preview(load, session.provider(read_only=True), session.store(), policy, past=session.trainings)
    declared = {manifest.name for manifest in shown.desired}
    check_selection(options.select, shown.desired)
    check_names("--replace", options.replaced, declared)
    check_names(
        "NAME" if destroy else "--target", options.target, declared.union(shown.loaded.lockfile.models), globs=True
    )
    plan, rows = session.data_changes(shown.plan, shown.loaded.lockfile, samples=wants_rows(options.show_rows))
    return _judged(session, replace(shown, plan=plan, rows=rows))


def _judged(session: Session, shown: Preview) -> Preview:
    """Let the project's own checks look at the plan; what they refuse is added to its violations."""
    if not session.config.checks:
        return shown
    from reconciler._version import __version__
    from reconciler.cli.checks import run_checks
    from reconciler.views.document import to_document
    from reconciler.views.words import json_text

    document = f"{json_text(to_document(shown.plan, tool=__version__))}\n".encode()
    found = tuple(run_checks(session.config.checks, document, session.config.root, os.environ))
    return replace(shown, plan=replace(shown.plan, violations=(*shown.plan.violations, *found)))


def check_names(flag: str, names: Iterable[str], among: Collection[str], *, globs: bool = False) -> None:
    """Refuse a name, or a glob, that nothing has: a typing error must not read as "no changes".

    Raises:
        click.UsageError: with the name that may have been meant.
    """
    from fnmatch import fnmatchcase

    from reconciler.cli.names import meant_name

    for name in names:
        if name in among or (globs and any(fnmatchcase(known, name) for known in among)):
            continue
        hint = did_you_mean(meant_name(name, among), otherwise="`tunectl status` lists the models there are")
        raise click.UsageError(f"{flag} {name}: there is no model of that name; {hint}")


def check_selection(terms: tuple[str, ...], desired: Iterable[Desired]) -> None:
    """Refuse selectors that no manifest fits, for the reason that names are checked.

    Raises:
        click.UsageError: nothing is selected.
    """
    from reconciler.core.scope import selected

    if terms and not any(selected(manifest.labels, terms) for manifest in desired):
        raise click.UsageError(f"--select {','.join(terms)}: no manifest has such labels")


def would_do_something(plan: Plan) -> bool:
    """Tell what ``--detailed-exitcode`` reports as 2."""
    return not plan.empty
