"""The names of models: those a project knows, and what is said of one that it does not know."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.core.text import did_you_mean, meant

if TYPE_CHECKING:
    from reconciler.core.lockfile import Lockfile

_TELLING = 3
"""With fewer letters a beginning is like too many others."""


def known_names(directory: str | None, config: str | None) -> list[str]:
    """Return the names that manifests and a local lockfile hold, sorted; whatever cannot be read adds none.

    For the completion of a shell: no service is asked, and no dataset is read.
    """
    from reconciler.errors import TunectlError
    from reconciler.manifest.load import load_manifests
    from reconciler.manifest.project import load_project

    found: set[str] = set()
    with suppress(TunectlError, OSError, ValueError, AttributeError):
        project = load_project(Path(directory or "."), config=Path(config) if config else None)
        found.update(manifest.desired.name for manifest in load_manifests(project).manifests)
        if "://" not in project.lockfile:
            found.update(json.loads((project.root / project.lockfile).read_bytes())["models"])
    return sorted(found)


def meant_name(word: str, names: Iterable[str]) -> str | None:
    """Return the name that somebody may have meant.

    That is one spelled alike, else the only one that has the word in it, else the only one that begins alike.
    """
    known = sorted(names)
    holding = [name for name in known if len(word) > 1 and word in name]
    if not holding and len(word) >= _TELLING:
        holding = [name for name in known if meant(word, (name[: len(word)], name[: len(word) + 1]))]
    return meant(word, known) or (holding[0] if len(holding) == 1 else None)


def check_recorded(names: Iterable[str], recorded: Lockfile, address: str) -> None:
    """Refuse a name that the lockfile at ``address`` does not record.

    Raises:
        click.UsageError: with the name that may have been meant.
    """
    for name in names:
        if name not in recorded.models:
            close = meant_name(name, recorded.models)
            hint = did_you_mean(close, otherwise="`tunectl status` lists the models there are")
            raise click.UsageError(f"{name}: the lockfile {address} has no model of that name; {hint}")
