"""What holds for every plan: carried out perfectly it leaves nothing to do, killed anywhere it is taken up again."""

from dataclasses import replace

from core_values import DATA, OTHER_DATA, PREFIX, READY, instance, live, lockfile, name_of, policy, wanted
from hypothesis import given, settings
from hypothesis import strategies as st
from simulate import State, carry_out, finish

from reconciler.core.address import remote_id
from reconciler.core.observation import ModelState, Observation
from reconciler.core.plan import TRAINS, Kind
from reconciler.core.planning.build import build_plan
from reconciler.core.resource import Lifecycle

# Somebody else's: one with our display name, one under the very id that manifest "a" wants, one with no values at all.
FOREIGN = {
    model.resource: model
    for model in (
        replace(live(instance(wanted("a", topK=9))), resource=f"{PREFIX}testnumbergenerator-fvitocr834l6"),
        live(instance(wanted("a", epochs=1)), base="models/foreign"),
        Observation(resource=f"{PREFIX}b-0123456789ab", spec={}, state=ModelState.READY),
    )
}
LIFECYCLES = st.builds(
    Lifecycle,
    retain=st.integers(0, 1),
    ignore=st.sampled_from([(), (), ("dataset",), ("topK", "hyperparameters.epochCount")]),
    deletion=st.sampled_from(["delete", "delete", "retain"]),
)
ONE = st.fixed_dictionaries(
    {
        "epochs": st.sampled_from([None, 1, 2, 5]),
        "topK": st.sampled_from([1, 2]),
        "data": st.sampled_from([DATA, OTHER_DATA]),
        "lifecycle": LIFECYCLES,
    }
)
FLEETS = st.dictionaries(st.sampled_from("abcd"), st.tuples(ONE, st.booleans()), max_size=4)


def manifests_of(fleet):
    """Return the manifests of a fleet; some of them are tuned from the one before."""
    found, before = [], None
    for name, (values, from_other) in sorted(fleet.items()):
        source = {"model": before} if from_other and before else None
        found.append(wanted(name, source=source, **values))
        before = name
    return found


def begin():
    return State(recorded=lockfile(), models=dict(FOREIGN))


def planned(state, manifests, **options):
    plan = build_plan(manifests, state.recorded, state.observed, policy(**options))
    check_plan(plan, state)
    return plan


def check_plan(plan, state):
    """Nothing of others is touched, and nothing is bought that is there already."""
    recorded = state.recorded.resources()
    for action in plan.actions:
        if action.kind in {Kind.DELETE, Kind.FORGET}:
            assert action.resource in recorded
        if action.kind in {Kind.DELETE, Kind.UPDATE, Kind.WAIT, Kind.REUSE}:
            assert action.resource not in FOREIGN
        if action.kind in TRAINS:
            assert action.resource not in state.models
            for attempt in range(1, 9):
                resource = PREFIX + remote_id(
                    remote_project="cloud-project",
                    project="demo",
                    name=action.name,
                    revision=action.revision,
                    attempt=attempt,
                )
                model = None if resource in FOREIGN else state.models.get(resource)
                mine = recorded.get(resource, action.name) == action.name and not has_another_parent(model, recorded)
                assert model is None or not mine or model.state is ModelState.FAILED, f"{resource} exists already"


def has_another_parent(model, recorded):
    """Tell whether a model was tuned from one that nothing records any more: no manifest asks for it as it is."""
    source = {} if model is None else model.spec.get("source", {})
    return "tunedModel" in source and source["tunedModel"] not in recorded


def check_state(state, manifests, begun):
    """Every model of ours is recorded once, what is wanted and serves exists, and what is not ours is as it was."""
    resources = [i.resource for entry in state.recorded.models.values() for i in entry.instances()]
    assert len(resources) == len(set(resources))
    assert {key: model for key, model in state.models.items() if key in FOREIGN} == FOREIGN
    for manifest in manifests:
        entry = state.recorded.models.get(manifest.name)
        if entry is not None and entry.current.state is READY and entry.current.resource in begun.models:
            assert entry.current.resource in state.models, f"{manifest.name} does not serve any more"


def converge(state, manifests):
    """Carry out one plan perfectly; there must be nothing left to do. Ambiguous renames are the user's to settle."""
    plan = planned(state, manifests)
    if plan.violations:
        return None
    begun, state = state, finish(state, plan, manifests)
    check_state(state, manifests, begun)
    left = planned(state, manifests)
    assert left.empty, [(action.name, action.kind, action.reason) for action in left.actions]
    serving = {m.name: state.recorded.models[m.name].current for m in manifests}
    assert all(current.state is READY for current in serving.values())
    return state


