"""``--format``: one form on standard output, any number of others in files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.cli.streams import say

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Wrapped = TypeVar("Wrapped", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Outputs:
    """Which forms to write where: ``stdout`` is one of them or None, ``files`` pairs forms with paths.

    ``done`` remembers what was written, so that a run that fails in between knows which reports it still owes.
    """

    stdout: str | None
    files: tuple[tuple[str, Path], ...] = ()
    done: set[tuple[str, str]] = field(default_factory=set, compare=False, repr=False)

    @classmethod
    def parse(cls, values: Sequence[str], allowed: Sequence[str]) -> Outputs:
        """Read ``--format FORM`` and ``--format FORM=FILE``; with none for standard output it is the first allowed.

        Raises:
            click.UsageError: no such form, or two of them for standard output.
        """
        stdout: list[str] = []
        files = []
        for value in values:
            form, equals, path = value.partition("=")
            if form not in allowed:
                raise click.UsageError(f"--format {form}: not one of {', '.join(allowed)}")
            if equals and not path:
                raise click.UsageError(f"--format {form}=: give a file after the equals sign")
            if equals:
                files.append((form, Path(path)))
            else:
                stdout.append(form)
        if len(stdout) > 1:
            raise click.UsageError(
                f"--format {stdout[1]}: standard output is taken by {stdout[0]}; write --format {stdout[1]}=FILE"
            )
        return cls(stdout[0] if stdout else allowed[0], tuple(files))

    @property
    def machine(self) -> str | None:
        """The form on standard output if programs read it."""
        return self.stdout if self.stdout in {"json", "jsonl"} else None

    def owed(self) -> tuple[tuple[str, Path], ...]:
        """Return what goes to files and was not written yet."""
        return tuple((form, path) for form, path in self.files if (form, str(path)) not in self.done)

    @property
    def told(self) -> bool:
        """Whether the form on standard output was written."""
        return (self.stdout or "", "") in self.done

    def write(self, forms: Mapping[str, Callable[[], str]]) -> None:
        """Render each form that is wanted and put it where it is wanted.

        Raises:
            click.FileError: a file cannot be written.
        """
        for form, path in self.files:
            write_text(path, forms[form]())
            self.done.add((form, str(path)))
        if self.stdout is not None:
            text = forms[self.stdout]()
            self.done.add((self.stdout, ""))
            say(text)


def write_text(path: Path, text: str) -> None:
    """Write a file.

    Raises:
        click.FileError: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.FileError(str(path), os.strerror(error.errno or 0)) from error


class FormatOption(click.Option):
    """``--format`` of a command; ``allowed`` are the forms that the command has."""

    def __init__(self, *args: Any, allowed: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.allowed = allowed

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the forms that begin so."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(form) for form in self.allowed if form.startswith(incomplete)]


def format_option(*allowed: str) -> Callable[[Wrapped], Wrapped]:
    """Add ``--format`` with these forms; the first is the default. The command is given its ``outputs``."""
    forms = "|".join(allowed)
    return click.option(
        "--format",
        "outputs",
        cls=FormatOption,
        allowed=allowed,
        multiple=True,
        metavar=f"{forms}[=FILE]",
        help=f"The form of the output, {allowed[0]} unless given; with =FILE it goes to a file as well.",
    )
