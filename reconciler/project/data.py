"""What manifests are tuned on and judged by: checked, digested, and read again when it is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from reconciler.core.examples import digest_of
from reconciler.core.gate import Gate
from reconciler.core.resource import Dataset, DatasetSource, Desired, Example, ExampleLimits
from reconciler.core.scorers import PARTICULAR, complaint
from reconciler.dataset import Known, RowShelf, check_dataset, check_expected, read_examples
from reconciler.dataset.leaks import Leaks
from reconciler.errors import NotFound, Problem, ProblemsError, StalePlan
from reconciler.manifest.load import LoadedManifest
from reconciler.manifest.project import ProjectConfig
from reconciler.ports.objects import StoredObject
from reconciler.providers.description import Description

_COMPARES = "preference"


@dataclass(frozen=True, slots=True)
class _Named:
    """Data that a manifest names by the URI of an object, and the digest of the object when it was looked at."""

    source: DatasetSource
    digest: str | None = None

    @property
    def uri(self) -> str | None:
        return self.source.uri


class Data:
    """The data of the manifests that were read (``ports.datasets.Datasets``); it knows of none before ``of`` is called.

    ``leaks`` finds what is both trained on and judged by, ``shelf`` keeps the row prints of what is sent, so that a
    later plan can tell what changed since. ``look`` asks the service about an object that a manifest names.
    """

    def __init__(
        self,
        config: ProjectConfig,
        provider: Description,
        *,
        leaks: Leaks,
        shelf: RowShelf,
        look: Callable[[str], StoredObject] | None,
    ) -> None:
        self._config = config
        self._provider = provider
        self._leaks = leaks
        self._shelf = shelf
        self._look = look
        self._objects: dict[str, _Named] = {}
        self._sources: dict[str, tuple[DatasetSource, Dataset]] = {}
        self._evaluations: dict[str, tuple[DatasetSource, str]] = {}

    def of(self, manifest: LoadedManifest, known: Known, problems: list[Problem]) -> Desired:
        """Check a manifest's data: what is trained on, what is to judge, and what stands in both."""
        desired, validation = manifest.desired, None
        if manifest.source is not None:
            limits = self._limits(desired)
            problems.extend(self._placed(desired, manifest.source))
            checked = check_dataset(self._config.root, manifest.source, limits, known=known)
            problems.extend(checked.problems)
            validation = checked.validation
            dataset = self._to_be_staged(checked.dataset)
            if manifest.source.uri is not None or manifest.source.validation_uri is not None:
                self._objects[desired.name] = _Named(manifest.source)
            if dataset is not None and dataset.counted:
                self._sources[desired.name] = (manifest.source, dataset)
            desired = replace(desired, dataset=dataset)
        if manifest.evaluation is not None:
            gate, found = self._complete_gate(desired, manifest.evaluation, known)
            problems.extend(found)
            desired = replace(desired, gate=gate)
        problems.extend(self._leaked(desired, manifest, validated=validation is not None))
        return desired

    def examples(self, name: str) -> Sequence[Example]:
        """Return a manifest's examples, read from its file whatever is known of it.

        Raises:
            StalePlan: the dataset's content changed since the manifests were read.
            ProblemsError: it cannot be read any more.
        """
        if name in self._objects and self._objects[name].uri is not None:
            return ()
        source, dataset = self._sources[name]
        examples = self._read(name, "dataset", source, dataset.digest)
        if not self._shelf.has(dataset):
            rows = ((0, example.input, example.output, example.context) for example in examples)
            self._shelf.keep(dataset, self._shelf.printer.prints(rows))
        return examples

    def validation(self, name: str) -> Sequence[Example]:
        """Return a manifest's examples that are not trained on; raises ProblemsError if they cannot be read."""
        source = self._objects[name].source if name in self._objects else self._sources[name][0]
        if source.validation is None:
            return ()
        return list(read_examples(self._config.root, replace(source, path=source.validation, inline=(), uri=None)))

    def objects(self, name: str) -> tuple[str | None, str | None]:
        """Return the URIs of training and validation data; see ``ports.datasets.Datasets``."""
        named = self._objects.get(name)
        if named is None:
            return None, None
        if named.uri is not None and self._look is not None and self._look(named.uri).digest != named.digest:
            message = f"{name}: the object {named.uri} changed since the plan was made; nothing was bought"
            raise StalePlan(message, hint="plan again")
        return named.uri, named.source.validation_uri

    def evaluation(self, name: str) -> Sequence[Example]:
        """Return the examples of a manifest's gate; raises as ``examples`` does."""
        return self._read(name, "gate's dataset", *self._evaluations[name])

    def _read(self, name: str, what: str, source: DatasetSource, digest: str) -> Sequence[Example]:
        examples = list(read_examples(self._config.root, source))
        if digest_of(examples) != digest:
            raise StalePlan(
                f"{name}: the {what} {source.path or ''} changed since the plan was made; nothing was sent",
                hint="plan again",
            )
        return examples

    @property
    def sources(self) -> Mapping[str, tuple[DatasetSource, Dataset]]:
        """Where the examples of each good manifest that was read come from, and what they come to, by name."""
        return self._sources

    def _placed(self, desired: Desired, source: DatasetSource) -> Iterator[Problem]:
        """Yield what is wrong with where data lies: in a bucket that is not read, or nowhere to upload it to."""
        uploads, kind = self._provider.uploads, self._config.provider.type
        if uploads is None:
            for key, uri in (("uri", source.uri), ("validation", source.validation_uri)):
                if uri is not None:
                    path = f"spec.dataset.{key}"
                    message = f"{desired.name}: {path}: {kind} reads no data from buckets"
                    yield Problem(desired.locate(path), message, "give the data as a file of the project")
        elif uploads.place is None and (source.uri is None or source.validation is not None):
            where = self._config.where
            place = next((where[path] for path in ("spec.provider", "spec", "") if path in where), None)
            message = (
                f"provider.staging: is missing; {kind} reads its data from a bucket, and that of {desired.name} is here"
            )
            hint = "set spec.provider.staging to a place such as gs://bucket/prefix"
            yield Problem(place, message, hint)

    def _to_be_staged(self, dataset: Dataset | None) -> Dataset | None:
        """Return a dataset with the place that it is uploaded to, where there is one."""
        uploads = self._provider.uploads
        if dataset is None or not dataset.counted or uploads is None or uploads.place is None:
            return dataset
        return replace(dataset, uri=uploads.place(dataset.digest))

    def seen(self, desired: Desired, problems: list[Problem]) -> Desired:
        """Return a manifest with the digest of the object that it names, which has to be there."""
        named, look = self._objects.get(desired.name), self._look
        if named is None or look is None:
            return desired
        found: dict[str, StoredObject] = {}
        for key, uri in (("uri", named.uri), ("validation", named.source.validation_uri)):
            if uri is None:
                continue
            try:
                found[key] = look(uri)
            except NotFound:
                path = f"spec.dataset.{key}"
                message = f"{desired.name}: {path}: {uri} does not exist"
                problems.append(Problem(desired.locate(path), message, "upload it first: gcloud storage cp"))
        if desired.dataset is None or "uri" not in found:
            return desired
        self._objects[desired.name] = replace(named, digest=found["uri"].digest)
        return replace(desired, dataset=replace(desired.dataset, digest=found["uri"].digest))

    def _limits(self, desired: Desired) -> ExampleLimits:
        """Return what the service takes for the method of a manifest."""
        limits = self._provider.capabilities.example_limits
        completions = limits.conversations and desired.spec.get("method") == _COMPARES
        return limits if limits.completions == completions else replace(limits, completions=completions)

    def _leaked(self, desired: Desired, manifest: LoadedManifest, *, validated: bool) -> Iterator[Problem]:
        """Yield a problem for each dataset that is to judge the model and holds what it is trained on."""
        training, gate = manifest.source, desired.gate
        if training is None or desired.dataset is None or not desired.dataset.counted:
            return
        judging: list[tuple[str, DatasetSource, bool]] = []
        if validated:
            validation = replace(training, path=training.validation, inline=(), validation=None, uri=None)
            judging.append(("validation dataset", validation, False))
        if manifest.evaluation is not None and gate is not None and gate.dataset is not None and gate.dataset.digest:
            judging.append(("gate's dataset", manifest.evaluation, gate.dataset.forbid_leak))
        for what, source, forbidden in judging:
            try:
                leak = self._leaks.find(training, desired.dataset.digest, source)
            except ProblemsError as error:
                yield from error.problems
                continue
            if leak.count:
                yield leak.problem(desired.name, what, source, training, forbidden=forbidden)

    def _complete_gate(
        self, desired: Desired, source: DatasetSource, known: Known
    ) -> tuple[Gate | None, list[Problem]]:
        """Check the examples of a gate; their digest belongs to the gate, so other examples are another gate."""
        gate = desired.gate
        if gate is None or gate.dataset is None:
            return gate, []
        # A gate asks with one prompt and no more, whatever the model was tuned on.
        limits = replace(self._provider.capabilities.example_limits, conversations=False)
        checked = check_dataset(self._config.root, source, limits, known=known)
        if checked.dataset is None:
            return gate, list(checked.problems)
        scorer = gate.dataset.scorer
        amiss = check_expected(self._config.root, source, partial(complaint, scorer)) if scorer in PARTICULAR else []
        found, count = checked.dataset.digest, checked.dataset.examples
        self._evaluations[desired.name] = (source, found)
        gate = replace(gate, dataset=replace(gate.dataset, digest=found, examples=count))
        return gate, [*checked.problems, *amiss]
