"""The ``tunectl`` command: a group that imports a command when it is called, and the one place where errors end.

Nothing but click and the standard library may be imported here: ``--help`` must stay light.
"""

from __future__ import annotations

import errno
import importlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import click

from reconciler.cli.groups import Group
from reconciler.cli.invocation import EXIT_USAGE, GLOBAL_OPTIONS, Globals, Invocation
from reconciler.cli.stopped import stopped_code
from reconciler.cli.streams import forsake_stdout
from reconciler.errors import TunectlError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

SECTIONS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Everyday": {
        "init": ("init", "Write a project that plans cleanly: tunectl.yaml, a manifest, a dataset."),
        "validate": ("validate", "Check manifests and datasets, offline."),
        "plan": ("plan", "Show what apply would do, and why."),
        "apply": ("apply", "Make the tuned models what the manifests ask for."),
        "status": ("status", "List the managed models, their state and progress."),
        "wait": ("wait", "Wait for running tunings and record their end."),
        "show": ("show", "Show one model, or a saved plan, in full."),
        "drift": ("drift", "Audit, read-only, what is not as the last apply left it."),
    },
    "What a model is worth, and its past": {
        "eval": ("eval", "Hold a model to the gate of its manifest, by hand."),
        "plot": ("plot", "Draw loss curves, in the terminal or as a picture (SVG)."),
        "compare": ("compare", "Set two models side by side: settings, data, losses, gates, answers."),
        "report": ("page", "Write one page about every model that opens offline."),
        "generate": ("generate", "Ask the current model of a name."),
        "history": ("history", "Show what became of one name, from which data and commit, by whom."),
        "lineage": ("lineage", "Check that the record of the past was not altered; join chains that went apart."),
    },
    "Changing course": {
        "rollback": ("rollback", "Let a former model serve again, without training."),
        "cancel": ("cancel", "Stop a tuning that runs, and record its end."),
        "gc": ("gc", "Remove models that nobody needs any more."),
        "destroy": ("destroy", "Plan and apply the deletion of managed models."),
    },
    "Models made elsewhere, other owners": {
        "import": ("import_", "Write manifests for models that have none, and take them over."),
        "adopt": ("adopt", "Let a manifest take over a model that exists."),
        "forget": ("forget", "Stop managing names; nothing remote is deleted."),
        "transfer": ("transfer", "Make somebody else the owner of a model."),
    },
    "Writing manifests and data": {
        "explain": ("explain", "Explain a field of a manifest, or what a plan would do about a model and why."),
        "fmt": ("fmt", "Rewrite manifests in one style, comments kept."),
        "dataset": (
            "dataset",
            "Check, count and compare: what is wrong with the data, its numbers, what changed in it.",
        ),
        "schema": ("schema", "Print the JSON Schemas of manifests, plan, lockfile and events."),
    },
    "The place it runs in": {
        "doctor": ("doctor", "Check credentials, endpoint and project, with the command that mends each."),
        "lock": ("lock", "Show, break or rebuild: who holds the lockfile, and the lockfile itself."),
        "github": ("github", "For workflows: comment on a pull request, keep an issue of drift, commit the lockfile."),
        "emulator": ("emulator", "Serve the embedded emulator of the tuning API on a port."),
        "completion": ("completion", "Print what bash, zsh or fish need to complete commands and names."),
        "version": ("version", "Print the version."),
    },
}
"""Every command by what it is for: its module in `cli/commands/` and its line of help, in the order of help."""

COMMANDS: Mapping[str, tuple[str, str]] = {
    name: place for section in SECTIONS.values() for name, place in section.items()
}


_WIDTH = max(map(len, COMMANDS))  # one column through all sections


