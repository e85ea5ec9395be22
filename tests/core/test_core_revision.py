"""When a manifest asks for another training, and when it does not."""

from dataclasses import replace

import pytest
from core_values import (
    BASE,
    DATA,
    FAILED,
    OTHER_DATA,
    PENDING,
    REJECTED,
    entry_of,
    instance,
    live,
    lockfile,
    revision,
    wanted,
)
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.lockfile import InstanceState
from reconciler.core.resource import Dataset, Lifecycle
from reconciler.core.revision import Wanted, compatible, revision_of, settle, wanted_revisions

FROM_OTHER = {"model": "other"}
FROM_REMOTE = {"tunedModel": "tunedModels/x"}


def ignoring(*paths):
    return Lifecycle(ignore=paths)


def test_a_revision_never_changes_from_one_version_to_the_next():
    manifest = wanted(epochs=3, batch=2, rate=0.001)
    assert revision(manifest) == "sha256:de0ba821674d1de999c896229f76c33232d5feeae08d23e5c3c20960e0faacb1"


DIFFERENT = [
    wanted(base="models/other"),
    wanted(source=FROM_REMOTE),
    wanted(data=OTHER_DATA),
    wanted(data=None),
    wanted(epochs=5),
    wanted(rate=0.01),
]


@pytest.mark.parametrize("manifest", DIFFERENT)
def test_what_a_model_is_made_of_makes_its_revision(manifest):
    assert revision(manifest) != revision(wanted())


@given(st.dictionaries(st.sampled_from(["displayName", "description", "temperature", "topK", "labels"]), st.text()))
def test_what_can_be_patched_makes_no_revision(fields):
    assert revision_of({"baseModel": BASE, **fields}, DATA) == revision_of({"baseModel": BASE}, DATA)


def test_the_number_of_examples_and_the_order_of_keys_make_no_revision():
    one = {"baseModel": BASE, "hyperparameters": {"epochCount": 3, "batchSize": 2}}
    other = {"hyperparameters": {"batchSize": 2.0, "epochCount": 3}, "baseModel": BASE}
    assert revision_of(one, DATA) == revision_of(other, Dataset(DATA.digest, 99))


def test_a_child_has_its_parents_revision_in_its_own_and_not_its_name():
    child, renamed = wanted(source=FROM_OTHER), wanted(source={"model": "renamed"})
    assert revision(child, "sha256:1") == revision(renamed, "sha256:1") != revision(child, "sha256:2")


def test_a_child_without_its_parents_revision_has_none():
    with pytest.raises(ValueError, match="the revision of the source model 'other' is not known"):
        revision(wanted(source=FROM_OTHER))


# what was applied, what is wanted now, hyperparameters the service resolved differently from the usual ones
SETTLES = {
    "nothing moved": (wanted(epochs=3), wanted(epochs=3), {}),
    "a default is written out": (wanted(), wanted(epochs=5, batch=4), {}),
    "a default is written out, float32": (wanted(), wanted(rate=0.001), {"learningRate": 0.0010000000474974513}),
    "a key is removed": (wanted(epochs=3, batch=2), wanted(epochs=3), {}),
    "all keys are removed": (wanted(epochs=3), wanted(), {}),
    "the dataset is removed": (wanted(), wanted(data=None), {}),
    "the dataset of an imported model is named": (wanted(data=None), wanted(), {}),
    "only what can be patched moved": (wanted(topK=1), wanted(topK=2, description="x"), {}),
    "ignored dataset": (wanted(), wanted(data=OTHER_DATA, lifecycle=ignoring("dataset")), {}),
    "ignored hyperparameter": (
        wanted(epochs=3),
        wanted(epochs=9, lifecycle=ignoring("hyperparameters.epochCount")),
        {},
    ),
    "ignored hyperparameters": (wanted(epochs=3), wanted(epochs=9, lifecycle=ignoring("hyperparameters")), {}),
    "ignored base model": (wanted(), wanted(base="models/newer", lifecycle=ignoring("baseModel")), {}),
    "ignored source": (wanted(), wanted(source=FROM_REMOTE, lifecycle=ignoring("source")), {}),
}


@pytest.mark.parametrize("case", SETTLES)
def test_no_new_revision(case):
    applied, now, resolved = SETTLES[case]
    made = instance(applied)
    assert settle(now, [made], {made.resource: live(made, hyperparameters=resolved)}) == made.revision


MOVES_ON = {
    "a hyperparameter": (wanted(epochs=3), wanted(epochs=4)),
    "a written out value that the service had resolved otherwise": (wanted(), wanted(epochs=6)),
    "the base model": (wanted(), wanted(base="models/newer")),
    "from a base to a remote model": (wanted(), wanted(source=FROM_REMOTE)),
    "from a remote model to a base": (wanted(source=FROM_REMOTE), wanted()),
    "the data": (wanted(), wanted(data=OTHER_DATA)),
    "another field is ignored": (wanted(epochs=3), wanted(epochs=4, lifecycle=ignoring("hyperparameters.batchSize"))),
}


@pytest.mark.parametrize("case", MOVES_ON)
def test_a_new_revision(case):
    applied, now = MOVES_ON[case]
    made = instance(applied)
    assert settle(now, [made], {made.resource: live(made)}) == revision(now)


