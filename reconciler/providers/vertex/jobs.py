"""Tuning jobs by the names the core knows them by: ``tuningJobs/<id>``, where the id follows from a manifest.

The service has no ids of the client's choice, so ours is a label (``labels.ID``) and is looked for. A job without it
goes by the number the service gave it, which begins with a digit and so is never mistaken for an id of ours.

Several jobs may carry one id: a create that was repeated too early, or a model that was deleted and tuned again, since
jobs are records for ever. The best of them is what the name means: one that is ready before one that is tuning before
one that failed, the earliest of equals. A job whose model is gone means nothing any more. What is left over and could
serve is a duplicate of ours: shown as an orphan under its number, and never touched by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.core.observation import ModelState
from reconciler.errors import FailedPrecondition, InvalidArgument, NotFound
from reconciler.providers.vertex import codec
from reconciler.providers.vertex.api import Api, shown
from reconciler.providers.vertex.labels import ID, identifier_of
from reconciler.providers.vertex.wire import Job, JobPage, Model, ModelPage

__all__ = ["PREFIX", "Found", "Jobs", "Seen", "name_of"]

PREFIX: Final = "tuningJobs/"
_FIELDS: Final = (
    "nextPageToken,tuningJobs(name,baseModel,preTunedModel,supervisedTuningSpec/hyperParameters,"
    "preferenceOptimizationSpec/hyperParameters,tunedModelDisplayName,description,labels,state,createTime,startTime,"
    "endTime,updateTime,error,tunedModel,experiment,encryptionSpec,serviceAccount,"
    "tuningDataStats/supervisedTuningDataStats/tuningStepCount,"
    "tuningDataStats/preferenceOptimizationDataStats/tuningStepCount)"
)
"""What is read of a job. Without this mask an answer holds samples of the training rows, which nobody here wants."""
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?")
_WORTH: Final = {ModelState.READY: 3, ModelState.TUNING: 2, ModelState.UNKNOWN: 1, ModelState.FAILED: 0}

Found = tuple[Job, Model | None]
"""A job and the model it made; None while there is none yet, or where there never will be one."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A job of a listing with its model, and the name it goes by; see ``core.observation.Observation.duplicate``."""

    job: Job
    model: Model | None
    resource: str
    duplicate: bool = False


