"""What ``tunectl gc`` says when there is nothing to remove; what it would remove is shown as any other plan."""

from __future__ import annotations

from reconciler.core.plan import Plan
from reconciler.core.text import sanitize
from reconciler.views.words import guard


def render_nothing(plan: Plan) -> str:
    """Return that everything recorded is needed, and what else was seen, as text that ends with a line feed."""
    lines = ["Nothing to remove: every recorded model is needed."]
    if plan.warnings:
        lines += ["", "Warnings:", *(f"  {sanitize(str(warning))}" for warning in plan.warnings)]
    return guard("\n".join(lines) + "\n")
