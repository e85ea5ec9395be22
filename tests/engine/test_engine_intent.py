"""What a plan changes in the lockfile before anything is sent."""

from __future__ import annotations

from reconciler.core.lockfile import Entry, Instance, InstanceState, Lockfile
from reconciler.core.observation import Observed
from reconciler.core.plan import Action, Kind, Plan
from reconciler.core.resource import Dataset, Desired, Lifecycle, Remote
from reconciler.engine.applying.intent import record_intents

REMOTE = Remote("fake", "https://example.invalid")
DATA = Dataset("sha256:data", 15)
MADE = Instance(
    "tunedModels/b-1",
    "sha256:old",
    state=InstanceState.READY,
    spec={"baseModel": "models/x", "hyperparameters": {"epochCount": 3}, "temperature": 0.1},
    dataset=DATA,
)


def test_a_former_model_that_is_taken_up_stays_recorded_as_what_it_was_made_of():
    """A manifest that ignores what moved asks for this model, whose revision must still say how it was made."""
    serving = Instance("tunedModels/b-2", "sha256:new", state=InstanceState.READY)
    lockfile = Lockfile(REMOTE, models={"b": Entry(current=serving, deposed=(MADE,))})
    wanted = Desired(
        "b",
        {"baseModel": "models/x", "hyperparameters": {"epochCount": 9}, "temperature": 0.7},
        dataset=DATA,
        lifecycle=Lifecycle(ignore=("hyperparameters.epochCount",)),
    )
    reuse = Action("b", Kind.REUSE, "", resource=MADE.resource, previous=serving.resource, revision=MADE.revision)
    recorded = record_intents(lockfile, Plan("demo", REMOTE, (reuse,)), {"b": wanted}, Observed())
    candidate = recorded.models["b"].candidate
    assert candidate is not None
    assert candidate.spec == {"baseModel": "models/x", "hyperparameters": {"epochCount": 3}, "temperature": 0.7}
    assert (candidate.revision, candidate.dataset) == (MADE.revision, DATA)
