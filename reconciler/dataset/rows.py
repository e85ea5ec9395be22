"""The rows of a dataset file, whatever its format: readers by extension, each a generator that keeps nothing.

A reader yields ``(line, input, output, context)`` or a ``Flaw`` for a row that has none, and raises ``Broken`` when it
cannot go on. What a good example is, beyond being texts, is the business of ``inspection``; rows that are conversations
that of ``conversations``.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeAlias

from reconciler.core.resource import Context
from reconciler.dataset.conversations import is_conversation, read_conversation
from reconciler.dataset.files import Broken, Flaw, decode, lines

__all__ = ["FORMATS", "Columns", "Row"]

Row: TypeAlias = tuple[int, str, str, Context | None]
MAX_JSON = 64 * 1024 * 1024
_SPACE = re.compile(r"[ \t\r\n]*")
_TYPES = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold input and output. The input may go by several names, of which a row has one.

    ``conversations`` says whether an object without them may be a conversation: where columns are named, they count.
    """

    inputs: tuple[str, ...] = ("text_input", "textInput")
    output: str = "output"
    conversations: bool = True

    @classmethod
    def named(cls, input_key: str | None, output_key: str | None) -> Columns:
        """Return the columns a manifest names, or the usual ones."""
        usual = cls()
        named = bool(input_key or output_key)
        return cls((input_key,) if input_key else usual.inputs, output_key or usual.output, conversations=not named)


