"""``tunectl generate``."""

from __future__ import annotations

import sys

import click

from reconciler.cli.command import Command
from reconciler.cli.invocation import Invocation


@click.command("generate", cls=Command, epilog='Example: tunectl generate number-generator "four"')
@click.argument("name", metavar="NAME")
@click.argument("prompt", metavar="PROMPT")
@click.option("-n", "--candidates", type=click.IntRange(1, 8), default=1, help="How many answers to ask for (1).")
@click.pass_obj
def command(invocation: Invocation, name: str, prompt: str, candidates: int) -> int:
    """Ask the model that serves under a name, and print its answers. PROMPT may be - for standard input."""
    from reconciler.cli.names import check_recorded
    from reconciler.core.lockfile import InstanceState
    from reconciler.core.text import sanitize
    from reconciler.errors import FailedPrecondition, NotFound

    with invocation.session() as session:
        store = session.store()
        recorded = store.load().lockfile
        check_recorded([name], recorded, store.address)
        current = recorded.models[name].current
        if current.state is not InstanceState.READY:
            raise FailedPrecondition(
                f"{name}: {current.resource} is {current.state.value} and serves nothing yet",
                hint="`tunectl apply` finishes it, or says why it cannot",
            )
        if prompt == "-":
            prompt = sys.stdin.read().rstrip("\n")
        # Inference is a POST, though it changes nothing.
        provider = session.provider(read_only=False)
        try:
            answers = provider.generate(current.resource, prompt, candidates=candidates)
        except NotFound as error:
            raise NotFound(
                f"{name}: {error.message}",
                status=error.status,
                http_status=error.http_status,
                hint="`tunectl drift` shows what is missing, `tunectl apply` tunes it again",
            ) from error
        if session.embedded:
            invocation.note("(simulated: the embedded emulator answers from the training examples)")
    for answer in answers:
        click.echo(sanitize(answer, multiline=True))
    return 0
