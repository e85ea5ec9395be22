"""A bucket is trusted with a lockfile only after it refused what it must refuse, and only where it did so."""

import json
import uuid

import pytest
from stores_bucket_kit import CONDITIONS, HASTY, Fault

from reconciler.errors import StoreError
from reconciler.ports.store import ABSENT, Version
from reconciler.stores.bucket_open import open_bucket
from reconciler.stores.bucket_place import Place
from reconciler.stores.bucket_probe import Proofs, prove
from reconciler.stores.memory import MemoryBlobStore

KEY = "team/tunectl.lock"


@pytest.fixture
def bucket(service):
    name = f"probe-{uuid.uuid4().hex[:12]}"
    service.make_bucket(name)
    return name


@pytest.fixture
def memory(tmp_path):
    return tmp_path / ".tunectl" / "bucket-proofs.json"


@pytest.fixture
def connect(service, bucket, memory):
    def connect(key=KEY, proofs=memory):
        return open_bucket(f"{service.scheme}://{bucket}/{key}", credentials=lambda: "", proofs=proofs, patience=HASTY)

    return connect


def probes(service):
    return [key for method, key, _ in service.front.log if ".probe-" in key and method == "PUT"]


def test_reading_needs_no_proof(connect, service):
    assert connect().read() is None
    assert probes(service) == []


def test_the_first_write_is_preceded_by_four_to_an_object_of_its_own_which_is_removed(connect, service, bucket):
    connect().write(b"one", expect=ABSENT)
    statuses = [status for method, key, status in service.front.log if method == "PUT" and ".probe-" in key]
    assert statuses == [200, 412, 200, 412]
    assert service.stored(bucket) == {KEY: b"one"}
    assert all(key.startswith(f"{KEY}.probe-") for key in probes(service))


def test_one_store_proves_once_and_so_do_the_blobs_beside_it(connect, service):
    store = connect(proofs=None)
    store.write(b"two", expect=store.write(b"one", expect=ABSENT))
    store.beside(".lease").write(b"lease", expect=ABSENT)
    assert len(probes(service)) == 4
    assert store.beside(".lease").read().data == b"lease"


def test_the_blob_beside_proves_for_the_store_when_it_is_written_first(connect, service):
    store = connect(proofs=None)
    store.beside(".lease").write(b"lease", expect=ABSENT)
    store.write(b"one", expect=ABSENT)
    assert len(probes(service)) == 4
    assert len(service.front.of("PUT", ".lease")) == 1


def test_the_next_run_remembers(connect, service):
    version = connect().write(b"one", expect=ABSENT)
    service.front.log.clear()
    connect().write(b"two", expect=version)
    assert probes(service) == []


def test_without_a_memory_every_run_proves_again(connect, service):
    version = connect(proofs=None).write(b"one", expect=ABSENT)
    connect(proofs=None).write(b"two", expect=version)
    assert len(set(probes(service))) == 2


def test_another_folder_of_the_bucket_is_proved_for_itself(connect, service):
    connect().write(b"one", expect=ABSENT)
    service.front.log.clear()
    connect("other/tunectl.lock").write(b"one", expect=ABSENT)
    assert len(probes(service)) == 4


PLACE = Place("s3", "bucket", "team/tunectl.lock", "https://store.example.com")
OTHERS = [
    Place("s3", "bucket", "team/tunectl.lock", "https://store.example.com:9000"),
    Place("s3", "bucket", "team/tunectl.lock", None),
    Place("gs", "bucket", "team/tunectl.lock", "https://store.example.com"),
    Place("s3", "bucket2", "team/tunectl.lock", "https://store.example.com"),
    Place("s3", "bucket", "team2/tunectl.lock", "https://store.example.com"),
    Place("s3", "bucket", "tunectl.lock", "https://store.example.com"),
]


@pytest.mark.parametrize("other", OTHERS, ids=lambda place: f"{place.endpoint} {place.address}")
def test_a_proof_is_good_for_one_folder_of_one_bucket_at_one_endpoint(memory, other):
    Proofs(memory, client="obstore 1").remember(PLACE)
    assert Proofs(memory, client="obstore 1").knows(PLACE)
    assert not Proofs(memory, client="obstore 1").knows(other)


def test_a_proof_is_good_for_the_client_that_made_it_and_for_every_key_of_the_folder(memory):
    Proofs(memory, client="obstore 1").remember(PLACE)
    assert not Proofs(memory, client="obstore 2").knows(PLACE)
    assert Proofs(memory, client="obstore 1").knows(PLACE.beside(".lease"))


def test_a_proof_is_known_by_what_was_proved(memory):
    Proofs(memory, client="c").remember(PLACE)
    assert json.loads(memory.read_text()) == {**json.loads(LATER), "format": "tunectl.bucket-proofs/v1"}


