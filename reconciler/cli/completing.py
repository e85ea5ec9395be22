"""What a shell may put where a word of the command line stands: names of models, fields, files and folders.

Nothing heavier than click may be imported here: ``--help`` must stay light.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_FILES = frozenset({"FILE", "PATH", "PLANFILE", "OLD", "NEW"})


class Word(click.ParamType[str]):
    """A word that is taken as it is; a shell completes it with what its metavar says (``NAME|PATH``, ``DIR``, …).

    Files and folders are the shell's to list, and only where nothing else of ours begins so.
    """

    name = "text"

    def __init__(self, kinds: Iterable[str]) -> None:
        self.kinds = frozenset(kinds)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return what begins so."""
        from click.shell_completion import CompletionItem

        ours = [*(_fields(incomplete) if "FIELD" in self.kinds else ())]
        ours += _names(ctx, incomplete) if "NAME" in self.kinds else ()
        if ours or not self.kinds & {*_FILES, "DIR"}:
            return [CompletionItem(each) for each in ours]
        return [CompletionItem(incomplete, type="file" if self.kinds & _FILES else "dir")]


def word_of(metavar: str | None) -> Word | None:
    """Return how a word with this metavar is completed; None if it is left to its type."""
    kinds = {kind.partition("[")[0] for kind in (metavar or "").strip("[].").split("|")}
    return Word(kinds) if kinds & {"NAME", "FIELD", "DIR", *_FILES} else None


def _names(ctx: click.Context, incomplete: str) -> Iterator[str]:
    from reconciler.cli.invocation import Globals
    from reconciler.cli.names import known_names

    given = Globals.of(ctx.find_root().params)
    return (name for name in known_names(given.directory, given.config) if name.startswith(incomplete))


def _fields(incomplete: str) -> list[str]:
    """Return the fields of a manifest that begin so, as deep as what was typed; ``spec.`` may be left out."""
    from reconciler.manifest.explain import fields

    paths = [path for path in fields("manifest") if path.count(".") <= incomplete.count(".") + 1]
    whole = [path for path in paths if path.startswith(incomplete) and path.count(".") == incomplete.count(".")]
    brief = [path.removeprefix("spec.") for path in paths if path.startswith(f"spec.{incomplete}")]
    return whole or brief
