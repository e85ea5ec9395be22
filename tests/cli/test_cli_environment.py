"""What the environment says, and where it has no say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.emulator import serve

if TYPE_CHECKING:
    from cli_kit import Workshop

SHARED = ("GOOGLE_CLOUD_QUOTA_PROJECT", "GOOGLE_CLOUD_PROJECT")


@pytest.mark.parametrize("variable", SHARED)
def test_googles_own_variables_do_not_make_another_remote_of_the_embedded_emulator(
    workshop: Workshop, variable: str
) -> None:
    workshop.apply()
    assert workshop.run("plan", environ={variable: "elsewhere"}).out.startswith("No changes.")


@pytest.mark.parametrize("variable", SHARED)
def test_googles_own_variables_name_the_project_of_a_hosted_service(workshop: Workshop, variable: str) -> None:
    with serve(workshop.emulator) as server:
        workshop.environ = {"TUNECTL_ENDPOINT": server.url, variable: "elsewhere"}
        assert workshop.plan()["remote"]["project"] == "elsewhere"
        workshop.environ["TUNECTL_PROJECT"] = "ours"
        assert workshop.plan()["remote"]["project"] == "ours"
