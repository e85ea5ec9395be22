"""What happened between two states of the lockfile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core.lineage import History, Parent
from reconciler.core.lockfile import Entry, Instance, InstanceState, Lockfile
from reconciler.core.observation import ModelState, Observation
from reconciler.core.past.chronicle import carried, happened, stamped
from reconciler.core.planning.ancestry import Ancestry
from reconciler.core.provenance import Provenance
from reconciler.core.resource import Remote
from reconciler.core.verdict import Verdict

REMOTE = Remote("fake", "https://fake.example")
READY, TUNING, PENDING = InstanceState.READY, InstanceState.TUNING, InstanceState.PENDING
FAILED, REJECTED = InstanceState.FAILED, InstanceState.REJECTED


def model(identifier, state=READY, **rest):
    return Instance(resource=f"tunedModels/{identifier}", revision=f"sha256:{identifier}", state=state, **rest)


def lockfile(**entries):
    return Lockfile(REMOTE, models=entries)


def told(before, after, **rest):
    return [
        (h.name, h.event.value, h.instance.resource.removeprefix("tunedModels/"), *(_more(h)))
        for h in happened(before, after, **rest)
    ]


def _more(happening):
    replaced = happening.replaced and happening.replaced.removeprefix("tunedModels/")
    return [part for part in (replaced, happening.former_name) if part]


A, B = model("a"), model("b")
NONE = lockfile()
SERVES = lockfile(x=Entry(A))


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        pytest.param(NONE, NONE, [], id="nothing"),
        pytest.param(NONE, lockfile(x=Entry(model("a", PENDING))), [], id="an intent"),
        pytest.param(lockfile(x=Entry(model("a", PENDING))), NONE, [], id="an intent taken back"),
        pytest.param(
            lockfile(x=Entry(model("a", PENDING))), lockfile(x=Entry(model("a", TUNING))), [], id="a job taken"
        ),
        pytest.param(
            lockfile(x=Entry(model("a", TUNING))), SERVES, [("x", "promoted", "a")], id="the first one is ready"
        ),
        pytest.param(
            lockfile(x=Entry(A, candidate=model("b", TUNING))),
            lockfile(x=Entry(B, deposed=(A,))),
            [("x", "promoted", "b", "a")],
            id="a replacement serves",
        ),
        pytest.param(
            lockfile(x=Entry(A, candidate=model("b", TUNING))),
            lockfile(x=Entry(A, candidate=B)),
            [],
            id="a candidate that is ready does not serve",
        ),
        pytest.param(
            lockfile(x=Entry(A, candidate=model("b", TUNING))),
            lockfile(x=Entry(A, failed=(model("b", FAILED),))),
            [("x", "failed", "b")],
            id="a candidate failed",
        ),
        pytest.param(
            lockfile(x=Entry(model("a", TUNING))),
            lockfile(x=Entry(model("a", FAILED))),
            [("x", "failed", "a")],
            id="the first one failed",
        ),
        pytest.param(
            lockfile(x=Entry(A, candidate=B)),
            lockfile(x=Entry(A, rejected=(model("b", REJECTED),))),
            [("x", "rejected", "b")],
            id="a gate said no",
        ),
        pytest.param(
            lockfile(x=Entry(A, rejected=(replace(model("b", REJECTED), verdict=Verdict(False, "sha256:one")),))),
            lockfile(x=Entry(A, rejected=(replace(model("b", REJECTED), verdict=Verdict(False, "sha256:two")),))),
            [("x", "rejected", "b")],
            id="another gate said no, too",
        ),
        pytest.param(
            lockfile(x=Entry(A, rejected=(replace(model("b", REJECTED), verdict=Verdict(False, "sha256:one")),))),
            lockfile(
                x=Entry(A, rejected=(replace(model("b", REJECTED), verdict=Verdict(False, "sha256:one"), gate={}),))
            ),
            [],
            id="another gate is to judge, and has not",
        ),
        pytest.param(
            SERVES, lockfile(x=Entry(model("a", PENDING))), [("x", "gone", "a")], id="gone, and made once more"
        ),
        pytest.param(
            lockfile(x=Entry(B, retained=(A,))),
            lockfile(x=Entry(A, retained=(B,))),
            [("x", "rolled-back", "a", "b")],
            id="a former one serves again",
        ),
        pytest.param(
            lockfile(x=Entry(A, rejected=(model("b", REJECTED),))),
            lockfile(x=Entry(B, deposed=(A,))),
            [("x", "promoted", "b", "a")],
            id="a rejected one passed after all",
        ),
        pytest.param(
            SERVES,
            lockfile(x=Entry(replace(A, spec={"temperature": 0.2}))),
            [("x", "updated", "a")],
            id="patched in place",
        ),
        pytest.param(NONE, SERVES, [("x", "adopted", "a")], id="ready at once"),
        pytest.param(SERVES, NONE, [("x", "forgotten", "a")], id="let go"),
        pytest.param(
            lockfile(x=Entry(A, retained=(B,), failed=(model("c", InstanceState.FAILED),))),
            NONE,
            [("x", "forgotten", "b"), ("x", "forgotten", "a")],
            id="let go with a former one",
        ),
        pytest.param(SERVES, lockfile(y=Entry(A)), [("y", "renamed", "a", "x")], id="another name"),
        pytest.param(
            lockfile(x=Entry(A), y=Entry(B)),
            lockfile(x=Entry(B), y=Entry(A)),
            [("x", "renamed", "b", "y"), ("y", "renamed", "a", "x")],
            id="two swap their names",
        ),
        pytest.param(
            SERVES,
            lockfile(y=Entry(A), x=Entry(model("n", PENDING))),
            [("y", "renamed", "a", "x")],
            id="a new model under the old name",
        ),
        pytest.param(
            lockfile(x=Entry(A, retained=(B,))), SERVES, [("x", "gone", "b")], id="a former one was found gone"
        ),
        pytest.param(
            lockfile(x=Entry(A, retained=(B,))),
            lockfile(x=Entry(B)),
            [("x", "rolled-back", "b", "a"), ("x", "gone", "a")],
            id="the serving one was found gone, a former one takes its place",
        ),
    ],
)
def test_what_happened_follows_from_the_two_states(before, after, events):
    assert told(before, after) == events


def test_what_we_asked_to_delete_was_deleted():
    deleted = {"tunedModels/a"}
    assert told(SERVES, NONE, deleted=deleted) == [("x", "deleted", "a")]
    assert told(lockfile(x=Entry(B, deposed=(A,))), lockfile(x=Entry(B)), deleted=deleted) == [("x", "deleted", "a")]


def test_what_appears_after_the_lockfile_was_lost_is_rebuilt():
    assert told(NONE, SERVES, rebuilt=True) == [("x", "rebuilt", "a")]


def test_entries_that_nobody_touched_are_not_looked_at():
    """Ten thousand names and one change cost one comparison of values."""
    entries = {f"m{number}": Entry(model(f"m{number}")) for number in range(1000)}
    before = lockfile(**entries)
    after = before.put("m7", Entry(replace(entries["m7"].current, spec={"topK": 1})))
    assert told(before, after) == [("m7", "updated", "m7")]


def test_the_end_of_a_chain_goes_with_its_name_stays_when_it_is_gone_and_comes_back():
    end = History(3, "sha256:end")
    before = lockfile(x=Entry(A, history=end))
    assert carried(before, lockfile(x=Entry(B, deposed=(A,)))).models["x"].history == end
    assert carried(before, lockfile(y=Entry(A))).models["y"].history == end
    gone = carried(before, NONE)
    assert gone.departed == {"x": (end,)}
    again = carried(gone, replace(gone, models={"x": Entry(model("c", PENDING))}))
    assert (again.models["x"].history, again.departed) == (end, {})


def test_a_new_model_under_the_name_of_a_renamed_one_begins_a_chain():
    end = History(3, "sha256:end")
    before = lockfile(x=Entry(A, history=end))
    after = carried(before, lockfile(y=Entry(A, history=end), x=Entry(model("n", PENDING))))
    assert (after.models["y"].history, after.models["x"].history, after.departed) == (end, None, {})


def test_a_renamed_model_brings_its_chain_along_and_takes_none_that_departed_under_its_new_name():
    a_end, b_end = History(2, "sha256:a"), History(3, "sha256:b")
    gone = carried(lockfile(a=Entry(A, history=a_end), b=Entry(B, history=b_end)), lockfile(a=Entry(A, history=a_end)))
    renamed = carried(gone, replace(gone, models={"b": gone.models["a"]}))
    assert (renamed.models["b"].history, renamed.departed) == (a_end, {"b": (b_end,)})
    both = carried(renamed, replace(renamed, models={}))
    assert both.departed == {"b": (b_end, a_end)}
    again = carried(both, replace(both, models={"b": Entry(model("c", PENDING))}))
    assert (again.models["b"].history, again.departed) == (a_end, {"b": (b_end,)})
    last = carried(again, replace(again, models={**again.models, "a": Entry(model("d", PENDING))}))
    assert (last.models["a"].history, last.departed) == (None, {"b": (b_end,)})


def test_a_model_whose_name_is_taken_in_the_same_step_departs_and_is_told_of():
    a_end, b_end = History(2, "sha256:a"), History(3, "sha256:b")
    before = lockfile(a=Entry(A, history=a_end), b=Entry(B, history=b_end))
    after = carried(before, lockfile(b=Entry(A, history=a_end)))
    assert (after.models["b"].history, after.departed) == (a_end, {"b": (b_end,)})
    assert told(before, after) == [("b", "forgotten", "b"), ("b", "renamed", "a", "a")]
    assert [h.left for h in happened(before, after)] == [True, False]


def test_only_new_models_are_stamped_and_nobody_is_asked_without_one():
    origin = Provenance("c" * 40)

    def never():
        raise AssertionError("asked")

    assert stamped(SERVES, SERVES, never) is SERVES
    patched = lockfile(x=Entry(replace(A, spec={"topK": 1})))
    assert stamped(SERVES, patched, never) is patched
    after = stamped(SERVES, lockfile(x=Entry(A, candidate=model("b", PENDING))), lambda: origin).models["x"]
    assert (after.current.provenance, after.candidate.provenance) == (None, origin)


def test_the_base_model_is_found_through_all_parents():
    mother = Entry(model("m", spec={"baseModel": "models/base"}))
    child = Entry(model("c", spec={"source": {"model": "mother"}}))
    ancestry = Ancestry(lockfile(mother=mother, child=child))
    assert ancestry.base_model({"source": {"model": "child"}}) == "models/base"
    assert ancestry.base_model({"source": {"tunedModel": "tunedModels/c"}}) == "models/base"
    assert ancestry.base_model({"source": {"tunedModel": "tunedModels/elsewhere"}}) is None
    assert ancestry.base_model({"source": {"model": "nobody"}}) is None
    assert ancestry.base_model({}) is None


def test_a_circle_of_parents_has_no_base():
    one = Entry(model("1", spec={"source": {"model": "two"}}))
    two = Entry(model("2", spec={"source": {"model": "one"}}))
    assert Ancestry(lockfile(one=one, two=two)).base_model({"source": {"model": "one"}}) is None


def test_a_parent_is_the_one_the_service_names():
    mother = Entry(model("new"), retained=(model("old"),))
    ancestry = Ancestry(lockfile(mother=mother))
    spec = {"source": {"model": "mother"}}
    seen = Observation("tunedModels/c", {"source": {"tunedModel": "tunedModels/old"}}, ModelState.READY)
    assert ancestry.parent(spec) == Parent("tunedModels/new", "mother", "sha256:new")
    assert ancestry.parent(spec, seen) == Parent("tunedModels/old", "mother", "sha256:old")
    assert ancestry.parent({"source": {"tunedModel": "tunedModels/x"}}) == Parent("tunedModels/x")
    assert ancestry.parent({"baseModel": "models/base"}) is None
