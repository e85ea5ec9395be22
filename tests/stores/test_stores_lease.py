"""Leases in a blob: two clients, lost answers, holders that sleep, and a heart that beats."""

import json
from dataclasses import replace
from itertools import count
from threading import Event

import pytest

from reconciler.core.event import Retried
from reconciler.core.lease import GRACE, TTL, Holder, Standing, standing
from reconciler.core.lockfile import Entry, Instance, Lockfile
from reconciler.core.resource import Remote
from reconciler.errors import LockfileError, LockHeld, StaleLockfile, StoreError
from reconciler.ports.store import ABSENT
from reconciler.stores.codec import encode
from reconciler.stores.holder import this_holder
from reconciler.stores.lease import BlobLease
from reconciler.stores.leasefile import decode_lease
from reconciler.stores.lockfile import BlobLockfileStore
from reconciler.stores.memory import MemoryBlobStore
from reconciler.testing.fakes import EventLog, FakeClock

REMOTE = Remote("generativelanguage", "https://generativelanguage.googleapis.com", "my-project-id")
ENTRY = Entry(current=Instance("tunedModels/numbers-1a2b3c4d5e6f", "sha256:1"))
LONG = TTL + GRACE + 1


class Bucket:
    """A lockfile and its lease, and clients of both that know nothing of each other."""

    def __init__(self):
        self.clock = FakeClock()
        self.log = EventLog()
        self.lockfile = MemoryBlobStore(address="gs://bucket/tunectl.lock")
        self.blob = MemoryBlobStore(address="gs://bucket/tunectl.lock.lease")

    def lease(self, name, *, blob=None, ttl=TTL):
        numbers = count(1)
        return BlobLease(
            blob or self.blob,
            holder=Holder(f"host-of-{name}", 7, name, "tunectl apply"),
            new_id=lambda: f"{name}-{next(numbers)}",
            clock=self.clock,
            report=self.log,
            ttl=ttl,
        )

    def client(self, name, *, blob=None):
        numbers = count(1)
        return BlobLockfileStore(
            self.lockfile,
            remote=REMOTE,
            new_id=lambda: f"{name}-w{next(numbers)}",
            lease=self.lease(name, blob=blob),
        )

    def acquire(self, name, *, timeout=0.0, blob=None, least=1):
        return self.lease(name, blob=blob).acquire(timeout=timeout, least_fence=lambda: least)

    @property
    def stored(self):
        return decode_lease(self.blob.read().data, address="x")


@pytest.fixture
def bucket():
    return Bucket()


def write(store, name="numbers"):
    loaded = store.load()
    return store.save(loaded.lockfile.put(name, ENTRY), expect=loaded.version)


def test_a_free_lease_is_taken_and_says_who_holds_it(bucket):
    hold = bucket.acquire("ada")
    assert bucket.stored.holder == Holder("host-of-ada", 7, "ada", "tunectl apply")
    assert (bucket.stored.since, bucket.stored.fence, hold.fence) == (bucket.clock.now(), 1, 1)
    assert hold.former is None
    hold.check()


def test_a_held_lease_is_refused_with_its_holder_and_the_way_past(bucket):
    bucket.acquire("ada")
    bucket.clock.advance(12)
    with pytest.raises(LockHeld) as caught:
        bucket.acquire("bob")
    assert caught.value.exit_code == 8
    assert caught.value.message == (
        "gs://bucket/tunectl.lock.lease: held by tunectl apply of ada on host-of-ada, process 7, "
        "since 2023-11-14T22:13:20Z, last heard of 12 s ago"
    )
    assert "--lock-timeout" in caught.value.hint
    assert bucket.clock.slept == []


def test_who_waits_gets_the_lease_when_it_is_given_back(bucket):
    hold = bucket.acquire("ada")
    bucket.clock.on_sleep = lambda: len(bucket.clock.slept) == 3 and hold.end()
    assert bucket.acquire("bob", timeout=60).fence == 2
    assert bucket.clock.slept == [0.5, 1.0, 2.0]
    first, *_ = bucket.log.of(Retried)
    assert "held by tunectl apply of ada" in first.reason


def test_who_waits_in_vain_waits_no_longer_than_asked(bucket):
    bucket.acquire("ada")
    with pytest.raises(LockHeld, match="of ada"):
        bucket.acquire("bob", timeout=10)
    assert sum(bucket.clock.slept) == 10


