"""What an import has taken over, and what it has not: for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.core.text import sanitize
from reconciler.views.words import bullets, count, guard, titled

IMPORT_FORMAT = "tunectl.import/v1"
_SHOWN = 200

Row = tuple[str, str, str]


def render_import(imported: Sequence[Row], skipped: Sequence[Row], *, dry_run: bool) -> str:
    """Return what was imported (name, resource, file) and what was not (resource, display name, reason), as text."""
    return guard("\n".join(_lines(imported, skipped, dry_run=dry_run)) + "\n")


def import_document(imported: Sequence[Row], skipped: Sequence[Row], *, written: bool) -> dict[str, Any]:
    """Return the same for programs."""
    return {
        "format": IMPORT_FORMAT,
        "written": written and bool(imported),
        "imported": [{"name": name, "resource": resource, "file": file} for name, resource, file in imported],
        "skipped": [
            {"resource": resource, "displayName": shown, "reason": reason} for resource, shown, reason in skipped
        ],
    }


def _lines(imported: Sequence[Row], skipped: Sequence[Row], *, dry_run: bool) -> Iterator[str]:
    if imported:
        models = count(len(imported), "model")
        yield f"Would import {models}; nothing was written:" if dry_run else f"Imported {models}:"
        widest = max(len(name) for name, _, _ in imported)
        lines = (f"{name:<{widest}}  {sanitize(resource)}  {sanitize(file)}" for name, resource, file in imported)
        yield from (f"  {line}" for line in bullets(lines, cap=_SHOWN))
    else:
        yield "Nothing to import."
    if skipped:
        yield ""
        yield f"Not imported: {count(len(skipped), 'model')}"
        lines = (f"{titled(resource, shown)}: {sanitize(reason)}" for resource, shown, reason in skipped)
        yield from (f"  {line}" for line in bullets(lines, cap=_SHOWN))
