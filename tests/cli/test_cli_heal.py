"""``--only drift``: what changed outside is mended, and nothing is trained or deleted on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from cli_kit import Workshop


def remotely(workshop: Workshop, method: str, resource: str, **fields: Any) -> dict[str, Any]:
    """Do to a live model what somebody else would."""
    with httpx.Client(transport=workshop.emulator.transport(), base_url="http://emulator") as client:
        query = f"?updateMask={','.join(fields)}" if fields else ""
        answer = client.request(method, f"/v1beta/{resource}{query}", json=fields or None)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def drifted(workshop: Workshop) -> Workshop:
    """A model whose temperature was changed outside, while its dataset and its description moved in the project."""
    workshop.want("numbers", temperature=0.5)
    workshop.apply()
    remotely(workshop, "PATCH", workshop.serving("numbers"), temperature=0.9)
    workshop.dataset(16)
    workshop.want("numbers", temperature=0.5, description="new words")
    return workshop


def test_the_field_is_mended_and_the_retraining_is_not_bought(drifted: Workshop) -> None:
    resource, dataset = drifted.serving("numbers"), drifted.entry("numbers")["dataset"]
    said = drifted.apply("--only", "drift").out
    assert "Left out (--only drift):\n  numbers: replace: cannot change in place: dataset" in said
    assert "only drift is mended, by patches alone" in said
    assert said.splitlines()[-1] == "Applied: 0 created, 1 updated, 0 replaced, 0 deleted."
    live = remotely(drifted, "GET", resource)
    assert (live["temperature"], live.get("description", "")) == (0.5, "")
    entry = drifted.entry("numbers")
    assert (entry["resource"], entry["dataset"], entry["spec"]["temperature"]) == (resource, dataset, 0.5)
    assert "description" not in entry["spec"]
    assert drifted.bought() == 1
    assert drifted.kinds("--only", "drift") == []
    assert drifted.kinds() == [("numbers", "replace")]


def test_the_plan_says_what_it_leaves_out_and_reports_it_by_its_exit_code(drifted: Workshop) -> None:
    plan = drifted.plan("--only", "drift")
    assert plan["scope"] == {"target": [], "exclude": [], "select": [], "only": "drift", "maxEffect": "update"}
    assert [(left["name"], left["action"]) for left in plan["leftOut"]] == [("numbers", "replace")]
    drifted.run("plan", "--only", "drift", "--detailed-exitcode", expect=2)
    assert "Left out (--only drift) (1)" in drifted.run("plan", "--only", "drift", "--format", "markdown").out
    drifted.apply("--only", "drift")
    said = drifted.run("plan", "--only", "drift", "--detailed-exitcode").out
    assert said.startswith("No changes. There is no drift to mend; what else there is to do is left out.")
    drifted.apply("--only", "drift")


def test_a_missing_model_comes_back_only_on_request_and_only_as_what_it_was(workshop: Workshop) -> None:
    workshop.apply()
    resource = workshop.serving("numbers")
    remotely(workshop, "DELETE", resource)
    assert workshop.kinds("--only", "drift") == []
    workshop.dataset(16)
    assert workshop.kinds("--only", "drift", "--max-effect", "replace") == []
    workshop.dataset(15)
    workshop.apply("--only", "drift", "--max-effect", "replace")
    assert (workshop.serving("numbers"), workshop.bought(), workshop.kinds()) == (resource, 2, [])


def test_limits_hold_for_mending_too(workshop: Workshop) -> None:
    workshop.apply()
    remotely(workshop, "DELETE", workshop.serving("numbers"))
    refused = workshop.run("plan", "--only", "drift", "--max-effect", "replace", "--allow-steps", "22", expect=5)
    assert "23 tuning steps are over limits.maxSteps = 22" in refused.out


def test_a_saved_plan_keeps_it_and_takes_nothing_else(drifted: Workshop) -> None:
    drifted.run("plan", "--only", "drift", "--out", "plan.json")
    assert "Left out (--only drift)" in drifted.run("show", "plan.json").out
    for words in (("--only", "drift"), ("--max-effect", "replace")):
        assert "leave them out" in drifted.fails(64, "apply", "-y", "plan.json", *words)
    drifted.apply("plan.json")
    assert (drifted.bought(), remotely(drifted, "GET", drifted.serving("numbers"))["temperature"]) == (1, 0.5)


def test_an_approval_of_mending_covers_nothing_else(drifted: Workshop) -> None:
    digest = drifted.plan("--only", "drift")["digest"]
    drifted.apply("--expect-digest", digest, expect=6)
    drifted.apply("--only", "drift", "--max-effect", "replace", "--expect-digest", digest, expect=6)
    drifted.dataset(17)
    drifted.apply("--only", "drift", "--expect-digest", digest)
    assert drifted.bought() == 1


def test_what_the_project_ignores_is_left_alone_until_its_last_day(drifted: Workshop) -> None:
    rule = {"name": "numbers", "path": "spec.temperature", "reason": "a trial"}
    drifted.project(drift={"ignore": [{**rule, "until": "9999-12-31"}]})
    assert drifted.kinds("--only", "drift") == []
    drifted.project(drift={"ignore": [{**rule, "until": "1999-12-31"}]})
    assert drifted.kinds("--only", "drift") == [("numbers", "update")]


WRONG = [
    (("--max-effect", "update"), "give --only drift, too"),
    (("--only", "drift", "--replace", "numbers"), "leave one out"),
    (("--only", "drfit"), "'drfit' is not 'drift'"),
    (("--only", "drift", "--max-effect", "delete"), "'delete' is not one of 'update', 'replace'"),
]


@pytest.mark.parametrize("command", [("plan",), ("apply", "-y")])
@pytest.mark.parametrize(("words", "message"), WRONG)
def test_what_makes_no_sense_together_is_refused(
    workshop: Workshop, command: tuple[str, ...], words: tuple[str, ...], message: str
) -> None:
    assert message in workshop.fails(64, *command, *words)
