"""What is wanted: one tuned model as its manifest declares it, and what a provider can do with such a thing.

A *spec* is a nested mapping in the manifest's own spelling, holding only what the manifest sets (plus the display name,
which always has a value)::

    {"displayName": "numbers", "baseModel": "models/text-bison-001",
     "hyperparameters": {"epochCount": 3}, "temperature": 0.7}

``source`` stands in place of ``baseModel`` when a model is tuned from another: ``{"model": "<manifest name>"}`` or
``{"tunedModel": "<resource name>"}``. The dataset is no part of the spec; it has a digest of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from reconciler.core.canonical import Json
from reconciler.core.gate import Gate
from reconciler.errors import Location

Spec = Mapping[str, Json]

EMPTY: Mapping[str, Json] = MappingProxyType({})


class Effect(StrEnum):
    """What changing a field costs: a patch, a new training, or nothing remote at all."""

    UPDATE = "update"
    REPLACE = "replace"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Context:
    """What an example holds beside its input and its output, for services that tune on conversations.

    ``system`` is the system instruction; ``turns`` is what was said before the input, each the role (``user`` or
    ``model``) and the words. ``completions`` are the answers that preference tuning compares, each with its score; the
    example's output is the best of them. At least one of the three is there.
    """

    system: str | None = None
    turns: tuple[tuple[str, str], ...] = ()
    completions: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """One training example: text in, text out, and what stands around it if it is part of a conversation."""

    input: str
    output: str
    context: Context | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """What may be remembered of a dataset: its content digest (``sha256:…``) and the number of examples.

    ``characters`` is the number of Unicode characters in all inputs and outputs, None where nobody counted. It follows
    from the content, so it takes no part in comparisons.

    ``path`` is the file it was read from, relative to the project, None if the examples stand in the manifest; it helps
    to find an old version again, and what a dataset is does not depend on it.

    ``uri`` is where a service that trains from a bucket reads it. Of an object that the manifest names, no row is read
    here: ``examples`` is 0 and the digest one of the object's name and checksum.
    """

    digest: str
    examples: int
    characters: int | None = field(default=None, compare=False)
    path: str | None = field(default=None, compare=False)
    uri: str | None = field(default=None, compare=False)

    @property
    def counted(self) -> bool:
        """Whether the rows were read, so that the number of examples is known."""
        return self.examples > 0


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """How a model is replaced and removed. ``timeout`` is in seconds; ``deletion`` is ``delete`` or ``retain``."""

    protect: bool = False
    retain: int = 0
    ignore: tuple[str, ...] = ()
    timeout: float = 86_400.0
    deletion: str = "delete"


@dataclass(frozen=True, slots=True)
class Desired:
    """One tuned model as its manifest declares it.

    ``dataset`` is None only for an imported model, which nothing can retrain. ``where`` maps dotted paths
    (``spec.hyperparameters.epochCount``) to places in the manifest and takes no part in comparisons.
    """

    name: str
    spec: Spec
    dataset: Dataset | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    previous_names: tuple[str, ...] = ()
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    gate: Gate | None = None
    where: Mapping[str, Location] = field(default_factory=dict, compare=False, repr=False)

    @property
    def parent(self) -> str | None:
        """The name of the manifest whose model this one is tuned from, if any."""
        source = self.spec.get("source")
        if source is None:
            return None
        name = source.get("model") if isinstance(source, Mapping) else None
        return name if isinstance(name, str) else None

    def locate(self, path: str) -> Location | None:
        """Return the place of a dotted path in the manifest, or of its nearest ancestor."""
        while path:
            if path in self.where:
                return self.where[path]
            path = path.rpartition(".")[0]
        return self.where.get("")


@dataclass(frozen=True, slots=True)
class Remote:
    """Which remote a project speaks to. A lockfile belongs to exactly one; another one is an error."""

    type: str
    endpoint: str
    project: str | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True)
class ExampleLimits:
    """What a service accepts of examples; None where nothing is published.

    Of one example: the longest input and output in characters, and the most ``tokens`` of both together, beyond which
    the service leaves it out. ``conversations`` says whether system instructions and earlier turns are taken.
    ``completions`` says that each example is to hold answers with scores, as preference tuning wants; else none may.

    Of a dataset: how many ``examples``, and how many ``bytes`` as a file. Of a validation dataset:
    ``validation_examples`` at most, and if there are more than ``share_from`` to train on, this ``validation_share`` of
    them at most.
    """

    input_characters: int | None = None
    output_characters: int | None = None
    tokens: int | None = None
    conversations: bool = False
    completions: bool = False
    examples: int | None = None
    bytes: int | None = None
    validation_examples: int | None = None
    validation_share: float | None = None
    share_from: int = 0


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do, as data, so that the core never asks which provider it is.

    ``effects`` maps a spec path, or the head of one (``hyperparameters``), to what changing it costs. A path without
    an entry is not kept by the provider. ``defaults`` holds, for hyperparameters a manifest may leave out, every value
    the service may choose. ``resource_prefix`` leads every resource name (``tunedModels/``).

    ``labels`` says whether the service keeps labels of a manifest, which then are a field like any other.
    ``validation`` says whether it measures with examples that are not trained on, and so is sent them. ``losses`` says
    whether the loss of a tuning can be read. ``lists_base_models`` says whether a base model that is not listed is sure
    to be refused; where it is not, the service decides. ``permissions`` says whether models can be shared, ``cancels``
    whether a tuning that runs can be stopped. ``uncounted`` is why the steps of a tuning cannot be known before it
    runs, for a service that publishes no rule.
    """

    effects: Mapping[str, Effect]
    resource_prefix: str
    display_name_limit: int
    example_limits: ExampleLimits = field(default_factory=ExampleLimits)
    defaults: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    labels: bool = False
    validation: bool = False
    losses: bool = True
    lists_base_models: bool = True
    permissions: bool = False
    cancels: bool = False
    uncounted: str | None = None

    @property
    def in_place(self) -> tuple[str, ...]:
        """The spec paths that can be patched, sorted."""
        return tuple(sorted(path for path, effect in self.effects.items() if effect is Effect.UPDATE))

    def effect(self, path: str) -> Effect | None:
        """Return what changing a spec path costs, or None if the provider does not keep the field."""
        while path:
            if path in self.effects:
                return self.effects[path]
            path = path.rpartition(".")[0]
        return None


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A base model as the service lists it; ``tunable`` says whether a tuning may start from it."""

    name: str
    tunable: bool


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """Where a manifest's examples come from.

    Either ``path`` (POSIX, relative to the project's folder, with no ``..`` left in it), or ``inline`` examples, each
    with its place, or the ``uri`` of an object; ``validation`` and ``validation_uri`` likewise. ``input_key`` and
    ``output_key`` rename the columns. ``location`` is where the manifest names it, ``validation_location`` where it
    names the validation data.
    """

    location: Location
    path: str | None = None
    inline: tuple[tuple[Example, Location], ...] = ()
    input_key: str | None = None
    output_key: str | None = None
    validation: str | None = None
    uri: str | None = None
    validation_uri: str | None = None
    validation_location: Location | None = None


def with_values(spec: Spec, values: Mapping[str, Json]) -> dict[str, Json]:
    """Return a spec with values set by dotted path (``hyperparameters.epochCount``), everything beside them kept."""
    changed = dict(spec)
    for path, value in values.items():
        head, _, rest = path.partition(".")
        inner = changed.get(head)
        changed[head] = with_values(inner if isinstance(inner, Mapping) else {}, {rest: value}) if rest else value
    return changed
