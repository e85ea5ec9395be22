"""Every step the lockfile may take keeps every model exactly once, and what serves."""

from dataclasses import replace

import pytest
from core_values import DATA, FAILED, PENDING, READY, REJECTED, REMOTE, TUNING, lockfile
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reconciler.core.lockfile import Entry, Instance, Lockfile, amend
from reconciler.core.succession import fail, intend, promote, remove, take_back


def model(resource, state=READY, **fields):
    return Instance(resource=resource, revision=f"sha256:{resource}", state=state, dataset=DATA, **fields)


def meant(entry, resource, **fields):
    return intend(entry, model(resource, PENDING), protect=False, deletion="delete", **fields)


A, B, C, D = (model(each) for each in "abcd")


def test_a_first_create_is_the_current_instance_at_once():
    made = intend(None, model("a", PENDING), protect=True, deletion="retain")
    assert made == Entry(current=model("a", PENDING), protect=True, deletion="retain")


def test_a_replacement_is_the_candidate_and_what_serves_serves_on():
    assert meant(Entry(current=A), "b") == Entry(current=A, candidate=model("b", PENDING))


def test_an_intent_sets_what_the_lockfile_keeps_of_the_lifecycle():
    made = intend(Entry(current=A), model("b", PENDING), protect=True, deletion="retain")
    assert (made.protect, made.deletion) == (True, "retain")


SUPERSEDED = {
    "a candidate": (Entry(current=A, candidate=model("b", TUNING)), {"current": A, "deposed": (model("b", TUNING),)}),
    "a candidate that failed": (
        Entry(current=A, candidate=model("b", FAILED)),
        {"current": A, "failed": (model("b", FAILED),)},
    ),
}


@pytest.mark.parametrize("case", SUPERSEDED)
def test_a_candidate_that_is_superseded_is_remembered(case):
    before, kept = SUPERSEDED[case]
    assert meant(before, "c") == Entry(candidate=model("c", PENDING), **kept)


@pytest.mark.parametrize(
    ("state", "where"), [(PENDING, "deposed"), (TUNING, "deposed"), (FAILED, "failed"), (REJECTED, "rejected")]
)
def test_a_current_instance_that_never_served_gives_way(state, where):
    made = meant(Entry(current=model("a", state)), "b")
    assert made == Entry(current=model("b", PENDING), **{where: (model("a", state),)})


def test_a_current_instance_that_never_served_gives_way_together_with_its_candidate():
    made = meant(Entry(current=model("a", FAILED), candidate=model("b", TUNING)), "c")
    expected = Entry(current=model("c", PENDING), failed=(model("a", FAILED),), deposed=(model("b", TUNING),))
    assert made == expected


@pytest.mark.parametrize("state", [PENDING, TUNING])
def test_meaning_the_same_again_starts_over_in_place(state):
    assert meant(Entry(current=model("a", state)), "a") == Entry(current=model("a", PENDING))
    before = Entry(current=A, candidate=model("b", state))
    assert meant(before, "b") == Entry(current=A, candidate=model("b", PENDING))


def test_a_current_instance_that_is_gone_is_made_anew_under_its_own_id_and_recorded_once():
    made = meant(Entry(current=A, candidate=model("b", TUNING)), "a")
    assert made == Entry(current=model("a", PENDING), deposed=(model("b", TUNING),))


@pytest.mark.parametrize("where", ["retained", "rejected", "failed", "deposed"])
def test_a_former_instance_that_is_taken_up_again_leaves_its_list(where):
    assert meant(Entry(current=A, **{where: (B, C)}), "b") == Entry(
        current=A, candidate=model("b", PENDING), **{where: (C,)}
    )


@pytest.mark.parametrize("where", ["current", "candidate", "retained", "rejected", "failed", "deposed"])
def test_news_are_recorded_wherever_the_instance_is_kept(where):
    fields = {"current": A, "candidate": B, "retained": (C,), "deposed": (D,)}
    subject = model("x")
    fields[where] = subject if where in ("current", "candidate") else (subject,)
    news = replace(subject, operation="operations/1")
    expected = {**fields, where: news if where in ("current", "candidate") else (news,)}
    assert amend(Entry(**fields), news) == Entry(**expected)


def test_news_of_a_model_that_is_not_recorded_are_void():
    entry = Entry(current=A, candidate=B, retained=(C,))
    assert amend(entry, D) is entry
    assert fail(entry, "d", "x") is entry
    assert fail(entry, "c", "x") is entry
    assert remove(entry, "d") == entry