class _RepeatedKey(ValueError):
    """An object sets a key twice, so one of the values would be lost."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    row = dict(pairs)
    if len(row) != len(pairs):
        raise _RepeatedKey
    return row


_JSON = json.JSONDecoder(object_pairs_hook=_unique)
_QUICK = json.JSONDecoder().raw_decode
_QUOTES = 8
_ENDS = frozenset({"\n", "\r\n"})


def read_jsonl(file: BinaryIO, columns: Columns) -> Iterator[Row | Flaw]:
    """One JSON object a line; blank lines are skipped.

    Most lines are two texts without an escape. Eight quotes are then just enough for both keys and both texts, so none
    can be set twice, and the parser need not be asked pair by pair: a third of the time of a short row.
    """
    parse, scan = _JSON.decode, _QUICK
    output, one, other = columns.output, columns.inputs[0], columns.inputs[-1]
    for number, line in enumerate(lines(file), 1):
        if "\\" not in line and line.count('"') == _QUOTES:
            try:
                row, end = scan(line, 0)
            except (ValueError, RecursionError):
                row, end = None, 0
            if type(row) is dict and len(row) == 2 and line[end:] in _ENDS:  # noqa: PLR2004  input and output
                text, answer = row.get(one) or row.get(other), row.get(output)
                if type(text) is str and type(answer) is str:
                    yield number, text, answer, None
                    continue
        if line.isspace():
            continue
        try:
            row = parse(line)
        except (ValueError, RecursionError) as error:
            yield _broken_json(error, number, line.rstrip())
        else:
            yield _pick(row, number, columns)


def read_json(file: BinaryIO, columns: Columns) -> Iterator[Row | Flaw]:
    """A list of JSON objects, held in memory as text, so of at most 64 MiB."""
    data = file.read(MAX_JSON + 1)
    if len(data) > MAX_JSON:
        limit = f"{MAX_JSON // 2**20} MiB"
        raise Broken(Flaw(1, f"is larger than {limit}", hint="use .jsonl, which may be of any size"))
    text = decode(data, 1).removeprefix("\ufeff")
    at, line, separator = 0, 1, "["
    while True:
        at, line = _skip(text, at, line)
        if text[at : at + 1] != separator:
            break
        start, start_line = _skip(text, at + 1, line)
        if separator == "[" and text[start : start + 1] == "]":
            at, line = start, start_line
            break
        try:
            row, at = _JSON.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            raise Broken(_broken_json(error, start_line)) from error
        yield _pick(row, start_line, columns)
        line = start_line + text.count("\n", start, at)
        separator = ","
    if text[at : at + 1] != "]" or text[at + 1 :].strip(" \t\r\n"):
        expected = "a list of objects" if separator == "[" else "',' or the end of the list"
        raise Broken(Flaw(line, f"broken JSON: expected {expected}"))


def read_csv(file: BinaryIO, columns: Columns, *, delimiter: str = ",") -> Iterator[Row | Flaw]:
    """Cells with a header; quotes as in RFC 4180, so a quoted cell may hold line ends. Blank lines are skipped."""
    reader = csv.reader(lines(file), delimiter=delimiter, strict=True)
    start = 0
    picked: tuple[int, int, int] | None = None
    try:
        for cells in reader:
            line, start = start + 1, reader.line_num
            if not cells:
                continue
            if picked is None:
                picked = _header(cells, line, columns)
                continue
            input_at, output_at, width = picked
            if len(cells) != width:
                yield Flaw(line, f"has {len(cells)} {'cell' if len(cells) == 1 else 'cells'}, the header has {width}")
            else:
                yield line, cells[input_at], cells[output_at], None
    except csv.Error as error:
        message = f"a quote is misplaced or never closed, or a cell has more than {csv.field_size_limit():,} characters"
        raise Broken(Flaw(start + 1, f"cannot be split into cells: {message}")) from error


def read_tsv(file: BinaryIO, columns: Columns) -> Iterator[Row | Flaw]:
    """As CSV, with tabs."""
    return read_csv(file, columns, delimiter="\t")


FORMATS: Mapping[str, Callable[[BinaryIO, Columns], Iterator[Row | Flaw]]] = {
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
    ".csv": read_csv,
    ".tsv": read_tsv,
}


def _pick(row: Any, line: int, columns: Columns) -> Row | Flaw:
    """Take input and output out of an object."""
    if type(row) is not dict:
        return Flaw(line, f"must be an object with {columns.inputs[0]} and {columns.output}")
    names = [name for name in columns.inputs if name in row]
    if columns.conversations and is_conversation(row):
        return Flaw(line, f"has {names[0]} and is a conversation") if names else read_conversation(row, line)
    if len(names) != 1:
        return Flaw(line, f"has both {' and '.join(names)}" if names else f"{columns.inputs[0]} is missing")
    text, output = row[names[0]], row.get(columns.output, _MISSING)
    if type(text) is str and type(output) is str:
        return line, text, output, None
    return _not_text(line, columns.output if type(text) is str else names[0], output if type(text) is str else text)


_MISSING = object()


def _not_text(line: int, column: str, value: object) -> Flaw:
    if value is _MISSING:
        return Flaw(line, f"{column} is missing")
    return Flaw(line, f"{column} must be text, not {_TYPES.get(type(value), 'null')}", hint="put it in quotes")


def _header(cells: Sequence[str], line: int, columns: Columns) -> tuple[int, int, int]:
    """Return where input and output stand, and how many cells a row has.

    The cells are not shown in messages: in a file without a header they are a training row.
    """
    if len(set(cells)) != len(cells):
        raise Broken(Flaw(line, "the header names a column twice"))
    names = [name for name in columns.inputs if name in cells]
    if len(names) > 1:
        raise Broken(Flaw(line, f"the header has both {' and '.join(names)}"))
    missing = [*([] if names else [columns.inputs[0]]), *([] if columns.output in cells else [columns.output])]
    if missing:
        hint = "the first line must name the columns; dataset.inputKey and outputKey say which ones count"
        raise Broken(Flaw(line, f"the header has no column {' and no column '.join(missing)}", hint=hint))
    return cells.index(names[0]), cells.index(columns.output), len(cells)


def _broken_json(error: Exception, line: int, text: str | None = None) -> Flaw:
    """Say what is wrong with JSON: of one line, whose ``text`` is given, or of a whole file."""
    if isinstance(error, json.JSONDecodeError):
        if text is None:
            return Flaw(error.lineno, f"broken JSON: {error.msg}", error.colno)
        return Flaw(line, f"broken JSON: {error.msg}", min(error.pos, len(text)) + 1)
    if isinstance(error, _RepeatedKey):
        return Flaw(line, "sets a key twice")
    return Flaw(line, "broken JSON: nested too deeply, or a number too long")


def _skip(text: str, at: int, line: int) -> tuple[int, int]:
    """Skip white space; return the place after it and its line."""
    match = _SPACE.match(text, at)
    end = at if match is None else match.end()
    return end, line + text.count("\n", at, end)
