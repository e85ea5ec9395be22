"""Manifests as text, for people to go on with: what is said, and in comments what cannot be.

What is written here is what ``yamltext`` reads back, whatever characters a service sends; files are not touched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from reconciler.core.canonical import Json
from reconciler.core.text import sanitize
from reconciler.manifest.scalars import plain

__all__ = ["compose", "scalar"]

_OLD_BOOLEAN = re.compile(r"y|yes|n|no|on|off", re.IGNORECASE)
"""Text here, and a boolean to whatever reads YAML 1.1."""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 _./@-]*")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_LATIN, _BMP = 0xFF, 0xFFFF
_FLOW = frozenset({"hyperparameters", "source"})


def compose(
    name: str,
    spec: Mapping[str, Json],
    *,
    folder: str,
    head: Iterable[str],
    notes: Mapping[str, str],
    labels: Mapping[str, str],
    lifecycle: Mapping[str, Json],
) -> str:
    """Return the text of a manifest.

    Args:
        name: its name.
        spec: its fields, in the order in which they are to stand.
        folder: where the file will be, relative to the project; the schema's address depends on it.
        head: lines of comment above it.
        notes: what is not managed and why, by field.
        labels: its labels.
        lifecycle: how it is replaced and removed, as far as that is not as usual.
    """
    up = "../" * (0 if folder in {"", "."} else folder.count("/") + 1)
    lines = [f"# yaml-language-server: $schema={up}schemas/tunedmodel.schema.json"]
    lines += [f"# {sanitize(line)}" for line in head]
    lines += ["apiVersion: tunectl/v1", "kind: TunedModel", "metadata:", f"  name: {scalar(name)}"]
    lines += [f"  labels: {_flow(labels)}"] if labels else []
    lines.append("spec:")
    for key, value in spec.items():
        lines += _field(key, value)
    lines += [f"  # {sanitize(field)} is not managed: {sanitize(why)}" for field, why in notes.items()]
    lines += [f"  lifecycle: {_flow(lifecycle)}"] if lifecycle else []
    return "\n".join(lines) + "\n"


def scalar(value: Json) -> str:
    """Return a value without an inside as YAML; text in quotes unless it reads as itself without them."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and not _OLD_BOOLEAN.fullmatch(value) and value[-1] != " " and plain(value) == value:
        return value
    return f'"{"".join(map(_character, value))}"'


def _field(key: str, value: Json) -> list[str]:
    if key in _FLOW:
        return [f"  {key}: {_flow(value)}"]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [f"  {key}:", *(f"    - {_flow(item)}" for item in value)] if value else [f"  {key}: []"]
    return [f"  {key}: {_flow(value)}"]


def _flow(value: Json) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{scalar(key)}: {_flow(item)}' for key, item in value.items())}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_flow, value))}]"
    return scalar(value)


def _character(character: str) -> str:
    """Return one character between double quotes (YAML 1.2.2, section 5.7), invisible ones spelt out."""
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code <= _LATIN:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _BMP else f"\\U{code:08x}"
