"""``tunectl validate``."""

from __future__ import annotations

import click

from reconciler.cli.base import Command, Invocation


@click.command("validate", cls=Command, epilog="Example: tunectl validate manifests/number-generator.yaml")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.pass_obj
def command(invocation: Invocation, paths: tuple[str, ...]) -> int:
    """Check manifests and datasets without asking any service. All problems are reported in one go."""
    from reconciler.cli.failure import show_problems
    from reconciler.core.requirements import unsupported
    from reconciler.errors import ProblemsError

    with invocation.session() as session:
        manifests = session.manifests(paths or None)
        refused = unsupported(manifests.desired)
        if refused:
            raise ProblemsError((*refused, *manifests.warnings))
        if manifests.warnings:
            show_problems(manifests.warnings, invocation)
    examples = sum(manifest.dataset.examples for manifest in manifests.desired if manifest.dataset is not None)
    count = len(manifests.desired)
    if not invocation.globals.quiet:
        click.echo(f"Valid: {count} manifest{'s' if count != 1 else ''}, {examples} examples.")
    return 0
