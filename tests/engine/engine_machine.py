"""The rules of the model-based test: what owners, other people, services and machines do to a fleet, in any order."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from engine_fleet import BASE, DATA, LONG, Fleet, Place, Run, Trouble, What
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from reconciler.core.examples import digest_of
from reconciler.core.gate import Gate, PromptCheck
from reconciler.core.permission import Permission, unshared
from reconciler.core.plan import TRAINS, Kind
from reconciler.core.resource import Dataset, Desired, Lifecycle
from reconciler.core.scorers import Scorer
from reconciler.errors import LockHeld, StaleLockfile
from reconciler.ports.store import LastingHold

NAMES = ("a", "b", "c", "d")
MET = {
    What.KILL: (
        "create",
        "create",
        "write",
        "write",
        "delete",
        "update",
        "poll",
        "sleep",
        "lease",
        "observe",
        "log",
        "log",
        "grant",
        "revoke",
    ),
    What.LOSE: ("create", "create", "delete", "update", "write", "poll", "get", "log", "grant", "revoke"),
    What.QUOTA: ("create",),
    What.STOP: ("create", "write", "sleep", "delete"),
    What.RUNNER: ("create", "log", "write", "poll", "delete", "observe", "update"),
    What.LOCKED_RUNNER: ("create", "write", "delete"),
    What.ROBBER: ("create", "write", "poll", "delete", "update", "sleep"),
    What.VANISH: ("create", "sleep", "observe", "delete", "update", "write"),
    What.SQUAT: ("create",),
}
"""Where what may happen is of interest; what is named twice happens twice as often."""

names = st.sampled_from(NAMES)
gates = st.sampled_from(
    [None, None, Gate(prompts=(PromptCheck("3", Scorer.EXACT, "4"),)), Gate(max_final_loss=1.0, on_fail="delete")]
)
"""What was made of the first data passes them, what was made of other data does not."""
shares = st.sampled_from(
    [
        None,
        [],
        [{"role": "READER", "everyone": True}],
        [{"role": "WRITER", "user": "ada@example.com"}, {"role": "READER", "group": "math@example.com"}],
    ]
)
"""Who may use a model; None leaves that alone."""
picks = st.integers(0, len(NAMES) - 1)
troubles = st.builds(
    lambda met, nth, late: Trouble(*met, nth, late),
    st.sampled_from([(what, place) for what, places in MET.items() for place in places]),
    st.sampled_from([1, 1, 2, 3]),
    st.booleans(),
)


class Machine(RuleBasedStateMachine):
    """A fleet under everything that may happen to it. ``place`` makes the place of its lockfile."""

    place: Callable[[], Place]

    def __init__(self):
        super().__init__()
        self.fleet = Fleet(type(self).place())

    def pick(self, number):
        wanted = sorted(self.fleet.wish)
        return wanted[number % len(wanted)]

    def pick_recorded(self, number):
        recorded = sorted(self.fleet.wish.keys() & self.fleet.lockfile.models.keys())
        return recorded[number % len(recorded)]

    @rule(
        name=names,
        parent=st.none() | names,
        epochs=st.integers(1, 2),
        data=st.integers(0, 1),
        protect=st.booleans(),
        retain=st.integers(0, 2),
        gate=gates,
    )
    def write_manifest(self, name, parent, epochs, data, protect, retain, gate=None):
        fleet = self.fleet
        # Only a new name may have a source: so no circle can close.
        has_source = name not in fleet.wish and parent in fleet.wish and parent != name
        origin = {"source": {"model": parent}} if has_source else {"baseModel": BASE}
        spec = {"displayName": f"The {name}", "hyperparameters": {"epochCount": epochs}, **origin}
        dataset = Dataset(digest_of(DATA[data]), len(DATA[data]))
        fleet.want(name, Desired(name, spec, dataset, lifecycle=Lifecycle(protect=protect, retain=retain), gate=gate))

    @precondition(lambda self: self.fleet.wish)
    @rule(pick=picks, gate=gates)
    def edit_a_gate(self, pick, gate):
        manifest = self.fleet.wish[self.pick(pick)]
        self.fleet.want(manifest.name, replace(manifest, gate=gate))

    @precondition(lambda self: self.fleet.wish)
    @rule(pick=picks, temperature=st.sampled_from([0.2, 0.5]))
    def edit_a_field(self, pick, temperature):
        manifest = self.fleet.wish[self.pick(pick)]
        self.fleet.want(manifest.name, _with(manifest, temperature=temperature))

    @precondition(lambda self: self.fleet.wish)
    @rule(pick=picks, epochs=st.integers(1, 3))
    def edit_a_hyperparameter(self, pick, epochs):
        manifest = self.fleet.wish[self.pick(pick)]
        self.fleet.want(manifest.name, _with(manifest, hyperparameters={"epochCount": epochs}))

    @precondition(lambda self: self.fleet.wish)
    @rule(pick=picks, share=shares)
    def edit_who_may_use_it(self, pick, share):
        manifest = self.fleet.wish[self.pick(pick)]
        spec = unshared(manifest.spec) | ({} if share is None else {"permissions": share})
        self.fleet.want(manifest.name, replace(manifest, spec=spec))

    @precondition(lambda self: self.fleet.wish)
    @rule(pick=picks)
    def remove_a_manifest(self, pick):
        self.fleet.drop(self.pick(pick))

    @precondition(lambda self: self.fleet.wish)
    @rule(pick=picks, new=names, declared=st.booleans())
    def rename_a_manifest(self, pick, new, declared):
        if new not in self.fleet.wish:
            self.fleet.rename(self.pick(pick), new, declared=declared)

    @rule(met=st.lists(troubles, max_size=2), wait=st.booleans(), locked=st.booleans())
    def apply(self, met, wait, locked):
        run = Run(self.fleet, tuple(met))
        outcome = self.fleet.apply(run, locked=locked, wait=wait)
        if outcome is not None and not run.met:
            assert outcome.error() is None or outcome.failed or outcome.blocked or outcome.rejected, (
                "nothing happened, and it is not well"
            )

    @rule(met=st.lists(troubles, min_size=1, max_size=2), wait=st.booleans())
    def apply_in_trouble(self, met, wait):
        self.fleet.apply(Run(self.fleet, tuple(met)), locked=True, wait=wait)

    @rule(name=names, epochs=st.integers(1, 3), met=troubles)
    def edit_and_apply_in_trouble(self, name, epochs, met):
        if name in self.fleet.wish:
            self.fleet.want(name, _with(self.fleet.wish[name], hyperparameters={"epochCount": epochs}))
        else:
            self.write_manifest(name, None, epochs, 0, False, 0)
        self.apply_in_trouble([met], True)

    @rule()
    def apply_in_peace(self):
        self.apply([], True, True)

    @precondition(lambda self: self.fleet.wish)
    @rule(pick=picks, met=st.lists(troubles, max_size=1))
    def apply_with_replace(self, pick, met):
        self.fleet.apply(Run(self.fleet, tuple(met)), locked=True, replaced=frozenset({self.pick(pick)}))

    @precondition(lambda self: self.fleet.wish.keys() & self.fleet.lockfile.models.keys())
    @rule(pick=picks, met=st.lists(troubles, max_size=1))
    def roll_back(self, pick, met):
        self.go_back(self.pick_recorded(pick), met)

    @rule(name=names, retain=st.integers(1, 2), met=st.lists(troubles, max_size=1), later=st.booleans())
    def replace_and_roll_back(self, name, retain, met, later):
        """A story of its own would seldom come this far by chance."""
        for epochs in (1, 2, 3):
            if name not in self.fleet.wish:
                self.write_manifest(name, None, epochs, 0, False, retain)
            manifest = _with(self.fleet.wish[name], hyperparameters={"epochCount": epochs})
            self.fleet.want(name, replace(manifest, lifecycle=replace(manifest.lifecycle, retain=retain)))
            self.apply_in_peace()
        if name in self.fleet.lockfile.models:
            self.go_back(name, met)
            if later:
                self.apply_in_peace()

    def go_back(self, name, met):
        """What was gone back to serves, held to the gate of the name, and the next plan leaves it there."""
        fleet, run = self.fleet, Run(self.fleet, tuple(met))
        before = fleet.lockfile.models[name]
        if not fleet.roll_back(run, name) or run.met:
            return
        entry = fleet.lockfile.models[name]
        assert entry.current == replace(before.retained[0], gate=before.current.gate)
        assert not run.paid
        plan = fleet.preview(Run(fleet), fleet.store(Run(fleet))).plan
        replaces = [a for a in plan.actions if a.name == name and a.kind in {*TRAINS, Kind.REUSE}]
        assert not (replaces and entry.candidate is None), f"{name} was rolled back, and {replaces} would undo it"

    @precondition(lambda self: self.fleet.wish.keys() & self.fleet.lockfile.models.keys())
    @rule(pick=picks, met=st.lists(troubles, max_size=1))
    def end_a_pin(self, pick, met):
        self.fleet.roll_back(Run(self.fleet, tuple(met)), self.pick_recorded(pick), unpin=True)

    @rule(orphans=st.booleans(), met=st.lists(troubles, max_size=1))
    def collect(self, orphans, met):
        """What was removed is missed by nobody: nothing is bought for it."""
        run = Run(self.fleet, tuple(met))
        before = self.fleet.to_be_bought()
        self.fleet.collect(run, orphans=orphans)
        assert not run.paid
        if not run.met:
            assert self.fleet.to_be_bought() <= before

    @rule(met=st.lists(troubles, max_size=1))
    def wait(self, met):
        self.fleet.wait(Run(self.fleet, tuple(met)))

    @rule(wait=st.booleans())
    def two_runners_with_the_same_plan(self, wait):
        """Both have read the same lockfile; whoever writes second has lost and has paid for nothing."""
        fleet = self.fleet
        runs = [Run(fleet), Run(fleet)]
        stores = [fleet.store(run) for run in runs]
        plans = [fleet.preview(run, store) for run, store in zip(runs, stores, strict=True)]
        if plans[0].plan.violations:
            return
        before = fleet.lockfile.serial
        first, second = zip(runs, stores, plans, strict=True)
        fleet.carry_out(*first, LastingHold(), wait=wait)
        wrote = fleet.lockfile.serial > before
        try:
            fleet.carry_out(*second, LastingHold(), wait=wait)
        except (StaleLockfile, LockHeld):
            assert wrote
        else:
            assert not (wrote and any(a.kind in TRAINS for a in second[2].plan.actions))
        assert not (wrote and runs[1].paid)

    @rule(seconds=st.sampled_from([1.0, 61.0, LONG]))
    def time_passes(self, seconds):
        self.fleet.clock.advance(seconds)

    @precondition(lambda self: self.fleet.ours)
    @rule(pick=picks)
    def somebody_changes_a_field(self, pick):
        ours = sorted(self.fleet.ours)
        model = self.fleet.service.models[ours[pick % len(ours)]]
        model.spec = {**model.spec, "displayName": "changed by hand", "temperature": 0.9}

    @precondition(lambda self: self.fleet.ours)
    @rule(pick=picks, role=st.sampled_from(["READER", "WRITER"]))
    def somebody_lets_somebody_in(self, pick, role):
        ours = sorted(self.fleet.ours)
        self.fleet.service.grant(ours[pick % len(ours)], Permission(role, "user", "eve@example.com"))

    @precondition(lambda self: self.fleet.ours)
    @rule(pick=picks)
    def somebody_deletes_a_model(self, pick):
        ours = sorted(self.fleet.ours)
        self.fleet.vanish(ours[pick % len(ours)])

    @rule()
    def somebody_else_tunes_a_model(self):
        self.fleet.plant(f"tunedModels/theirs-{len(self.fleet.foreign)}")

    @rule()
    def somebody_takes_the_next_ids(self):
        run = Run(self.fleet)
        for action in self.fleet.preview(run, self.fleet.store(run)).plan.actions:
            if action.kind in TRAINS:
                self.fleet.squat(action.resource)

    @rule()
    def the_next_training_will_fail(self):
        self.fleet.doomed = True

    @rule()
    def the_listing_lags(self):
        self.fleet.lagging = set(self.fleet.ours)

    @rule()
    def the_listing_catches_up(self):
        self.fleet.lagging.clear()

    @rule(rebuilt=st.booleans())
    def the_lockfile_is_lost(self, rebuilt):
        self.fleet.lose_lockfile()
        if rebuilt:
            self.fleet.rebuild()

    @invariant()
    def all_is_accounted_for(self):
        self.fleet.check()

    def teardown(self):
        self.fleet.settle()


def _with(manifest, **fields):
    return replace(manifest, spec={**manifest.spec, **fields})


def run_stories(place: Callable[[], Place], *, examples: int) -> None:
    """Run so many stories, always the same ones; TUNECTL_STORIES=N runs N times as many, and new ones every time."""
    factor = int(os.environ.get("TUNECTL_STORIES", "0"))
    machine = type("Story", (Machine,), {"place": staticmethod(place)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples * max(factor, 1),
            stateful_step_count=25,
            derandomize=not factor,
            database=None,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
