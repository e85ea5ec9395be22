"""How a record of lineage is spelt: one line of canonical JSON, and the hash that ties it to the one before.

No file or bucket is read here, and no clock.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from reconciler.core.canonical import canonical_json
from reconciler.core.lineage import Event, History, Loss, Parent, Record
from reconciler.core.provenance import Provenance
from reconciler.core.resource import Dataset

FORMAT = "tunectl.lineage/v1"


def link(record: Record, after: History | None) -> tuple[Record, History]:
    """Return a record as the next one of a chain, and the chain's new end."""
    number, prev = (1, None) if after is None else (after.records + 1, after.head)
    linked = replace(record, number=number, prev=prev, hash="")
    linked = replace(linked, hash=record_hash(record_document(linked)))
    return linked, History(linked.number, linked.hash)


def record_hash(document: Mapping[str, Any]) -> str:
    """Return ``sha256:…`` over the canonical JSON of a record's document, its own hash left out.

    Keys that this version does not know count too, so that a record of a later one can be checked.
    """
    rest = {key: value for key, value in document.items() if key != "hash"}
    return f"sha256:{hashlib.sha256(canonical_json(rest)).hexdigest()}"


def spell(record: Record) -> bytes:
    """Return a record as its line, without the line feed: canonical JSON, so that equal records are equal bytes."""
    return canonical_json(record_document(record))


def record_document(record: Record) -> dict[str, Any]:
    """Return a record as a JSON object; what is not known is left out."""
    provenance, by = record.provenance, record.recorded_by
    document: dict[str, Any] = {
        "format": FORMAT,
        "project": record.project,
        "name": record.name,
        "number": record.number,
        "prev": record.prev,
        "event": record.event.value,
        "time": record.time,
        "resource": record.resource,
        "revision": record.revision,
        "attempt": record.attempt,
        "manifest": record.manifest,
        "dataset": None if record.dataset is None else _dataset(record.dataset),
        "baseModel": record.base_model,
        "parent": None if record.parent is None else _parent(record.parent),
        "provenance": None if provenance is None else provenance_document(provenance),
        "recordedBy": None if by is None else provenance_document(by),
        "operation": record.operation,
        "steps": record.steps,
        "seconds": record.seconds,
        "loss": None if record.loss is None else _loss(record.loss),
        "verdict": record.verdict,
        "predicted": record.predicted,
        "cost": record.cost,
        "replaced": record.replaced,
        "formerName": record.former_name,
        "merges": list(record.merges) or None,
        "error": record.error,
        "hash": record.hash or None,
    }
    return _known(document)


def provenance_document(provenance: Provenance) -> dict[str, Any]:
    """Return a provenance as a JSON object; what is not known is left out."""
    return _known(
        {
            "commit": provenance.commit,
            "clean": provenance.clean,
            "actor": provenance.actor,
            "run": provenance.run,
        }
    )


def restore(document: Mapping[str, Any]) -> Record:
    """Return the record that a JSON object holds; keys of later versions are left out.

    Raises:
        ValueError: it is no record, or one of a newer format; the message quotes nothing of it.
    """
    if document.get("format") != FORMAT:
        raise ValueError(f"is no record of {FORMAT}")
    try:
        return _restored(document)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("lacks a key of a record, or has one of another type") from error


def parse(line: bytes) -> dict[str, Any]:
    """Return the JSON object of a line.

    Raises:
        ValueError: it holds none.
    """
    try:
        found = json.loads(line.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise ValueError("is no JSON") from error
    if not isinstance(found, dict):
        raise ValueError("is no JSON object")  # noqa: TRY004  what was read is wrong, not how it was asked for
    return found


def read_records(lines: Iterable[bytes]) -> list[Record]:
    """Return the records of a log, in its order; lines that hold none are left out (``core.chain`` names them)."""
    found = []
    for line in lines:
        try:
            found.append(restore(parse(line)))
        except ValueError:
            continue
    return found


def _restored(document: Mapping[str, Any]) -> Record:
    loss, parent, dataset = document.get("loss"), document.get("parent"), document.get("dataset")
    return Record(
        project=_text(document["project"]),
        name=_text(document["name"]),
        event=Event(document["event"]),
        time=_text(document["time"]),
        resource=_text(document["resource"]),
        revision=_text(document["revision"]),
        attempt=_whole(document["attempt"]),
        number=_whole(document["number"]),
        prev=document.get("prev"),
        manifest=document.get("manifest"),
        dataset=None if dataset is None else _restored_dataset(dataset),
        base_model=document.get("baseModel"),
        parent=None if parent is None else Parent(parent["resource"], parent.get("name"), parent.get("revision")),
        provenance=_provenance(document.get("provenance")),
        recorded_by=_provenance(document.get("recordedBy")),
        operation=document.get("operation"),
        steps=document.get("steps"),
        seconds=document.get("seconds"),
        loss=None if loss is None else _restored_loss(loss),
        verdict=document.get("verdict"),
        predicted=document.get("predicted"),
        cost=document.get("cost"),
        replaced=document.get("replaced"),
        former_name=document.get("formerName"),
        merges=tuple(_text(each) for each in document.get("merges", ())),
        error=document.get("error"),
        hash=_text(document["hash"]),
    )


def _restored_dataset(dataset: Mapping[str, Any]) -> Dataset:
    return Dataset(
        _text(dataset["digest"]),
        _whole(dataset["examples"]),
        characters=dataset.get("characters"),
        path=dataset.get("path"),
    )


def _restored_loss(loss: Mapping[str, Any]) -> Loss:
    return Loss(
        points=_whole(loss["points"]),
        first=loss.get("first"),
        last=loss.get("last"),
        least=loss.get("least"),
        least_step=loss.get("leastStep"),
        nan=loss.get("nan", 0),
    )


def _provenance(document: Mapping[str, Any] | None) -> Provenance | None:
    if document is None:
        return None
    return Provenance(document.get("commit"), document.get("clean"), document.get("actor"), document.get("run"))


def _dataset(dataset: Dataset) -> dict[str, Any]:
    known = {"digest": dataset.digest, "examples": dataset.examples, "characters": dataset.characters}
    return _known({**known, "path": dataset.path})


def _parent(parent: Parent) -> dict[str, Any]:
    return _known({"resource": parent.resource, "name": parent.name, "revision": parent.revision})


def _loss(loss: Loss) -> dict[str, Any]:
    return _known(
        {
            "points": loss.points,
            "first": loss.first,
            "last": loss.last,
            "least": loss.least,
            "leastStep": loss.least_step,
            "nan": loss.nan or None,
        }
    )


def _known(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value is not None}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value
