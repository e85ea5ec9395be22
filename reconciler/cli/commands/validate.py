"""``tunectl validate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.command import Command, cache_option
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option

if TYPE_CHECKING:
    from reconciler.core.manifests import Manifests


@click.command("validate", cls=Command, epilog="Example: tunectl validate manifests/number-generator.yaml")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@cache_option
@format_option("text", "json", "markdown", "github")
@click.pass_obj
def command(invocation: Invocation, /, paths: tuple[str, ...], outputs: Outputs) -> int:
    """Check manifests and datasets without asking any service. All problems are reported in one go."""
    from reconciler.cli.failure import show_problems
    from reconciler.core.unsupported import unsupported
    from reconciler.errors import ProblemsError

    with invocation.session() as session:
        manifests = session.manifests(paths or None, offline=True)
        refused = unsupported(manifests.desired, session.capabilities)
        if refused:
            raise ProblemsError((*refused, *manifests.warnings))
        if manifests.warnings and outputs.stdout != "json":
            show_problems(manifests.warnings, invocation)
    outputs.write(
        {
            "text": lambda: "" if invocation.globals.quiet else _sentence(manifests),
            "json": lambda: _document(manifests),
            "markdown": lambda: f"**{_sentence(manifests).strip()}**\n",
            "github": lambda: _sentence(manifests),
        }
    )
    return 0


def _sentence(manifests: Manifests) -> str:
    count = len(manifests.desired)
    return f"Valid: {count} manifest{'s' if count != 1 else ''}, {_examples(manifests)} examples.\n"


def _document(manifests: Manifests) -> str:
    from reconciler.views.document import problem_document
    from reconciler.views.words import json_text

    document: dict[str, Any] = {
        "format": "tunectl.validate/v1",
        "manifests": len(manifests.desired),
        "examples": _examples(manifests),
        "warnings": [problem_document(problem) for problem in manifests.warnings],
    }
    return f"{json_text(document)}\n"


def _examples(manifests: Manifests) -> int:
    return sum(manifest.dataset.examples for manifest in manifests.desired if manifest.dataset is not None)
