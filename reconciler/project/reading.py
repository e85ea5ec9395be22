"""Manifests, with what their data comes to, in the spelling of the remote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from reconciler.core.fitting import unfit
from reconciler.core.manifests import Manifests
from reconciler.core.planning.tolerance import unended
from reconciler.core.resource import DatasetSource, Desired, ExampleLimits
from reconciler.dataset import DatasetReport, Known, RowShelf, check_dataset
from reconciler.dataset.leaks import Leaks
from reconciler.errors import InvalidArgument, Problem, ProblemsError
from reconciler.manifest.load import LoadedManifest, compile_text, load_manifests
from reconciler.manifest.project import ProjectConfig
from reconciler.ports.objects import StoredObject
from reconciler.ports.provider import Remark
from reconciler.project.data import Data
from reconciler.providers.description import Description


class Reading:
    """Reads a project's manifests; ``data`` is what they are tuned on and judged by.

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
        self._leaks = Leaks(config.root, self._kept("leaks.json"))
        self._looks = look is not None
        self.data = Data(config, provider, leaks=self._leaks, shelf=shelf, look=look)

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
        if self._looks and not offline and not _wrong(problems):
            desired = [self.data.seen(each, problems) for each in desired]
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

    def _kept(self, name: str) -> str | None:
        return None if self._cache is None else f"{self._cache}/{name}"

    def check(self, manifests: Iterable[LoadedManifest]) -> tuple[list[Desired], list[Problem]]:
        """Return manifests with their datasets, as they are spelt, and what is wrong with the data."""
        known = Known(self._config.root, self._kept("datasets.json"))
        problems: list[Problem] = []
        desired = [self.data.of(manifest, known, problems) for manifest in manifests]
        known.save()
        self._leaks.save()
        return desired, problems

    def _complete(self, manifest: LoadedManifest, known: Known) -> tuple[Desired, list[Problem]]:
        """Check a manifest's dataset and spell its spec as the remote will report it."""
        problems: list[Problem] = []
        desired = self.data.of(manifest, known, problems)
        problems.extend(unfit(desired, self._provider.capabilities))
        labels = {"labels": dict(desired.labels)} if desired.labels and self._provider.capabilities.labels else {}
        try:
            normal = self._provider.normalize({**desired.spec, **labels})
        except InvalidArgument as error:
            problems.append(Problem(desired.locate("spec"), f"{desired.name}: {error.message}", error.hint))
            return desired, problems
        problems.extend(_told(desired, remark) for remark in normal.remarks)
        return replace(desired, spec=normal.spec), problems


def _wrong(problems: Iterable[Problem]) -> bool:
    return any(problem.severity == "error" for problem in problems)


def _told(desired: Desired, remark: Remark) -> Problem:
    """Return a provider's remark at the place of the field it is about; labels stand in the manifest's metadata."""
    head = "metadata" if remark.path.partition(".")[0] == "labels" else "spec"
    path = f"{head}.{remark.path}"
    return Problem(desired.locate(path), f"{desired.name}: {path}: {remark.message}", remark.hint, remark.severity)
