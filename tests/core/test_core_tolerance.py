"""Which drift counts, and from which day on again."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from reconciler.core.plan import Drift
from reconciler.core.planning.tolerance import Tolerance, Tolerated, sift

CHANGED = Drift("search-a", "changed", "spec.temperature was changed outside", path="spec.temperature")
MISSING = Drift("search-a", "missing", "does not exist any more")
WIDENED = Drift("search-a", "widened", "permissions widened: everyone", path="spec.permissions[everyone]")
LAST = date(2027, 1, 31)
NOON = datetime(2027, 1, 31, 12, tzinfo=UTC).timestamp()
DAY = 86_400.0

TABLE = [
    (Tolerance("search-a", "why"), CHANGED, True),
    (Tolerance("search-*", "why"), MISSING, True),
    (Tolerance("search", "why"), CHANGED, False),
    (Tolerance("*", "why", path="spec.temperature"), CHANGED, True),
    (Tolerance("*", "why", path="spec.topK"), CHANGED, False),
    (Tolerance("*", "why", path="spec.temperature"), MISSING, False),
    (Tolerance("*", "why", path="spec.permissions"), WIDENED, True),
    (Tolerance("*", "why", path="spec.permissions[everyone]"), WIDENED, True),
    (Tolerance("*", "why", path="spec.permissions[user:a@example.com]"), WIDENED, False),
    (Tolerance("*", "why", path="spec.permission"), WIDENED, False),
    (Tolerance("*", "why", path="spec.labels"), replace(CHANGED, path="spec.labels.team"), True),
]


@pytest.mark.parametrize(("tolerance", "drift", "ignored"), TABLE, ids=range(len(TABLE)))
def test_a_tolerance_covers_names_and_one_field_or_all(tolerance, drift, ignored):
    expected = ((), (Tolerated(drift, tolerance),)) if ignored else ((drift,), ())
    assert sift([drift], [tolerance], now=NOON) == expected


@pytest.mark.parametrize(("now", "ignored"), [(NOON, 1), (NOON + DAY / 2 - 1, 1), (NOON + DAY / 2, 0)])
def test_a_tolerance_ends_with_its_last_day(now, ignored):
    counting, tolerated = sift([CHANGED], [Tolerance("*", "trying", until=LAST)], now=now)
    assert (len(counting), len(tolerated)) == (1 - ignored, ignored)
    if counting:
        assert counting[0].message == f"{CHANGED.message} (ignored until 2027-01-31: trying)"


def test_one_that_holds_is_enough_and_of_those_that_ended_the_last_is_named():
    old, older = Tolerance("*", "old", until=LAST), Tolerance("*", "older", until=date(2026, 1, 1))
    _, tolerated = sift([CHANGED], [older, Tolerance("*", "for good"), old], now=NOON + DAY)
    assert [item.tolerance.reason for item in tolerated] == ["for good"]
    (counting,), _ = sift([CHANGED], [older, old], now=NOON + DAY)
    assert counting.message.endswith("(ignored until 2027-01-31: old)")
