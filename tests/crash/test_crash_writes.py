"""The bytes that an apply writes grow with the number of models, not with its square."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from crash_writes import linear, measure


def test_a_fleet_four_times_as_large_writes_about_four_times_as_much(tmp_path: Path) -> None:
    measured = []
    for count in (100, 400):
        (tmp_path / str(count)).mkdir()
        measured.append(measure(count, tmp_path / str(count)))
    assert linear(measured), measured
    assert not linear([measured[0], replace(measured[1], stored=4 * measured[1].stored)]), "squares would be noticed"
    assert measured[0].stored > measured[0].lockfile, "what is measured is what is written"
