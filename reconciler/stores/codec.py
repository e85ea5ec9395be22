"""The lockfile's bytes: sorted, indented JSON that git diffs well, and a reader that believes all of it or nothing.

Whatever is wrong with the bytes ends in a LockfileError that says where and how to go on. Nothing is repaired or
guessed: the lockfile is the only witness of what was paid for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring
from typing import Any, NoReturn

from pydantic import ValidationError

from reconciler.core.lockfile import Entry, Lockfile
from reconciler.core.text import clip, sanitize
from reconciler.errors import LockfileError
from reconciler.stores import document
from reconciler.stores.lockfile_shapes import LockfileShape

_FORMAT = re.compile(r"tunectl\.lock/v([0-9]{1,9})")
_CONFLICT = re.compile(rb"^(<{7}|={7}|>{7})( |\r?$)", re.MULTILINE)
_NEWEST = int(document.FORMAT.rpartition("/v")[2])


Blocks = dict[str, tuple[Entry, str]]
"""The text of each name's block as it was written last, with the entry that it says."""


def encode(lockfile: Lockfile, blocks: Blocks | None = None) -> bytes:
    """Return the lockfile as it is stored: keys sorted, two spaces, one block a model, a line feed at the end.

    With ``blocks`` only what has changed since is spelt anew: a run writes the lockfile several times, and most of it
    stays as it is. What it holds is replaced by the blocks of this lockfile.

    Raises:
        ValueError: a spec or gate holds NaN or an infinity, which JSON does not have.
    """
    known = {} if blocks is None else blocks
    fresh = {name: (entry, _block(known.get(name), entry)) for name, entry in sorted(lockfile.models.items())}
    if blocks is not None:
        blocks.clear()
        blocks.update(fresh)
    models = ",\n".join(f"    {_spelt(name)}: {text}" for name, (_, text) in fresh.items())
    parts = {key: _spelt(value, "\n  ") for key, value in document.frame_json(lockfile).items()}
    parts["models"] = f"{{\n{models}\n  }}" if models else "{}"
    text = ",\n".join(f'  "{key}": {part}' for key, part in sorted(parts.items()))
    # A lone surrogate occurs only inside a JSON string, where \udXXX is exactly how JSON spells it.
    return f"{{\n{text}\n}}\n".encode("utf-8", "backslashreplace")


def _block(known: tuple[Entry, str] | None, entry: Entry) -> str:
    """Return the text of an entry; entries never change, so one that is the same one has the same text."""
    if known is not None and known[0] is entry:
        return known[1]
    return _spelt(document.entry_json(entry), "\n    ")


def _spelt(value: object, margin: str = "\n") -> str:
    """Return what ``json.dumps`` gives for sorted keys and two spaces; its own way there is three times slower.

    ``margin`` is the line feed and the spaces before what stands outside of the value.
    """
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, Mapping):
        if not value:
            return "{}"
        inner = f"{margin}  "
        items = [f"{encode_basestring(key)}: {_spelt(item, inner)}" for key, item in sorted(value.items())]
        return f"{{{inner}{f',{inner}'.join(items)}{margin}}}"
    if isinstance(value, list | tuple):
        if not value:
            return "[]"
        inner = f"{margin}  "
        return f"[{inner}{f',{inner}'.join([_spelt(item, inner) for item in value])}{margin}]"
    return json.dumps(value, allow_nan=False, default=_no_json)


def decode(data: bytes, *, address: str) -> Lockfile:
    """Read a lockfile; ``address`` is where the bytes came from, for messages.

    Raises:
        LockfileError: broken, cut short, with merge conflicts in it, of a newer format, or no lockfile at all.
    """
    found = _parse(data, address)
    _check_format(found, address)
    try:
        return LockfileShape.model_validate(found).value()
    except ValidationError as error:
        first, *more = error.errors(include_url=False, include_context=False, include_input=False)
        path = ".".join(str(part) for part in first["loc"])
        rest = f" (and {len(more)} more)" if more else ""
        _refuse(address, f"{clip(path, 200)}: {first['msg']}{rest}", error)


def is_damaged(data: bytes, *, address: str) -> bool:
    """Tell whether bytes are a lockfile of ours that was broken, or nothing that can be read at all.

    What is whole but of a newer format, or whole but no lockfile, is not damaged.
    """
    try:
        found = _parse(data, address)
    except LockfileError:
        return True
    try:
        _check_format(found, address)
    except LockfileError:
        return False
    try:
        LockfileShape.model_validate(found)
    except ValidationError:
        return True
    return False


def _parse(data: bytes, address: str) -> Any:
    if not data.strip():
        _refuse(address, "the file is empty")
    conflict = _CONFLICT.search(data)
    if conflict is not None:
        line = data.count(b"\n", 0, conflict.start()) + 1
        _refuse(f"{address}:{line}", "an unresolved merge conflict")
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        _refuse(f"{address}:{error.lineno}:{error.colno}", f"broken JSON: {error.msg}", error)
    except UnicodeDecodeError as error:
        _refuse(address, f"byte {error.start} is not UTF-8", error)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        _refuse(address, f"broken JSON: {clip(reason, 200)}", error)


def _check_format(found: Any, address: str) -> None:
    name = found.get("format") if isinstance(found, dict) else None
    match = _FORMAT.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        raise LockfileError(
            f"{sanitize(address)}: this is no tunectl lockfile (its format is not {document.FORMAT})",
            hint="point spec.lockfile or TUNECTL_LOCKFILE at the right file",
        )
    if int(match.group(1)) != _NEWEST:
        raise LockfileError(
            f"{sanitize(address)}: written by a newer tunectl ({match.group()}; this one reads {document.FORMAT})",
            hint="upgrade tunectl; it was not touched",
        )


def _refuse(where: str, what: str, cause: Exception | None = None) -> NoReturn:
    if "://" in where:
        hint = "bring an earlier version of the object back, or run tunectl lock rebuild"
    else:
        hint = "put a good one back with git checkout or from .tunectl/backup/, or run tunectl lock rebuild"
    raise LockfileError(f"{sanitize(where)}: {sanitize(what)}; nothing was changed", hint=hint) from cause


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {clip(json.dumps(key), 80)} stands twice in one object")
        found[key] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _no_json(value: object) -> NoReturn:
    raise TypeError(f"{type(value).__name__} is no JSON")
