"""The text of what is posted: a marker on the first line, the Markdown, a line about the run. Pure.

The marker is a comment that a reader does not see. It has to be the beginning of the text: what somebody else wrote is
escaped in our Markdown and quoted after the first line, so no text of others can pass for a marker.
"""

from __future__ import annotations

import hashlib
import re

from reconciler.errors import InvalidArgument, UsageError

__all__ = ["LIMIT", "blob_id", "composed", "essence", "is_marked", "marker"]

LIMIT = 60_000
"""Bytes of UTF-8 of a comment or an issue's text, all told; GitHub's own limit is 65,536 characters."""

_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/]|-(?!-)){0,79}")
_ABOUT = "<!-- tunectl:run -->"
_RUN = re.compile(r"https?://[A-Za-z0-9.:/_-]{1,300}")


def marker(name: str) -> str:
    """Return the line by which our text is found again.

    Raises:
        UsageError: the name could end the marker, or is too long.
    """
    if not _ID.fullmatch(name):
        raise UsageError(f"--id {name!a:.100}: letters, digits, '.', '_', '/' and single '-', at most 80 of them")
    return f"<!-- tunectl:{name} -->"


def composed(mark: str, markdown: str, *, run: str | None = None) -> str:
    """Return what is to be posted.

    Args:
        mark: see ``marker``.
        markdown: the text, whole.
        run: the URL of the run that made it, if there is one.

    Raises:
        InvalidArgument: it is too long; a cut could end a line that deletes a model, so nothing is cut here.
    """
    about = f"\n{_ABOUT}\n<sub>[the run that found this]({run})</sub>\n" if run and _RUN.fullmatch(run) else ""
    text = f"{mark}\n{markdown.strip()}\n{about}"
    size = len(text.encode("utf-8", "backslashreplace"))
    if size > LIMIT:
        raise InvalidArgument(
            f"the text is {size:,} bytes long, {LIMIT:,} are the most",
            hint="post what tunectl wrote with --format markdown=FILE, or a saved plan: both keep within it",
        )
    return text.encode("utf-8", "backslashreplace").decode()


def is_marked(text: str, mark: str) -> bool:
    """Tell whether a text begins with the marker, on a line of its own."""
    return text.replace("\r\n", "\n").partition("\n")[0].rstrip() == mark


def essence(text: str) -> str:
    """Return what makes two texts the same: everything but the line about the run and the ends of lines."""
    return text.replace("\r\n", "\n").partition(f"\n{_ABOUT}\n")[0].strip()


def blob_id(data: bytes) -> str:
    """Return the name that git gives to a file's content (git-hash-object): SHA-1 over a header and the bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
