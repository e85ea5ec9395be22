"""The loss of a tuning, which Vertex AI keeps apart from its job: in the TensorBoard behind the job's experiment.

The way there: ``TuningJob.experiment`` is a context of the metadata store; its metadata names the TensorBoard
(``backing_tensorboard_resource``, as google-cloud-aiplatform writes and reads it); the experiment there has the
context's id; its run holds a time series for each metric. The methods are published (discovery document, revision
20261106), the names of the metrics are too (pages on supervised and on preference tuning); the name of the metadata
key and that the ids are equal are known from Google's client only.

Whatever does not answer leaves the loss unknown, which is told once and never ends a run: what to make of an unknown
loss is for those who asked. Nothing here decides over a model.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from reconciler.core.event import Event, Warned
from reconciler.core.observation import ModelState, Snapshot
from reconciler.errors import FailedPrecondition, NotFound, PermissionDenied, Problem, RemoteError
from reconciler.ports.clock import Clock
from reconciler.providers.retry import Patience
from reconciler.providers.vertex import codec
from reconciler.providers.vertex.api import GRANT, Api, nap
from reconciler.providers.vertex.labels import identifier_of
from reconciler.providers.vertex.wire import Context, Job, Points, Run, RunPage, Series, SeriesPage

__all__ = ["PERMISSIONS", "Curves"]

PERMISSIONS: Final = (
    "aiplatform.contexts.get",
    "aiplatform.tensorboardRuns.list",
    "aiplatform.tensorboardTimeSeries.list",
    "aiplatform.tensorboardTimeSeries.read",
)
"""What reading a curve takes (IAM permissions by method, docs.cloud.google.com)."""

_BOARD_KEY: Final = "backing_tensorboard_resource"
_BOARD: Final = re.compile(r"projects/[^/\s?#%]+/locations/[^/\s?#%]+/tensorboards/[^/\s?#%]+")
_EXPERIMENT: Final = re.compile(r"projects/[^/]+/locations/[^/]+/metadataStores/[^/]+/contexts/([^/\s?#%]+)")
_METRICS: Final = frozenset({"train_total_loss", "preference_optimization_train_loss"})
"""The mean loss by step: of supervised tuning, and of preference tuning."""
_EVERY_POINT: Final = {"maxDataPoints": "-1"}
"""Without it the service may leave points out at random where there are more than 1,000: the last one too."""
_RUNS: Final = 5
"""So many runs of an experiment are looked through, newest first; a tuning makes one."""
_WATCHED: Final = 20
"""Up to so many tunings that run at once are asked for their loss at each look; each is a request of its own."""
_AT_ONCE: Final = 10
_PATIENT: Final = Patience(tries=3, pauses=5.0)
"""A loss is worth less waiting than a model."""
_SETTLING: Final = (2.0, 5.0, 10.0)
"""Seconds before each further look at the curve of a tuning that has just ended, if it does not reach the end."""
_FRESH: Final = 600.0
"""For so many seconds after its end a tuning may still write points; how long it really does is not published."""
_GLANCE: Final = Patience(tries=1)
"""While a tuning runs, the next look comes soon enough."""

_T = TypeVar("_T")


class Curves:
    """The loss curves of tuning jobs. Safe to use from several threads.

    Where a curve is kept is looked up once for each job. What may not be read at all is not asked for again.
    """

    def __init__(self, api: Api, clock: Clock, report: Callable[[Event], None]) -> None:
        self._api = api
        self._clock = clock
        self._report = report
        self._lock = threading.Lock()
        self._found: dict[str, Series] = {}
        self._newest: dict[str, Snapshot] = {}
        self._told: set[type[RemoteError]] = set()

    def of(self, job: Job) -> tuple[Snapshot, ...]:
        """Return the whole curve of a job, as far as it has come; empty if there is none or it is not known."""
        if not job.experiment and codec.state(job) is not ModelState.READY:
            return ()
        return self._known(job, self._whole) or ()

    def each(self, jobs: Sequence[Job]) -> Mapping[str, tuple[Snapshot, ...]]:
        """Return the whole curves of jobs by their names: a handful of requests for each, several at a time."""
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="curves") as pool:
            return dict(zip((job.name for job in jobs), pool.map(self.of, jobs), strict=True))

    def newest(self, jobs: Sequence[Job]) -> Mapping[str, Snapshot]:
        """Return the newest point of jobs that run, by their names: a request for each once its place is known.

        Of more jobs than can be asked for in a look, none; what is not there yet is left out.
        """
        running = [job for job in jobs if job.experiment and codec.state(job) is ModelState.TUNING]
        if not 0 < len(running) <= _WATCHED:
            return {}
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="curves") as pool:
            seen = list(pool.map(lambda job: self._known(job, self._last), running))
        return {job.name: point for job, point in zip(running, seen, strict=True) if point is not None}

    def _whole(self, job: Job) -> tuple[Snapshot, ...]:
        """Return every point; of a tuning that ended a moment ago, none before the last ones have been written.

        Raises:
            FailedPrecondition: points are missing; a gate would judge by an earlier one, which is as good as any guess.
            RemoteError: see ``_search``.
        """
        series = self._search(job, _PATIENT)
        points = self._points(job, series, _EVERY_POINT, _PATIENT)
        for pause in _SETTLING:
            if not self._settles(job, points) or not nap(self._clock, pause):
                break
            points = self._points(job, series, _EVERY_POINT, _PATIENT)
        last = points[-1].step if points else 0
        if last < series.metadata.max_step:
            raise _lacking(f"{len(points):,} points without the last one, of step {series.metadata.max_step:,}")
        if self._settles(job, points):
            raise _lacking(f"what is written by now, up to step {last:,} of {job.steps:,}")
        if not points and codec.is_over(job):
            raise _missing("its experiment holds a training loss without points")
        return points

    def _settles(self, job: Job, points: Sequence[Snapshot]) -> bool:
        """Tell whether a tuning has just ended well and its curve has not: it lacks more than one more point."""
        if codec.state(job) is not ModelState.READY or not job.steps:
            return False
        steps = [point.step for point in points[-2:]] or [0]
        apart = max(1, steps[-1] - steps[0])
        return steps[-1] < job.steps - apart and codec.ended_since(job, self._clock.now(), seconds=_FRESH)

    def _last(self, job: Job) -> Snapshot | None:
        """Return the newest point. Of long curves the service picks points at random, so an older look may be newer."""
        try:
            points = self._points(job, self._place(job), {}, _GLANCE)
        except NotFound:
            return None  # the job runs before its first step is written
        with self._lock:
            known = (point for point in (self._newest.get(job.name), *points[-1:]) if point is not None)
            newest = max(known, key=lambda point: point.step, default=None)
            if newest is not None:
                self._newest[job.name] = newest
        return newest

    def _points(self, job: Job, series: Series, query: Mapping[str, str], patience: Patience) -> tuple[Snapshot, ...]:
        what = f"read the loss of {_label(job)}"
        read = self._api.read(Points, what, f"{series.name}:read", query=query, patience=patience)
        return codec.snapshots(job, read.time_series_data.values)

    def _place(self, job: Job) -> Series:
        """Return the time series of a job that is looked at again and again."""
        with self._lock:
            known = self._found.get(job.name)
        found = known or self._search(job, _GLANCE)
        with self._lock:
            self._found[job.name] = found
        return found

    def _search(self, job: Job, patience: Patience) -> Series:
        """Return the time series of a job's loss.

        Raises:
            NotFound: its experiment, TensorBoard or run is not there, or has no such metric.
            RemoteError: as the service says.
        """
        label, experiment = _label(job), _EXPERIMENT.fullmatch(job.experiment)
        if experiment is None:
            raise _missing("its job names no experiment")
        context = self._api.read(Context, f"read the experiment of {label}", job.experiment, patience=patience)
        board = context.metadata.get(_BOARD_KEY)
        if not isinstance(board, str) or _BOARD.fullmatch(board) is None:
            raise _missing("its experiment names no TensorBoard")
        what, runs = f"list the metrics of {label}", f"{board}/experiments/{experiment[1]}/runs"
        for run in self._runs(label, runs, patience)[:_RUNS]:
            for page in self._api.pages(SeriesPage, what, f"{run.name}/timeSeries", {}, patience=patience):
                for series in page.tensorboard_time_series:
                    if series.display_name.strip("/ ").lower() in _METRICS:
                        return series
        raise _missing("its experiment holds no training loss")

    def _runs(self, label: str, name: str, patience: Patience) -> list[Run]:
        """Return the runs of an experiment, newest first."""
        pages = self._api.pages(RunPage, f"list the runs of {label}", name, {}, patience=patience)
        runs = [run for page in pages for run in page.tensorboard_runs]
        return sorted(runs, key=lambda run: run.create_time, reverse=True)

    def _known(self, job: Job, read: Callable[[Job], _T]) -> _T | None:
        """Return what was read of a job, or None; why not is told once for each kind of reason."""
        with self._lock:
            if PermissionDenied in self._told:
                return None
        try:
            return read(job)
        except RemoteError as error:
            self._tell(job, error)
            return None

    def _tell(self, job: Job, error: RemoteError) -> None:
        with self._lock:
            if type(error) in self._told:
                return
            self._told.add(type(error))
        message = f"{_label(job)}: the loss of its tuning is not known: {error.message.rstrip('.')}"
        hint = error.hint or _LATER
        if isinstance(error, PermissionDenied) and (error.hint is None or error.hint.startswith(GRANT)):
            hint = _ROLE
        self._report(Warned(Problem(None, message, hint, severity="warning")))


_ROLE: Final = (
    f"ask for roles/aiplatform.viewer, or a role with {', '.join(PERMISSIONS)}; no gate decides by it till then"
)
_LATER: Final = "run again to ask again; until it is known no gate decides by it"


def _lacking(given: str) -> FailedPrecondition:
    return FailedPrecondition(f"of its curve the service gave {given}", status="FAILED_PRECONDITION")


def _missing(message: str) -> NotFound:
    return NotFound(message, status="NOT_FOUND")


def _label(job: Job) -> str:
    return f"tuningJobs/{identifier_of(job.labels) or job.number}"