@settings(deadline=None, max_examples=150)
@given(st.lists(FLEETS, min_size=1, max_size=4))
def test_a_plan_that_is_carried_out_leaves_nothing_to_do(fleets):
    state = begin()
    for fleet in fleets:
        state = converge(state, manifests_of(fleet)) or state


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(FLEETS, st.integers(0, 40)), min_size=1, max_size=4), FLEETS)
def test_whatever_a_kill_leaves_behind_the_next_run_takes_up(runs, last):
    state = begin()
    for fleet, steps in runs:
        manifests = manifests_of(fleet)
        plan = planned(state, manifests)
        if plan.violations:
            continue
        begun = state
        for _, state in zip(range(steps), carry_out(state, plan, manifests), strict=False):  # noqa: B020  # the last one counts
            check_state(state, manifests, begun)
    converge(state, manifests_of(last))


@settings(deadline=None, max_examples=100)
@given(FLEETS, FLEETS)
def test_killed_at_any_step_the_same_plan_ends_with_the_same_purchases(before, fleet):
    manifests = manifests_of(fleet)
    begun = converge(begin(), manifests_of(before)) or begin()
    plan = planned(begun, manifests)
    if plan.violations:
        return
    undisturbed = sorted(finish(begun, plan, manifests).created)
    for killed in carry_out(begun, plan, manifests):
        ended = converge(killed, manifests)
        assert sorted(ended.created) == undisturbed


@settings(deadline=None, max_examples=100)
@given(st.lists(FLEETS, min_size=1, max_size=3), st.data())
def test_failed_tunings_cost_once_and_never_what_serves(fleets, data):
    state = begin()
    for fleet in fleets:
        manifests = manifests_of(fleet)
        plan = planned(state, manifests)
        if plan.violations:
            continue
        bought = sorted(a.resource for a in plan.actions if a.kind in TRAINS and not a.depends_on)
        parents = {manifest.parent for manifest in manifests}
        childless = [a.resource for a in plan.actions if a.resource in bought and a.name not in parents]
        fails = frozenset(data.draw(st.sets(st.sampled_from(childless)))) if childless else frozenset()
        begun, state = state, finish(replace(state, fails=fails), plan, manifests)
        check_state(state, manifests, begun)
        assert {a.kind for a in planned(state, manifests).actions} <= {Kind.BLOCKED}


@settings(deadline=None, max_examples=100)
@given(FLEETS, st.data())
def test_models_that_vanish_or_are_changed_outside_are_mended(fleet, data):
    manifests = manifests_of(fleet)
    state = converge(begin(), manifests)
    if state is None:
        return
    ours = sorted(state.models.keys() - FOREIGN.keys())
    gone = data.draw(st.sets(st.sampled_from(ours))) if ours else set()
    models = {key: model for key, model in state.models.items() if key not in gone}
    for key in models.keys() & set(ours):
        models[key] = replace(models[key], spec={**models[key].spec, "topK": data.draw(st.integers(1, 3))})
    converge(replace(state, models=models), manifests)


@settings(deadline=None, max_examples=100)
@given(FLEETS)
def test_a_lost_lockfile_costs_nothing(fleet):
    manifests = manifests_of(fleet)
    state = converge(begin(), manifests)
    if state is None:
        return
    found = converge(replace(state, recorded=lockfile()), manifests)
    assert found.created == state.created
    assert found.models == state.models


@settings(deadline=None, max_examples=100)
@given(FLEETS, FLEETS, st.randoms(use_true_random=False))
def test_the_order_of_what_goes_in_changes_nothing(before, after, random):
    state = converge(begin(), manifests_of(before)) or begin()

    def shuffled(mapping):
        items = list(mapping.items())
        random.shuffle(items)
        return dict(items)

    manifests = manifests_of(after)
    other = replace(
        state,
        recorded=replace(state.recorded, models=shuffled(state.recorded.models)),
        models=shuffled(state.models),
    )
    one, two = planned(state, manifests), planned(other, random.sample(manifests, len(manifests)))
    assert one == two
    assert one.digest == two.digest


@settings(deadline=None, max_examples=100)
@given(FLEETS, FLEETS, st.sets(st.sampled_from("abcd")))
def test_a_partial_plan_touches_nothing_outside_its_scope(before, after, names):
    state = converge(begin(), manifests_of(before)) or begin()
    plan = planned(state, manifests_of(after), target=sorted(names) or ["none"])
    assert {action.name for action in plan.actions} <= names
    touched = {a.resource for a in plan.actions if a.kind in {Kind.DELETE, Kind.FORGET, Kind.UPDATE}}
    outside = {r for r, name in state.recorded.resources().items() if name not in names}
    moved = {action.resource for action in plan.actions if action.kind is Kind.MOVE}
    assert not touched & (outside - moved)


@settings(deadline=None, max_examples=60)
@given(FLEETS)
def test_destroying_ends_with_nothing_of_ours(fleet):
    state = converge(begin(), manifests_of(fleet))
    if state is None:
        return
    state = finish(state, planned(state, [], destroy=True), [])
    assert state.models == FOREIGN
    assert state.recorded.models == {}


def test_the_foreign_model_under_our_id_is_passed_over():
    manifest = wanted("a", epochs=1)
    plan = planned(begin(), [manifest])
    assert [(a.kind, a.resource) for a in plan.actions] == [("create", name_of(manifest, 2))]
