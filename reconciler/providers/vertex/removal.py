"""Deleting what a job has made, piece by piece: endpoints, then the model. The job itself stays, as a record for ever.

Each step looks first, so that a deletion which was cut short anywhere is taken up by the next one.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from typing import Final

from reconciler.errors import FailedPrecondition, NotFound
from reconciler.ports.clock import Clock
from reconciler.providers.retry import Patience
from reconciler.providers.vertex import codec
from reconciler.providers.vertex.api import Api, nap, shown
from reconciler.providers.vertex.wire import DeployedModel, Endpoint, Job

__all__ = ["Removal"]

_STILL_DEPLOYED: Final = (2.0, 3.0, 5.0, *(10.0,) * 17)
"""Seconds between tries while the service still believes the model deployed; it has been seen to for minutes."""
_ENDING: Final = (1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 10.0, 10.0, 10.0)
"""Seconds between looks at a job that was asked to stop."""


class Removal:
    """Deletes and cancels; every wait in it is bounded, and none is for a tuning."""

    def __init__(self, api: Api, clock: Clock, patience: Patience) -> None:
        self._api = api
        self._clock = clock
        self._patience = patience
        self._turns: dict[str, Lock] = {}

    def cancel(self, job: Job, resource: str) -> None:
        """Ask a running job to stop. The service does it when it gets to it, and the job may still succeed."""
        self._api.send(f"cancel {shown(resource)}", "POST", f"{job.name}:cancel", body={}, patience=self._patience)

    def stopped(self, job: Job, resource: str) -> Job:
        """Cancel a running job and return it as it ended, or as it is after a while."""
        self.cancel(job, resource)
        for pause in _ENDING:
            job = self._api.read(Job, f"read {shown(resource)}", job.name)
            if codec.is_over(job) or not nap(self._clock, pause):
                break
        return job

    def remove(self, job: Job, resource: str) -> None:
        """Undeploy and delete every endpoint of a job, then its model.

        Raises:
            FailedPrecondition: something that we did not make uses the model or an endpoint.
            NotFound: the model is gone already.
        """
        model = job.tuned_model.model or ""
        endpoints = [name for name in job.tuned_model.endpoints if self._undeploy(name, model, resource)]
        # All are undeployed before the first is deleted: the service takes its time to believe it, once and not each.
        for name in endpoints:
            with suppress(NotFound):  # an earlier try that went unanswered has done it
                self._persist(_endpoint(resource, name), name)
        self._remove_model(model, resource)

    def _undeploy(self, name: str, model: str, resource: str) -> bool:
        """Undeploy what an endpoint serves of our model; False if there is no such endpoint any more."""
        what = _endpoint(resource, name)
        try:
            endpoint = self._api.read(Endpoint, what, name)
        except NotFound:
            return False
        ours = [each for each in endpoint.deployed_models if _is_of(each, model)]
        if len(ours) < len(endpoint.deployed_models):
            raise FailedPrecondition(
                f"{what} serves {len(endpoint.deployed_models) - len(ours)} other models too",
                hint="undeploy those first, if nobody needs them",
            )
        for deployed in ours:
            body = {"deployedModelId": deployed.id}
            with suppress(NotFound):
                self._finished(f"{what}, undeployment", "POST", f"{name}:undeployModel", body)
        return True

    def _remove_model(self, name: str, resource: str) -> None:
        what = f"delete {shown(resource)}: its model"
        model = name.partition("@")[0]
        # In turns: of two versions that go at once, each would leave the model to the other.
        with self._turns.setdefault(model, Lock()):
            alone = self._api.versions(what, name) <= 1
            self._persist(what, model if alone else f"{name}:deleteVersion")

    def _persist(self, what: str, name: str) -> None:
        """Delete, and again for as long as the service still holds it for deployed."""
        for pause in _STILL_DEPLOYED:
            try:
                self._finished(what, "DELETE", name)
            except FailedPrecondition:
                if not nap(self._clock, pause):
                    raise
            else:
                return
        self._finished(what, "DELETE", name)

    def _finished(self, what: str, method: str, name: str, body: dict[str, str] | None = None) -> None:
        answer = self._api.send(what, method, name, body=body, patience=self._patience)
        if answer.content.strip() != b"{}":  # what Http gives for a deletion that an unanswered try has done
            self._api.finish(what, answer)


def _endpoint(resource: str, name: str) -> str:
    return f"delete {shown(resource)}: its endpoint {name.rpartition('/')[2]}"


def _is_of(deployed: DeployedModel, model: str) -> bool:
    """Tell whether what is deployed is a model; another version is another model, where both say which they are."""
    name, _, version = deployed.model.partition("@")
    wanted, _, ours = model.partition("@")
    theirs = deployed.model_version_id or version
    return name == wanted and (theirs == ours or not (theirs.isdigit() and ours.isdigit()))
