"""The Vertex AI provider keeps the port's contract, in both versions, against the emulator."""

from __future__ import annotations

import pytest
from vertex_world import VertexWorld

from reconciler.testing.provider_contract import ProviderContract


class TestVertex(ProviderContract):
    @pytest.fixture(params=["v1", "v1beta1"])
    def world(self, request):
        made = VertexWorld(request.param)
        yield made
        made.close()
