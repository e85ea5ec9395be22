"""A recorded listing as the world to start from."""

from __future__ import annotations

import httpx
from emulator_kit import SEED, Api, listing

from reconciler.emulator import Emulator


def test_the_recorded_listing_comes_back_as_it_was_recorded(clock):
    with Emulator(clock=clock, seed=SEED) as emulator, client(emulator) as api:
        assert api.ok("GET", "/v1beta3/tunedModels") == listing()
        assert api.ok("GET", "/v1beta3/tunedModels/number-generator-model-w1eabln5adwp") == listing()["tunedModels"][4]
        assert api.ok("GET", "tunedModels/number-generator-model-w1eabln5adwp/operations") == {}


def test_a_recorded_model_can_be_patched_and_deleted(clock):
    name = "tunedModels/my-display-name-81-9wpmc1m920vq"
    with Emulator(clock=clock, seed=SEED) as emulator, client(emulator) as api:
        patched = api.ok("PATCH", f"{name}?updateMask=temperature", {})
        assert "temperature" not in patched
        assert patched["tuningTask"]["snapshots"] == listing()["tunedModels"][1]["tuningTask"]["snapshots"]
        assert patched["updateTime"].startswith("2023-11-14T22:13:20.25")
        api.ok("DELETE", name)
        assert len(api.names()) == 4


def client(emulator: Emulator) -> Api:
    return _ClosingApi(httpx.Client(transport=emulator.transport(), base_url="http://emulator"))


class _ClosingApi(Api):
    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.client.close()