def test_who_waits_long_enough_succeeds_a_holder_that_is_gone(bucket):
    bucket.acquire("ada")
    assert bucket.acquire("bob", timeout=600).fence == 2
    assert TTL + GRACE < sum(bucket.clock.slept) < TTL + GRACE + 6


def test_a_lease_that_was_given_back_is_free_at_once_and_its_fence_goes_on(bucket):
    bucket.acquire("ada").end()
    assert standing(bucket.stored, bucket.clock.now()) is Standing.FREE
    hold = bucket.acquire("bob")
    assert (hold.fence, hold.former.holder.user) == (2, "ada")


def test_renewing_keeps_others_out(bucket):
    hold = bucket.acquire("ada")
    for _ in range(10):
        bucket.clock.advance(TTL - 1)
        hold.renew()
    with pytest.raises(LockHeld):
        bucket.acquire("bob")


def test_a_lease_that_ran_out_unnoticed_is_renewed_by_the_next_check(bucket):
    hold = bucket.acquire("ada")
    bucket.clock.advance(10 * LONG)
    hold.check()
    assert bucket.stored.renewed == bucket.clock.now()
    with pytest.raises(LockHeld):
        bucket.acquire("bob")


def test_a_check_within_the_ttl_sends_nothing(bucket):
    hold = bucket.acquire("ada")
    bucket.clock.advance(TTL - 1)
    bucket.blob.write = bucket.blob.read = None
    hold.check()


def test_a_lost_lease_is_noticed_with_the_name_of_the_new_holder(bucket):
    hold = bucket.acquire("ada")
    bucket.clock.advance(LONG)
    bucket.acquire("bob")
    with pytest.raises(LockHeld, match="hold the lease no longer: now held by tunectl apply of bob") as caught:
        hold.check()
    assert caught.value.exit_code == 8
    with pytest.raises(LockHeld):
        hold.renew()
    hold.end()
    assert bucket.stored.holder.user == "bob"
    assert bucket.stored.ended is None


def test_a_successor_that_is_through_already_is_named_too(bucket):
    hold = bucket.acquire("ada")
    bucket.clock.advance(LONG)
    bucket.acquire("bob").end()
    with pytest.raises(LockHeld, match=r"held since by tunectl apply of bob.*, who is through"):
        hold.check()


def test_a_lease_that_somebody_removed_or_overwrote_is_lost(bucket):
    hold = bucket.acquire("ada")
    bucket.blob.delete(expect=bucket.blob.read().version)
    with pytest.raises(LockHeld, match="somebody removed it"):
        hold.renew()
    hold = bucket.acquire("ada")
    bucket.blob.write(b"{}", expect=bucket.blob.read().version)
    with pytest.raises(LockHeld, match="something else stands in its place"):
        hold.renew()


def test_a_store_that_refuses_our_own_version_is_an_error_and_no_loop(bucket):
    hold = bucket.acquire("ada")

    def refuse(*_, **__):
        raise StaleLockfile("no")

    bucket.blob.write = refuse
    bucket.clock.advance(20)
    with pytest.raises(StoreError, match="conflicts with nobody, 3 times over"):
        hold.renew()
    hold.end()


def test_a_store_that_is_away_loses_the_lease_only_once_it_has_run_out(bucket):
    hold = bucket.acquire("ada")

    def away(*_, **__):
        raise StoreError("gs://bucket: away")

    bucket.blob.write = away
    with pytest.raises(StoreError):
        hold.renew()
    hold.check()
    bucket.clock.advance(TTL)
    with pytest.raises(LockHeld, match=r"ran out and cannot be renewed \(gs://bucket: away\)"):
        hold.check()
    hold.end()


class Lossy(MemoryBlobStore):
    """Stores the bytes and then loses the answer, or takes its own first try for somebody else's."""

    def __init__(self, inner, error):
        super().__init__(address=inner.address)
        self._inner, self._error = inner, error
        self.lossy = True

    def read(self):
        return self._inner.read()

    def write(self, data, *, expect):
        version = self._inner.write(data, expect=expect)
        if self.lossy:
            raise self._error("the answer was lost")
        return version


ERRORS = pytest.mark.parametrize("error", [StaleLockfile, StoreError])


@ERRORS
def test_a_lost_answer_to_taking_the_lease_is_recognised(bucket, error):
    hold = bucket.acquire("ada", blob=Lossy(bucket.blob, error))
    assert bucket.stored.holder.user == "ada"
    hold.check()
    with pytest.raises(LockHeld):
        bucket.acquire("bob")


