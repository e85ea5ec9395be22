"""The bucket store when the service, the network or another writer gets in between. Each on Cloud Storage and on S3."""

import json
import threading
import uuid
from itertools import count

import pytest
from stores_bucket_kit import HASTY, SECRET, Fault, Front

from reconciler.core.lockfile import Entry, Instance
from reconciler.core.resource import Remote
from reconciler.errors import StaleLockfile, StoreError
from reconciler.ports.store import ABSENT, Blob, Version
from reconciler.stores.bucket_client import BucketClient, Conflict, Patience
from reconciler.stores.bucket_open import open_bucket
from reconciler.stores.lockfile import BlobLockfileStore

KEY = "team/tunectl.lock"


@pytest.fixture
def bucket(service):
    name = f"faults-{uuid.uuid4().hex[:12]}"
    service.make_bucket(name)
    return name


@pytest.fixture
def front(service) -> Front:
    return service.front


@pytest.fixture
def address(service, bucket):
    return f"{service.scheme}://{bucket}/{KEY}"


@pytest.fixture
def connect(address, tmp_path):
    return lambda: open_bucket(address, credentials=lambda: "", proofs=tmp_path / "proofs.json", patience=HASTY)


@pytest.fixture
def store(connect, front):
    """A store whose bucket is proved already, so that faults meet what the test does."""
    store = connect()
    store.delete(expect=store.write(b"warm up", expect=ABSENT))
    front.log.clear()
    return store


@pytest.fixture
def fresh(service, tmp_path, front):
    """A proved store over an object that never was: no tombstone lies under it."""
    bucket = f"fresh-{uuid.uuid4().hex[:12]}"
    service.make_bucket(bucket)
    address = f"{service.scheme}://{bucket}/{KEY}"
    store = open_bucket(address, credentials=lambda: "", proofs=None, patience=HASTY)
    store._proved = True
    front.log.clear()
    return store


def test_a_lost_answer_to_a_create_is_recognised_as_our_own_write(fresh, front):
    front.faults.append(Fault("PUT", "lose"))
    version = fresh.write(b"one", expect=ABSENT)
    assert fresh.read() == Blob(b"one", version)
    assert front.of("PUT") == [0, 412], "the library below sent it twice and met itself"


def test_a_lost_answer_to_an_update_is_recognised_as_our_own_write(store, front):
    old = store.write(b"one", expect=ABSENT)
    front.log.clear()
    front.faults.append(Fault("PUT", "lose"))
    version = store.write(b"two", expect=old)
    assert store.read() == Blob(b"two", version)
    assert front.of("PUT") == [0, 412]


def test_a_lost_answer_to_a_delete_is_recognised_as_our_own(store, front):
    old = store.write(b"one", expect=ABSENT)
    front.faults.append(Fault("PUT", "lose"))
    store.delete(expect=old)
    assert store.read() is None


def test_every_answer_lost_is_still_our_own_write(store, front):
    old = store.write(b"one", expect=ABSENT)
    front.faults.append(Fault("PUT", "lose", times=HASTY.tries))
    version = store.write(b"two", expect=old)
    assert store.read() == Blob(b"two", version)


def test_a_writer_who_stores_the_same_bytes_is_still_another_writer(connect, store):
    """Equal content is no proof: the count that two workers raise to the same number would lose one of them."""
    other = connect()
    old = store.write(b"1", expect=ABSENT)
    other.write(b"2", expect=old)
    with pytest.raises(StaleLockfile):
        store.write(b"2", expect=old)


def test_a_request_that_never_arrived_is_sent_again(store, front):
    front.faults.append(Fault("PUT", "drop", times=2))
    version = store.write(b"one", expect=ABSENT)
    assert store.read() == Blob(b"one", version)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_service_that_is_down_or_busy_for_a_moment_is_asked_again(store, front, status):
    front.faults += [Fault("PUT", status, times=2), Fault("GET", status, times=2)]
    version = store.write(b"one", expect=ABSENT)
    assert store.read() == Blob(b"one", version)