def test_a_first_create_that_is_ready_serves_and_failed_attempts_are_deposed():
    before = Entry(current=model("b", TUNING, operation="o", error="e"), failed=(model("a", FAILED),), deposed=(C,))
    assert promote(before, "b", retain=1) == Entry(current=B, deposed=(C, model("a", FAILED)))


@pytest.mark.parametrize(
    ("retain", "retained", "deposed"),
    [(0, "", "dabc"), (1, "a", "dbc"), (2, "ab", "dc"), (3, "abc", "d"), (9, "abc", "d")],
)
def test_the_newest_of_what_served_is_retained(retain, retained, deposed):
    before = Entry(current=A, candidate=model("x", TUNING), retained=(B, C), deposed=(D,))
    after = promote(before, "x", retain=retain)
    assert after.current == model("x")
    assert after.candidate is None
    assert "".join(i.resource for i in after.retained) == retained
    assert "".join(i.resource for i in after.deposed) == deposed


@pytest.mark.parametrize("state", [TUNING, FAILED])
def test_what_never_served_is_not_retained(state):
    after = promote(Entry(current=model("a", state), candidate=model("b", TUNING)), "b", retain=3)
    assert after == Entry(current=B, deposed=(model("a", state),))


@pytest.mark.parametrize("resource", ["c", "z"])
def test_only_what_is_in_the_making_can_be_promoted(resource):
    with pytest.raises(ValueError, match=f"{resource} is neither the candidate nor the current instance"):
        promote(Entry(current=A, candidate=B, retained=(C,)), resource, retain=1)


def test_a_candidates_failure_leaves_what_serves_alone():
    before = Entry(current=A, candidate=model("b", TUNING, operation="o"))
    assert fail(before, "b", "diverged") == Entry(current=A, failed=(model("b", FAILED, error="diverged"),))


def test_a_first_create_that_failed_stays_to_be_seen():
    before = Entry(current=model("a", TUNING, operation="o"))
    assert fail(before, "a", "diverged") == Entry(current=model("a", FAILED, error="diverged"))


@pytest.mark.parametrize("where", ["retained", "rejected", "failed", "deposed"])
def test_a_former_instance_that_is_gone_leaves_its_list(where):
    assert remove(Entry(current=A, **{where: (B, C)}), "b") == Entry(current=A, **{where: (C,)})


def test_a_candidate_that_is_gone_leaves_what_serves():
    assert remove(Entry(current=A, candidate=B), "b") == Entry(current=A)


def test_an_entry_ends_with_its_last_instance():
    assert remove(Entry(current=A), "a") is None


HEIRS = {
    "the candidate": (
        Entry(current=A, candidate=model("b", TUNING), retained=(C,)),
        Entry(current=model("b", TUNING), retained=(C,)),
    ),
    "what served": (Entry(current=A, retained=(B, C), deposed=(D,)), Entry(current=B, retained=(C,), deposed=(D,))),
    "what was replaced": (
        Entry(current=A, deposed=(B,), failed=(model("c", FAILED),)),
        Entry(current=B, failed=(model("c", FAILED),)),
    ),
    "what failed": (Entry(current=A, failed=(model("c", FAILED),)), Entry(current=model("c", FAILED))),
    "what was rejected": (Entry(current=A, rejected=(model("c", REJECTED),)), Entry(current=model("c", REJECTED))),
}


@pytest.mark.parametrize("case", HEIRS)
def test_no_model_is_forgotten_because_the_current_one_is_gone(case):
    before, after = HEIRS[case]
    assert remove(before, "a") == after


@pytest.mark.parametrize("where", ["retained", "rejected", "deposed"])
def test_a_former_instance_serves_again_without_training(where):
    before = Entry(current=A, **{where: (model("b", REJECTED, error="too bad"),)})
    assert take_back(before, "b", retain=1) == Entry(current=B, retained=(A,))
    assert take_back(before, "b", retain=0) == Entry(current=B, deposed=(A,))


def test_any_of_the_retained_ones_can_serve_again():
    after = take_back(Entry(current=A, retained=(B, C)), "c", retain=2)
    assert after == Entry(current=C, retained=(A, B))


def test_going_back_twice_ends_where_it_began():
    before = Entry(current=A, retained=(B,))
    assert take_back(take_back(before, "b", retain=1), "a", retain=1) == before


def test_going_back_leaves_the_candidate_and_does_not_retain_what_never_served():
    before = Entry(current=model("a", FAILED), candidate=model("c", TUNING), retained=(B,))
    after = take_back(before, "b", retain=2)
    assert after == Entry(current=B, candidate=model("c", TUNING), failed=(model("a", FAILED),))


@pytest.mark.parametrize("resource", ["a", "b", "z"])
def test_only_a_former_instance_can_be_taken_back(resource):
    with pytest.raises(ValueError, match=f"{resource} is no former instance"):
        take_back(Entry(current=A, candidate=B), resource, retain=1)


