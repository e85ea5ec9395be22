"""The project file, field by field: the source of validation, of messages and of its JSON Schema.

As in ``document``: nothing but models, with the descriptions that editors show.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from reconciler.manifest.document import Part, Spec
from reconciler.manifest.kinds import (
    Amount,
    Bucket,
    CloudName,
    Command,
    Count,
    Currency,
    Day,
    Duration,
    LastDay,
    Line,
    Maybe,
    Paths,
    ProjectName,
    Rate,
    Ratio,
    Tally,
    Text,
)


class ProjectMetadata(Part):
    """What the project is called."""

    name: Maybe[ProjectName] = Field(
        None, description="Part of every remote id. Default: the folder's name; set it before the first apply."
    )


class ProviderPart(Part):
    """The service that tunes."""

    type: Line = Field(
        "generativelanguage",
        description="Which service: generativelanguage, vertex, or one that an installed package adds.",
        json_schema_extra={"examples": ["generativelanguage", "vertex"]},
    )
    api_version: Maybe[Line] = Field(
        None,
        description="generativelanguage: v1beta3 or v1beta (default); vertex: v1 (default) or v1beta1.",
        json_schema_extra={"examples": ["v1beta3", "v1beta", "v1", "v1beta1"]},
    )
    endpoint: Line = Field("emulator", description="'emulator' or an https URL; http only for this machine.")
    project: Maybe[CloudName] = Field(None, description="The cloud project, sent as x-goog-user-project.")
    location: Maybe[CloudName] = Field(None, description="vertex: the region.")
    staging: Maybe[Bucket] = Field(None, description="vertex: where local datasets are put.")
    options: Maybe[dict[str, Text]] = Field(None, description="For providers that installed packages add.")


class CostLimit(Part):
    """An amount of money."""

    amount: Amount = Field(description="The most that the trainings of a plan may cost.")
    currency: Currency = Field(description="The currency, such as USD; prices have to be in it.")


class LimitsPart(Part):
    """What a plan may do at most; null for no limit. Each has a flag that overrides it with an exact number."""

    max_deletes: Tally | None = Field(5, description="Models a plan may delete.")
    max_replaces: Tally | None = Field(10, description="Models a plan may replace.")
    max_steps: Tally | None = Field(None, description="Tuning steps a plan may buy.")
    max_cost: Maybe[CostLimit] = Field(None, description="What the trainings of a plan may cost, by spec.prices.")


class PricePart(Part):
    """What tuning costs; nothing is built in, and what no entry fits has no price."""

    alternatives: ClassVar[tuple[str, ...]] = ("perStep", "perThousandCharacters", "perMillionTokens")

    base_model: Line = Field(description="A glob of base models; the first entry that fits counts.")
    currency: Currency = Field(description="The currency, such as USD.")
    per_step: Maybe[Amount] = Field(None, description="For each tuning step.")
    per_thousand_characters: Maybe[Amount] = Field(
        None, description="For each thousand characters of the examples, in and out, each epoch."
    )
    per_million_tokens: Maybe[Amount] = Field(
        None, description="For each million tokens of the examples, in and out, each epoch; estimated from characters."
    )
    characters_per_token: Maybe[Ratio] = Field(
        None, description="How many characters a token has; goes with perMillionTokens."
    )
    per_model: Maybe[Amount] = Field(None, description="For each model, whatever it takes; added to the others.")


class CountRange(Part):
    """What a whole number may be; both bounds are allowed themselves."""

    min: Maybe[Count] = Field(None, description="The least.")
    max: Maybe[Count] = Field(None, description="The most.")


class RateRange(Part):
    """What a rate may be; both bounds are allowed themselves."""

    min: Maybe[Rate] = Field(None, description="The least.")
    max: Maybe[Rate] = Field(None, description="The most.")


class HyperparameterRanges(Part):
    """What the hyperparameters of a training may be."""

    epoch_count: Maybe[CountRange] = Field(None, description="How often all examples may be gone through.")
    batch_size: Maybe[CountRange] = Field(None, description="Examples per tuning step.")
    learning_rate: Maybe[RateRange] = Field(None, description="The size of a step.")
    learning_rate_multiplier: Maybe[RateRange] = Field(None, description="A factor on the service's own rate.")


class DatasetRange(Part):
    """How large the dataset of a training may be."""

    min_examples: Maybe[Count] = Field(None, description="The least number of examples.")
    max_examples: Maybe[Count] = Field(None, description="The greatest number of examples.")


class PlanCheck(Part):
    """A program that reads the plan document on standard input; an exit status other than 0 refuses the plan."""

    command: Command = Field(description="The program and its arguments; no shell is involved.")
    timeout: Duration = Field("60s", description="How long it may take.")


class PolicyPart(Part):
    """What the project allows. A plan that breaks a rule is refused with exit code 5."""

    allowed_base_models: Maybe[list[Line]] = Field(None, description="Globs of base models that may be tuned.")
    name_pattern: Maybe[Line] = Field(None, description="A regular expression that every whole name must match.")
    hyperparameters: Maybe[HyperparameterRanges] = Field(None, description="Bounds on what a training is told.")
    dataset: Maybe[DatasetRange] = Field(None, description="Bounds on what a training reads.")
    required_labels: Maybe[list[Line]] = Field(None, description="Keys of labels that every manifest must carry.")
    checks: Maybe[list[PlanCheck]] = Field(None, description="Programs that are shown the plan and may refuse it.")


class IgnoredDrift(Part):
    """Drift that does not count for a while."""

    name: Line = Field(description="A glob of names.")
    path: Maybe[Line] = Field(None, description="The field, such as spec.temperature. Default: whatever drifts.")
    reason: Line = Field(description="Why it is ignored.")
    until: Maybe[LastDay] = Field(
        None, description="The last day, in UTC, or never; after it the drift counts again. Without it validate warns."
    )


class DriftPart(Part):
    """How drift is judged."""

    ignore: Maybe[list[IgnoredDrift]] = Field(None, description="Drift that does not count.")


class ProjectSpec(Part):
    """How the project works."""

    provider: ProviderPart = Field(default_factory=ProviderPart.model_construct, description="The service that tunes.")
    manifests: Paths = Field(["manifests"], description="Files, folders and globs, relative to this file.")
    lockfile: Line = Field("tunectl.lock", description="A path, or gs://bucket/key, or s3://bucket/key.")
    defaults: Maybe[Spec] = Field(None, description="What the spec of every TunedModel starts from.")
    limits: LimitsPart = Field(default_factory=LimitsPart.model_construct, description="Safety valves.")
    prices: Maybe[list[PricePart]] = Field(None, description="What tuning costs, for forecasts and limits.maxCost.")
    policy: Maybe[PolicyPart] = Field(None, description="What the project allows.")
    drift: Maybe[DriftPart] = Field(None, description="How drift is judged.")
    shutdowns: Maybe[dict[Line, Day | None]] = Field(
        None, description="Days on which base models are shut down; null says that none is known."
    )
    shutdown_notice: Duration = Field("90d", description="How long before its shutdown a base model is warned of.")


class ProjectDocument(Part):
    """The project file, tunectl.yaml. Every key has a default."""

    api_version: Literal["tunectl/v1"] = Field("tunectl/v1", description="The version of this format.")
    kind: Literal["Project"] = Field("Project", description="What the document describes.")
    metadata: ProjectMetadata = Field(
        default_factory=ProjectMetadata.model_construct, description="What the project is called."
    )
    spec: ProjectSpec = Field(default_factory=ProjectSpec.model_construct, description="How the project works.")
