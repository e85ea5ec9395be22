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


@pytest.mark.parametrize("entry", [{"until": "2027-02-30"}, {"until": "soon"}, {"reason": None}, {"days": 3}])
def test_an_entry_that_makes_no_sense_is_an_error(drifted: Workshop, entry: dict[str, Any]) -> None:
    ignore(drifted, **entry)
    assert "spec.drift.ignore[0]." in drifted.fails(1, "drift")
