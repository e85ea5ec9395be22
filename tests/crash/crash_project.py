"""The projects of the sweep: what the remote holds before, what is asked for, and what an apply has to come to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BISON = "models/text-bison-001"
LOCKFILE = "tunectl.lock"
_IN_A_FILE = 100

GATE = {"prompts": [{"input": "3", "equals": "4"}]}
"""What a replacement and a first create have to pass; it is asked anew by whoever finishes a killed run."""

TEMPERATURE = 0.25
"""What ``write_after`` sets for ``patched``."""

FOREIGN = {
    "tunedModels": [
        {
            "name": f"tunedModels/{identifier}",
            "displayName": shown,
            "baseModel": BISON,
            "state": "ACTIVE",
            "createTime": "2026-01-01T00:00:00Z",
            "updateTime": "2026-01-01T00:00:00Z",
            "tuningTask": {"hyperparameters": {"epochCount": 3, "batchSize": 2, "learningRate": 0.001}},
        }
        for identifier, shown in (
            ("somebodys-numbers", "numbers of somebody else"),
            ("changed-by-hand", "changed"),
            ("steady-0123456789ab", "steady"),
        )
    ]
}
"""Models that are not ours: an ordinary one, one with a display name of ours, one whose id has the shape of ours."""


@dataclass(frozen=True, slots=True)
class Story:
    """An apply that is to be killed.

    ``before`` writes the project of an apply that is through already (None: there was none), ``after`` what is asked
    for now. ``paid`` trainings are to be bought by it, ``wanted`` are the names at its end, ``kept`` those whose model
    stays the very same, ``former`` what a name was called before.
    """

    name: str
    before: Callable[[Path], None] | None
    after: Callable[[Path], None]
    paid: int
    wanted: frozenset[str]
    kept: frozenset[str] = frozenset()
    former: Mapping[str, str] = field(default_factory=dict)
    temperatures: Mapping[str, float] = field(default_factory=dict)


def write_before(root: Path) -> None:
    """Write the project as a first apply finds it."""
    spec = {"apiVersion": "tunectl/v1", "kind": "Project", "metadata": {"name": "sweep"}, "spec": {}}
    _write(root / "tunectl.yaml", json.dumps(spec))
    rows = ({"text_input": str(number), "output": str(number + 1)} for number in range(1, 16))
    _write(root / "manifests/datasets/numbers.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    _manifest(root, "steady", epochs=3)
    _manifest(root, "patched", epochs=4)
    _manifest(root, "changed", epochs=5)
    _manifest(root, "dropped", epochs=6)
    _manifest(root, "named", epochs=7)
    _manifest(root, "mother", epochs=8)
    _manifest(root, "daughter", epochs=2, baseModel=None, source={"model": "mother"})


def write_after(root: Path) -> None:
    """Edit the manifests: one of every kind of action, and two generations of parents and children."""
    (root / "manifests/dropped.yaml").unlink()
    (root / "manifests/named.yaml").unlink()
    _manifest(root, "patched", epochs=4, temperature=TEMPERATURE)
    _manifest(root, "changed", epochs=15, gate=GATE)
    _manifest(root, "renamed", epochs=7, metadata={"previousNames": ["named"]}, displayName="named")
    _manifest(root, "mother", epochs=18)
    _manifest(root, "first", epochs=12, gate=GATE)
    _manifest(root, "second", epochs=13)


FIRST = Story(
    name="first",
    before=None,
    after=write_before,
    paid=7,
    wanted=frozenset({"changed", "daughter", "dropped", "mother", "named", "patched", "steady"}),
)
"""The first apply of a project: there is no lockfile, seven models are created, one of them from another."""

CHANGE = Story(
    name="change",
    before=write_before,
    after=write_after,
    paid=5,
    wanted=frozenset({"changed", "daughter", "first", "mother", "patched", "renamed", "second", "steady"}),
    kept=frozenset({"patched", "renamed", "steady"}),
    former={"renamed": "named"},
    temperatures={"patched": TEMPERATURE},
)
"""A change of everything: two creates, three replacements (one of a parent, one of her child), an update, a deletion
and a rename; one create and one replacement have a gate to pass."""

STORIES = (FIRST, CHANGE)


def write_fleet(root: Path, count: int) -> None:
    """Write a project of so many manifests, a hundred in a file."""
    write_before(root)
    for path in (root / "manifests").glob("*.yaml"):
        path.unlink()
    for start in range(0, count, _IN_A_FILE):
        names = (f"model-{number:05}" for number in range(start, min(start + _IN_A_FILE, count)))
        documents = (json.dumps(_document(name, epochs=3)) for name in names)
        _write(root / f"manifests/fleet-{start:05}.yaml", "".join(f"---\n{document}\n" for document in documents))


def _manifest(root: Path, name: str, *, epochs: int, metadata: Mapping[str, Any] | None = None, **spec: Any) -> None:
    document = _document(name, epochs=epochs, metadata=metadata, **spec)
    _write(root / "manifests" / f"{name}.yaml", json.dumps(document, indent=2))


def _document(name: str, *, epochs: int, metadata: Mapping[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    usual = {
        "displayName": name,
        "baseModel": BISON,
        "dataset": {"path": "datasets/numbers.jsonl"},
        "hyperparameters": {"epochCount": epochs, "batchSize": 2, "learningRate": 0.001},
    }
    return {
        "apiVersion": "tunectl/v1",
        "kind": "TunedModel",
        "metadata": {"name": name, **(metadata or {})},
        "spec": {key: value for key, value in {**usual, **spec}.items() if value is not None},
    }


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
