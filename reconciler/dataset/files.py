"""Opening a dataset and reading its lines: inside the project's folder, regular files only, strict UTF-8, bounded.

No format is known here.
"""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from reconciler import confined

__all__ = ["MAX_LINE", "Broken", "Flaw", "buffered", "decode", "lines", "open_dataset"]

MAX_LINE = 16 * 1024 * 1024
_BUFFER = 256 * 1024


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong in a file, by line and, where it helps, column, both from 1. It never quotes the file."""

    line: int
    message: str
    column: int | None = None
    hint: str | None = None


class Broken(Exception):
    """Nothing after the flaw can be read."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.message)
        self.flaw = flaw


def open_dataset(root: Path, path: str) -> BinaryIO:
    """Open a dataset for reading.

    Raises:
        TunectlError: it leads out of the root, does not exist, or is no regular file; see ``confined.open_file``.
    """
    return buffered(confined.open_file(root, path))


def buffered(descriptor: int) -> BinaryIO:
    """Return an open descriptor as a file, with a buffer no larger than the file is worth."""
    size = os.fstat(descriptor).st_size
    return os.fdopen(descriptor, "rb", buffering=min(_BUFFER, max(size + 1, io.DEFAULT_BUFFER_SIZE)))


def lines(file: BinaryIO) -> Iterator[str]:
    """Yield the lines of a file with their ends, without the byte order mark.

    Raises:
        Broken: a line is not UTF-8 or longer than 16 MiB.
    """
    for number, raw in enumerate(iter(partial(file.readline, MAX_LINE + 1), b""), 1):
        if len(raw) > MAX_LINE:
            raise Broken(Flaw(number, f"the line is longer than {MAX_LINE // 2**20} MiB"))
        yield decode(raw.removeprefix(codecs.BOM_UTF8), number) if number == 1 else decode(raw, number)


def decode(raw: bytes, number: int) -> str:
    """Return bytes as text; ``number`` is the line they start on.

    Raises:
        Broken: they are not UTF-8.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = number + before.count(b"\n")
        column = len(before[before.rfind(b"\n") + 1 :].decode()) + 1
        utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        message = "is UTF-16" if utf16 else "is not UTF-8 from here on"
        raise Broken(Flaw(line, message, None if utf16 else column, "save the file as UTF-8")) from error
