"""The command of ours: it takes the global options after its name too, and knows what other tools call its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from itertools import pairwise
from typing import Any, TypeVar

import click

from reconciler.cli.completing import word_of
from reconciler.cli.groups import Group
from reconciler.cli.invocation import GLOBAL_OPTIONS, Globals, Invocation
from reconciler.cli.output import FormatOption, Outputs
from reconciler.cli.streams import forsake_stdout

Wrapped = TypeVar("Wrapped", bound=Callable[..., Any])


_ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("--yes", "--assume-yes", "--approve", "--force"), ("-y",)),
    **dict.fromkeys(("-o", "--output"), ("--out", "--format FORM=FILE")),
    **{f"--{form}": (f"--format {form}",) for form in ("json", "jsonl", "markdown")},
    **dict.fromkeys(("--label", "--labels", "--selector", "-l"), ("--select",)),
    **dict.fromkeys(("--filter", "--name", "-n"), ("--target",)),
    **dict.fromkeys(("--follow", "-w", "-f"), ("--watch",)),
}
"""What other tools, or haste, call an option of ours; the first that a command has is meant."""

_NAMING = frozenset({"target", "exclude", "replaced"})


class Command(click.Command):
    """A command that also takes the global options after its name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for param in self.params:
            word = word_of("NAME" if param.name in _NAMING else param.metavar)
            if word is not None and param.type is click.STRING:
                param.type = word
        self.params.extend(option() for option in GLOBAL_OPTIONS)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line; what is wrong with it is told in the form that was asked for, naming this command."""
        given = tuple(args)  # parsing empties the list
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # an option without its value knows no context
            ctx.ensure_object(Invocation).machine = self._form(given)
            meant = self._meant(error.option_name) if isinstance(error, click.NoSuchOption) else self._named(error)
            if meant is None:
                raise
            raise click.UsageError(f"{error.message.rstrip('.')}. Did you mean {meant}?", error.ctx) from error

    def _meant(self, option: str) -> str | None:
        """Return how this command spells what an option says elsewhere, if it has it."""
        known = {name for param in self.params for name in param.opts}
        return next((meant for meant in _ELSEWHERE.get(option, ()) if meant.split()[0] in known), None)

    def _named(self, error: click.UsageError) -> str | None:
        """Return how this command is told names, if a word was one too many for it."""
        surplus = error.message.startswith("Got unexpected extra argument")  # click has no class for it
        return "--target NAME" if surplus and any(param.name == "target" for param in self.params) else None

    def _form(self, args: Sequence[str]) -> str | None:
        """Return the machine-readable form that a command line asks for, readable or not in its other parts."""
        if not any(isinstance(param, FormatOption) for param in self.params):
            return None
        values = [arg.removeprefix("--format=") for arg in args if arg.startswith("--format=")]
        values += [value for option, value in pairwise(args) if option == "--format"]
        return next((value for value in values if value in {"json", "jsonl"}), None)

    def invoke(self, ctx: click.Context) -> Any:
        """Merge the global options given on both sides of the name, note the forms that are wanted, then run."""
        invocation = ctx.ensure_object(Invocation)
        _take_globals(ctx, invocation)
        invocation.command = ctx.command_path
        invocation.enter()
        for param in self.params:
            if isinstance(param, FormatOption):
                ctx.params["outputs"] = outputs = Outputs.parse(ctx.params["outputs"], param.allowed)
                invocation.expect(outputs)
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # whoever reads has seen enough; click would call it a failure
            forsake_stdout()
            return 0


class CommandGroup(Group):
    """Several commands under one name, which takes the global options, too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(option() for option in GLOBAL_OPTIONS)

    def invoke(self, ctx: click.Context) -> Any:
        """Merge the global options given before the command's name, then call it."""
        _take_globals(ctx, ctx.ensure_object(Invocation))
        return super().invoke(ctx)


def _take_globals(ctx: click.Context, invocation: Invocation) -> None:
    """Take the global options out of a command's parameters; those that stand later on the line win."""
    given = {item.name: ctx.params.pop(item.name) for item in fields(Globals) if item.name in ctx.params}
    invocation.globals = Globals.of(given).over(invocation.globals)


def cache_option(command: Wrapped) -> Wrapped:
    """Add ``--no-cache`` to a command that reads datasets; the invocation takes note of it."""

    def note(ctx: click.Context, _: click.Parameter, no_cache: bool) -> None:
        ctx.ensure_object(Invocation).cache = not no_cache

    text = "Read every dataset anew, whatever .tunectl/ remembers."
    return click.option("--no-cache", is_flag=True, expose_value=False, callback=note, help=text)(command)


def rows_option(command: Wrapped) -> Wrapped:
    """Add ``--show-rows/--no-rows`` to a command that tells what changed in a dataset."""
    text = "Show a few of the rows that changed; unless given, on a terminal only."
    return click.option("--show-rows/--no-rows", default=None, help=text)(command)


def wants_rows(asked: bool | None) -> bool:
    """Tell whether training rows may be shown on standard output: somebody asked, or sits at a terminal."""
    return sys.stdout.isatty() if asked is None else asked