@ERRORS
def test_a_lost_answer_to_a_renewal_is_healed_by_the_next_one(bucket, error):
    blob = Lossy(bucket.blob, error)
    blob.lossy = False
    hold = bucket.acquire("ada", blob=blob)
    blob.lossy = True
    bucket.clock.advance(20)
    if error is StoreError:
        with pytest.raises(StoreError):
            hold.renew()
    else:
        hold.renew()
    blob.lossy = False
    bucket.clock.advance(TTL + 10)
    hold.check()
    assert bucket.stored.renewed == bucket.clock.now()
    hold.end()
    assert bucket.stored.ended is not None


@ERRORS
def test_a_lost_answer_to_giving_it_back_leaves_it_given_back(bucket, error):
    blob = Lossy(bucket.blob, error)
    blob.lossy = False
    hold = bucket.acquire("ada", blob=blob)
    blob.lossy = True
    hold.end()
    assert bucket.stored.ended is not None
    assert bucket.stored.ended.broken_by is None


def test_an_error_that_stored_nothing_is_passed_on(bucket):
    def away(*_, **__):
        raise StoreError("gs://bucket: away")

    bucket.blob.write = away
    with pytest.raises(StoreError, match="away"):
        bucket.acquire("ada")


def test_of_two_that_take_it_at_once_one_wins(bucket):
    class Overtaken(MemoryBlobStore):
        def read(self):
            return bucket.blob.read()

        def write(self, data, *, expect):
            if bucket.blob.read() is None:
                bucket.acquire("bob")
            return bucket.blob.write(data, expect=expect)

    with pytest.raises(LockHeld, match="of bob"):
        bucket.acquire("ada", blob=Overtaken(address="x"))


def test_the_heart_beats_until_the_end(bucket):
    beaten = Event()
    real = bucket.blob.write

    def beat(data, *, expect):
        version = real(data, expect=expect)
        if json.loads(data)["renewed"] > json.loads(data)["since"]:
            beaten.set()
        return version

    bucket.blob.write = beat
    hold = bucket.lease("ada", ttl=0.03).acquire(timeout=0, least_fence=lambda: 1)
    bucket.clock.advance(5)
    hold.start()
    assert beaten.wait(10)
    hold.end()
    assert not hold._heart.is_alive()
    assert bucket.stored.ended is not None


def test_the_heart_stops_when_the_lease_is_lost_and_survives_a_store_that_is_away(bucket):
    tried = Event()
    hold = bucket.lease("ada", ttl=0.03).acquire(timeout=0, least_fence=lambda: 1)
    real = bucket.blob.write

    def away(data, *, expect):
        tried.set()
        raise StoreError("away")

    bucket.blob.write = away
    hold.start()
    assert tried.wait(10)
    assert hold._heart.is_alive()
    bucket.blob.write = real
    bucket.blob.write(b"{}", expect=bucket.blob.read().version)
    hold._heart.join(10)
    assert not hold._heart.is_alive()
    with pytest.raises(LockHeld):
        hold.check()
    hold.end()


def test_a_lockfile_written_under_a_lease_remembers_its_fence(bucket):
    store = bucket.client("ada")
    with store.hold(timeout=0):
        assert write(store).lockfile.fence == 1
    with store.hold(timeout=0):
        assert write(store).lockfile.fence == 2
    assert json.loads(bucket.lockfile.read().data)["fence"] == 2
    assert bucket.client("bob").load().lockfile.fence == 2


def test_a_clean_change_of_holders_writes_nothing_by_itself(bucket):
    with bucket.client("ada").hold(timeout=0):
        pass
    with bucket.client("bob").hold(timeout=0):
        pass
    assert bucket.lockfile.read() is None


@pytest.mark.parametrize("written", [True, False], ids=["a lockfile is there", "none was written yet"])
def test_a_holder_that_slept_can_write_nothing(bucket, written):
    if written:
        write(bucket.client("carol"))
    sleeper, successor = bucket.client("ada"), bucket.client("bob")
    with sleeper.hold(timeout=0) as hold:
        mine = sleeper.load()
        bucket.clock.advance(LONG)
        with successor.hold(timeout=0):
            fenced = bucket.lockfile.read()
            assert successor.load().lockfile.fence == 2
            with pytest.raises(LockHeld, match="now held by tunectl apply of bob"):
                hold.check()
            with pytest.raises(LockHeld, match="now held by tunectl apply of bob"):
                sleeper.save(mine.lockfile.put("numbers", ENTRY), expect=mine.version)
            assert bucket.lockfile.read() == fenced
    assert bucket.lockfile.read() == fenced