IN_MAKING = [
    (Entry(current=A), None),
    (Entry(current=model("a", PENDING)), "a"),
    (Entry(current=model("a", TUNING)), "a"),
    (Entry(current=model("a", FAILED)), None),
    (Entry(current=A, candidate=model("b", PENDING)), "b"),
    (Entry(current=A, candidate=B), None),
]


@pytest.mark.parametrize(("entry", "resource"), IN_MAKING)
def test_what_is_pending_or_tuning_is_in_the_making(entry, resource):
    assert (entry.in_making and entry.in_making.resource) == resource


def test_the_lockfile_maps_every_recorded_resource_to_its_name():
    recorded = lockfile(one=Entry(current=A, candidate=B), two=Entry(current=C, retained=(D,)))
    assert recorded.resources() == {"a": "one", "b": "one", "c": "two", "d": "two"}


def test_entries_are_set_dropped_and_renamed_in_new_values():
    empty = Lockfile(remote=REMOTE)
    one = empty.put("one", Entry(current=A))
    assert one.put("two", Entry(current=B)).drop("one") == empty.put("two", Entry(current=B))
    assert one.rename_all({"one": "uno"}) == empty.put("uno", Entry(current=A))
    assert one.drop("none") == one.rename_all({"none": "more"}) == one
    assert empty.models == {}


def test_two_names_can_change_places():
    recorded = lockfile(one=Entry(current=A), two=Entry(current=B))
    assert recorded.rename_all({"one": "two", "two": "one"}).models == {
        "two": Entry(current=A),
        "one": Entry(current=B),
    }


class Life(RuleBasedStateMachine):
    """An entry through any sequence of steps; ``removed`` are the models that were taken out on purpose."""

    RESOURCES = st.sampled_from([f"r{number}" for number in range(8)])
    RETAIN = st.integers(0, 3)

    @initialize()
    def begin(self):
        self.entry = intend(None, model("r0", PENDING), protect=False, deletion="delete")
        self.known, self.serving = {"r0"}, None

    def follow(self, entry):
        self.entry = entry
        self.serving = entry.current.resource if entry.current.state is READY else None

    @rule(resource=RESOURCES)
    def mean(self, resource):
        before = self.serving
        self.known.add(resource)
        self.entry = intend(self.entry, model(resource, PENDING), protect=False, deletion="delete")
        if before is not None and before != resource:
            assert self.entry.current.resource == before, "an intent took the place of what serves"
        self.follow(self.entry)

    @rule(data=st.data(), state=st.sampled_from([TUNING, READY]))
    def hear(self, data, state):
        made = data.draw(st.sampled_from([i for i in self.entry.instances() if i.state in {PENDING, TUNING}] or [None]))
        if made is not None and made.resource != self.entry.current.resource:
            before = self.entry.current
            self.entry = amend(self.entry, replace(made, state=state))
            assert self.entry.current == before

    @rule(retain=RETAIN)
    def promote_what_is_in_the_making(self, retain):
        making, former = self.entry.candidate or self.entry.current, len(self.entry.retained)
        most = former if self.entry.candidate is None else retain
        self.follow(promote(self.entry, making.resource, retain=retain))
        assert self.serving == making.resource
        assert len(self.entry.retained) <= most

    @precondition(lambda self: self.entry.in_making is not None)
    @rule()
    def fail_what_is_in_the_making(self):
        before = self.serving
        self.entry = fail(self.entry, self.entry.in_making.resource, "diverged")
        assert before is None or self.entry.current.resource == before
        self.follow(self.entry)

    @rule(data=st.data())
    def remove_one(self, data):
        gone = data.draw(st.sampled_from([i.resource for i in self.entry.instances()]))
        before = self.serving
        left = remove(self.entry, gone)
        self.known.discard(gone)
        if left is None:
            assert self.known == set(), f"{self.known} were forgotten"
            self.begin()
            return
        assert before in {None, gone} or left.current.resource == before
        self.follow(left)

    @precondition(lambda self: self.entry.retained or self.entry.rejected or self.entry.deposed)
    @rule(data=st.data(), retain=RETAIN)
    def go_back(self, data, retain):
        former = [*self.entry.retained, *self.entry.rejected, *self.entry.deposed]
        chosen = data.draw(st.sampled_from([i.resource for i in former]))
        self.follow(take_back(self.entry, chosen, retain=retain))
        assert self.serving == chosen

    @invariant()
    def every_model_is_recorded_exactly_once(self):
        recorded = [i.resource for i in self.entry.instances()]
        assert sorted(recorded) == sorted(self.known)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
