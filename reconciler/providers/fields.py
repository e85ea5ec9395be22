"""Fields of a spec that a service does not have: taken out, and said so, each as its provider judges it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.core.canonical import Json
from reconciler.core.resource import Spec
from reconciler.ports.provider import Normalized, Remark

__all__ = ["ignored", "refused", "without"]


def ignored(path: str, message: str) -> Remark:
    """Return the verdict on a field whose loss changes nothing about the model: it is left out, with a warning."""
    return Remark(path, f"{message}; ignored")


def refused(path: str, message: str, hint: str | None = None) -> Remark:
    """Return the verdict on a field without which the model would be another one: nothing is planned."""
    return Remark(path, message, f"remove spec.{path}" if hint is None else hint, severity="error")


def without(spec: Spec, verdicts: Iterable[Remark]) -> Normalized:
    """Return the spec without the fields that there is a verdict on, and the verdicts on those it has.

    What is left out is neither recorded nor compared, so it can never show as a difference.
    """
    remarks = []
    left: Spec = spec
    for verdict in verdicts:
        head, _, tail = verdict.path.partition(".")
        if head not in left:
            continue
        value = left[head]
        if tail and isinstance(value, Mapping):
            if tail in value:
                remarks.append(verdict)
                left = {**left, head: _lacking(value, tail)}
        elif not tail:
            remarks.append(verdict)
            left = _lacking(left, head)
    return Normalized(left, tuple(remarks))


def _lacking(mapping: Mapping[str, Json], key: str) -> dict[str, Json]:
    return {name: value for name, value in mapping.items() if name != key}
