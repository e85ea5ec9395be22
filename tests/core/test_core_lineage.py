"""Records of lineage: how they are spelt, hashed and linked."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from reconciler.core.lineage import Event, Loss, Parent, Record, summarise
from reconciler.core.observation import Snapshot
from reconciler.core.past.lineage_text import link, parse, read_records, record_document, record_hash, restore, spell
from reconciler.core.provenance import Provenance
from reconciler.core.resource import Dataset

BARE = Record("demo", "numbers", Event.PROMOTED, "2026-11-23T00:00:00Z", "tunedModels/numbers-0123456789ab")
FULL = replace(
    BARE,
    revision="sha256:aa",
    attempt=2,
    manifest="sha256:bb",
    dataset=Dataset("sha256:cc", 15),
    base_model="models/text-bison-001",
    parent=Parent("tunedModels/mother", "mother", "sha256:dd"),
    provenance=Provenance("f" * 40, clean=False, actor="ada", run="https://github.com/o/r/actions/runs/1"),
    recorded_by=Provenance(actor="grace"),
    operation="tunedModels/numbers/operations/1",
    steps=23,
    seconds=12.5,
    loss=Loss(3, 2.0, 1.0, 0.5, 2, 1),
    verdict={"passed": True},
    predicted={"seconds": 10},
    cost={"amount": "0.42"},
    replaced="tunedModels/numbers-before",
    former_name="old",
    error="the loss diverged",
)


@pytest.mark.parametrize("record", [BARE, FULL], ids=["bare", "full"])
def test_a_record_survives_its_line(record):
    linked, _ = link(record, None)
    assert restore(parse(spell(linked))) == linked


def test_each_record_names_the_hash_of_the_one_before():
    first, history = link(BARE, None)
    second, end = link(FULL, history)
    assert (first.number, first.prev) == (1, None)
    assert (second.number, second.prev) == (2, first.hash)
    assert (end.records, end.head) == (2, second.hash)


@pytest.mark.parametrize("key", [key for key in record_document(link(FULL, None)[0]) if key != "hash"])
def test_a_change_of_any_value_is_another_hash(key):
    document = record_document(link(FULL, None)[0])
    assert record_hash(document) == document["hash"]
    assert record_hash(document | {key: "something else"}) != document["hash"]


def test_keys_of_a_later_version_count_in_the_hash_and_do_not_disturb():
    document = record_document(link(BARE, None)[0]) | {"later": [1]}
    assert record_hash(document) != document["hash"]
    assert restore(document).name == "numbers"


@pytest.mark.parametrize(
    "line",
    [b"", b"nothing", b"[]", b"\xff", b"{}", b'{"format":"tunectl.lineage/v2"}', b"[" * 100_000],
)
def test_what_is_no_record_is_left_out_by_readers(line):
    good = spell(link(BARE, None)[0])
    assert [record.name for record in read_records([line, good])] == ["numbers"]


@pytest.mark.parametrize("key", ["project", "name", "number", "event", "time", "resource", "attempt", "hash"])
def test_a_record_without_a_key_that_counts_is_none(key):
    document = record_document(link(BARE, None)[0])
    del document[key]
    with pytest.raises(ValueError, match="lacks a key") as caught:
        restore(document)
    assert "numbers" not in str(caught.value)


def _curve(*losses):
    return [Snapshot(step, 0, loss) for step, loss in enumerate(losses, start=1)]


@pytest.mark.parametrize(
    ("curve", "summary"),
    [
        ([], None),
        (_curve(2.0, 0.5, 1.0), Loss(3, 2.0, 1.0, 0.5, 2)),
        (_curve(1.0, 1.0), Loss(2, 1.0, 1.0, 1.0, 1)),
        (_curve(math.nan, 3.0, math.inf), Loss(3, 3.0, 3.0, 3.0, 2, nan=2)),
        (_curve(math.nan), Loss(1, nan=1)),
        (_curve(None, 1.0), Loss(2, 1.0, 1.0, 1.0, 2)),
        (list(reversed(_curve(2.0, 1.0))), Loss(2, 2.0, 1.0, 1.0, 2)),
    ],
)
def test_a_curve_is_summed_up_without_its_points_that_are_no_number(curve, summary):
    assert summarise(curve) == summary


def test_a_line_holds_no_line_feed_whatever_an_error_says():
    line = spell(link(replace(BARE, error="a\nb\u2028c"), None)[0])
    assert b"\n" not in line
    assert json.loads(line)["error"] == "a\nb\u2028c"