def test_a_holder_that_sleeps_between_its_check_and_its_write_is_stopped_by_the_fence(bucket):
    """The one moment that no check can cover: the lease is lost after it was looked at, before the bytes arrive."""
    write(bucket.client("carol"))
    sleeper, successor = bucket.client("ada"), bucket.client("bob")
    real, holds = bucket.lockfile.write, []

    def nap(data, *, expect):
        bucket.lockfile.write = real
        bucket.clock.advance(LONG)
        holds.append(successor.hold(timeout=0))
        holds[0].__enter__()
        return real(data, expect=expect)

    with sleeper.hold(timeout=0):
        loaded = sleeper.load()
        bucket.lockfile.write = nap
        with pytest.raises(LockHeld, match="now held by tunectl apply of bob"):
            sleeper.save(loaded.lockfile.put("sleeper", ENTRY), expect=loaded.version)
    assert "sleeper" not in successor.load().lockfile.models
    assert successor.load().lockfile.fence == 2
    holds[0].__exit__(None, None, None)


def test_a_last_write_that_lands_before_the_fence_is_kept(bucket):
    write(bucket.client("carol"))
    sleeper, successor = bucket.client("ada"), bucket.client("bob")
    with sleeper.hold(timeout=0):
        loaded = sleeper.load()
        bucket.clock.advance(LONG)
        real = bucket.lockfile.write

        def overtake(data, *, expect):
            bucket.lockfile.write = real
            late = replace(loaded.lockfile.put("late", ENTRY), fence=1, serial=2, write_id="late")
            real(encode(late), expect=expect)
            return real(data, expect=expect)

        bucket.lockfile.write = overtake
        with successor.hold(timeout=0):
            assert successor.load().lockfile.fence == 2
            assert {"late", "numbers"} == set(successor.load().lockfile.models)


def test_a_lower_fence_than_the_stored_one_is_never_written(bucket):
    store = bucket.client("ada")
    with store.hold(timeout=0):
        saved = write(store)
    with pytest.raises(LockHeld, match="under the lease number 1; ours has the older number 0"):
        store.save(replace(saved.lockfile, fence=0), expect=saved.version)
    assert store.load() == saved


def test_a_lease_whose_blob_was_deleted_goes_on_from_the_lockfile(bucket):
    store = bucket.client("ada")
    for _ in range(3):
        with store.hold(timeout=0):
            write(store)
    bucket.blob.delete(expect=bucket.blob.read().version)
    with bucket.client("bob").hold(timeout=0) as hold:
        assert hold.fence == 4
        assert bucket.client("bob").load().lockfile.fence == 4


def test_a_broken_lockfile_does_not_keep_the_lease_from_being_taken(bucket):
    bucket.lockfile.write(b"{", expect=ABSENT)
    bucket.acquire("ada")
    bucket.clock.advance(LONG)
    with bucket.client("bob").hold(timeout=0) as hold:
        assert hold.fence == 2
    assert bucket.lockfile.read().data == b"{"


def test_a_stale_write_of_a_holder_in_good_standing_is_just_stale(bucket):
    store = bucket.client("ada")
    with store.hold(timeout=0):
        saved = write(store)
        write(BlobLockfileStore(bucket.lockfile, remote=REMOTE, new_id=lambda: "rude"), "rude")
        with pytest.raises(StaleLockfile):
            store.save(saved.lockfile, expect=saved.version)


def test_breaking_a_lease_says_whose_it_was_and_stops_its_holder(bucket):
    sleeper = bucket.client("ada")
    with sleeper.hold(timeout=0) as hold:
        ended = bucket.client("bob").break_lock(silent_for=0, confirmed=bucket.stored.id)
        assert ended.holder.user == "ada"
        bucket.clock.advance(TTL)
        with pytest.raises(LockHeld, match="it was broken by tunectl apply of bob on host-of-bob, process 7 at 2023-"):
            hold.check()
        with bucket.client("carol").hold(timeout=0) as next_hold:
            assert next_hold.fence == 2
            assert bucket.client("carol").load().lockfile.fence == 2
    assert bucket.stored.holder.user == "carol"


def test_a_holder_that_knows_that_its_lease_is_broken_writes_nothing_even_if_nobody_took_over(bucket):
    store = bucket.client("ada")
    with store.hold(timeout=0) as hold:
        saved = write(store)
        bucket.client("bob").break_lock(silent_for=0, confirmed=None)
        with pytest.raises(LockHeld):
            hold.renew()
        with pytest.raises(LockHeld, match="broken by tunectl apply of bob"):
            store.save(saved.lockfile.put("late", ENTRY), expect=saved.version)
    assert bucket.client("carol").load() == saved


