"""What the user asks for: manifests and datasets, read, checked, and spelt as the remote will report them.

No service is asked and no lockfile opened here, and nothing is imported for those who do: ``validate`` is to start
quickly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from reconciler.core.examples import digest_of
from reconciler.core.fitting import unfit
from reconciler.core.gate import Gate
from reconciler.core.manifests import Manifests
from reconciler.core.planning.tolerance import unended
from reconciler.core.resource import Dataset, DatasetSource, Desired, Example, ExampleLimits
from reconciler.core.scorers import PARTICULAR, complaint
from reconciler.dataset import DatasetReport, Known, RowShelf, check_dataset, check_expected, read_examples
from reconciler.dataset.leaks import Leaks
from reconciler.errors import InvalidArgument, NotFound, Problem, ProblemsError, StalePlan
from reconciler.manifest.load import LoadedManifest, compile_text, load_manifests
from reconciler.manifest.project import ProjectConfig
from reconciler.ports.objects import StoredObject
from reconciler.ports.provider import Remark
from reconciler.providers.description import Description

__all__ = ["Reading"]

_COMPARES = "preference"


class Reading:
    """Reads a project's manifests, and their examples again when they are sent (``ports.datasets.Datasets``).

    ``cache`` is the folder, relative to the project, that remembers from one run to the next what the files held: the
    digests of datasets, and what the YAML of manifests says. None reads every file.
    ``shelf`` keeps the row prints of what is sent, so that a later plan can tell what changed since. ``look`` asks the
    service about an object that a manifest names.
    """

    def __init__(
        self,
        config: ProjectConfig,
        provider: Description,
        *,
        cache: str | None,
        shelf: RowShelf,
        look: Callable[[str], StoredObject] | None = None,
    ) -> None:
        self._config = config
        self._provider = provider
        self._cache = cache
        self._shelf = shelf
        self._look = look
        self._objects: dict[str, _Named] = {}
        self._leaks = Leaks(config.root, self._kept("leaks.json"))
        self._sources: dict[str, tuple[DatasetSource, Dataset]] = {}
        self._evaluations: dict[str, tuple[DatasetSource, str]] = {}

    def manifests(
        self, paths: Sequence[str] | None = None, *, may_be_empty: bool = False, offline: bool = False
    ) -> Manifests:
        """Read manifests and datasets. ``offline`` asks no service, so that objects in buckets have no true digest.

        Raises:
            ProblemsError: with everything that is wrong, warnings included.
            RemoteError: an object that a manifest names cannot be looked at.
        """
        cache = self._kept("manifests.json")
        loaded = load_manifests(self._config, paths=paths, cache=cache, may_be_empty=may_be_empty)
        known = Known(self._config.root, self._kept("datasets.json"))
        problems = list(loaded.problems)
        desired = []
        for manifest in loaded.manifests:
            ready, found = self._complete(manifest, known)
            problems.extend(found)
            desired.append(ready)
        problems.extend(self._doubtful(desired))
        known.save()
        self._leaks.save()
        if self._look is not None and not offline and not _wrong(problems):
            desired = [self._seen(each, self._look, problems) for each in desired]
        if _wrong(problems):
            raise ProblemsError(tuple(problems))
        return Manifests(tuple(desired), tuple(problems))

    def _doubtful(self, desired: Iterable[Desired]) -> Iterator[Problem]:
        """Yield what the project file says that is likely to be a slip, and shows only beside the manifests."""
        config = self._config
        yield from unended(config.tolerances)
        if not config.shutdowns:
            return
        from reconciler.core.planning.shutdowns import misspelt  # noqa: PLC0415  few projects have a table of their own

        places = {base: config.where.get(f"spec.shutdowns.{base}") for base in config.shutdowns}
        yield from misspelt(places, desired, config.provider.type)

    def loaded(self) -> tuple[LoadedManifest, ...]:
        """Return the manifests as they are written, no dataset read.

        Raises:
            ProblemsError: with everything that is wrong with the manifests.
        """
        loaded = load_manifests(self._config, cache=self._kept("manifests.json"))
        if _wrong(loaded.problems):
            raise ProblemsError(loaded.problems)
        return loaded.manifests

    def check_file(self, root: Path, source: DatasetSource) -> DatasetReport:
        """Check a dataset that no manifest need name, in a folder of its own, by the provider's limits."""
        return check_dataset(root, source, self.limits)

    @property
    def limits(self) -> ExampleLimits:
        """The longest example that the provider takes."""
        return self._provider.capabilities.example_limits

    def draft(self, file: str, text: str) -> Desired:
        """Return what a manifest would ask for that is not written yet.

        Raises:
            ProblemsError: with everything that would be wrong with it.
        """
        manifests, problems = compile_text(self._config, file, text.encode())
        known = Known(self._config.root, None)
        ready = [self._complete(manifest, known) for manifest in manifests]
        known.save()
        problems += [problem for _, found in ready for problem in found]
        if _wrong(problems):
            raise ProblemsError(tuple(problems))
        return ready[0][0]

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

    def _kept(self, name: str) -> str | None:
        return None if self._cache is None else f"{self._cache}/{name}"

    def check(self, manifests: Iterable[LoadedManifest]) -> tuple[list[Desired], list[Problem]]:
        """Return manifests with their datasets, as they are spelt, and what is wrong with the data."""
        known = Known(self._config.root, self._kept("datasets.json"))
        problems: list[Problem] = []
        desired = [self._with_data(manifest, known, problems) for manifest in manifests]
        known.save()
        self._leaks.save()
        return desired, problems

    def _complete(self, manifest: LoadedManifest, known: Known) -> tuple[Desired, list[Problem]]:
        """Check a manifest's dataset and spell its spec as the remote will report it."""
        problems: list[Problem] = []
        desired = self._with_data(manifest, known, problems)
        problems.extend(unfit(desired, self._provider.capabilities))
        labels = {"labels": dict(desired.labels)} if desired.labels and self._provider.capabilities.labels else {}
        try:
            normal = self._provider.normalize({**desired.spec, **labels})
        except InvalidArgument as error:
            problems.append(Problem(desired.locate("spec"), f"{desired.name}: {error.message}", error.hint))
            return desired, problems
        problems.extend(_told(desired, remark) for remark in normal.remarks)
        return replace(desired, spec=normal.spec), problems

    def _with_data(self, manifest: LoadedManifest, known: Known, problems: list[Problem]) -> Desired:
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

    def _seen(self, desired: Desired, look: Callable[[str], StoredObject], problems: list[Problem]) -> Desired:
        """Return a manifest with the digest of the object that it names, which has to be there."""
        named = self._objects.get(desired.name)
        if named is None:
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
        limits = self.limits
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
        limits = replace(self.limits, conversations=False)
        checked = check_dataset(self._config.root, source, limits, known=known)
        if checked.dataset is None:
            return gate, list(checked.problems)
        scorer = gate.dataset.scorer
        amiss = check_expected(self._config.root, source, partial(complaint, scorer)) if scorer in PARTICULAR else []
        found, count = checked.dataset.digest, checked.dataset.examples
        self._evaluations[desired.name] = (source, found)
        gate = replace(gate, dataset=replace(gate.dataset, digest=found, examples=count))
        return gate, [*checked.problems, *amiss]


@dataclass(frozen=True, slots=True)
class _Named:
    """Data that a manifest names by the URI of an object, and the digest of the object when it was looked at."""

    source: DatasetSource
    digest: str | None = None

    @property
    def uri(self) -> str | None:
        return self.source.uri


def _wrong(problems: Iterable[Problem]) -> bool:
    return any(problem.severity == "error" for problem in problems)


def _told(desired: Desired, remark: Remark) -> Problem:
    """Return a provider's remark at the place of the field it is about; labels stand in the manifest's metadata."""
    head = "metadata" if remark.path.partition(".")[0] == "labels" else "spec"
    path = f"{head}.{remark.path}"
    return Problem(desired.locate(path), f"{desired.name}: {path}: {remark.message}", remark.hint, remark.severity)
