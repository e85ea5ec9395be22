"""How a run that does not end by itself ends: signals that unwind it, and every exception as an error of ours.

Nothing but click and the standard library may be imported here: ``--help`` must stay light.
"""

from __future__ import annotations

import click

from reconciler.errors import TunectlError


class Terminated(KeyboardInterrupt):
    """SIGTERM outside of an apply: it unwinds as Ctrl-C does, so that a lease is given back and a file is closed."""


def terminate(_number: int, _frame: object) -> None:
    """Handle SIGTERM; an apply has a handler of its own, which saves first."""
    raise Terminated


def stopped_code(error: BaseException) -> int:
    """Return the exit code of a run that a signal unwound; click wraps what it was in an error of its own."""
    return 143 if isinstance(error.__cause__ or error, Terminated) else 130


def as_ours(error: BaseException) -> TunectlError:
    """Return an error of the command line, or one that is a bug of ours, as one to report: no foreign text."""
    if isinstance(error, TunectlError):
        return error
    if isinstance(error, click.UsageError):
        from reconciler.errors import UsageError

        return UsageError(error.format_message())
    if isinstance(error, click.ClickException):
        return TunectlError(error.format_message())
    if isinstance(error, click.Abort | KeyboardInterrupt):
        stopped = TunectlError("stopped")
        stopped.exit_code = stopped_code(error)
        return stopped
    return TunectlError(f"internal error: {type(error).__name__}", hint="the log says where; this is a bug in tunectl")