def test_a_free_or_missing_lease_cannot_be_broken(bucket):
    assert bucket.client("bob").break_lock(silent_for=0, confirmed=None) is None
    bucket.acquire("ada").end()
    before = bucket.blob.read()
    assert bucket.client("bob").break_lock(silent_for=0, confirmed=None) is None
    assert bucket.blob.read() == before


def test_an_expired_lease_can_be_broken(bucket):
    bucket.acquire("ada")
    bucket.clock.advance(7200)
    assert bucket.client("bob").break_lock(silent_for=7200, confirmed=None).holder.user == "ada"


def test_a_lease_that_was_heard_of_lately_is_not_broken(bucket):
    bucket.acquire("ada")
    bucket.clock.advance(7199)
    with pytest.raises(LockHeld, match=r"of ada.*; not broken, for it was heard of within 7200 s"):
        bucket.client("bob").break_lock(silent_for=7200, confirmed=None)
    assert bucket.stored.ended is None


def test_only_the_lease_that_was_agreed_to_is_broken(bucket):
    bucket.acquire("ada")
    confirmed = bucket.stored.id
    bucket.clock.advance(LONG)
    bucket.acquire("carol")
    with pytest.raises(LockHeld, match=r"of carol.*not the one you were asked about"):
        bucket.client("bob").break_lock(silent_for=0, confirmed=confirmed)


def test_a_renewal_in_between_is_judged_again(bucket):
    hold = bucket.acquire("ada")
    bucket.clock.advance(100)
    real = bucket.blob.write

    def renewed_first(data, *, expect):
        bucket.blob.write = real
        hold.renew()
        return real(data, expect=expect)

    bucket.blob.write = renewed_first
    with pytest.raises(LockHeld, match="heard of within 50 s"):
        bucket.client("bob").break_lock(silent_for=50, confirmed=None)


GARBAGE = [
    (b"", "broken JSON"),
    (b"{", "broken JSON"),
    (b"[]", "no lease"),
    (b"[" * 5000, "broken JSON"),
    (b'{"format": "tunectl.lease/v2"}', "format"),
    (b'{"ttl": 1e999}', "no lease"),
]


@pytest.mark.parametrize(("data", "words"), GARBAGE)
def test_what_is_no_lease_is_neither_taken_nor_taken_for_free(bucket, data, words):
    bucket.blob.write(data, expect=ABSENT)
    for act in (lambda: bucket.acquire("ada"), lambda: bucket.client("ada").holder()):
        with pytest.raises(LockfileError, match=words) as caught:
            act()
        assert "lock break" in caught.value.hint
    assert bucket.blob.read().data == data


def test_what_is_no_lease_can_be_broken_and_the_fence_goes_on(bucket):
    store = bucket.client("ada")
    for _ in range(3):
        with store.hold(timeout=0):
            write(store)
    bucket.blob.write(b"{", expect=bucket.blob.read().version)
    with pytest.raises(LockfileError):
        bucket.client("bob").break_lock(silent_for=0, confirmed="some lease")
    assert bucket.client("bob").break_lock(silent_for=0, confirmed=None) is None
    with bucket.client("bob").hold(timeout=0) as hold:
        assert hold.fence == 5


def test_a_lease_shows_as_it_stands_without_being_taken(bucket):
    store = bucket.client("bob")
    assert store.holder() is None
    bucket.acquire("ada")
    before = bucket.blob.read()
    assert store.holder().holder.user == "ada"
    assert bucket.blob.read() == before


def test_starting_over_takes_the_fence_of_the_lease_and_the_serial_of_what_can_be_read(bucket):
    store = bucket.client("ada")
    with store.hold(timeout=0):
        first = write(store)
        again = store.start_over(Lockfile(remote=REMOTE), former=store.former(replace_existing=True))
    assert again.lockfile == replace(first.lockfile, models={}, serial=2, write_id=again.lockfile.write_id)


def test_the_holder_says_which_ci_run_it_is():
    github = {
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_RUN_ID": "17",
        "GITHUB_SHA": "abc",
    }
    holder = this_holder("tunectl apply", github)
    assert (holder.run, holder.commit) == ("https://github.com/o/r/actions/runs/17", "abc")
    partly = this_holder("tunectl apply", {"GITHUB_RUN_ID": "17"})
    assert (partly.run, partly.commit) == (None, None)