def test_a_service_that_stays_down_is_given_up_after_the_tries_and_the_old_content_stands(store, front):
    old = store.write(b"one", expect=ABSENT)
    front.log.clear()
    front.faults.append(Fault("PUT", 503, times=99))
    with pytest.raises(StoreError, match=r"cannot be written \(HTTP 503 Injected\); the old content is still there"):
        store.write(b"two", expect=old)
    assert front.of("PUT") == [503] * HASTY.tries
    assert store.read() == Blob(b"one", old)


def test_when_nobody_knows_what_was_stored_the_message_says_so(store, front):
    old = store.write(b"one", expect=ABSENT)
    front.faults += [Fault("PUT", "lose", times=99), Fault("GET", "drop", times=99)]
    with pytest.raises(StoreError, match="whether what was written just now is stored is not known") as caught:
        store.write(b"two", expect=old)
    assert "goes on from what is stored" in caught.value.hint
    front.faults.clear()
    assert store.read().data == b"two"


def test_a_conflict_that_cannot_be_looked_into_is_no_certain_conflict(store, front):
    old = store.write(b"one", expect=ABSENT)
    front.faults += [Fault("PUT", "lose"), Fault("GET", 403)]
    with pytest.raises(StoreError, match=r"is not known \(the bucket reported a conflict\)"):
        store.write(b"two", expect=old)
    assert store.read().data == b"two"


def test_a_lost_answer_with_another_writer_on_top_is_stale(connect, store, front, monkeypatch):
    """Our write was stored and read by the other one; what counts now is theirs."""
    other = connect()
    old = store.write(b"one", expect=ABSENT)
    front.faults.append(Fault("PUT", "lose"))
    put = BucketClient.put

    def overtaken(client, place, data, *, over, ticket):
        try:
            return put(client, place, data, over=over, ticket=ticket)
        except Conflict:
            monkeypatch.undo()
            other.write(b"theirs", expect=other.read().version)
            raise

    monkeypatch.setattr(BucketClient, "put", overtaken)
    with pytest.raises(StaleLockfile):
        store.write(b"mine", expect=old)
    assert store.read().data == b"theirs"


CONFLICT = "ConditionalRequestConflict"


def test_a_conflict_over_nothing_is_tried_again_on_create(fresh, front, service):
    """S3 answers 409 while another request for the key is under way, and stores nothing."""
    front.faults.append(Fault("PUT", 409, times=2, code=CONFLICT))
    version = fresh.write(b"one", expect=ABSENT)
    assert fresh.read() == Blob(b"one", version)


def test_a_conflict_over_nothing_is_tried_again_on_update(store, front):
    old = store.write(b"one", expect=ABSENT)
    front.faults.append(Fault("PUT", 412, times=2, code=CONFLICT))
    version = store.write(b"two", expect=old)
    assert store.read() == Blob(b"two", version)


def test_a_conflict_over_nothing_that_never_ends_is_an_error_not_a_loop(store, front):
    old = store.write(b"one", expect=ABSENT)
    front.log.clear()
    front.faults.append(Fault("PUT", 412, times=99, code=CONFLICT))
    with pytest.raises(StoreError, match="refused 4 times as a conflict, but nothing else was stored"):
        store.write(b"two", expect=old)
    assert front.of("PUT") == [412] * HASTY.tries
    assert store.read() == Blob(b"one", old)


def test_a_version_keeps_what_either_service_compares_and_nothing_that_is_none(store, service):
    token = json.loads(store.write(b"one", expect=ABSENT).token)
    assert None not in token.values()
    assert token.keys() == ({"e_tag", "version"} if service.scheme == "gs" else {"e_tag"})


def test_a_version_without_the_part_that_the_service_compares_is_refused_without_a_request(store, front):
    store.write(b"one", expect=ABSENT)
    front.log.clear()
    for token in ("", "[]", "{}", "null", "x"):
        with pytest.raises(StaleLockfile):
            store.write(b"two", expect=Version(token))
    assert front.of("PUT") == []


def test_an_answer_without_the_version_that_is_compared_is_no_answer(store, front, monkeypatch, service):
    store.write(b"one", expect=ABSENT)
    other = "s3" if service.scheme == "gs" else "gs"
    monkeypatch.setattr("reconciler.stores.bucket_client._COMPARED", {service.scheme: "missing", other: "missing"})
    with pytest.raises(StoreError, match="the answer names no version"):
        store.read()


