"""Query strings: the system parameters every Google API takes, and the method's own.

Own parameters are bound like fields of the request message, in either spelling; unknown ones are refused with the
service's message. Which parameters a method takes is said in ``routes``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from reconciler.emulator.parsing import Object, bind
from reconciler.emulator.problems import ApiError, invalid, violations
from reconciler.emulator.schema import Message

_PLAIN = ("alt", "key", "fields", "prettyPrint", "callback")
_SYSTEM = frozenset(
    [
        *_PLAIN,
        *(f"${name}" for name in _PLAIN),
        *("quotaUser", "access_token", "oauth_token", "uploadType", "upload_protocol"),
        *("$.xgafv", "$httpHeaders", "$userProject", "$outputDefaults"),
    ]
)
_SECRETS = frozenset({"key", "$key", "access_token", "oauth_token"})
_FORMATS = {"json", "sse"}


@dataclass(frozen=True, slots=True)
class System:
    """What the system parameters ask for (cloud.google.com/apis/docs/system-parameters)."""

    integer_enums: bool = False
    stream_events: bool = False
    pretty: bool = False
    fields: str | None = None
    key: str | None = None
    token: str | None = None


def read_query(text: str) -> list[tuple[str, str]]:
    """Split a query string into its pairs.

    Raises:
        ApiError: INVALID_ARGUMENT, if it is not UTF-8 or has absurdly many fields.
    """
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=1000)
    except ValueError:
        raise invalid("the query string cannot be read") from None


def read_system(pairs: list[tuple[str, str]]) -> System:
    """Read the system parameters.

    Raises:
        ApiError: INVALID_ARGUMENT, if ``alt`` asks for anything but JSON.
    """
    known = {name.removeprefix("$"): value for name, value in pairs if name in _SYSTEM}
    form, _, options = known.get("alt", "json").partition(";")
    if form not in _FORMATS:
        raise violations(
            [("alt", f'Invalid value for parameter "alt": {form}')], "Request contains an invalid argument."
        )
    return System(
        integer_enums="enum-encoding=int" in options.split(";"),
        stream_events=form == "sse",
        pretty=known.get("prettyPrint") in {"true", "1"},
        fields=known.get("fields") or None,
        key=known.get("key") or None,
        token=known.get("access_token") or known.get("oauth_token") or None,
    )


def bind_parameters(message: Message, pairs: list[tuple[str, str]], *, package: str) -> Object:
    """Bind a method's own parameters.

    Raises:
        ApiError: INVALID_ARGUMENT, naming each parameter the request message does not have.
    """
    values: dict[str, Any] = {}
    problems = []
    for name, value in pairs:
        if name in _SYSTEM:
            continue
        field = message.by_name.get(name)
        if field is None:
            problems.append(("", _unbound(name)))
        elif field.repeated:
            values.setdefault(field.name, []).append(value)
        elif value or field.kind == "string":
            values[field.name] = value
    if problems:
        raise violations(problems)
    return bind(message, values, package=package)


def redact(pairs: list[tuple[str, str]]) -> Mapping[str, str]:
    """Return the pairs for a log, without what opens doors."""
    return {name: "REDACTED" if name in _SECRETS else value for name, value in pairs}


def _unbound(name: str) -> str:
    return (
        f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
        f"Field '{name}' could not be found in request message."
    )


def page_size(parameters: Mapping[str, Any], *, default: int, limit: int) -> int:
    """Return the page size to use: 0 or absent is the default, too much is cut (AIP-158).

    Raises:
        ApiError: INVALID_ARGUMENT, if it is negative.
    """
    asked = parameters.get("pageSize", 0)
    if asked < 0:
        raise ApiError("INVALID_ARGUMENT", reason=f"pageSize is {asked}; it may not be negative")
    return min(asked or default, limit)
