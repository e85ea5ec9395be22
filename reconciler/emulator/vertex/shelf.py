"""Vertex AI's side of the store: one table for jobs, models, endpoints and operations, one for training examples.

``due`` is the time at which something happens to a record by itself; ``lifecycle`` asks for it. No rule of the API
lives here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any, TypeVar, cast

from reconciler.emulator.records import Pairs
from reconciler.emulator.store import Store
from reconciler.emulator.vertex.names import Place
from reconciler.emulator.vertex.records import Endpoint, Job, Model, Operation, Version

Record = Job | Model | Endpoint | Operation
R = TypeVar("R", Job, Model, Endpoint, Operation)

_KINDS: Mapping[type[Any], str] = {Job: "job", Model: "model", Endpoint: "endpoint", Operation: "operation"}
_TYPES = {kind: record for record, kind in _KINDS.items()}


class Shelf:
    """The records of Vertex AI's world in a store; whoever writes holds the store's transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, record: R) -> R:
        """Keep a new record, and return it with its number."""
        place = record.place
        seq = self._store.run(
            "INSERT INTO vertex_records (kind, project, location, id, created, due, waits, value)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            _KINDS[type(record)],
            *(place.project, place.location, place.id, record.created),
            *(_due(record), _waits(record), _dump(record)),
        )
        return replace(record, seq=seq)

    def put(self, record: Record) -> None:
        """Keep what has changed about a record."""
        self._store.run(
            "UPDATE vertex_records SET due = ?, waits = ?, value = ? WHERE seq = ?",
            *(_due(record), _waits(record), _dump(record), record.seq),
        )

    def remove(self, record: Record) -> None:
        """Forget a record."""
        self._store.run("DELETE FROM vertex_records WHERE seq = ?", record.seq)

    def find(self, kind: type[R], project: str, location: str, record_id: str) -> R | None:
        """Return the record of a kind and place."""
        rows = self._store.rows(
            "SELECT seq, value FROM vertex_records WHERE kind = ? AND project = ? AND location = ? AND id = ?",
            *(_KINDS[kind], project, location, record_id),
        )
        return _load(kind, *rows[0]) if rows else None

    def records(self, kind: type[R], project: str, location: str, *, before: int) -> Iterator[R]:
        """Yield the records of a kind in a location, newest first."""
        yield from (
            _load(kind, *row)
            for row in self._store.rows(
                "SELECT seq, value FROM vertex_records"
                " WHERE kind = ? AND project = ? AND location = ? AND seq < ? ORDER BY seq DESC",
                *(_KINDS[kind], project, location, before),
            )
        )

    def next_due(self, now: int) -> Job | Operation | None:
        """Return the job or operation whose time has come first, if any has."""
        rows = self._store.rows(
            "SELECT kind, seq, value FROM vertex_records WHERE due <= ? ORDER BY due, seq LIMIT 1", now
        )
        return cast("Job | Operation", _load(_TYPES[rows[0][0]], *rows[0][1:])) if rows else None

    def waiting(self) -> list[str]:
        """Return the projects that have jobs waiting for a slot."""
        return [row[0] for row in self._store.rows("SELECT DISTINCT project FROM vertex_records WHERE waits = 1")]

    def queued(self, project: str) -> Job | None:
        """Return the job that has waited longest for a slot of a project."""
        rows = self._store.rows(
            "SELECT seq, value FROM vertex_records WHERE project = ? AND waits = 1 ORDER BY seq LIMIT 1",
            project,
        )
        return _load(Job, *rows[0]) if rows else None

    def running(self, project: str) -> int:
        """Count the jobs of a project that hold a slot."""
        rows = self._store.rows("SELECT COUNT(*) FROM vertex_records WHERE project = ? AND waits = 2", project)
        return int(rows[0][0])

    def last_number(self) -> int:
        """Return the number of the newest record there ever was."""
        rows = self._store.rows("SELECT seq FROM sqlite_sequence WHERE name = 'vertex_records'")
        return int(rows[0][0]) if rows else 0

    def count(self, kind: type[Record]) -> int:
        """Count the records of a kind."""
        return int(self._store.rows("SELECT COUNT(*) FROM vertex_records WHERE kind = ?", _KINDS[kind])[0][0])

    def keep_pairs(self, job: str, pairs: Pairs) -> None:
        """Keep what a job was trained on."""
        self._store.run("INSERT OR REPLACE INTO vertex_examples VALUES (?, ?)", job, _json(pairs))

    def pairs(self, job: str) -> list[tuple[str, str]]:
        """Return what a job was trained on, as pairs of input and output."""
        rows = self._store.rows("SELECT pairs FROM vertex_examples WHERE job = ?", job)
        return [(text, output) for text, output in json.loads(rows[0][0])] if rows else []

    def clear(self) -> None:
        """Forget everything."""
        self._store.run("DELETE FROM vertex_records")
        self._store.run("DELETE FROM vertex_examples")


_HELD = 2
_WAITING = 1


def _waits(record: Record) -> int:
    """Tell whether a job waits for a slot (1) or holds one (2)."""
    if not isinstance(record, Job) or record.tuned is not None:
        return 0
    if record.admitted is None:
        return 0 if record.cancelled is not None else _WAITING
    return _HELD


def _due(record: Record) -> int | None:
    if isinstance(record, Job):
        return None if record.tuned is not None else record.ends
    if isinstance(record, Operation):
        return None if record.done else record.ends
    return None


def _load(kind: type[R], seq: int, text: str) -> R:
    value = json.loads(text)
    value["place"] = Place(**value["place"])
    if kind is Model:
        value["versions"] = [Version(**version) for version in value["versions"]]
    for name in ("parent", "refused"):
        if value.get(name) is not None:
            value[name] = tuple(value[name])
    return kind(**{**value, "seq": seq})


def _dump(record: Record) -> str:
    value = asdict(record)
    del value["seq"]
    return _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
