"""Manifests in one style: keys in the order of the documentation, two spaces a level, no stray white space.

Works on lines, not on values: what stands in a line stays as it was written, with its comments, quotes and flow
mappings; lines move and shift as blocks. A comment goes with the key below it. Whatever comes out is parsed again and
has to say the very same; where reordering would make an alias stand before its anchor, the order is left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from reconciler.errors import Problem
from reconciler.manifest.document import Part, TunedModelDocument
from reconciler.manifest.project_document import ProjectDocument
from reconciler.manifest.shape import keys, parts
from reconciler.manifest.yamltext import Document, parse

__all__ = ["Formatted", "format_manifest"]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # as in yamltext
_INDENT = 2
_KINDS: dict[str, type[Part]] = {"TunedModel": TunedModelDocument, "Project": ProjectDocument}
_SPACED = re.compile(r"^(\s*(?:-\s+)?[A-Za-z][\w-]*:)[ \t]{2,}(?=[^\s#])")


@dataclass(frozen=True, slots=True)
class Formatted:
    """A text in our style, or None and the problems that keep it from being read."""

    text: str | None
    problems: tuple[Problem, ...] = ()


def format_manifest(data: bytes, file: str) -> Formatted:
    """Return the text of a file in our style. Its documents are read, not validated."""
    documents, problems = parse(data, file)
    if problems:
        return Formatted(None, tuple(problems))
    before = _said(documents)
    text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    for ordered in (True, False):
        shaped = _shaped(text, ordered=ordered)
        again, problems = parse(shaped.encode(), file)
        if not problems and _said(again) == before:
            return Formatted(shaped)
    return Formatted(text)


def _said(documents: Iterable[Document]) -> str:
    return json.dumps([document.value for document in documents], sort_keys=True)


def _shaped(text: str, *, ordered: bool) -> str:
    """Lay the lines of all documents out anew."""
    lines = text.split("\n")
    nodes = [node for node in yaml.compose_all(text, Loader=_LOADER) if node is not None]
    literal = {number for node in nodes for number in _literal_lines(node)}
    lines = [line if number in literal else _tidy(line) for number, line in enumerate(lines)]
    starts = [node.start_mark.line for node in nodes]
    out: list[str] = []
    done = 0
    for index, node in enumerate(nodes):
        end = _separator(lines, starts[index + 1]) if index + 1 < len(nodes) else len(lines)
        out += lines[done : starts[index]]
        out += _laid_out(lines, node, starts[index], end, _model(node), 0, ordered=ordered)
        done = end
    out += lines[done:]
    return "\n".join(_without_gaps(out)) + "\n"


def _tidy(line: str) -> str:
    return _SPACED.sub(r"\1 ", line.rstrip())


def _separator(lines: Sequence[str], start: int) -> int:
    """Return the line of the ``---`` that leads to a document, comments before it included, or its first line."""
    return next((number for number in range(start, -1, -1) if lines[number].startswith("---")), start)


def _model(node: yaml.Node) -> type[Part] | None:
    kind = next((value.value for key, value in _pairs(node) if key.value == "kind"), None)
    return _KINDS.get(kind) if isinstance(kind, str) else None


def _pairs(node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.flow_style and bool(node.value)


def _laid_out(
    lines: Sequence[str],
    node: yaml.Node,
    start: int,
    end: int,
    model: type[Part] | None,
    column: int,
    *,
    ordered: bool,
) -> list[str]:
    """Return the lines of a block mapping with its keys at a column, each with what is inside it."""
    if not isinstance(node, yaml.MappingNode) or not _is_block(node):
        return list(lines[start:end])
    key, value = _pairs(node)[-1]
    whole, end = end, _body_start(lines, _content_end(value, key), end, node.start_mark.column)  # what follows stays
    segments = list(_segments(lines, node, start, end))
    if ordered and model is not None:
        order = {key: place for place, key in enumerate(keys(model))}
        segments.sort(key=lambda segment: order.get(segment[0].value, len(order)))
    out: list[str] = []
    for key, value, first, key_line, last in segments:
        shift = column - key.start_mark.column
        out += [_shifted(line, shift) for line in lines[first:key_line]]
        inside = _inner(model, str(key.value))
        body = value.start_mark.line
        if not _is_block(value) or body <= key_line:
            out += [_shifted(line, shift) for line in lines[key_line:last]]
            continue
        head = _body_start(lines, key_line + 1, body)
        out += [_shifted(line, shift) for line in lines[key_line:head]]
        if isinstance(value, yaml.MappingNode):
            out += _laid_out(lines, value, head, last, inside, column + _INDENT, ordered=ordered)
        else:
            out += [_shifted(line, column + _INDENT - value.start_mark.column) for line in lines[head:last]]
    return out + [_shifted(line, column - node.start_mark.column) for line in lines[end:whole]]


def _segments(
    lines: Sequence[str], node: yaml.MappingNode, start: int, end: int
) -> Iterator[tuple[yaml.Node, yaml.Node, int, int, int]]:
    """Yield each pair with its lines: the first comment above its key, its key's own, and where the next begins."""
    pairs = _pairs(node)
    firsts = [start]
    firsts += [
        _body_start(lines, _content_end(pairs[i][1], pairs[i][0]), key.start_mark.line, key.start_mark.column)
        for i, (key, _) in enumerate(pairs[1:])
    ]
    for (key, value), first, last in zip(pairs, firsts, [*firsts[1:], end], strict=True):
        yield key, value, first, key.start_mark.line, last


def _content_end(value: yaml.Node, key: yaml.Node) -> int:
    """Return the line after the last one that certainly belongs to a value."""
    if _is_block(value):
        last = value.value[-1]
        return _content_end(last[1], last[0]) if isinstance(last, tuple) else _content_end(last, last)
    mark = value.end_mark
    ended = mark.line if mark.column == 0 and mark.line > value.start_mark.line else mark.line + 1
    return max(ended, key.start_mark.line + 1)


def _body_start(lines: Sequence[str], lowest: int, line: int, column: int = 0) -> int:
    """Return the first of the comments and empty lines right above a line; deeper comments belong to what is above."""
    first = line
    while first > lowest:
        above = lines[first - 1]
        text = above.lstrip()
        if text and (not text.startswith("#") or len(above) - len(text) > column > 0):
            break
        first -= 1
    return first


def _inner(model: type[Part] | None, key: str) -> type[Part] | None:
    found = None if model is None else parts(model).get(key)
    return found[0] if found is not None and not found[1] else None


def _shifted(line: str, by: int) -> str:
    if not line.strip():
        return ""
    return " " * by + line if by >= 0 else line[-by:] if not line[:-by].strip() else line.lstrip()


def _literal_lines(node: yaml.Node) -> Iterator[int]:
    """Yield the numbers of the lines of block scalars, in which white space is content."""
    if isinstance(node, yaml.ScalarNode):
        if node.style in {"|", ">"}:
            yield from range(node.start_mark.line + 1, node.end_mark.line + 1)
    else:
        for item in node.value:
            for inner in item if isinstance(item, tuple) else (item,):
                yield from _literal_lines(inner)


def _without_gaps(lines: Sequence[str]) -> list[str]:
    """Leave one empty line where there are several, and none at the ends."""
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    while kept and not kept[-1]:
        kept.pop()
    return kept
