"""Time is foreseen by what was, with the number of trainings it rests on; nothing known is nothing said."""

import pytest

from reconciler.core.estimate import Pace
from reconciler.core.lineage import Event, Record
from reconciler.core.pace import Run, Runs, remembered

A, B = "models/a", "models/b"
ODD = [Run("1", A, 10, 20.0), Run("2", A, 10, 40.0), Run("3", A, 100, 100.0), Run("4", B, 10, 90.0)]
CASES = [
    (ODD, A, Pace(2.0, 3, A)),
    (ODD, B, Pace(9.0, 1, B)),
    (ODD, "models/c", Pace(3.0, 4)),
    (ODD, None, Pace(3.0, 4)),
    ([], A, None),
    ([], None, None),
    ([Run("1", A, 0, 20.0), Run("2", A, 10, 0.0), Run("3", A, -1, -1.0)], A, None),
    ([Run("1", A, 3, 1.0)], A, Pace(0.3333, 1, A)),
    ([Run("1", None, 10, 20.0)], A, Pace(2.0, 1)),
    ([Run("1", A, 10, 20.0), Run("1", A, 10, 40.0)], A, Pace(4.0, 1, A)),
]


@pytest.mark.parametrize(("runs", "base", "pace"), CASES, ids=range(len(CASES)))
def test_the_pace_is_the_median_of_the_same_base_model_failing_that_of_all(runs, base, pace):
    assert Runs(iter(runs)).pace(base) == pace


def test_records_tell_of_the_trainings_that_came_to_serve():
    told = {"project": "demo", "name": "a", "time": "2026-01-01T00:00:00Z", "base_model": A}
    records = [
        Record(event=Event.PROMOTED, resource="1", steps=10, seconds=20.0, **told),
        Record(event=Event.PROMOTED, resource="2", steps=None, seconds=20.0, **told),
        Record(event=Event.PROMOTED, resource="3", steps=10, seconds=None, **told),
        Record(event=Event.FAILED, resource="4", steps=10, seconds=20.0, **told),
        Record(event=Event.UPDATED, resource="1", steps=10, seconds=99.0, **told),
    ]
    assert list(remembered(records)) == [Run("1", A, 10, 20.0)]
