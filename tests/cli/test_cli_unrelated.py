"""An approval is about what it covers: what happens to a model it does not touch is no reason to refuse it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from cli_kit import Workshop


@pytest.fixture
def approved(workshop: Workshop) -> tuple[Workshop, str]:
    """Two models that are applied, and the digest of a plan that changes one of them."""
    workshop.want("other", hyperparameters={"epochCount": 1, "batchSize": 2})
    workshop.apply()
    workshop.want("numbers", temperature=0.25)
    workshop.run("plan", "--out", "plan.json")
    digest: str = workshop.plan()["digest"]
    return workshop, digest


def change(workshop: Workshop, name: str, **fields: Any) -> None:
    """Change a live model as somebody else would."""
    resource = workshop.serving(name)
    with httpx.Client(transport=workshop.emulator.transport(), base_url="http://emulator") as client:
        answer = client.patch(f"/v1beta/{resource}?updateMask={','.join(fields)}", json=fields)
        answer.raise_for_status()


@pytest.mark.parametrize("arguments", [("plan.json",), ("--expect-digest", "DIGEST")])
def test_what_nobody_manages_of_another_model_may_change(
    approved: tuple[Workshop, str], arguments: tuple[str, ...]
) -> None:
    workshop, digest = approved
    change(workshop, "other", temperature=0.5, description="tried by hand")
    workshop.apply(*(digest if word == "DIGEST" else word for word in arguments))
    assert (workshop.bought(), workshop.kinds()) == (2, [])


def test_a_change_that_would_have_to_be_mended_was_not_approved(approved: tuple[Workshop, str]) -> None:
    workshop, digest = approved
    change(workshop, "other", displayName="another name")
    said = workshop.apply("--expect-digest", digest, expect=6).err
    assert f"approved {digest}, now sha256:" in said
    assert "other: approved nothing else, now update of " in workshop.apply("plan.json", expect=6).err


def test_a_plan_of_one_model_stands_whatever_becomes_of_another(approved: tuple[Workshop, str]) -> None:
    workshop, _ = approved
    digest = workshop.plan("--target", "numbers")["digest"]
    change(workshop, "other", displayName="another name")
    workshop.apply("--target", "numbers", "--expect-digest", digest)
    assert workshop.kinds() == [("other", "update")]
