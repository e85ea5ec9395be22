"""``tunectl apply``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.base import Command, Invocation
from reconciler.cli.output import Outputs, format_option
from reconciler.cli.planning import PlanOptions, make_preview, plan_options
from reconciler.cli.report import report_run
from reconciler.cli.running import end, engine_options, reporting, run_options, stopping
from reconciler.cli.streams import conclude, interactive

if TYPE_CHECKING:
    from reconciler.engine.outcome import Outcome
    from reconciler.engine.preview import Preview
    from reconciler.ports.store import Hold
    from reconciler.views.saved import SavedPlan
    from reconciler.wiring import Session


@click.command("apply", cls=Command, epilog="Example: tunectl apply -y --expect-digest sha256:1f0c… --timeout 2h")
@click.argument("planfile", required=False, metavar="[PLANFILE]")
@plan_options
@click.option("-y", "--auto-approve", is_flag=True, help="Do not ask.")
@click.option("--expect-digest", metavar="SHA256", help="Refuse any plan but the one with this digest.")
@click.option("--no-wait", is_flag=True, help="Start the trainings and do not wait for them.")
@click.option("--parallelism", type=click.IntRange(1, 100), default=10, help="Requests at the same time (10).")
@run_options
@format_option("text", "jsonl", "markdown", "github")
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    planfile: str | None,
    auto_approve: bool,
    expect_digest: str | None,
    no_wait: bool,
    parallelism: int,
    timeout: float | None,
    poll_interval: float | None,
    lock_timeout: float,
    formats: tuple[str, ...],
    **options: object,
) -> int:
    """Plan (or take a saved plan), ask, apply, and wait until every model is ready."""
    outputs = Outputs.parse(formats, ("text", "jsonl", "markdown", "github"))
    if outputs.stdout == "markdown":
        raise click.UsageError("--format markdown: standard output has the plan; write --format markdown=FILE")
    invocation.expect(outputs)
    chosen = PlanOptions(**options)  # type: ignore[arg-type]  # click has checked them
    require_consent(auto_approve=auto_approve, machine=outputs.machine)
    saved = None
    if planfile is not None:
        if chosen.selects:
            raise click.UsageError(
                "a saved plan holds its own --target, --exclude, --select, --replace and --only; leave them out"
            )
        saved, chosen = _open_saved(Path(planfile), chosen)
    with reporting(invocation, outputs.machine) as report, invocation.session(report) as session:
        with session.store().hold(timeout=lock_timeout) as hold:
            shown = make_preview(session, chosen)
            _check_approval(shown, saved, expect_digest)
            outcome = carry_out(
                invocation,
                session,
                shown,
                hold,
                auto_approve=auto_approve,
                timeout=timeout,
                poll_interval=poll_interval,
                parallelism=parallelism,
                wait=not no_wait,
            )
        if outcome is not None:
            end(outcome, session.stop)
    report_run(invocation)
    return 0


def require_consent(*, auto_approve: bool, machine: str | None) -> None:
    """Stop before any work is done if nobody can be asked.

    Raises:
        click.UsageError: there is no terminal to ask on and no ``-y``.
    """
    if not auto_approve and (machine is not None or not interactive()):
        raise click.UsageError("nobody can be asked here: give -y (--auto-approve), or run it on a terminal")


def carry_out(
    invocation: Invocation,
    session: Session,
    shown: Preview,
    hold: Hold,
    *,
    auto_approve: bool,
    timeout: float | None,
    poll_interval: float | None,
    parallelism: int = 10,
    wait: bool = True,
) -> Outcome | None:
    """Show a plan, ask, and apply it; None if there was nothing to do or the answer was no."""
    from reconciler.cli.commands.plan import write_plan
    from reconciler.engine.apply import apply
    from reconciler.engine.world import World

    if invocation.machine is None and not (auto_approve and invocation.globals.quiet):
        write_plan(invocation, Outputs("text"), shown.plan, rows=shown.rows, asked=True)
    refused = bool(shown.plan.violations)
    nothing = shown.plan.empty and not refused
    if nothing and invocation.machine is None and not _leaves_approval(shown):
        return None
    if not (auto_approve or refused or nothing or _ask(shown)):
        invocation.note("Nothing was applied.")
        return None
    world = World(
        provider=session.provider(read_only=False),
        store=session.store(),
        datasets=session,
        clock=session.clock,
        report=session.report,
        stop=session.stop,
        hold=hold,
        evidence=session.evidence(),
    )
    options = engine_options(
        invocation, session, timeout=timeout, poll_interval=poll_interval, parallelism=parallelism, wait=wait
    )
    with stopping(session.stop, quiet=invocation.globals.quiet):
        outcome = apply(world, shown, options)
    if invocation.machine is None and not nothing:
        from reconciler.cli.words import outcome_line
        from reconciler.views.forecast_words import took_lines

        for line in () if invocation.globals.quiet else took_lines(outcome.took):
            conclude(line)
        conclude(outcome_line(outcome))
    return outcome


def _leaves_approval(shown: Preview) -> bool:
    """Tell whether a run that was killed at its very last write left an approval that is carried out in full."""
    from reconciler.core.plan import Scope

    approval = shown.loaded.lockfile.approval
    return approval is not None and bool(approval.actions) and shown.plan.scope == Scope()


def _ask(shown: Preview) -> bool:
    from reconciler.core.forecast import total
    from reconciler.views.forecast_words import totals_of

    steps = shown.plan.steps
    cost = dict(totals_of(total(shown.plan.actions))).get("Training cost")
    price = f" It buys {steps.most} tuning steps{f': {cost}' if cost else ''}." if steps.most else ""
    click.echo(f"\nApply this plan?{price} Only 'yes' is taken as consent.", err=True)
    answer: str = click.prompt("Answer", default="no", show_default=False, err=True)
    return answer.strip() == "yes"


def _open_saved(path: Path, options: PlanOptions) -> tuple[SavedPlan, PlanOptions]:
    from dataclasses import replace

    from reconciler.views.saved import load_saved

    try:
        data = path.read_bytes()
    except OSError as error:
        raise click.FileError(str(path), error.strerror or "cannot be read") from error
    saved = load_saved(data, address=str(path))
    scope = saved.scope
    return saved, replace(
        options,
        target=scope.target,
        exclude=scope.exclude,
        select=scope.select,
        only=scope.only,
        max_effect=scope.max_effect,
        replaced=saved.replace,
    )


def _check_approval(shown: Preview, saved: SavedPlan | None, expected: str | None) -> None:
    """Refuse anything but what was approved.

    Raises:
        StalePlan: see ``engine.approval.check_approval``; for a saved plan it says what moved.
    """
    from reconciler.engine.approval import check_approval
    from reconciler.errors import StalePlan
    from reconciler.views.saved import what_moved

    lockfile = shown.loaded.lockfile
    if expected is not None:
        check_approval(shown.plan, lockfile, expected)
    if saved is None:
        return
    try:
        check_approval(shown.plan, lockfile, saved.digest)
    except StalePlan as error:
        details = (*error.details, *what_moved(saved, shown.plan))
        raise StalePlan(error.message, details=details, hint=error.hint) from error
