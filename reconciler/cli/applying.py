"""Carrying out a plan for whoever typed the command: it is shown, asked about and applied, and its end is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.cli.consent import agreed
from reconciler.cli.output import Outputs
from reconciler.cli.running import end, stopping
from reconciler.cli.streams import conclude

if TYPE_CHECKING:
    from reconciler.cli.invocation import Invocation
    from reconciler.engine.looking.preview import Preview
    from reconciler.engine.outcome import Outcome
    from reconciler.engine.world import Options
    from reconciler.ports.store import Hold
    from reconciler.wiring import Session


def carry_out(
    invocation: Invocation, session: Session, shown: Preview, hold: Hold, options: Options, *, auto_approve: bool
) -> None:
    """Show a plan, ask, and apply it, unless there is nothing to do or the answer is no.

    Raises:
        TunectlError: it did not go as planned; see ``running.end`` and ``engine.apply.apply``.
    """
    from reconciler.cli.commands.plan import write_plan
    from reconciler.engine.applying.apply import apply

    if invocation.machine is None and not (auto_approve and invocation.globals.quiet):
        write_plan(invocation, Outputs("text"), shown.plan, rows=shown.rows, asked=True)
    refused = bool(shown.plan.violations)
    nothing = shown.plan.empty and not refused
    if nothing and invocation.machine is None and not _leaves_approval(shown):
        return
    if not (auto_approve or refused or nothing or _ask(shown)):
        invocation.note("Nothing was applied.")
        return
    with stopping(session.stop, quiet=invocation.globals.quiet):
        outcome = apply(session.world(hold, read_only=False), shown, options)
    if invocation.machine is None and not nothing:
        _tell(outcome, quiet=invocation.globals.quiet)
    end(outcome, session.stop)


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
    return agreed(f"Apply this plan?{price}")


def _tell(outcome: Outcome, *, quiet: bool) -> None:
    from reconciler.cli.words import outcome_line
    from reconciler.views.forecast_words import took_lines

    for line in () if quiet else took_lines(outcome.took):
        conclude(line)
    conclude(outcome_line(outcome))
