"""``tunectl emulator``."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.command import Command
from reconciler.cli.invocation import Invocation

if TYPE_CHECKING:
    from reconciler.emulator import Server

_PORT = 8088


@click.command(
    "emulator",
    cls=Command,
    epilog="Example: tunectl emulator --port 0 --data world.db --fault status,code=503,method=POST,count=2\n\n"
    "SIGINT and SIGTERM are how a server ends: requests in hand have five seconds to finish, and the exit code is 0.",
)
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="Where to listen (127.0.0.1: this machine only).")
@click.option("--port", type=click.IntRange(0, 65535), default=_PORT, help=f"The port ({_PORT}); 0 takes a free one.")
@click.option(
    "--gcs-port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="A port of Cloud Storage's own, for STORAGE_EMULATOR_HOST; 0 takes a free one.",
)
@click.option("--data", type=Path, metavar="FILE", help="Where the models live; without it they end with the server.")
@click.option("--seed", type=Path, metavar="FILE", help="A recorded answer of tunedModels.list to start from.")
@click.option(
    "--train-seconds", type=click.FloatRange(min=0), default=20.0, metavar="S", help="How long a tuning takes (20)."
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="FAULT",
    help="What is to go wrong, such as fail,model=demo; repeatable.",
)
@click.option(
    "--listing-lag", type=click.FloatRange(min=0), default=0.0, metavar="S", help="Until a new model is listed (0)."
)
@click.option("--operation-ttl", type=click.FloatRange(min=0), metavar="S", help="Until an operation is forgotten.")
@click.option("--concurrent-tunings", type=click.IntRange(min=1), metavar="N", help="Tunings that may run at once.")
@click.option(
    "--over-quota",
    type=click.Choice(("queue", "refuse")),
    default="queue",
    help="What becomes of a Vertex AI tuning job beyond that: it waits (queue), or 429.",
)
@click.option(
    "--operation-seconds",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="S",
    help="How long an undeploy or a delete takes on Vertex AI (0).",
)
@click.option(
    "--undeploy-lag",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="S",
    help="Until a delete after an undeploy stops failing (0).",
)
@click.option(
    "--bucket",
    "buckets",
    multiple=True,
    metavar="NAME",
    callback=lambda _context, _parameter, names: names or None,
    help="A bucket of Cloud Storage; repeatable; without any, every name is one.",
)
@click.option("--retired", multiple=True, metavar="MODEL", help="A base model that is gone; repeatable.")
@click.option("--require-auth", is_flag=True, help="Refuse requests without a token or an API key.")
@click.option("--require-quota-project", is_flag=True, help="Refuse tokens without x-goog-user-project.")
@click.option(
    "--token", "tokens", multiple=True, metavar="TOKEN=EMAIL", help="A credential and whose it is; repeatable."
)
@click.option("--occupied", multiple=True, metavar="ID[=409]", help="An id somebody else holds (403); repeatable.")
@click.option("--record-bodies", is_flag=True, help="Keep request bodies in the log.")
@click.pass_obj
def command(invocation: Invocation, /, host: str, port: int, gcs_port: int | None, **flags: Any) -> int:
    """Serve the emulator of the tuning APIs on a port, for tunectl, curl and Google's client libraries.

    Its training is simulated. The first line of its output is its URL; with --gcs-port, the second is Cloud Storage's.
    """
    from reconciler.emulator import serve
    from reconciler.emulator.flags import open_emulator
    from reconciler.emulator.server import serve_storage

    with open_emulator(**flags) as emulator:
        server = serve(emulator, host, port)
        with _ending(server), serve_storage(emulator, host, gcs_port) as storage:
            click.echo(server.url)
            invocation.note(_welcome(server.url))
            if storage is not None:
                click.echo(storage.url)
                invocation.note(
                    f"Cloud Storage has a port of its own:\n\n  export STORAGE_EMULATOR_HOST={storage.url}\n"
                )
            server.run()
    invocation.note("stopped")
    return 0


@contextmanager
def _ending(server: Server) -> Iterator[None]:
    """Let a signal end the server also before it runs: who reads the URL may be quick to send one."""
    former = {number: signal.signal(number, lambda *_: server.close()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _welcome(url: str) -> str:
    port = url.rpartition(":")[2]
    return f"""\
The tuning APIs are emulated there, tunedModels (v1beta3, v1beta) and Vertex AI (v1, v1beta1), with the part of Cloud
Storage that tuning needs; trainings are simulated. Ctrl-C ends it. Try it:

  curl {url}/v1beta/tunedModels

In another terminal, so that tunectl speaks to it (a lockfile belongs to one remote, so this one gets its own):

  export TUNECTL_ENDPOINT={url}
  export TUNECTL_LOCKFILE=.tunectl/emulator-{port}.lock
"""
