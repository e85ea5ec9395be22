"""Who is judged and what came of it, as values; the judging is done in ``gate``."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core.gate import Gate
from reconciler.core.text import sanitize
from reconciler.core.verdict import Verdict
from reconciler.errors import TunectlError


@dataclass(frozen=True, slots=True)
class Subject:
    """A model to be judged. ``current`` is the model that serves, if another one does; ``label`` names the evidence."""

    name: str
    resource: str
    gate: Gate
    label: str
    current: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of an evaluation: a verdict, or the error that kept us from one. ``answers`` is where to read them."""

    subject: Subject
    verdict: Verdict | None = None
    error: TunectlError | None = None
    answers: str | None = None


def label_of(revision: str, attempt: int) -> str:
    """Return what tells the evidence about one model of a name from that about the next."""
    return f"{revision.removeprefix('sha256:')[:12]}-{attempt}"


def label_of_resource(resource: str) -> str:
    """Return the label of a model that no revision of ours is known of."""
    return sanitize(resource.rpartition("/")[2])