def test_proofs_are_added_to_those_that_are_known(memory):
    for place in (PLACE, *OTHERS, PLACE):
        Proofs(memory, client="c").remember(place)
    assert all(Proofs(memory, client="c").knows(place) for place in (PLACE, *OTHERS))
    assert len(json.loads(memory.read_text())["proved"]) == 1 + len(OTHERS)


LATER = b'{"format": "tunectl.bucket-proofs/v2", "proved": ["s3 https://store.example.com bucket team/ c"]}'


@pytest.mark.parametrize(
    "broken",
    [b"", b"\xff", b"[]", b"[" * 100_000, LATER, b'{"format": "tunectl.bucket-proofs/v1", "proved": 3}'],
)
def test_a_broken_memory_knows_nothing_and_is_written_anew(memory, broken):
    memory.parent.mkdir()
    memory.write_bytes(broken)
    proofs = Proofs(memory, client="c")
    assert not proofs.knows(PLACE)
    proofs.remember(PLACE)
    assert proofs.knows(PLACE)


def test_a_memory_that_cannot_be_kept_stops_nothing(connect, memory, service):
    memory.parent.mkdir()
    memory.symlink_to("elsewhere")
    connect().write(b"one", expect=ABSENT)
    assert memory.is_symlink()
    assert len(probes(service)) == 4


IGNORED = {"create": ("HTTP_IF_NONE_MATCH", "If-None-Match"), "update": ("HTTP_IF_MATCH", "If-Match")}


@pytest.mark.parametrize("write", IGNORED)
def test_a_service_that_ignores_a_condition_is_refused_and_the_lockfile_untouched(
    connect, service, bucket, memory, write
):
    """Cloud Storage has one header for both: its generation 0 stands for absence."""
    header, named = IGNORED[write]
    if service.scheme == "gs":
        header = CONDITIONS[2]
    service.front.faults.append(Fault("PUT", "ignore", times=99, only=header, skip=2 if named == "If-Match" else 0))
    if service.scheme == "s3" and write == "update":
        service.front.faults[-1].skip = 0
    with pytest.raises(StoreError, match=rf"ignores conditional writes \({named}\)") as caught:
        connect().write(b"one", expect=ABSENT)
    assert "nothing was written" in caught.value.message
    assert service.stored(bucket) == {}
    assert not memory.exists()


def test_a_refusal_is_found_again_by_the_next_run(connect, service):
    service.front.faults.append(Fault("PUT", "ignore", times=999))
    for _ in range(2):
        with pytest.raises(StoreError, match="ignores conditional writes"):
            connect().write(b"one", expect=ABSENT)


@pytest.mark.parametrize("skip", range(4))
def test_a_lost_answer_during_the_proof_condemns_nobody(connect, service, bucket, skip):
    service.front.faults.append(Fault("PUT", "lose", skip=skip))
    connect().write(b"one", expect=ABSENT)
    assert service.stored(bucket) == {KEY: b"one"}


def test_who_may_write_but_not_remove_leaves_the_probe_behind(connect, service, bucket):
    service.front.faults.append(Fault("DELETE", 403, times=99))
    connect().write(b"one", expect=ABSENT)
    stored = service.stored(bucket)
    assert stored.pop(KEY) == b"one"
    assert list(stored.values()) == [b"two"]


def test_a_probe_that_may_not_be_written_says_why(connect, service):
    service.front.faults.append(Fault("PUT", 403, times=99))
    with pytest.raises(StoreError, match="HTTP 403") as caught:
        connect().write(b"one", expect=ABSENT)
    assert caught.value.exit_code == 3


class Forgetful(MemoryBlobStore):
    """Refuses what it should, then gives back something older."""

    def read(self):
        return None


class Slanted(MemoryBlobStore):
    """Looks at whether something is there, never at what."""

    def write(self, data, *, expect):
        if expect is not ABSENT and (blob := self.read()) is not None:
            expect = blob.version
        return super().write(data, expect=expect)


@pytest.mark.parametrize(
    ("store", "words"),
    [(Forgetful(), "does not give back what was written last"), (Slanted(), r"ignores .* \(If-Match\)")],
)
def test_what_does_not_behave_is_refused_and_the_probe_removed(store, words):
    removed = []
    with pytest.raises(StoreError, match=words):
        prove(store, address="s3://b/k", remove=lambda: removed.append(True))
    assert removed == [True]


def test_a_store_that_behaves_is_proved():
    store = MemoryBlobStore()
    prove(store, address="memory", remove=lambda: None)
    assert store.read().data == b"two"
    assert isinstance(store.read().version, Version)
