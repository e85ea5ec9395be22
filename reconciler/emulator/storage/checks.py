"""What a request to Cloud Storage must satisfy: names, preconditions, checksums, ranges."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.emulator.storage.answers import StorageError
from reconciler.emulator.storage.shelf import Stored

_BYTES = re.compile(r"bytes=(\d*)-(\d*)")
_NAME_BYTES = 1024
_HEADERS = ("contentType", "contentEncoding", "contentDisposition", "contentLanguage", "cacheControl")
_PRINTABLE = re.compile(r"[ -~]*")
_MISMATCH = "At least one of the pre-conditions you specified did not hold."


def name_of(query: Mapping[str, str], fields: Mapping[str, Any]) -> str:
    """Return the name of the object to insert: the parameter, or the description's.

    Raises:
        StorageError: 400, if there is none or it is too long.
    """
    name = query.get("name") or fields.get("name") or ""
    if not isinstance(name, str) or not 0 < len(name.encode()) <= _NAME_BYTES or "\n" in name or "\r" in name:
        raise StorageError(400, "Required object name is missing or not valid.")
    return name


def kept_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an object that its uploader sets; those that become headers must be fit for one.

    Raises:
        StorageError: 400, if one is of another kind.
    """
    for name in _HEADERS:
        if name in given and not (isinstance(given[name], str) and _PRINTABLE.fullmatch(given[name])):
            raise StorageError(400, f"Invalid value for {name}.")
    metadata = given.get("metadata", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise StorageError(400, "Invalid value for metadata.")
    kept = {name: given[name] for name in _HEADERS if name in given}
    return {**kept, "metadata": metadata} if metadata else kept


def check_conditions(query: Mapping[str, str], stored: Stored | None, *, reading: bool, media: bool = False) -> None:
    """Refuse what a precondition does not allow; None stands for an object that is not there, whose generation is 0.

    Raises:
        StorageError: 412, or 304 for a read that only wants what is new.
    """
    found = {"Generation": 0 if stored is None else stored.generation, "Metageneration": 0 if stored is None else 1}
    for name, value in found.items():
        wanted, unwanted = query.get(f"if{name}Match"), query.get(f"if{name}NotMatch")
        if wanted is not None and read_integer(wanted, f"if{name}Match") != value:
            raise StorageError(412, _MISMATCH, media=media)
        if unwanted is not None and read_integer(unwanted, f"if{name}NotMatch") == value:
            raise StorageError(304 if reading else 412, _MISMATCH, media=media)


def check_sums(given: Mapping[str, Any], found: Mapping[str, str]) -> None:
    """Refuse content whose checksums are not those it came with.

    Raises:
        StorageError: 400.
    """
    for name, said in (("md5Hash", "MD5 hash"), ("crc32c", "CRC32C")):
        wanted = given.get(name)
        if wanted is not None and wanted != found[name]:
            raise StorageError(400, f'Provided {said} "{wanted}" doesn\'t match calculated {said} "{found[name]}".')


def read_hashes(header: str) -> dict[str, str]:
    """Return the checksums of an X-Goog-Hash header by the names that resources give them."""
    pairs = [item.strip().partition("=") for item in header.split(",") if item.strip()]
    names = {"crc32c": "crc32c", "md5": "md5Hash"}
    return {names[name]: value for name, _, value in pairs if name in names}


def read_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the first byte and the one after the last that a Range header asks for; None for everything.

    Raises:
        StorageError: 416, if there is nothing there.
    """
    match = _BYTES.fullmatch(header)
    if match is None or match[1] == match[2] == "":
        return None
    if not match[1]:
        return max(0, size - int(match[2])), size
    first, end = int(match[1]), min(size, int(match[2]) + 1 if match[2] else size)
    if first >= size or first >= end:
        raise StorageError(416, f"The requested range cannot be satisfied: {header}", media=True)
    return first, end


def read_integer(text: str, name: str) -> int:
    """Return a parameter's number.

    Raises:
        StorageError: 400, if it is none.
    """
    if not text.isascii() or not text.isdigit():
        raise StorageError(400, f"Invalid value for {name}: {text[:80]!r}")
    return int(text)
