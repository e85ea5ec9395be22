"""What is not as the last apply left it."""

from dataclasses import replace

import pytest
from core_values import (
    CAPABILITIES,
    DATA,
    FAILED,
    LIVE_FAILED,
    LIVE_READY,
    LIVE_TUNING,
    OTHER_DATA,
    PENDING,
    READY,
    REJECTED,
    TUNING,
    entry_of,
    instance,
    live,
    lockfile,
    seen,
    wanted,
)

from reconciler.core.gate import Gate
from reconciler.core.planning.drift import audit, remote_drift, seconds
from reconciler.core.resource import Lifecycle

M = wanted(epochs=3, topK=5, description="")
MADE = instance(M)
NEXT = instance(wanted(epochs=4), TUNING)
START = "2023-09-19T19:56:25.999303Z"
NOW = 1_700_000_000.0


def found(manifest, entry, *observed, now=NOW):
    manifests = [] if manifest is None else [manifest]
    drift = audit(
        manifests,
        lockfile(numbers=entry),
        seen(*observed),
        names=frozenset({"numbers"}),
        now=now,
        capabilities=CAPABILITIES,
    )
    return [(each.kind, each.path) for each in drift]


def ignoring(*paths):
    return Lifecycle(ignore=paths)


# Each row: manifest, entry, what is observed, and the drift: (kind, path).
ROWS = {
    "nothing": (M, entry_of(MADE), [live(MADE)], []),
    "missing": (M, entry_of(MADE), [], [("missing", None)]),
    "changed": (M, entry_of(MADE), [live(MADE, topK=6)], [("changed", "spec.topK")]),
    "changed to what the manifest wants now": (
        replace(M, spec={**M.spec, "topK": 6}),
        entry_of(MADE),
        [live(MADE, topK=6)],
        [],
    ),
    "changed, twice": (
        M,
        entry_of(MADE),
        [live(MADE, topK=6, displayName="x")],
        [("changed", "spec.displayName"), ("changed", "spec.topK")],
    ),
    "changed, unmanaged when applied": (M, entry_of(MADE), [live(MADE, topP=0.5)], []),
    "changed, unmanaged now": (wanted(epochs=3), entry_of(MADE), [live(MADE, topK=6)], []),
    "changed, ignored": (replace(M, lifecycle=ignoring("topK")), entry_of(MADE), [live(MADE, topK=6)], []),
    "an empty text that the service leaves out": (M, entry_of(MADE), [live(MADE, description=None)], []),
    "failed": (M, entry_of(MADE), [live(MADE, LIVE_FAILED)], [("failed", None)]),
    "failed with an error": (M, entry_of(MADE), [replace(live(MADE, LIVE_FAILED), error="e")], [("failed", None)]),
    "a first create failed": (M, entry_of(replace(MADE, state=FAILED, error="e")), [], [("failed", None)]),
    "a first create was rejected": (
        M,
        entry_of(replace(MADE, state=REJECTED, error="e")),
        [live(MADE)],
        [("failed", None)],
    ),
    "a candidate failed": (
        wanted(epochs=4),
        entry_of(MADE, failed=(replace(NEXT, state=FAILED),)),
        [live(MADE)],
        [("failed", None), ("manifest", "spec.hyperparameters.epochCount")],
    ),
    "a candidate failed that nobody wants any more": (
        M,
        entry_of(MADE, failed=(replace(NEXT, state=FAILED),)),
        [live(MADE)],
        [],
    ),
    "a tuning one failed": (M, entry_of(replace(MADE, state=TUNING)), [live(MADE, LIVE_FAILED)], [("failed", None)]),
    "a tuning one is ready": (M, entry_of(replace(MADE, state=TUNING)), [live(MADE, LIVE_READY)], []),
    "a tuning one is gone": (M, entry_of(replace(MADE, state=TUNING)), [], [("missing", None)]),
    "a pending one is not there": (M, entry_of(replace(MADE, state=PENDING)), [], [("missing", None)]),
    "a candidate is gone": (
        wanted(epochs=4),
        entry_of(MADE, candidate=NEXT),
        [live(MADE)],
        [("missing", None)],
    ),
    "a candidate is ready": (
        wanted(epochs=4),
        entry_of(MADE, candidate=replace(NEXT, state=READY)),
        [live(MADE), live(NEXT)],
        [],
    ),
    "stuck": (
        M,
        entry_of(replace(MADE, state=TUNING)),
        [replace(live(MADE, LIVE_TUNING), create_time=START)],
        [("stuck", None)],
    ),
    "stuck, by our own record": (
        M,
        entry_of(replace(MADE, state=TUNING, create_time=START)),
        [live(MADE, LIVE_TUNING)],
        [("stuck", None)],
    ),
    "tuning since nobody knows when": (M, entry_of(replace(MADE, state=TUNING)), [live(MADE, LIVE_TUNING)], []),
    "data": (replace(M, dataset=OTHER_DATA), entry_of(MADE), [live(MADE)], [("data", "spec.dataset")]),
    "data, ignored": (replace(M, dataset=OTHER_DATA, lifecycle=ignoring("dataset")), entry_of(MADE), [live(MADE)], []),
    "data and another value, data ignored": (
        replace(wanted(epochs=9), dataset=OTHER_DATA, lifecycle=ignoring("dataset")),
        entry_of(MADE),
        [live(MADE)],
        [("manifest", "spec.hyperparameters.epochCount")],
    ),
    "data of an imported model": (M, entry_of(replace(MADE, dataset=None)), [live(MADE)], []),
    "data, none any more": (replace(M, dataset=None), entry_of(MADE), [live(MADE)], []),
    "manifest": (
        replace(M, spec={**M.spec, "topK": 6}),
        entry_of(MADE),
        [live(MADE)],
        [("manifest", "spec.topK")],
    ),
    "manifest, ignored": (
        replace(M, spec={**M.spec, "topK": 6}, lifecycle=ignoring("topK")),
        entry_of(MADE),
        [live(MADE)],
        [],
    ),
    "manifest, another revision": (
        wanted(epochs=9),
        entry_of(MADE),
        [live(MADE)],
        [("manifest", "spec.hyperparameters.epochCount")],
    ),
    "manifest, a default written out": (
        replace(M, spec={**M.spec, "hyperparameters": {"epochCount": 3, "batchSize": 4}, "temperature": 0.7}),
        entry_of(MADE),
        [live(MADE)],
        [],
    ),
    "manifest, one of two hyperparameters": (
        wanted(epochs=9, batch=4),
        entry_of(instance(wanted(epochs=3, batch=4))),
        [live(instance(wanted(epochs=3, batch=4)))],
        [("manifest", "spec.hyperparameters.epochCount")],
    ),
    "manifest, a hyperparameter given up and another one changed": (
        wanted(epochs=9),
        entry_of(instance(wanted(epochs=3, batch=7))),
        [live(instance(wanted(epochs=3, batch=7)))],
        [("manifest", "spec.hyperparameters.batchSize"), ("manifest", "spec.hyperparameters.epochCount")],
    ),
    "manifest, another gate": (
        replace(M, gate=Gate(max_final_loss=0.5)),
        entry_of(MADE),
        [live(MADE)],
        [("manifest", "spec.gate")],
    ),
    "manifest, protected": (
        replace(M, lifecycle=Lifecycle(protect=True)),
        entry_of(MADE),
        [live(MADE)],
        [("manifest", "spec.lifecycle.protect")],
    ),
    "no manifest": (None, entry_of(MADE), [live(MADE)], [("manifest", None)]),
    "no manifest, changed": (
        None,
        entry_of(MADE),
        [live(MADE, topK=6)],
        [("changed", "spec.topK"), ("manifest", None)],
    ),
    "no manifest, stuck": (
        None,
        entry_of(replace(MADE, state=TUNING, create_time=START)),
        [live(MADE, LIVE_TUNING)],
        [("manifest", None), ("stuck", None)],
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_drift(row):
    manifest, entry, observed, expected = ROWS[row]
    assert found(manifest, entry, *observed) == expected


def test_a_manifest_that_was_never_applied_is_drift_if_it_is_looked_at():
    names = frozenset({"numbers"})
    (drift,) = audit([M, wanted("other")], lockfile(), seen(), names=names, now=NOW, capabilities=CAPABILITIES)
    assert (drift.name, drift.kind, drift.message) == ("numbers", "manifest", "has a manifest and was never applied")


def test_only_the_given_names_are_looked_at():
    recorded = lockfile(numbers=entry_of(MADE), other=entry_of(instance(wanted("other"))))
    assert {
        d.name for d in audit([M], recorded, seen(), names=frozenset({"other"}), now=NOW, capabilities=CAPABILITIES)
    } == {"other"}
    assert remote_drift([M], recorded, seen(), names=frozenset(), capabilities=CAPABILITIES) == ()


def test_a_change_comes_with_both_values_and_its_time():
    observation = replace(live(MADE, topK=6), update_time=START)
    (drift,) = remote_drift(
        [M],
        lockfile(numbers=entry_of(MADE)),
        seen(observation),
        names=frozenset({"numbers"}),
        capabilities=CAPABILITIES,
    )
    assert (drift.before, drift.after, drift.update_time, drift.resource) == (5, 6, START, MADE.resource)


def test_a_stuck_tuning_says_for_how_long():
    entry = entry_of(replace(MADE, state=TUNING, create_time=START))
    manifest = replace(M, lifecycle=Lifecycle(timeout=3600.0))
    names, now = frozenset({"numbers"}), seconds(START)
    options = {"desired": [manifest], "recorded": lockfile(numbers=entry), "observed": seen(live(MADE, LIVE_TUNING))}
    assert audit(**options, names=names, capabilities=CAPABILITIES, now=now + 3600) == ()
    (drift,) = audit(**options, names=names, capabilities=CAPABILITIES, now=now + 5400)
    assert drift.message.endswith("has been tuning for 1.5 h, over its timeout of 1 h")


def family(parent_revision, *, child_source="root"):
    root = wanted("root")
    child = wanted("child", source={"model": "root"})
    made, second = instance(root), instance(child, parent=parent_revision or instance(root).revision)
    now = replace(child, spec={**child.spec, "source": {"model": child_source}})
    recorded = lockfile(**{child_source: entry_of(made), "child": entry_of(second)})
    manifests = [replace(root, name=child_source), now]
    observed = seen(live(made), live(second, parent=made.resource))
    drift = audit(manifests, recorded, observed, names=frozenset({"child"}), now=NOW, capabilities=CAPABILITIES)
    return [(each.kind, each.path, each.message) for each in drift]


def test_a_child_drifts_when_its_parent_became_another_model_and_not_when_it_was_renamed():
    message = "its source model root is another one since the last apply"
    assert family(None) == []
    assert family(None, child_source="trunk") == []
    assert family("sha256:former") == [("manifest", "spec.source", message)]


def test_data_drift_says_how_many_examples_there_are():
    manifest = replace(M, dataset=OTHER_DATA)
    (drift,) = audit(
        [manifest],
        lockfile(numbers=entry_of(MADE)),
        seen(live(MADE)),
        names=frozenset({"numbers"}),
        now=NOW,
        capabilities=CAPABILITIES,
    )
    assert drift.message == "the dataset changed since the last apply, 15 -> 20 examples"
    assert (drift.before, drift.after) == (DATA.digest, OTHER_DATA.digest)


TIMES = [
    ("1970-01-01T00:00:00Z", 0.0),
    ("1970-01-01T00:00:01.5Z", 1.5),
    ("1970-01-01T00:00:01.123456789Z", 1.123456),
    ("1970-01-01T01:00:00+01:00", 0.0),
    ("1970-01-01T00:00:02", 2.0),
]


@pytest.mark.parametrize(("text", "expected"), TIMES)
def test_times_as_the_service_writes_them(text, expected):
    assert seconds(text) == expected
