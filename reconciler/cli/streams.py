"""Standard input and output as a command meets them: somebody at the other end, nobody, or nobody any more.

Nothing but click and the standard library may be imported here: ``--help`` must stay light.
"""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress
from typing import TextIO

import click


def interactive() -> bool:
    """Tell whether somebody sits at the other end who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def columns(stream: TextIO | None = None) -> int | None:
    """Return how wide the terminal is that a stream (standard output) goes to; None where it goes anywhere else."""
    stream = sys.stdout if stream is None else stream
    return shutil.get_terminal_size().columns if stream.isatty() else None


def say(text: str) -> None:
    """Print on standard output; that nobody reads any more is no reason to end differently."""
    try:
        click.echo(text, nl=False)
    except BrokenPipeError:
        forsake_stdout()


def conclude(text: str) -> None:
    """Print the last line of work that is done and recorded; whether it can be read changes nothing any more."""
    with suppress(OSError):
        click.echo(text)
        return
    forsake_stdout()


def forsake_stdout() -> None:
    """Lead standard output to nowhere, so that the interpreter does not stumble over what is left in its buffer."""
    with suppress(OSError, ValueError):  # one that is no file has no descriptor, and none is needed then
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
