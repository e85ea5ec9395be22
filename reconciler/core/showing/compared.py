"""Two models side by side: every fact of both, and whether they differ. How facts are spelt is for ``views/``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.canonical import Json
from reconciler.core.datachange import DataChange
from reconciler.core.showing.specimen import GONE, Specimen

_GROUPS = ("model", "hyperparameters", "settings", "data", "training", "loss", "gate")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is known of both models, or of one. ``group`` and ``label`` name it; None is not set or not known.

    ``differs`` says that the two are sure not to be the same: of a model that is gone, what its record did not keep is
    no difference.
    """

    group: str
    label: str
    left: Json
    right: Json
    differs: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What both models answered to one question of their gates, with the points that each answer got."""

    question: str
    input: str
    expected: str
    left: str
    right: str
    left_score: float
    right_score: float


@dataclass(frozen=True, slots=True)
class Compared:
    """Two models. ``data`` is what changed from the left one's dataset to the right one's, None if nothing did.

    ``answers`` are those to the questions that both were asked; None if the answers of one of them were not kept.
    """

    left: Specimen
    right: Specimen
    facts: tuple[Fact, ...]
    data: DataChange | None = None
    answers: tuple[Answer, ...] | None = None

    @property
    def better(self) -> int:
        """How many questions the right one answered better."""
        return sum(answer.right_score > answer.left_score for answer in self.answers or ())

    @property
    def worse(self) -> int:
        """How many questions the right one answered worse."""
        return sum(answer.right_score < answer.left_score for answer in self.answers or ())


def compare(
    left: Specimen,
    right: Specimen,
    *,
    data: DataChange | None = None,
    answers: tuple[Sequence[Mapping[str, Json]], Sequence[Mapping[str, Json]]] | None = None,
) -> Compared:
    """Set two models side by side.

    Args:
        left: one model.
        right: the other one.
        data: what changed in the data between them.
        answers: the kept answers of both, row by row as they were written.
    """
    mine, theirs = dict(_facts(left)), dict(_facts(right))
    keys = sorted(dict.fromkeys((*mine, *theirs)), key=lambda key: _GROUPS.index(key[0]))
    kept = GONE not in {left.chosen.role, right.chosen.role}
    pairs = ((key, mine.get(key), theirs.get(key)) for key in keys)
    known = tuple(
        Fact(*key, one, other, differs=one != other and (kept or None not in (one, other)))
        for key, one, other in pairs
        if one is not None or other is not None
    )
    asked = None if answers is None else tuple(_answers(*answers))
    return Compared(left, right, known, data, asked)


def _facts(model: Specimen) -> Iterator[tuple[tuple[str, str], Json]]:
    instance, loss, dataset = model.instance, model.loss, model.dataset
    yield ("model", "resource"), instance.resource
    yield ("model", "role"), model.chosen.role
    yield ("model", "state"), model.state
    yield ("model", "revision"), instance.revision
    yield ("model", "attempt"), instance.attempt
    yield ("model", "base model"), model.base_model
    yield ("model", "tuned from"), model.source
    yield from _settings(model)
    for key, value in model.spec.items():
        if key not in {"baseModel", "source", "hyperparameters", "permissions"}:
            yield ("settings", key), value
    yield ("data", "dataset"), None if dataset is None else dataset.digest
    yield ("data", "examples"), None if dataset is None else dataset.examples
    yield ("data", "file"), None if dataset is None else dataset.path
    yield ("training", "steps"), model.steps
    yield ("training", "seconds"), model.seconds
    yield ("training", "cost"), model.cost
    yield ("training", "commit"), None if instance.provenance is None else instance.provenance.commit
    yield ("loss", "first"), None if loss is None else loss.first
    yield ("loss", "final"), None if loss is None else loss.last
    yield ("loss", "least"), None if loss is None else loss.least
    yield ("loss", "least at step"), None if loss is None else loss.least_step
    yield ("loss", "points that are no number"), None if loss is None or not loss.nan else loss.nan
    yield from _verdict(model)


def _settings(model: Specimen) -> Iterator[tuple[tuple[str, str], Json]]:
    """Yield hyperparameters as they are in use, and what the manifest said where that is something else."""
    asked, used = model.spec.get("hyperparameters"), model.resolved.get("hyperparameters")
    mine = asked if isinstance(asked, Mapping) else {}
    theirs = used if isinstance(used, Mapping) else {}
    for key in sorted(mine.keys() | theirs.keys()):
        used_value = theirs.get(key, mine.get(key))
        yield ("hyperparameters", key), used_value
        if mine.get(key) != used_value:
            yield ("hyperparameters", f"{key}, as set"), mine.get(key, "left to the service")


def _verdict(model: Specimen) -> Iterator[tuple[tuple[str, str], Json]]:
    verdict = model.verdict
    if verdict is None:
        return
    yield ("gate", "passed"), verdict.get("passed")
    checks = verdict.get("checks")
    for check in checks if isinstance(checks, list | tuple) else ():
        if isinstance(check, Mapping) and isinstance(check.get("check"), str):
            name = str(check["check"])
            yield ("gate", name), check.get("measured", check.get("passed"))
            yield ("gate", f"{name}, limit"), check.get("limit")


def _answers(left: Sequence[Mapping[str, Json]], right: Sequence[Mapping[str, Json]]) -> Iterator[Answer]:
    """Yield the questions that both were asked, in the right one's order; the same place may be another question."""
    mine = {(row.get("check"), row.get("input"), row.get("expected")): row for row in left}
    for row in right:
        other = mine.get((row.get("check"), row.get("input"), row.get("expected")))
        points = (None if other is None else other.get("score"), row.get("score"))
        if other is None or not all(isinstance(point, int | float) for point in points):
            continue
        texts = (row.get("check"), row.get("input"), row.get("expected"), other.get("answer"), row.get("answer"))
        yield Answer(*(str(item) for item in texts), *(float(point) for point in points))  # type: ignore[arg-type]  # looked at above