def test_leaving_a_source_manifest_for_a_base_model_is_a_new_revision():
    made = instance(wanted(source=FROM_OTHER), parent="sha256:p")
    now = wanted()
    assert settle(now, [made], {made.resource: live(made)}) == revision(now)


@pytest.mark.parametrize(("parent", "stays"), [("sha256:1", True), ("sha256:2", False)])
def test_a_child_stays_while_its_parents_revision_does(parent, stays):
    made = instance(wanted(source=FROM_OTHER, epochs=3), parent="sha256:1")
    now = wanted(source={"model": "renamed"}, epochs=3, batch=4)
    settled = settle(now, [made], {made.resource: live(made)}, parent_revision=parent)
    assert (settled == made.revision) is stays


def test_a_model_that_is_gone_is_bought_again_under_the_revision_of_its_own_manifest():
    made, now = instance(wanted()), wanted(epochs=5)
    assert settle(now, [made], {}) == revision(now)


def test_the_very_revision_beats_one_that_amounts_to_it():
    current, retained = instance(wanted(epochs=3)), instance(wanted())
    observed = {i.resource: live(i) for i in (current, retained)}
    assert settle(wanted(), [current, retained], observed) == retained.revision


@pytest.mark.parametrize("state", [FAILED, REJECTED])
def test_what_serves_beats_a_fruitless_attempt_at_the_very_revision(state):
    current, former = instance(wanted(epochs=3)), instance(wanted(), state)
    observed = {i.resource: live(i) for i in (current, former)}
    assert settle(wanted(), [current, former], observed) == current.revision


@pytest.mark.parametrize("state", list(InstanceState))
def test_the_very_revision_is_kept_whatever_became_of_it_if_nothing_else_will_do(state):
    made = instance(wanted(), state)
    assert settle(wanted(), [made], {}) == made.revision


FITS = {
    "the same": (wanted(epochs=3), {}, True),
    "more than we set": (wanted(), {}, True),
    "float32": (wanted(rate=0.001), {"hyperparameters": {"learningRate": 0.0010000000474974513}}, True),
    "another base": (wanted(), {"base": "models/other"}, False),
    "another hyperparameter": (wanted(epochs=3), {"hyperparameters": {"epochCount": 4}}, False),
    "a text where a number was": (wanted(rate=0.1), {"hyperparameters": {"learningRate": "NaN"}}, False),
    "tuned where a base was wanted": (wanted(), {"parent": "tunedModels/x"}, False),
    "its remote parent": (wanted(source=FROM_REMOTE), {"parent": "tunedModels/x"}, True),
    "another remote parent": (wanted(source=FROM_REMOTE), {"parent": "tunedModels/y"}, False),
    "a base where a parent was wanted": (wanted(source=FROM_REMOTE), {}, False),
}


@pytest.mark.parametrize("case", FITS)
def test_a_live_model_fits_if_nothing_speaks_against_it(case):
    manifest, changes, fits = FITS[case]
    assert compatible(manifest, live(instance(manifest), **changes)) is fits


@pytest.mark.parametrize(
    ("parent", "known", "fits"),
    [
        ("tunedModels/p", "tunedModels/p", True),
        ("tunedModels/q", "tunedModels/p", False),
        ("tunedModels/q", None, True),
    ],
)
def test_a_child_fits_if_it_comes_from_the_model_that_serves_its_parent(parent, known, fits):
    manifest = wanted(source=FROM_OTHER)
    child = live(instance(manifest, parent="sha256:p"), parent=parent)
    assert compatible(manifest, child, parent_resource=known) is fits


def test_a_child_must_come_from_some_model_even_if_its_parent_is_to_change():
    manifest = wanted(source=FROM_OTHER)
    assert not compatible(manifest, live(instance(manifest, parent="sha256:p")))


def test_a_hyperparameter_that_the_service_does_not_show_speaks_against_nothing():
    made = live(instance(wanted(epochs=3)))
    assert compatible(wanted(epochs=4), replace(made, spec={"baseModel": BASE}))


def test_revisions_of_all_manifests_hold_those_of_their_parents():
    root, child = wanted("root"), wanted("child", source={"model": "root"})
    revisions = wanted_revisions([child, root], lockfile(), {})
    assert revisions == {
        name: Wanted(r, r) for name, r in (("root", revision(root)), ("child", revision(child, revision(root))))
    }


def test_a_fixed_name_keeps_the_revision_that_serves():
    root, child = wanted("root"), wanted("child", source={"model": "root"})
    serves = instance(wanted("root", epochs=9))
    recorded = lockfile(root=entry_of(serves))
    revisions = wanted_revisions([child, root], recorded, {}, fixed={"root"})
    made = revision(child, serves.revision)
    assert revisions == {"root": Wanted(serves.revision, serves.revision), "child": Wanted(made, made)}


def test_a_pending_intent_settles_on_its_own_manifest_only():
    made = instance(wanted(), PENDING)
    now = wanted(data=OTHER_DATA, lifecycle=ignoring("dataset"))
    assert settle(now, [made], {}) == revision(now)
