"""Short names for the values that the tables of the core's tests are made of."""

from dataclasses import replace

from reconciler.core.address import remote_id
from reconciler.core.limits import Limits
from reconciler.core.lockfile import Entry, Instance, InstanceState, Lockfile
from reconciler.core.observation import ModelState, Observation, Observed
from reconciler.core.plan import Scope
from reconciler.core.planning.build import Policy
from reconciler.core.planning.case import Case
from reconciler.core.resource import Capabilities, Dataset, Desired, Effect, Lifecycle, Remote
from reconciler.core.revision import revision_of

PENDING, TUNING, READY, FAILED, REJECTED = InstanceState
LIVE_TUNING, LIVE_READY, LIVE_FAILED, LIVE_UNKNOWN = ModelState

BASE = "models/text-bison-001"
PREFIX = "tunedModels/"
REMOTE = Remote(type="generativelanguage", endpoint="https://example.invalid", project="cloud-project")
PROJECT = "demo"
CAPABILITIES = Capabilities(
    effects={
        "displayName": Effect.UPDATE,
        "description": Effect.UPDATE,
        "temperature": Effect.UPDATE,
        "topP": Effect.UPDATE,
        "topK": Effect.UPDATE,
        "baseModel": Effect.REPLACE,
        "source": Effect.REPLACE,
        "hyperparameters": Effect.REPLACE,
    },
    resource_prefix=PREFIX,
    display_name_limit=40,
    defaults={"epochCount": (5,), "batchSize": (4, 16)},
)
RESOLVED = {"epochCount": 5, "batchSize": 4, "learningRate": 0.001}
DATA = Dataset("sha256:data", 15)
OTHER_DATA = Dataset("sha256:other", 20)
UNLIMITED = Limits(max_deletes=None, max_replaces=None)


def spec_of(*, base=BASE, source=None, epochs=None, batch=None, rate=None, **fields):
    hyperparameters = {"epochCount": epochs, "batchSize": batch, "learningRate": rate}
    given = {key: value for key, value in hyperparameters.items() if value is not None}
    origin = {"baseModel": base} if source is None else {"source": source}
    return {"displayName": "numbers", **origin, **fields, **({"hyperparameters": given} if given else {})}


def wanted(name="numbers", *, data=DATA, previous=(), lifecycle=None, gate=None, **spec):
    return Desired(
        name=name,
        spec=spec_of(**spec),
        dataset=data,
        previous_names=tuple(previous),
        lifecycle=lifecycle or Lifecycle(),
        gate=gate,
    )


def revision(manifest, parent=None):
    return revision_of(manifest.spec, manifest.dataset, parent_revision=parent)


def name_of(manifest, attempt=1, *, parent=None, of=None):
    return PREFIX + remote_id(
        remote_project=REMOTE.project,
        project=PROJECT,
        name=of or manifest.name,
        revision=revision(manifest, parent),
        attempt=attempt,
    )


def instance(manifest, state=READY, attempt=1, *, parent=None, **fields):
    made = Instance(
        resource=name_of(manifest, attempt, parent=parent),
        revision=revision(manifest, parent),
        attempt=attempt,
        state=state,
        spec=manifest.spec,
        dataset=manifest.dataset,
    )
    return replace(made, **fields)


def live(made, state=LIVE_READY, *, base=BASE, parent=None, hyperparameters=None, **fields):
    """Return an instance as the service lists it, with every hyperparameter resolved."""
    spec = {key: value for key, value in made.spec.items() if key not in ("baseModel", "source", "hyperparameters")}
    origin = {"source": {"tunedModel": parent}} if parent else {"baseModel": base}
    given = {**RESOLVED, **made.spec.get("hyperparameters", {}), **(hyperparameters or {})}
    return Observation(
        resource=made.resource,
        spec={"temperature": 0.7, **spec, **origin, "hyperparameters": given, **fields},
        state=state,
    )


def seen(*observations):
    return Observed(models={observation.resource: observation for observation in observations})


def lockfile(**entries):
    return Lockfile(remote=REMOTE, lineage="lineage", serial=3, models=entries)


def case_of(manifest, entry=None, observed=(), *, owner=None, **fields):
    settled = fields.pop("revision", None) or revision(manifest)
    recorded = {} if entry is None else {i.resource: manifest.name for i in entry.instances()}

    def identify(attempt):
        return PREFIX + remote_id(
            remote_project=REMOTE.project, project=PROJECT, name=manifest.name, revision=settled, attempt=attempt
        )

    return Case(
        desired=manifest,
        entry=entry,
        revision=settled,
        observed=seen(*observed),
        capabilities=CAPABILITIES,
        identify=identify,
        owner={**recorded, **(owner or {})},
        **fields,
    )


def policy(*, target=(), exclude=(), limits=UNLIMITED, again=(), destroy=False):
    scope = Scope(target=tuple(target), exclude=tuple(exclude))
    return Policy(PROJECT, CAPABILITIES, limits=limits, scope=scope, replace=frozenset(again), destroy=destroy)


def entry_of(current, **fields):
    return Entry(current=current, **fields)


def brief(actions):
    """Return kind and resource of each action, and whether it cleans up."""
    return [(a.kind.value, a.resource, *(["cleanup"] if a.cleanup else [])) for a in actions]


A_MODEL = instance(wanted())
