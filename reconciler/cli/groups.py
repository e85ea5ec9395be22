"""Groups of commands: what they say to a word that is no command of theirs, and how they list themselves.

Nothing heavier than click may be imported here: ``--help`` must stay light.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import click


class Group(click.Group):
    """A group of commands that says which one may have been meant, and that knows ``help``."""

    synonyms: ClassVar[Mapping[str, str]] = {}
    """What the same thing is called elsewhere."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may have been meant; ``help plan`` is ``plan --help``."""
        names = self.list_commands(ctx)
        asked, *rest = args
        if asked == "help":
            if rest:
                return self.resolve_command(ctx, [*rest, "--help"])
            click.echo(ctx.get_help())
            ctx.exit()
        if asked not in names and not asked.startswith("-"):
            from reconciler.core.text import meant  # only a mistake needs it

            close = self.synonyms.get(asked) or meant(asked, names)
            raise click.UsageError(f"there is no command {asked!r}{f'; did you mean {close}?' if close else ''}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, each with the whole first sentence of its help."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, found.get_short_help_str(200)) for name, found in commands if found is not None])
