"""Requests and bodies that the tests of the emulator share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

DATA = Path(__file__).parent.parent / "data"
SEED = DATA / "seed-listing.json"
CURL_BODY = DATA / "create-request.curl.json"

BISON = "models/text-bison-001"
FLASH = "models/gemini-1.5-flash-001-tuning"


class Clock:
    """Seconds since the epoch that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.25

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def listing() -> dict[str, Any]:
    """The real service's answer to a list of five models."""
    return json.loads(SEED.read_text(encoding="utf-8"))


def tuned(count: int = 15, *, base: str = BISON, **fields: Any) -> dict[str, Any]:
    """A TunedModel to create, with ``count`` examples that count one up; hyperparameters by name."""
    settings = {
        name: fields.pop(name)
        for name in ("epochCount", "batchSize", "learningRate", "learningRateMultiplier")
        if name in fields
    }
    pairs = [{"textInput": str(number), "output": str(number + 1)} for number in range(count)]
    task = {"trainingData": {"examples": {"examples": pairs}}, "hyperparameters": settings}
    return {"baseModel": base, "displayName": "numbers", "tuningTask": task, **fields}


class Api:
    """A client that speaks v1beta unless told otherwise, and answers JSON."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        path = path if path.startswith("/") else f"/v1beta/{path}"
        if isinstance(body, bytes):
            return self.client.request(method, path, content=body, **options)
        return self.client.request(method, path, json=body, **options)

    def ok(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        response = self.send(method, path, body, **options)
        assert response.status_code == 200, response.text
        return response.json()

    def fails(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str, str]:
        """The HTTP status, canonical status and message of an error answer."""
        response = self.send(method, path, body, **options)
        error = response.json()["error"]
        assert error["code"] == response.status_code
        return response.status_code, error["status"], error["message"]

    def refused(self, method: str, path: str, body: Any = None, **options: Any) -> str:
        """The reason of a request refused as invalid."""
        response = self.send(method, path, body, **options)
        assert (response.status_code, response.json()["error"]["status"]) == (400, "INVALID_ARGUMENT"), response.text
        return response.headers.get("x-tunectl-emulator-reason", "")

    def create(self, model_id: str = "m", *, version: str = "v1beta", **fields: Any) -> Any:
        """Create a model and return its operation."""
        return self.ok("POST", f"/{version}/tunedModels?tunedModelId={model_id}", tuned(**fields))

    def get(self, model_id: str = "m", *, version: str = "v1beta") -> Any:
        return self.ok("GET", f"/{version}/tunedModels/{model_id}")

    def names(self, query: str = "") -> list[str]:
        """The ids in one page of the listing."""
        page = self.ok("GET", f"tunedModels?{query}")
        return [model["name"].removeprefix("tunedModels/") for model in page.get("tunedModels", [])]
