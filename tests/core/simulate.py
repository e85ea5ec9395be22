"""A pure world in which a plan is carried out perfectly, step by step, with the lockfile's own transitions.

It is the engine's contract in small: intents in one write before the first create, outcomes after it, deletions last.
Each yielded pair is a state that a crash could leave behind: the lockfile as stored, and the models that exist.
"""

from dataclasses import dataclass, field, replace

from core_values import LIVE_FAILED, LIVE_READY, LIVE_TUNING, PENDING, READY, RESOLVED, TUNING

from reconciler.core.lockfile import Instance, amend
from reconciler.core.observation import Observation, Observed
from reconciler.core.plan import TRAINS, Kind
from reconciler.core.succession import fail, intend, promote, remove, take_back
from reconciler.engine.applying.carry import merged_spec


@dataclass(frozen=True)
class State:
    """The lockfile as stored, the models that exist, and every create and delete there ever was."""

    recorded: object
    models: dict
    created: tuple = ()
    deleted: tuple = ()
    patched: tuple = ()
    fails: frozenset = field(default=frozenset())

    @property
    def observed(self):
        missing = frozenset(self.recorded.resources()) - self.models.keys()
        return Observed(models=self.models, missing=missing)

    def entry(self, name, change):
        entry = self.recorded.models.get(name)
        changed = None if entry is None else change(entry)
        recorded = self.recorded.drop(name) if changed is None else self.recorded.put(name, changed)
        return replace(self, recorded=recorded)


def carry_out(state, plan, desired):
    """Yield the state after each step of a plan, and return the last one."""
    manifests = {manifest.name: manifest for manifest in desired}
    for action in plan.actions:
        state = _intend(state, action, manifests.get(action.name))
    yield state
    for action in _parents_first(plan.actions):
        state = yield from _train(state, action, manifests.get(action.name))
    deletions = [action for action in plan.actions if action.kind is Kind.DELETE]
    for action in deletions:
        if action.cleanup:
            state = yield from _delete(state, action.name, action.resource)
    for name in sorted({action.name for action in plan.actions} & state.recorded.models.keys()):
        entry = state.recorded.models[name]
        for former in entry.deposed if entry.current.state is READY else ():
            state = yield from _delete(state, name, former.resource)
    for action in deletions:
        if not action.cleanup:
            state = yield from _delete(state, action.name, action.resource)
    return state


def finish(state, plan, desired):
    """Return the state after all steps of a plan."""
    return list(carry_out(state, plan, desired))[-1]


def _parents_first(actions):
    """Order by what depends on what; a plan is small here."""
    left, done = list(actions), set()
    awaited = {a.name for a in actions}
    while left:
        ready = [a for a in left if not (set(a.depends_on) & awaited) - done]
        assert ready, "the plan's dependencies form a cycle"
        yield from ready
        left = [a for a in left if a not in ready]
        done |= {a.name for a in ready} - {a.name for a in left}


def _intend(state, action, manifest):
    lifecycle = manifest.lifecycle if manifest else None
    if action.kind is Kind.MOVE:
        return replace(state, recorded=state.recorded.rename_all({action.previous_name: action.name}))
    if action.kind is Kind.FORGET:
        return state.entry(action.name, lambda e: remove(e, action.resource) if action.cleanup else None)
    if action.kind is Kind.UPDATE:
        change = {"protect": lifecycle.protect, "deletion": lifecycle.deletion}
        return state.entry(action.name, lambda e: replace(e, **change))
    if action.kind not in TRAINS | {Kind.REUSE}:
        return state
    entry = state.recorded.models.get(action.name)
    kept = () if entry is None else (*entry.retained, *entry.rejected)
    if action.kind is Kind.REUSE and any(i.resource == action.resource for i in kept):
        return state.entry(action.name, lambda e: take_back(e, action.resource, retain=lifecycle.retain))
    former = next((i for i in (() if entry is None else entry.deposed) if i.resource == action.resource), None)
    made = Instance(
        resource=action.resource,
        revision=action.revision,
        attempt=action.attempt,
        state=PENDING if action.kind in TRAINS else TUNING,
        spec=manifest.spec if former is None else merged_spec(former.spec, manifest),
        dataset=manifest.dataset if former is None else former.dataset or manifest.dataset,
    )
    changed = intend(entry, made, protect=lifecycle.protect, deletion=lifecycle.deletion)
    return replace(state, recorded=state.recorded.put(action.name, changed))


def _train(state, action, manifest):
    if action.kind in TRAINS:
        state = yield from _create(state, action, manifest)
    if action.kind is Kind.UPDATE:
        state = _patch(state, action, manifest)
        yield state
    if action.kind in TRAINS | {Kind.WAIT, Kind.REUSE}:
        state = yield from _end(state, action)
    return state


def _create(state, action, manifest):
    assert action.resource not in state.models, f"{action.resource} is created while it exists"
    parent = state.recorded.models[manifest.parent].current if manifest.parent else None
    assert parent is None or parent.state is READY, "a child is tuned before its parent is ready"
    model = _born(action, manifest, parent)
    state = replace(
        state,
        models={**state.models, model.resource: model},
        created=(*state.created, (action.name, action.revision, action.attempt)),
    )
    yield state
    state = state.entry(action.name, lambda e: amend(e, replace(_instance(e, action.resource), state=TUNING)))
    yield state
    return state


def _patch(state, action, manifest):
    fields = {c.path.removeprefix("spec."): c.after for c in action.changes if c.effect == "update"}
    if fields:
        model = state.models[action.resource]
        models = {**state.models, action.resource: replace(model, spec={**model.spec, **fields})}
        state = replace(state, models=models, patched=(*state.patched, action.resource))
    spec = {k: v for k, v in manifest.spec.items() if k not in ("baseModel", "source", "hyperparameters")}
    return state.entry(action.name, lambda e: _respecify(e, action.resource, spec))


def _end(state, action):
    entry = state.recorded.models[action.name]
    if entry.current.resource == action.resource and entry.current.state is READY and action.kind is not Kind.WAIT:
        return state
    model = state.models[action.resource]
    if model.state is LIVE_TUNING:
        end = LIVE_FAILED if action.resource in state.fails else LIVE_READY
        state = replace(state, models={**state.models, action.resource: replace(model, state=end)})
        yield state
    if state.models[action.resource].state is LIVE_FAILED:
        state = state.entry(action.name, lambda e: fail(e, action.resource, "diverged"))
    else:
        state = state.entry(action.name, lambda e: promote(e, action.resource, retain=action.lifecycle.retain))
    yield state
    return state


def _delete(state, name, resource):
    if resource in state.models:
        models = {key: model for key, model in state.models.items() if key != resource}
        state = replace(state, models=models, deleted=(*state.deleted, resource))
        yield state
    state = state.entry(name, lambda e: remove(e, resource))
    yield state
    return state


def _born(action, manifest, parent):
    spec = {key: value for key, value in manifest.spec.items() if key != "hyperparameters"}
    if parent is not None:
        spec["source"] = {"tunedModel": parent.resource}
    values = {**RESOLVED, **manifest.spec.get("hyperparameters", {})}
    spec = {"temperature": 0.7, **spec, "hyperparameters": values}
    return Observation(resource=action.resource, spec=spec, state=LIVE_TUNING)


def _instance(entry, resource):
    return next(i for i in entry.instances() if i.resource == resource)


def _respecify(entry, resource, spec):
    made = _instance(entry, resource)
    kept = {k: v for k, v in made.spec.items() if k in ("baseModel", "source", "hyperparameters")}
    return amend(entry, replace(made, spec={**spec, **kept}))
