"""The commands as functions, for programs: ``from reconciler import plan, apply``.

They read the same files and the same environment as the command line, refuse what it refuses, and raise the errors of
``reconciler.errors`` where it would end with an exit code. They print nothing, ask nothing and catch no signal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from reconciler.cli.invocation import Globals, Invocation
from reconciler.cli.planning import PlanOptions, make_preview
from reconciler.cli.running import engine_options
from reconciler.core.event import Event
from reconciler.core.plan import Plan
from reconciler.core.scope import parse_selectors
from reconciler.engine.applying.apply import apply as carry_out
from reconciler.engine.looking.approval import check_approval
from reconciler.engine.outcome import Outcome
from reconciler.errors import UsageError
from reconciler.wiring import Session

__all__ = ["apply", "plan"]

Listener = Callable[[Event], None]


def plan(
    directory: str | os.PathLike[str] = ".",
    *,
    config: str | None = None,
    target: Sequence[str] = (),
    exclude: Sequence[str] = (),
    select: Sequence[str] = (),
    replace: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    on_event: Listener | None = None,
) -> Plan:
    """Return what ``apply`` would do. Sends nothing but reads, and writes nothing but caches in ``.tunectl/``.

    Args:
        directory: the project's folder.
        config: the project file, relative to it; default ``tunectl.yaml``.
        target: globs of names; none means all.
        exclude: globs of names to leave out.
        select: terms over the labels of manifests: ``key=value``, ``key!=value``, ``key``.
        replace: names to tune anew, as fresh attempts.
        environ: what counts as the environment; default the process's own.
        on_event: is told what happens underneath, such as requests that are tried again.

    Raises:
        ProblemsError: manifests or datasets are wrong; ``problems`` has all of them, each with its place.
        UsageError: a name or a selector fits nothing.
        LockfileError, StoreError, RemoteError: what is recorded, or what is there, cannot be read.
    """
    options = _options(target, exclude, select, replace)
    with _session(directory, config, environ, on_event) as (session, _):
        return make_preview(session, options).plan


def apply(
    directory: str | os.PathLike[str] = ".",
    *,
    expect_digest: str | None = None,
    config: str | None = None,
    target: Sequence[str] = (),
    exclude: Sequence[str] = (),
    select: Sequence[str] = (),
    replace: Sequence[str] = (),
    allow_deletes: int | None = None,
    allow_replaces: int | None = None,
    allow_steps: int | None = None,
    wait: bool = True,
    timeout: float | None = None,
    poll_interval: float | None = None,
    parallelism: int = 10,
    lock_timeout: float = 0.0,
    environ: Mapping[str, str] | None = None,
    on_event: Listener | None = None,
) -> Outcome:
    """Make the tuned models what the manifests ask for, and return how it ended.

    Everything up to ``replace`` is as in ``plan``. Nobody is asked: ``expect_digest`` is how a caller says what was
    approved, and without it whatever the plan holds is carried out, within the project's limits.

    Args:
        directory: the project's folder.
        expect_digest: the digest of the plan that was approved (``Plan.digest``); any other plan is refused.
        config: see ``plan``.
        target: see ``plan``.
        exclude: see ``plan``.
        select: see ``plan``.
        replace: see ``plan``.
        allow_deletes: how many deletions this plan may hold, whatever the project's limit.
        allow_replaces: how many replacements.
        allow_steps: how many tuning steps.
        wait: whether to wait for the trainings; without, ``tunectl wait`` or the next apply finds them.
        timeout: seconds to wait at most; None waits for each model's ``lifecycle.timeout``.
        poll_interval: seconds of the first pause between two looks; they grow to a minute.
        parallelism: how many requests are under way at a time.
        lock_timeout: seconds to wait for the lock.
        environ: see ``plan``.
        on_event: is told everything that happens, from any thread, in order; it must not raise.

    Raises:
        Refused: the plan breaks a limit, a protection or a policy; nothing was applied.
        StalePlan: the plan is not the one with ``expect_digest``; nothing was applied.
        LockHeld: somebody else holds the lock.
        PartialFailure, GateNotMet, WaitTimedOut: the rest is applied and recorded; ``Outcome`` has no more to say.
        ProblemsError, UsageError, LockfileError, StoreError, RemoteError: see ``plan``.
    """
    options = _options(target, exclude, select, replace)
    options = _allowed(options, allow_deletes, allow_replaces, allow_steps)
    with (
        _session(directory, config, environ, on_event) as (session, invocation),
        session.store().hold(timeout=lock_timeout) as hold,
    ):
        shown = make_preview(session, options)
        if expect_digest is not None:
            check_approval(shown.plan, shown.loaded.lockfile, expect_digest)
        pace = {"timeout": timeout, "poll_interval": poll_interval}
        how = engine_options(invocation, session, **pace, parallelism=parallelism, wait=wait)
        outcome = carry_out(session.world(hold, read_only=False), shown, how)
    error = outcome.error()
    if error is not None:
        raise error
    return outcome


def _options(
    target: Sequence[str], exclude: Sequence[str], select: Sequence[str], replaced: Sequence[str]
) -> PlanOptions:
    try:
        terms = parse_selectors(select)
    except ValueError as error:
        raise UsageError(f"select {error}: must be key=value, key!=value or key") from error
    return PlanOptions(target=tuple(target), exclude=tuple(exclude), select=terms, replaced=tuple(replaced))


def _allowed(options: PlanOptions, deletes: int | None, replaces: int | None, steps: int | None) -> PlanOptions:
    return replace(options, allow_deletes=deletes, allow_replaces=replaces, allow_steps=steps)


@contextmanager
def _session(
    directory: str | os.PathLike[str],
    config: str | None,
    environ: Mapping[str, str] | None,
    on_event: Listener | None,
) -> Iterator[tuple[Session, Invocation]]:
    """Open a project; what the command line would call a wrong command line is an error of ours."""
    invocation = Invocation(
        globals=Globals(config=config),
        environ=os.environ if environ is None else environ,
        folder=Path(directory),
    )
    try:
        with invocation.session(on_event or _silence) as session:
            yield session, invocation
    except click.UsageError as error:
        raise UsageError(error.format_message()) from error


def _silence(_event: Event) -> None:
    """Tell nobody."""