class LazyGroup(Group):
    """Imports a command's module when the command is called, and lists them all without importing any."""

    synonyms: ClassVar[Mapping[str, str]] = {
        "cost": "plan",
        "delete": "destroy",
        "diff": "plan",
        "format": "fmt",
        "list": "status",
        "log": "history",
        "logs": "history",
        "ls": "status",
        "refresh": "drift",
        "rm": "destroy",
        "state": "status",
        "undo": "rollback",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the command names, in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module and return its command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"reconciler.cli.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, so that no module is imported for a help page."""
        for heading, commands in SECTIONS.items():
            with formatter.section(heading):
                formatter.write_dl([(f"{name:{_WIDTH}}", text) for name, (_, text) in commands.items()])


@click.group(
    cls=LazyGroup,
    params=[option() for option in GLOBAL_OPTIONS],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 error, 2 changes or drift, 3 permission, 4 some models failed, 5 refused, "
    "6 stale plan, 7 gate not met, 8 locked, 9 still tuning, 64 usage.",
)
@click.version_option(package_name="tunectl", message="tunectl %(version)s")
@click.pass_context
def group(ctx: click.Context, /, **values: object) -> None:
    """GitOps for tuned language models: plan, apply and audit them from YAML manifests."""
    invocation = ctx.ensure_object(Invocation)
    invocation.globals = Globals.of(values)


def run(arguments: Sequence[str], *, invocation: Invocation | None = None) -> int:
    """Run one command line and return its exit code; every error ends here as a message, none as a traceback."""
    invocation = Invocation() if invocation is None else invocation
    try:
        code = group.main(list(arguments), prog_name="tunectl", standalone_mode=False, obj=invocation)
    except Exception as error:  # noqa: BLE001  # the last line of defence: a traceback may carry what no output may
        return _failed(error, arguments, invocation)
    except KeyboardInterrupt as error:
        _report(error, invocation)
        click.echo("stopped", err=True)
        return stopped_code(error)
    return code if isinstance(code, int) else 0


def _failed(error: Exception, arguments: Sequence[str], invocation: Invocation) -> int:
    """Tell an error in the form that fits it, write the reports that are owed, and return its exit code."""
    _report(error, invocation)
    match error:
        case click.ClickException() if invocation.machine is not None:
            return _show(_ours(error), invocation)
        case click.exceptions.NoArgsIsHelpError():
            click.echo(error.format_message(), err=True)
            return EXIT_USAGE
        case click.UsageError():
            return _usage(error, arguments)
        case click.ClickException():
            code, said = 1, f"error: {error.format_message()}"
        case click.Abort():
            code, said = stopped_code(error), "stopped"
        case OSError(errno=errno.ENOSPC | errno.EDQUOT | errno.EIO as number):
            forsake_stdout()  # every file of ours maps its own errors, so this was the output
            code, said = 1, f"error: standard output: cannot be written ({os.strerror(number)})"
        case _:
            return _show(error, invocation)
    click.echo(said, err=True)
    return code


def _report(error: BaseException, invocation: Invocation) -> None:
    if invocation.outputs is not None:
        from reconciler.cli.report import report_failure

        report_failure(error, invocation)


def _show(error: Exception, invocation: Invocation) -> int:
    from reconciler.cli.failure import show, show_internal

    return show(error, invocation) if isinstance(error, TunectlError) else show_internal(error, invocation)


def _ours(error: click.ClickException) -> TunectlError:
    """Return an error of the command line as one that has a machine-readable form."""
    if isinstance(error, click.UsageError):
        return UsageError(error.format_message(), hint=f"see {_path(error)} --help")
    return TunectlError(error.format_message())


def _usage(error: click.UsageError, arguments: Sequence[str]) -> int:
    """Say what is wrong with a command line, and how the right one looks."""
    from reconciler.cli.failure import fitted

    click.echo(fitted(f"error: {error.format_message()}"), err=True)
    single = next((a for a in arguments if a.startswith("-") and not a.startswith("--") and len(a) > 3), None)  # noqa: PLR2004
    if single is not None:
        click.echo(f"  options are written with two dashes: -{single}", err=True)
    click.echo(f"  see {_path(error)} --help", err=True)
    return EXIT_USAGE


def _path(error: click.UsageError) -> str:
    return error.ctx.command_path if error.ctx is not None else "tunectl"
