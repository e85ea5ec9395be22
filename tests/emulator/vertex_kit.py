"""Requests and bodies that the tests of Vertex AI's side share."""

from __future__ import annotations

import json
from typing import Any

from emulator_kit import Api, Clock

PLACE = "projects/my-proj/locations/us-central1"
TRAIN = "gs://bucket/train.jsonl"


def message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"text": text}]}


def row(asked: str, answered: str, **more: Any) -> dict[str, Any]:
    """A row of supervised tuning."""
    return {"contents": [message("user", asked), message("model", answered)], **more}


def preference(asked: str, good: str, bad: str) -> dict[str, Any]:
    """A row of preference optimization."""
    completions = [{"score": s, "completion": message("model", t)} for s, t in ((1.0, good), (0.0, bad))]
    return {"contents": [message("user", asked)], "completions": completions}


def counting(count: int = 15) -> list[dict[str, Any]]:
    """Rows that count one up."""
    return [row(str(number), str(number + 1)) for number in range(count)]


def jsonl(rows: list[Any]) -> bytes:
    return "\n".join(json.dumps(item, ensure_ascii=False) for item in rows).encode()


def supervised(uri: str = TRAIN, **settings: Any) -> dict[str, Any]:
    """A supervised tuning spec; ``validation`` and ``last_only`` beside the hyperparameters."""
    spec: dict[str, Any] = {"trainingDatasetUri": uri}
    if "validation" in settings:
        spec["validationDatasetUri"] = settings.pop("validation")
    if "last_only" in settings:
        spec["exportLastCheckpointOnly"] = settings.pop("last_only")
    return {**spec, "hyperParameters": settings} if settings else spec


class Vertex(Api):
    """A client of Vertex AI and of Cloud Storage; paths are below the usual project and location."""

    def __init__(self, client: Any, clock: Clock) -> None:
        super().__init__(client)
        self.clock = clock

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        if not path.startswith("/"):
            path = f"/v1/{path}" if path.startswith(("projects/", "publishers/")) else f"/v1/{PLACE}/{path}"
        return super().send(method, path, body, **options)

    def upload(self, rows: list[Any] | bytes, name: str = "train.jsonl", bucket: str = "bucket") -> Any:
        data = rows if isinstance(rows, bytes) else jsonl(rows)
        query = {"uploadType": "media", "name": name}
        return self.ok("POST", f"/upload/storage/v1/b/{bucket}/o", data, params=query)

    def tune(self, *, place: str = PLACE, version: str = "v1", **fields: Any) -> Any:
        """Create a job and return it; a supervised one of the usual dataset unless told otherwise."""
        if not {"preferenceOptimizationSpec", "supervisedTuningSpec"} & fields.keys():
            fields["supervisedTuningSpec"] = supervised()
        if "preTunedModel" not in fields:
            fields.setdefault("baseModel", "gemini-2.5-flash")
        return self.ok("POST", f"/{version}/{place}/tuningJobs", fields)

    def job(self, job: Any, version: str = "v1") -> Any:
        return self.ok("GET", f"/{version}/{job['name']}")

    def tuned(self, **fields: Any) -> Any:
        """Create a job, let it end, and return it."""
        job = self.tune(**fields)
        self.clock.advance(100)
        return self.job(job)

    def violations(self, method: str, path: str, body: Any) -> dict[str, str]:
        """The field violations of a request refused as invalid."""
        response = self.send(method, path, body)
        error = response.json()["error"]
        assert (response.status_code, error["status"]) == (400, "INVALID_ARGUMENT"), response.text
        return {entry.get("field", ""): entry["description"] for entry in error["details"][0]["fieldViolations"]}

    def undeploy(self, endpoint: str) -> None:
        for deployed in self.ok("GET", endpoint).get("deployedModels", []):
            self.done(self.ok("POST", f"{endpoint}:undeployModel", {"deployedModelId": deployed["id"]}))

    def done(self, operation: Any) -> Any:
        """The operation as it is now, which must be done."""
        found = self.ok("GET", operation["name"])
        assert found["done"] is True
        return found
