"""A lease as a value: who may take it when, and what every step makes of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.lease import (
    GRACE,
    Ending,
    Holder,
    Lease,
    Standing,
    ago,
    break_off,
    good_until,
    holder_text,
    is_ours,
    lease_text,
    may_still_act,
    pause_before,
    release,
    renew,
    silent_for,
    stamp,
    standing,
    take,
)

NOW = 1_700_000_000.0
ME = Holder("build-7", 42, "ada", "tunectl apply")
OTHER = Holder("laptop", 7, "bob", "tunectl destroy")
LEASE = Lease("first", OTHER, fence=5, since=NOW - 600, renewed=NOW, ttl=60.0)


def aged(seconds, **changes):
    return replace(LEASE, renewed=NOW - seconds, **changes)


STANDINGS = [
    ("there never was one", None, Standing.FREE),
    ("given back", aged(0, ended=Ending(NOW)), Standing.FREE),
    ("broken", aged(0, ended=Ending(NOW, ME)), Standing.FREE),
    ("renewed just now", aged(0), Standing.HELD),
    ("about to run out", aged(60), Standing.HELD),
    ("run out, within grace", aged(60 + GRACE), Standing.HELD),
    ("run out for good", aged(60 + GRACE + 0.001), Standing.EXPIRED),
    ("of a clock that is ahead", aged(-3600), Standing.HELD),
    ("a process lock, however old", aged(1e9, ttl=None), Standing.HELD),
]


@pytest.mark.parametrize(("_case", "lease", "expected"), STANDINGS, ids=[row[0] for row in STANDINGS])
def test_what_a_lease_means(_case, lease, expected):
    assert standing(lease, NOW) is expected


TAKES = [
    ("nothing there", None, 1, 1),
    ("nothing there, but the lockfile was fenced", None, 9, 9),
    ("given back", aged(0, ended=Ending(NOW)), 1, 6),
    ("broken", aged(0, ended=Ending(NOW, ME)), 1, 6),
    ("expired", aged(1000), 1, 6),
    ("an old lease was put back beside a newer lockfile", aged(1000), 20, 20),
    ("held", aged(10), 1, None),
    ("a living process", aged(1000, ttl=None), 1, None),
]


@pytest.mark.parametrize(("_case", "found", "least", "fence"), TAKES, ids=[row[0] for row in TAKES])
def test_taking_a_lease(_case, found, least, fence):
    mine = take(found, own_id="mine", holder=ME, now=NOW, ttl=60.0, least_fence=least)
    expected = None if fence is None else Lease("mine", ME, fence, since=NOW, renewed=NOW, ttl=60.0)
    assert mine == expected


SURVIVORS = [
    ("none was ever there", None, 0, False),
    ("one was there, and its blob is gone", None, 3, True),
    ("it was given back", aged(0, ended=Ending(NOW)), 3, False),
    ("it was broken", aged(0, ended=Ending(NOW, ME)), 3, True),
    ("it ran out", aged(1000), 0, True),
]


@pytest.mark.parametrize(("_case", "former", "fence", "expected"), SURVIVORS, ids=[row[0] for row in SURVIVORS])
def test_whether_a_former_holder_may_still_act(_case, former, fence, expected):
    assert may_still_act(former, fence) is expected


def test_a_holder_relies_on_its_lease_for_less_time_than_others_respect_it():
    assert good_until(LEASE) == NOW + 60
    assert standing(LEASE, good_until(LEASE) + GRACE) is Standing.HELD
    assert good_until(replace(LEASE, ttl=None)) == float("inf")


def test_a_renewal_moves_the_sign_of_life_and_nothing_else():
    assert renew(LEASE, NOW + 20) == replace(LEASE, renewed=NOW + 20)
    assert renew(LEASE, NOW - 20) == LEASE


def test_a_lease_that_is_given_back_or_broken_keeps_its_fence():
    assert release(LEASE, NOW) == replace(LEASE, ended=Ending(NOW))
    assert break_off(LEASE, NOW, ME) == replace(LEASE, ended=Ending(NOW, ME))


OURS = [
    (None, False),
    (LEASE, True),
    (renew(LEASE, NOW + 20), True),
    (release(LEASE, NOW), False),
    (replace(LEASE, id="another"), False),
]


@pytest.mark.parametrize(("found", "expected"), OURS)
def test_a_stored_lease_is_recognised_by_its_id(found, expected):
    assert is_ours(found, LEASE) is expected


steps = st.lists(st.sampled_from(["take", "renew", "release", "break", "wait"]), max_size=30)


@given(steps)
def test_fences_only_grow_and_a_held_lease_is_never_taken(doings):
    lease, now = None, NOW
    for number, doing in enumerate(doings):
        before = lease
        if doing == "wait":
            now += 200
        elif doing == "take":
            lease = take(before, own_id=str(number), holder=ME, now=now, ttl=60.0, least_fence=1) or before
        elif lease is not None and lease.ended is None:
            change = {"renew": renew, "release": release, "break": lambda it, at: break_off(it, at, OTHER)}[doing]
            lease = change(lease, now)
        if before is not None and lease is not None and lease.id != before.id:
            assert lease.fence > before.fence
            assert standing(before, now) is not Standing.HELD


def test_pauses_double_up_to_five_seconds_and_never_exceed_what_is_left():
    assert [pause_before(attempt, left=100) for attempt in range(6)] == [0.5, 1, 2, 4, 5, 5]
    assert pause_before(10_000, left=100) == 5
    assert pause_before(3, left=0.25) == 0.25


def test_a_holder_is_told_in_one_line_with_its_run_and_commit():
    run = replace(ME, run="https://github.com/o/r/actions/runs/1", commit="abc")
    text = "tunectl apply of ada on build-7, process 42, run https://github.com/o/r/actions/runs/1, commit abc"
    assert holder_text(run) == text
    assert holder_text(replace(ME, pid=0)) == "tunectl apply of ada on build-7"


def test_what_a_holder_wrote_cannot_command_a_terminal():
    text = holder_text(replace(ME, user="\x1b[31m" + "a" * 500, host="x\n::error::y", run="\u202e", commit="\r"))
    assert text.isprintable()
    assert "\\x1b[31maaa" in text
    assert len(text) < 300


def test_a_lease_is_told_with_its_last_sign_of_life_and_a_process_lock_without():
    since = stamp(NOW - 600)
    assert lease_text(aged(12), NOW) == f"{holder_text(OTHER)}, since {since}, last heard of 12 s ago"
    assert lease_text(replace(LEASE, ttl=None), NOW) == f"{holder_text(OTHER)}, since {since}"
    assert silent_for(aged(-5), NOW) == 0


AGES = [(0, "0 s ago"), (119, "119 s ago"), (120, "2 min ago"), (7199, "119 min ago"), (7200, "2 h ago")]


@pytest.mark.parametrize(("seconds", "text"), [*AGES, (172_799, "47 h ago"), (172_800, "2 d ago")])
def test_how_long_ago(seconds, text):
    assert ago(seconds) == text


def test_a_time_that_no_calendar_holds_is_unknown():
    assert stamp(0) == "1970-01-01T00:00:00Z"
    assert [stamp(seconds) for seconds in (float("nan"), 1e18, -1e18)] == ["an unknown time"] * 3