class Jobs:
    """The tuning jobs of one project and location."""

    def __init__(self, api: Api, parent: str) -> None:
        self._api = api
        self.parent = parent
        self._fields_refused = False
        self._filter_refused = False

    def observe(self) -> tuple[Seen, ...]:
        """List every tuned model and what is being tuned; a job whose model is gone is left out."""
        jobs = {job.name: job for job in self.listed()}
        models = self._models(jobs.values())
        ours: dict[str, list[Found]] = {}
        seen: list[Seen] = []
        for job in jobs.values():
            for found in _standing(job, models.get):
                identifier = identifier_of(job.labels)
                if identifier is not None:
                    ours.setdefault(identifier, []).append(found)
                elif codec.state(job) is not ModelState.FAILED:  # a failed job of somebody else is nothing at all
                    seen.append(Seen(*found, f"{PREFIX}{job.number}"))
        for identifier, several in ours.items():
            seen += _named(identifier, several)
        return tuple(seen)

    def find(self, resource: str, *, known: str | None = None) -> Found:
        """Return the job that a name means, and its model if it is there.

        ``known`` is the full name of a job that had this name when it was created: a listing may not show it yet.

        Raises:
            NotFound: there is no such job, or its model is gone.
        """
        name = name_of(resource)
        jobs = [self.job(name)] if name[0].isdigit() else self.labelled(name)
        if known is not None and known not in {job.name for job in jobs}:
            jobs += self._known(known)
        found = [each for job in jobs for each in _standing(job, self._model)]
        if not found:
            raise NotFound(f"{shown(resource)} does not exist", status="NOT_FOUND")
        return min(found, key=_rank)

    def made(self, resource: str) -> tuple[Job, Model]:
        """Return a job that has ended well, with its model.

        Raises:
            FailedPrecondition: there is no model yet.
            NotFound: see ``find``.
        """
        job, model = self.find(resource)
        if model is None:
            raise FailedPrecondition(
                f"{shown(resource)}: there is no model yet ({codec.state(job).value})",
                status="FAILED_PRECONDITION",
                hint="wait until its tuning has ended: tunectl wait",
            )
        return job, model

    def _known(self, name: str) -> list[Job]:
        try:
            return [self.job(name)]
        except NotFound:
            return []

    def job(self, number: str) -> Job:
        """Return a job by the number that the service gave it, or by its full name."""
        name = number if "/" in number else f"{self.parent}/tuningJobs/{number}"
        return self._api.read(Job, f"read {PREFIX}{shown(number.rpartition('/')[2])}", name)

    def labelled(self, identifier: str) -> list[Job]:
        """List all jobs with an id of ours, whatever became of them.

        The service is asked to filter and not trusted to: a gateway that ignores the filter costs pages, not a mistake.
        """
        what = f"look for {PREFIX}{identifier}"
        query = {} if self._filter_refused else {"filter": f"labels.{ID}={identifier}"}
        try:
            jobs = [*self._pages(what, query)]
        except InvalidArgument:
            if not query:
                raise
            jobs = [*self._pages(what, {})]
            self._filter_refused = True
        return [job for job in jobs if job.labels.get(ID) == identifier]

    def listed(self) -> Iterator[Job]:
        """List all jobs."""
        return self._pages("list tuning jobs", {})

    def seen(self, names: Collection[str]) -> dict[str, Job]:
        """List jobs until those that are asked for have been seen: records are for ever, and what is tuned is new."""
        found: dict[str, Job] = {}
        for job in self.listed():
            if job.name in names:
                found[job.name] = job
                if len(found) == len(names):
                    break
        return found

    def _pages(self, what: str, query: Mapping[str, str]) -> Iterator[Job]:
        """List jobs without the samples of rows they hold; the mask is one that not every gateway knows."""
        masks: tuple[dict[str, str], ...] = ({},) if self._fields_refused else ({"fields": _FIELDS}, {})
        for mask in masks:
            pages = self._api.pages(JobPage, what, f"{self.parent}/tuningJobs", {**query, **mask})
            try:
                first = next(pages)
            except InvalidArgument:
                if not mask:
                    raise
                continue
            self._fields_refused = not mask
            yield from first.tuning_jobs
            yield from (job for page in pages for job in page.tuning_jobs)
            return

    def _models(self, jobs: Iterable[Job]) -> dict[str, Model]:
        """Return the models that jobs have made, listed place by place: not all are where their jobs are."""
        names = {job.tuned_model.model for job in jobs if job.tuned_model.model}
        listed: dict[str, Model] = {}
        for place in sorted({name.partition("/models/")[0] for name in names}):
            for page in self._api.pages(ModelPage, "list tuned models", f"{place}/models", {}):
                for model in page.models:
                    listed |= {model.name: model, f"{model.name}@{model.version_id}": model}
        found = {name: listed[name] for name in names & listed.keys()}
        # A listing shows one version of each model; continuous tuning makes another one of its parent's model.
        for name in sorted(name for name in names - found.keys() if name.partition("@")[0] in listed):
            version = self._model(name)
            found |= {} if version is None else {name: version}
        return found

    def _model(self, name: str) -> Model | None:
        try:
            return self._api.read(Model, f"read the model of {shown(name)}", name)
        except NotFound:
            return None


def name_of(resource: str) -> str:
    """Return what stands behind ``tuningJobs/``: an id of ours, or a number of the service.

    Raises:
        InvalidArgument: it is no such name.
    """
    name = resource.removeprefix(PREFIX)
    if name == resource or not _NAME.fullmatch(name):
        raise InvalidArgument(
            f"{shown(resource)!r} is no resource name", hint="it looks like tuningJobs/my-model-1a2b3c"
        )
    return name


def _standing(job: Job, look_up: Callable[[str], Model | None]) -> Iterator[Found]:
    """Yield a job with its model, or nothing if it had one and it is gone."""
    if codec.state(job) is not ModelState.READY:
        yield job, None
        return
    model = look_up(job.tuned_model.model or "")
    if model is not None:
        yield job, model


def _named(identifier: str, several: list[Found]) -> Iterator[Seen]:
    """Yield what an id means, and what else was made for it and could serve."""
    best, *others = sorted(several, key=_rank)
    yield Seen(*best, f"{PREFIX}{identifier}")
    for other in others:
        if codec.state(other[0]) is not ModelState.FAILED:
            yield Seen(*other, f"{PREFIX}{other[0].number}", duplicate=True)


def _rank(found: Found) -> tuple[int, str, str]:
    job, _ = found
    return -_WORTH[codec.state(job)], job.create_time or "", job.name
