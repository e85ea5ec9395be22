"""What a command leaves behind for a GitHub runner: annotations, the job summary, step outputs."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import Problem

if TYPE_CHECKING:
    from reconciler.core.datachange import Rows
    from reconciler.core.plan import Drift, Plan
    from reconciler.views.run_markdown import Account


def report_plan(plan: Plan, environ: Mapping[str, str], *, samples: Mapping[str, Rows]) -> str:
    """Write the plan's summary and outputs to the files the runner names; return what goes to standard output.

    ``samples`` are training rows that somebody asked to see there.

    Raises:
        StoreError: a file the runner named cannot be written.
    """
    from reconciler.views.github import annotations, write_outputs
    from reconciler.views.plan_markdown import render_markdown
    from reconciler.views.plan_text import render_plan

    summarise(render_markdown(plan, samples=samples), environ)
    if output := environ.get("GITHUB_OUTPUT"):
        write_outputs(Path(output), plan_outputs(plan), delimiter=f"tunectl-{uuid.uuid4()}")
    problems = [violation.problem for violation in plan.violations]
    notes = annotations((*problems, *plan.warnings), title="tunectl plan")
    return render_plan(plan, color=False, samples=samples) + "".join(f"{note}\n" for note in notes)


def report_run(account: Account, environ: Mapping[str, str]) -> None:
    """Write what a run came to into summary and outputs, and annotate what failed. Raises as ``report_plan``."""
    from reconciler.views.run_markdown import render_run

    summarise(render_run(account), environ)
    plan = account.plan
    if (output := environ.get("GITHUB_OUTPUT")) and plan is not None:
        from reconciler.views.github import write_outputs

        write_outputs(Path(output), plan_outputs(plan), delimiter=f"tunectl-{uuid.uuid4()}")
    annotate(account.failures, title="tunectl apply", to_stdout=True)


def plan_outputs(plan: Plan) -> dict[str, str]:
    """Return the step outputs that tell of a plan."""
    counts = plan.summary
    return {
        "has-changes": str(not plan.empty).lower(),
        "has-destroys": str(bool(counts["delete"] or counts["replace"])).lower(),
        "plan-digest": plan.digest,
    }


def report_drift(drift: Sequence[Drift], markdown: str, text: str, environ: Mapping[str, str]) -> str:
    """Write the audit's summary and outputs; return what goes to standard output. Raises as ``report_plan``."""
    from reconciler.views.github import annotations, write_outputs

    summarise(markdown, environ)
    if output := environ.get("GITHUB_OUTPUT"):
        write_outputs(Path(output), {"has-drift": str(bool(drift)).lower()}, delimiter=f"tunectl-{uuid.uuid4()}")
    found = [Problem(None, f"{item.name}: {item.message}", severity="warning") for item in drift]
    return text + "".join(f"{note}\n" for note in annotations(found, title="tunectl drift"))


def summarise(markdown: str, environ: Mapping[str, str]) -> None:
    """Append to the job summary, if there is a runner that shows one."""
    from reconciler.views.github import write_summary

    if summary := environ.get("GITHUB_STEP_SUMMARY"):
        write_summary(Path(summary), markdown)


def annotate(problems: Iterable[Problem], *, title: str, to_stdout: bool) -> None:
    """Show problems at their places in the pull request; the runner reads both streams."""
    from reconciler.views.github import annotations

    stream = sys.stdout if to_stdout else sys.stderr
    for note in annotations(problems, title=title):
        print(note, file=stream)  # not click.echo: a workflow command must stay as it is
