"""The drift that a project file lets pass, as the core's values, and what a type cannot say of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from reconciler.core.planning.tolerance import Tolerance
from reconciler.errors import Problem
from reconciler.manifest.document import Spec
from reconciler.manifest.kinds import NEVER
from reconciler.manifest.places import Places, spell
from reconciler.manifest.project_document import DriftPart
from reconciler.manifest.shape import keys
from reconciler.manifest.verdict import suggest

__all__ = ["check_tolerances", "tolerances_of"]

_HEAD = "spec."
_NEVER_DRIFT = ("gate", "lifecycle")
_FIELDS = (*(key for key in keys(Spec) if key not in _NEVER_DRIFT), "labels")


def check_tolerances(part: DriftPart | None, places: Places) -> Iterator[Problem]:
    """Yield every path that is no field which can drift: such an entry would cover nothing, and say so to nobody."""
    for index, each in enumerate((part and part.ignore) or []):
        inner = "" if each.path is None else each.path.removeprefix(_HEAD)
        if each.path is not None and re.split(r"[.\[]", inner, maxsplit=1)[0] not in _FIELDS:
            steps = ("spec", "drift", "ignore", index, "path")
            said = f"{spell(steps)}: is no field that can drift"
            yield Problem(places.nearest(steps), said, suggest(inner, _FIELDS))


def tolerances_of(part: DriftPart | None, places: Places) -> tuple[Tolerance, ...]:
    """Return the table of what does not count, in order; ``spec.`` may be left out of a path."""
    return tuple(
        Tolerance(
            each.name,
            each.reason,
            None if each.path is None else _HEAD + each.path.removeprefix(_HEAD),
            None if each.until in {None, NEVER} else date.fromisoformat(str(each.until)),
            places.nearest(("spec", "drift", "ignore", index)) if each.until is None else None,
        )
        for index, each in enumerate((part and part.ignore) or [])
    )