def test_deleting_is_a_conditional_write_of_a_tombstone(store, front, service, bucket):
    old = store.write(b"one", expect=ABSENT)
    front.log.clear()
    store.delete(expect=old)
    assert front.of("DELETE") == []
    assert service.stored(bucket)[KEY].startswith(b"tunectl.tombstone/v1 ")
    assert store.read() is None


def test_two_tombstones_are_never_the_same_version(store, service, bucket):
    store.delete(expect=store.write(b"one", expect=ABSENT))
    first = service.stored(bucket)[KEY]
    store.delete(expect=store.write(b"one", expect=ABSENT))
    assert service.stored(bucket)[KEY] != first


def test_content_that_begins_like_a_tombstone_is_content(store):
    data = b"tunectl.tombstone/v1 " + b"0" * 32 + b"\nand more"
    version = store.write(data, expect=ABSENT)
    assert store.read() == Blob(data, version)


def test_an_object_that_another_program_removed_is_absent_and_can_be_made_again(store, service, bucket):
    old = store.write(b"one", expect=ABSENT)
    service.plant(bucket, KEY, None)
    assert store.read() is None
    with pytest.raises(StaleLockfile):
        store.write(b"two", expect=old)
    assert store.read() is None
    store.write(b"three", expect=ABSENT)
    assert store.read().data == b"three"


def test_a_tombstone_that_another_program_removed_meanwhile_is_no_obstacle(store, service, bucket, monkeypatch):
    put = BucketClient.put

    def removed(client, place, data, *, over, ticket):
        if over is not None:
            monkeypatch.undo()
            service.plant(bucket, KEY, None)
        return put(client, place, data, over=over, ticket=ticket)

    monkeypatch.setattr(BucketClient, "put", removed)
    version = store.write(b"one", expect=ABSENT)
    assert store.read() == Blob(b"one", version)


def test_an_object_that_another_program_wrote_is_somebody_elses_write(store, service, bucket):
    old = store.write(b"one", expect=ABSENT)
    service.plant(bucket, KEY, b"by hand")
    with pytest.raises(StaleLockfile):
        store.write(b"two", expect=old)
    assert store.read().data == b"by hand"


@pytest.mark.parametrize("service", ["s3"], indirect=True)
def test_a_bucket_with_versioning_works_the_same(service):
    service.make_bucket("versioned")
    service.version_bucket("versioned")
    store = open_bucket(f"s3://versioned/{KEY}", credentials=lambda: "", proofs=None, patience=HASTY)
    first = store.write(b"one", expect=ABSENT)
    assert json.loads(first.token).keys() == {"e_tag", "version"}
    assert store.read() == Blob(b"one", first)
    second = store.write(b"two", expect=first)
    with pytest.raises(StaleLockfile):
        store.write(b"three", expect=first)
    assert store.read() == Blob(b"two", second)


# --- the lockfile in a bucket -------------------------------------------------------------------------------------

REMOTE = Remote("generativelanguage", "https://generativelanguage.googleapis.com", "my-project-id")
ENTRY = Entry(current=Instance("tunedModels/numbers-1a2b3c4d5e6f", "sha256:1"))


def lockfile_store(blob, prefix="id"):
    numbers = count(1)
    return BlobLockfileStore(blob, remote=REMOTE, new_id=lambda: f"{prefix}-{next(numbers)}")


def test_a_lockfile_that_goes_back_to_what_it_said_is_still_another_version(connect, store):
    """ABA: an S3 ETag is a digest of the content, but no two writes of a lockfile have the same content."""
    mine, theirs = lockfile_store(store, "mine"), lockfile_store(connect(), "theirs")
    first = mine.save(mine.load().lockfile, expect=ABSENT)
    theirs.load()
    away = theirs.save(first.lockfile.put("numbers", ENTRY), expect=first.version)
    back = theirs.save(away.lockfile.drop("numbers"), expect=away.version)
    assert (back.lockfile.models, back.version != first.version) == (first.lockfile.models, True)
    with pytest.raises(StaleLockfile):
        mine.save(first.lockfile.put("numbers", ENTRY), expect=first.version)


