"""Values that the tests of the views share."""

from decimal import Decimal

from reconciler.core.datachange import DataChange, RowCounts
from reconciler.core.estimate import Forecast, Pace, Variant
from reconciler.core.plan import Action, Change, Drift, Kind, Plan, Steps, Unmanaged
from reconciler.core.price import Cost
from reconciler.core.resource import Dataset, Lifecycle, Remote
from reconciler.errors import Location, Problem, Violation

REMOTE = Remote("generativelanguage", "https://generativelanguage.googleapis.com", "my-project-id")
OLD_DATA = Dataset(f"sha256:{'0123456789abcdef' * 4}", 15)
NEW_DATA = Dataset(f"sha256:{'fedcba9876543210' * 4}", 18)

CREATE = Action(
    name="number-generator",
    kind=Kind.CREATE,
    reason="does not exist",
    resource="tunedModels/number-generator-1a2b3c4d5e6f",
    revision=f"sha256:{1:064x}",
    dataset=OLD_DATA,
    steps=Steps(23, 23),
    lifecycle=Lifecycle(),
    forecast=Forecast(60.0, 60.0, Pace(2.609, 9), unpriced="no price for models/text-bison-001"),
)
REPLACE = Action(
    name="sentence-translator",
    kind=Kind.REPLACE,
    reason="the dataset and hyperparameters.epochCount cannot change in place",
    resource="tunedModels/sentence-translator-0b1c2d3e4f5a",
    previous="tunedModels/sentence-translator-a1b2c3d4e5f6",
    revision=f"sha256:{2:064x}",
    changes=(
        Change("spec.hyperparameters.epochCount", 3, 5, "replace"),
        Change("spec.temperature", None, 0.5, "update"),
    ),
    dataset=NEW_DATA,
    dataset_before=OLD_DATA,
    data=DataChange(RowCounts(4, 1, 2, duplicates=1), source="cache"),
    steps=Steps(18, 90),
    depends_on=("number-generator",),
    lifecycle=Lifecycle(protect=True, ignore=("temperature",)),
    gate={"metric": "exactMatch", "atLeast": 0.8},
    forecast=Forecast(
        46.8,
        234.0,
        Pace(2.6, 7, "models/text-bison-001"),
        Cost(Decimal("1050.25"), Decimal("5250.5"), "USD", estimate=True),
    ),
)
LONG = "The same beginning for quite a while, so that a reader would see no difference at all "
UPDATE = Action(
    name="tone",
    kind=Kind.UPDATE,
    reason="fields differ that can change in place",
    resource="tunedModels/tone-5e6f1a2b3c4d",
    changes=(
        Change("spec.description", f"{LONG}before", f"{LONG}after", "update"),
        Change("spec.topK", 40, 20, "update"),
    ),
)
DELETE = Action("abandoned", Kind.DELETE, "no manifest asks for it", resource="tunedModels/abandoned-3c4d5e6f1a2b")
WAIT = Action("slow", Kind.WAIT, "is still tuning", resource="tunedModels/slow-2b3c4d5e6f1a")
OTHERS = (
    DELETE,
    Action("tone", Kind.DELETE, "was replaced", resource="tunedModels/tone-777777777777", cleanup=True),
    Action("found", Kind.REUSE, "a ready model of this revision exists", resource="tunedModels/found-4d5e6f1a2b3c"),
    Action(
        "renamed",
        Kind.MOVE,
        "the manifest was renamed",
        resource="tunedModels/numbers-6f1a2b3c4d5e",
        previous_name="numbers",
    ),
    WAIT,
    Action("taken-in", Kind.ADOPT, "adopted on request", resource="tunedModels/somebody-elses"),
    Action("let-go", Kind.FORGET, "gone remotely", resource="tunedModels/let-go-111111111111"),
    Action(
        "broken",
        Kind.BLOCKED,
        "this revision failed and is not bought again by itself; change the manifest or use --replace broken",
        resource="tunedModels/broken-222222222222",
        blocked_by="failed",
    ),
)
PLAN = Plan(
    project="demo",
    remote=REMOTE,
    actions=(CREATE, REPLACE, UPDATE, *OTHERS),
    unchanged=4,
    drift=(
        Drift(
            "tone",
            "changed",
            "changed outside of tunectl",
            resource="tunedModels/tone-5e6f1a2b3c4d",
            path="spec.topK",
            before=20,
            after=40,
            update_time="2026-03-01T10:00:00Z",
        ),
        Drift("gone", "missing", "the service does not know it any more", resource="tunedModels/gone-333333333333"),
    ),
    unmanaged=(
        Unmanaged("tunedModels/my-display-name-81", "my display name", "ready", "2025-11-02T08:15:00Z"),
        Unmanaged("tunedModels/old-444444444444", "old", "failed", orphaned=True),
    ),
    warnings=(
        Problem(
            Location("manifests/models.yaml", 12, 5), "temperature has no effect here", "remove it", severity="warning"
        ),
    ),
    violations=(
        Violation("1 delete, but limits.maxDeletes is 0; allow it with --allow-deletes 1", rule="limits.maxDeletes"),
    ),
    what_if=(
        Variant(
            "number-generator",
            {"hyperparameters.epochCount": 5, "hyperparameters.batchSize": 4},
            Steps(19, 19),
            Forecast(49.6, 49.6, Pace(2.609, 9), Cost(Decimal("0.0023"), Decimal("0.0023"), "EUR")),
        ),
        Variant("number-generator", {"hyperparameters.epochCount": 5}, None, None),
        Variant("taken-in", {"hyperparameters.epochCount": 5}, note="has no dataset, so nothing can train it"),
    ),
    lineage="6f1c7f0e-0c8b-4a35-9d52-6a1b2d8f9c11",
    serial=3,
)
NOTHING = Plan(project="demo", remote=REMOTE, unchanged=5)
