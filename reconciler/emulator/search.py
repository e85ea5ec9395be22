"""The ``filter`` of tunedModels.list (v1beta): words searched in display name and description, and four operators.

``owner:me``, ``writers:me``, ``readers:me``, ``readers:everyone``. It is no field filter: nothing can ask for a base
model. Several parts must all hold.
"""

from __future__ import annotations

from collections.abc import Callable

from reconciler.emulator.problems import invalid
from reconciler.emulator.records import Model

Chosen = Callable[[Model, str | None, bool], bool]
"""Whether a listing shows a model, given the caller's own role and whether everyone has one."""

_OPERATORS: dict[str, Chosen] = {
    "owner:me": lambda _model, role, _shared: role == "OWNER",
    "writers:me": lambda _model, role, _shared: role == "WRITER",
    "readers:me": lambda _model, role, _shared: role == "READER",
    "readers:everyone": lambda _model, _role, shared: shared,
}
_NAMES = ("owner:", "writers:", "readers:")


def parse_filter(text: str) -> Chosen:
    """Return the test a filter stands for.

    Raises:
        ApiError: INVALID_ARGUMENT, for an operator with a value it does not take.
    """
    parts = text.split()
    unknown = [part for part in parts if part.startswith(_NAMES) and part not in _OPERATORS]
    if unknown:
        raise invalid(f"filter: {unknown[0]!r} is none of {', '.join(_OPERATORS)}")
    tests = [_OPERATORS[part] for part in parts if part in _OPERATORS]
    words = [part.strip("\"'").casefold() for part in parts if part not in _OPERATORS]
    everyone = "readers:everyone" in parts

    def chosen(model: Model, role: str | None, shared: bool) -> bool:
        if role is None and not (shared and everyone):
            return False
        return all(test(model, role, shared) for test in tests) and _contains(model, words)

    return chosen


def _contains(model: Model, words: list[str]) -> bool:
    if not words:
        return True
    text = f"{model.fields.get('displayName', '')}\n{model.fields.get('description', '')}".casefold()
    return all(word in text for word in words)