def test_a_service_that_loses_our_metadata_is_seen_through_by_the_write_id(store, front, monkeypatch):
    put = BucketClient.put
    monkeypatch.setattr(
        BucketClient, "put", lambda *args, ticket, **more: put(*args, ticket="stripped on the way", **more)
    )
    locked = lockfile_store(store)
    front.faults.append(Fault("PUT", "lose", skip=1))
    saved = locked.save(locked.load().lockfile.put("numbers", ENTRY), expect=ABSENT)
    assert lockfile_store(store).load() == saved


def test_a_broken_object_is_refused_with_its_address(service, bucket, store, address):
    service.plant(bucket, KEY, b"{")
    with pytest.raises(Exception, match="broken JSON") as caught:
        lockfile_store(store).load()
    assert caught.value.message.startswith(f"{address}:1:2:")
    assert "git" not in caught.value.hint


# --- refusals ------------------------------------------------------------------------------------------------------


def test_a_bucket_that_does_not_exist_is_an_error_not_an_empty_lockfile(service, tmp_path):
    store = open_bucket(
        f"{service.scheme}://no-such-bucket-here/{KEY}", credentials=lambda: "", proofs=None, patience=HASTY
    )
    for act in (store.read, lambda: store.write(b"x", expect=ABSENT)):
        with pytest.raises(StoreError, match=r"HTTP 404 NoSuchBucket") as caught:
            act()
        assert "make the bucket no-such-bucket-here" in caught.value.hint


REFUSALS = [
    (401, "HTTP 401 Injected", {"gs": "gcloud auth application-default login", "s3": "AWS_ACCESS_KEY_ID"}),
    (403, "HTTP 403 Injected", {"gs": "the right to read and write", "s3": "the right to read and write"}),
    (301, "redirected elsewhere", {"gs": "STORAGE_EMULATOR_HOST", "s3": "AWS_REGION"}),
    (400, "HTTP 400 Injected", {"gs": "check the network", "s3": "check the network"}),
    (500, "HTTP 500 Injected", {"gs": "check the network", "s3": "check the network"}),
]


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize(("status", "words", "hints"), REFUSALS)
def test_a_refusal_is_told_with_status_and_code_and_the_way_past(
    service, front, store, address, method, status, words, hints
):
    front.faults.append(Fault(method, status, times=99))
    with pytest.raises(StoreError) as caught:
        store.read() if method == "GET" else store.write(b"x", expect=ABSENT)
    assert caught.value.message.startswith(f"{address}: cannot be {'read' if method == 'GET' else 'written'}")
    assert words in caught.value.message
    assert hints[service.scheme] in caught.value.hint
    everything = f"{caught.value} {caught.value.hint} {caught.value.__cause__!r} {caught.value.__context__ and ''}"
    for secret in ("canary-body", SECRET, "AKIACANARY", "Debug source"):
        assert secret not in everything
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_an_answer_that_is_not_the_services_is_no_success(store, front, address, method):
    """A captive portal says 200 to everything, without an ETag."""
    old = store.write(b"one", expect=ABSENT)
    front.faults.append(Fault(method, 200))
    with pytest.raises(StoreError) as caught:
        store.read() if method == "GET" else store.write(b"two", expect=old)
    assert caught.value.message.startswith(f"{address}: ")
    assert SECRET not in caught.value.message
    assert caught.value.message.isprintable()
    assert store.read() == Blob(b"one", old)


def test_a_service_that_is_not_there_is_said_to_be_unreachable(service, monkeypatch):
    names = [name for name, value in service.environ().items() if value.startswith("http")]
    for name in names:
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    store = open_bucket(f"{service.scheme}://bucket/{KEY}", credentials=lambda: "", proofs=None, patience=HASTY)
    with pytest.raises(StoreError, match=r"cannot be read \(the connection failed\)"):
        store.read()


def test_a_service_that_does_not_answer_is_given_up_in_time(service, monkeypatch, front):
    hasty = Patience(tries=1, timeout=0.05, first_pause=0.001, longest_pause=0.001)
    slow = open_bucket(f"{service.scheme}://bucket/{KEY}", credentials=lambda: "", proofs=None, patience=hasty)
    release = threading.Event()
    monkeypatch.setattr(front, "service", lambda *_: release.wait(10) and [])
    try:
        with pytest.raises(StoreError, match=r"cannot be read \((timed out|the connection failed)\)"):
            slow.read()
    finally:
        release.set()
