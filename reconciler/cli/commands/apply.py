"""``tunectl apply``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.applying import carry_out
from reconciler.cli.command import Command
from reconciler.cli.consent import approve_option, require_consent
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option
from reconciler.cli.planning import PlanOptions, make_preview, plan_options
from reconciler.cli.report import report_run
from reconciler.cli.running import changing, engine_options, run_options

if TYPE_CHECKING:
    from reconciler.engine.looking.preview import Preview
    from reconciler.views.saved import SavedPlan


@click.command("apply", cls=Command, epilog="Example: tunectl apply -y --expect-digest sha256:1f0c… --timeout 2h")
@click.argument("planfile", required=False, metavar="[PLANFILE]")
@plan_options
@approve_option
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
    outputs: Outputs,
    **selection: object,
) -> int:
    """Plan (or take a saved plan), ask, apply, and wait until every model is ready."""
    if outputs.stdout == "markdown":
        raise click.UsageError("--format markdown: standard output has the plan; write --format markdown=FILE")
    chosen = PlanOptions(**selection)  # type: ignore[arg-type]  # click has checked them
    require_consent(auto_approve=auto_approve, machine=outputs.machine)
    saved = None
    if planfile is not None:
        if chosen.selects:
            raise click.UsageError(
                "a saved plan holds its own --target, --exclude, --select, --replace and --only; leave them out"
            )
        saved, chosen = _open_saved(Path(planfile), chosen)
    with changing(invocation, outputs, lock_timeout=lock_timeout) as (session, hold):
        shown = make_preview(session, chosen)
        _check_approval(shown, saved, expect_digest)
        options = engine_options(
            invocation,
            session,
            timeout=timeout,
            poll_interval=poll_interval,
            parallelism=parallelism,
            wait=not no_wait,
        )
        carry_out(invocation, session, shown, hold, options, auto_approve=auto_approve)
    report_run(invocation)
    return 0


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
    from reconciler.engine.looking.approval import check_approval
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
