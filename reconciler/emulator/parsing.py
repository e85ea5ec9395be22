"""Request bodies: JSON as leniently as the service reads it and no more, bound to the tables of ``schema``.

Lenient: trailing commas, lowerCamel or snake_case names, enums by name or number, numbers in strings, one item where a
list is due, null for "not set". Not lenient: unknown names, 3.5 for an integer, NaN as a bare word, two members of one
oneof. Binding says what the type system says; the rules of the API live with the methods.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from reconciler.emulator.problems import ApiError, violations
from reconciler.emulator.scalars import read_bool, read_double, read_float, read_int
from reconciler.emulator.schema import Field, Message

GENERATIVE_LANGUAGE = "google.ai.generativelanguage"

Object = dict[str, Any]
"""A bound message: lowerCamel names, enums by name, floats in float32's shortest spelling."""

# A string without an end is taken to the end of the text, so that no quote within it starts another search.
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[{,:]\s*,|,(?=\s*[}\]])', re.DOTALL)
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_ENUM_LIMIT = 2**31


def read_json(body: bytes) -> Any:
    """Read a JSON text, forgiving a comma before a closing bracket; nothing at all reads as an empty object.

    Raises:
        ApiError: INVALID_ARGUMENT, if it is no JSON (bad UTF-8, lone surrogates and absurd nesting included).
    """
    try:
        text = body.decode("utf-8")
        if not text.strip():
            return {}
        try:
            return _loads(text)
        except json.JSONDecodeError:
            return _loads(_TOKENS.sub(lambda match: "" if match[0] == "," else match[0], text))
    except RecursionError:
        raise _unreadable("Message too deep. Max recursion depth reached.") from None
    except ValueError:
        raise _unreadable("Unexpected token.") from None


def bind(message: Message, value: Any, *, package: str, root: str = "", api: str = GENERATIVE_LANGUAGE) -> Object:
    """Bind a JSON value to a message.

    Args:
        message: the table to bind to.
        value: what ``read_json`` gave.
        package: the API version, which the names of enums and messages in error texts carry.
        root: the proto path of the body within the request (``tuned_model``); empty if the body is the request.
        api: the proto package that the version is one of, which those names carry, too.

    Raises:
        ApiError: INVALID_ARGUMENT with every problem found, one line and one field violation each.
    """
    if not isinstance(value, dict):
        text = 'Invalid JSON payload received. Unknown name "": Root element must be a message.'
        raise violations([("", text)])
    binder = _Binder(f"{api}.{package}")
    bound = binder.object(message, value, root)
    if binder.problems:
        raise violations(binder.problems)
    return bound


class _Binder:
    """One pass over one body, collecting what is wrong with it."""

    def __init__(self, package: str) -> None:
        self.problems: list[tuple[str, str]] = []
        self.package = package

    def object(self, message: Message, value: dict[str, Any], path: str) -> Object:
        """Bind the fields of one message; ``path`` is its own."""
        bound: Object = {}
        oneofs: dict[str, str] = {}
        for name, item in value.items():
            field = message.by_name.get(name)
            if field is None:
                self._unknown(name, path, "Cannot find field.")
            elif item is not None and self._alone(field, oneofs, path):
                result = self._field(field, item, f"{path}.{field.proto}" if path else field.proto, path)
                if result is not None:
                    bound[field.name] = result
        return bound

    def _alone(self, field: Field, oneofs: dict[str, str], path: str) -> bool:
        """Tell whether no other member of the field's oneof is set yet."""
        if field.oneof is None or oneofs.setdefault(field.oneof, field.name) == field.name:
            return True
        place = f" at '{path}'" if path else ""
        said = f"oneof field '{field.oneof}' is already set. Cannot set '{field.name}'"
        self.problems.append((path, f"Invalid value{place} (oneof), {said}"))
        return False

    def _field(self, field: Field, value: Any, path: str, parent: str) -> Any:
        if field.kind == "any":
            return value
        if field.kind == "map":
            return self._map(value, path)
        if not field.repeated:
            if isinstance(value, list):
                self._unknown(field.name, parent, "Proto field is not repeating, cannot start list.")
                return None
            return self._single(field, value, path)
        items = value if isinstance(value, list) else [value]
        return [self._single(field, item, f"{path}[{index}]") for index, item in enumerate(items)]

    def _single(self, field: Field, value: Any, path: str) -> Any:
        if field.message is not None:
            if isinstance(value, dict):
                return self.object(field.message, value, path)
            self._invalid(path, f"type.googleapis.com/{self._full(field.message.name)}", value)
            return None
        if isinstance(value, dict):
            self.problems.append((path, f"Invalid value at '{path}', Starting an object on a scalar field"))
            return None
        bound = _scalar(field, value)
        if bound is None:
            self._invalid(path, self._type(field), value)
        return bound

    def _map(self, value: Any, path: str) -> dict[str, str] | None:
        """Bind a map of strings."""
        if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
            return dict(value)
        self._invalid(path, "Map", value)
        return None

    def _unknown(self, name: str, path: str, why: str) -> None:
        place = f" at '{path}'" if path else ""
        text = f"Invalid JSON payload received. Unknown name {json.dumps(name)}{place}: {why}"
        self.problems.append((path, text))

    def _invalid(self, path: str, kind: str, value: Any) -> None:
        self.problems.append((path, f"Invalid value at '{path}' ({kind}), {json.dumps(value)}"))

    def _type(self, field: Field) -> str:
        if field.enum is not None:
            return f"type.googleapis.com/{self._full(field.enum.name)}"
        if field.kind == "timestamp":
            return "type.googleapis.com/google.protobuf.Timestamp"
        return f"TYPE_{field.kind.upper()}"

    def _full(self, name: str) -> str:
        return f"{self.package}.{name}"


_READ: Mapping[str, Callable[[Any], Any]] = {
    "float": read_float,
    "double": read_double,
    "bool": read_bool,
    "int32": partial(read_int, bits=32),
    "int64": partial(read_int, bits=64),
}


def _scalar(field: Field, value: Any) -> Any:
    """Read one scalar; None if the value is not of the field's kind."""
    if field.enum is not None:
        return _enum(field, value)
    if field.kind == "string":
        return value if isinstance(value, str) else None
    if field.kind == "timestamp":
        return value if isinstance(value, str) and _TIMESTAMP.fullmatch(value) else None
    return _READ[field.kind](value)


def _enum(field: Field, value: Any) -> str | int | None:
    """Read an enum: a known name, or a number; proto3 keeps numbers it has no name for."""
    numbers = field.enum.numbers if field.enum is not None else {}
    if isinstance(value, str) and value in numbers:
        return value
    number = read_int(value, bits=32)
    if number is None or abs(number) >= _ENUM_LIMIT:
        return None
    return next((name for name, known in numbers.items() if known == number), number)


def _loads(text: str) -> Any:
    """Read strict JSON whose strings can be written down again in UTF-8."""
    value = json.loads(text, parse_constant=_no_constant)
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _unreadable(why: str) -> ApiError:
    text = f"Invalid JSON payload received. {why}"
    return violations([("", text)])
