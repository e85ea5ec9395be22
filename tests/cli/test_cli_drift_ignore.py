"""``spec.drift.ignore`` on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cli_kit import Workshop


@pytest.fixture
def drifted(workshop: Workshop) -> Workshop:
    """A model that is applied, and whose dataset has another example since."""
    workshop.apply()
    workshop.dataset(16)
    workshop.run("drift", expect=2)
    return workshop


def ignore(workshop: Workshop, **entry: Any) -> None:
    workshop.project(drift={"ignore": [{"name": "numb*", "reason": "a trial", **entry}]})


def test_what_is_ignored_does_not_count_and_is_listed_on_request(drifted: Workshop) -> None:
    ignore(drifted, path="spec.dataset", until="9999-12-31")
    said = drifted.run("drift").out
    assert said.startswith("No drift.")
    assert "1 drift ignored by the project file (-v lists them)." in said
    assert "a trial, until 9999-12-31" not in said
    assert "a trial, until 9999-12-31" in drifted.run("-v", "drift").out
    (ignored,) = drifted.run("drift", "--format", "json").json()["ignored"]
    assert (ignored["name"], ignored["kind"], ignored["reason"]) == ("numbers", "data", "a trial")
    assert drifted.kinds() == [("numbers", "replace")]


def test_an_entry_that_expired_counts_again_and_says_so(drifted: Workshop) -> None:
    ignore(drifted, until="1999-12-31")
    said = drifted.run("drift", expect=2).out
    assert "(ignored until 1999-12-31: a trial)" in said
    assert "by the project file" not in said


@pytest.mark.parametrize(
    ("path", "hint"),
    [("spec.datset", "did you mean dataset?"), ("spec.Permissions[everyone]", ""), ("spec.gate", ""), ("spec.*", "")],
)
def test_a_path_that_would_cover_nothing_is_an_error_with_its_place(drifted: Workshop, path: str, hint: str) -> None:
    ignore(drifted, path=path)
    said = drifted.fails(1, "drift")
    assert "tunectl.yaml:1:" in said
    assert "error: spec.drift.ignore[0].path: is no field that can drift" in said
    assert hint in said


@pytest.mark.parametrize("path", ["dataset", "spec.dataset", "spec.hyperparameters.epochCount", "labels.team"])
def test_a_path_may_be_spelt_as_in_a_manifest(drifted: Workshop, path: str) -> None:
    ignore(drifted, path=path)
    drifted.run("drift", expect=0 if path.endswith("dataset") else 2)


def test_a_field_covers_what_is_in_it(workshop: Workshop) -> None:
    workshop.want("numbers", permissions=[{"role": "READER", "everyone": True}])
    workshop.apply()
    workshop.want("numbers", permissions=[])
    workshop.run("drift", expect=2)
    ignore(workshop, path="spec.permissions")
    assert "1 drift ignored" in workshop.run("drift").out


def test_an_entry_without_an_end_is_warned_of_with_its_place_unless_it_says_so(drifted: Workshop) -> None:
    ignore(drifted)
    said = drifted.run("validate").err
    assert "tunectl.yaml:1:" in said
    assert "warning: spec.drift.ignore: the drift of numb* is ignored without an end" in said
    assert "say until: never" in said
    assert "1 drift ignored by the project file, 1 of them without an end (-v" in drifted.run("drift").out
    assert "a trial, without an end" in drifted.run("drift", "-v").out
    ignore(drifted, until="never")
    assert drifted.run("validate").err == ""
    assert "1 of them without an end" in drifted.run("drift").out


@pytest.mark.parametrize("entry", [{"until": "2027-02-30"}, {"until": "soon"}, {"reason": None}, {"days": 3}])
def test_an_entry_that_makes_no_sense_is_an_error(drifted: Workshop, entry: dict[str, Any]) -> None:
    ignore(drifted, **entry)
    assert "spec.drift.ignore[0]." in drifted.fails(1, "drift")
