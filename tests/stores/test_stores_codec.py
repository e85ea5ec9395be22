"""The lockfile's JSON: exact there and back, and anything else is refused with its place and a way past."""

import json
import time
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.lineage import History
from reconciler.core.lockfile import Approval, Entry, Instance, InstanceState, Lockfile
from reconciler.core.resource import Dataset, Remote
from reconciler.errors import LockfileError
from reconciler.stores import codec, lockfile_shapes
from reconciler.stores.codec import Blocks, decode, encode

GOLDEN = Path(__file__).parent / "golden" / "tunectl.lock"
REMOTE = Remote("generativelanguage", "https://generativelanguage.googleapis.com", "my-project-id")
SPEC = {
    "displayName": "number generator model",
    "baseModel": "models/text-bison-001",
    "hyperparameters": {"epochCount": 3, "learningRate": 0.001},
    "temperature": 0.7,
}


def instance(number, **more):
    return Instance(
        resource=f"tunedModels/number-generator-{number:012x}", revision=f"sha256:{number:064x}", spec=SPEC, **more
    )


FULL = Lockfile(
    remote=REMOTE,
    lineage="6f1c7f0e-0c8b-4a35-9d52-6a1b2d8f9c11",
    serial=4,
    write_id="f0a3c9de-5f7e-4d6b-8a53-1f9e0f6a7b22",
    models={
        "numbers": Entry(
            current=instance(
                1,
                state=InstanceState.READY,
                create_time="2026-03-01T10:00:00Z",
                dataset=Dataset(f"sha256:{7:064x}", 15),
                total_steps=23,
                gate={"score": 0.91, "passed": True},
            ),
            candidate=instance(2, state=InstanceState.TUNING, operation="tunedModels/x/operations/y"),
            retained=(instance(3, state=InstanceState.READY),),
            rejected=(instance(4, state=InstanceState.REJECTED, gate={"score": 0.2}),),
            failed=(instance(5, attempt=2, state=InstanceState.FAILED, error="out of quota, \u202e„ü\ud800“\n"),),
            deposed=(instance(6, state=InstanceState.READY),),
            pin=f"sha256:{3:064x}",
            protect=True,
            deletion="retain",
        ),
        "another": Entry(current=instance(8)),
    },
    approval=Approval("sha256:abc", {"numbers": "sha256:def"}),
)


def test_the_stored_form_is_the_published_one():
    assert encode(FULL).decode() == GOLDEN.read_text(encoding="utf-8")


def test_reading_gives_back_exactly_what_was_written():
    assert decode(encode(FULL), address="tunectl.lock") == FULL


def test_two_spellings_of_one_lockfile_are_the_same_bytes():
    turned = Lockfile(
        remote=REMOTE,
        lineage=FULL.lineage,
        serial=4,
        write_id=FULL.write_id,
        models=MappingProxyType(dict(reversed(FULL.models.items()))),
        approval=FULL.approval,
    )
    assert encode(turned) == encode(FULL)


def test_a_change_of_one_model_touches_only_its_own_block():
    before = encode(FULL).decode().splitlines()
    after = encode(FULL.put("another", Entry(current=instance(8, state=InstanceState.TUNING)))).decode().splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert changed == [('      "state": "pending"', '      "state": "tuning"')]


def test_read_only_mappings_of_the_core_are_plain_objects_in_the_file():
    lockfile = FULL.put("frozen", Entry(current=Instance("r", "s", spec=MappingProxyType({"a": MappingProxyType({})}))))
    assert decode(encode(lockfile), address="x").models["frozen"].current.spec == {"a": {}}


def test_a_number_that_json_does_not_have_is_never_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode(FULL.put("bad", Entry(current=Instance("r", "s", spec={"temperature": float("nan")}))))


def test_a_value_that_is_no_json_is_never_written():
    with pytest.raises(TypeError, match="set is no JSON"):
        encode(FULL.put("bad", Entry(current=Instance("r", "s", spec={"stop": {1}}))))


TEXT = st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=3)
DATASETS = st.builds(Dataset, st.text(min_size=1), st.integers(0, 10**9))
INSTANCES = st.builds(
    Instance,
    resource=st.text(min_size=1, max_size=20),
    revision=TEXT,
    attempt=st.integers(1, 99),
    state=st.sampled_from(InstanceState),
    operation=st.none() | TEXT,
    create_time=st.none() | TEXT,
    spec=OBJECTS,
    dataset=st.none() | DATASETS,
    total_steps=st.none() | st.integers(),
    error=st.none() | TEXT,
    gate=st.none() | OBJECTS,
)
SEVERAL = st.lists(INSTANCES, max_size=2).map(tuple)
ENTRIES = st.builds(
    Entry,
    current=INSTANCES,
    candidate=st.none() | INSTANCES,
    retained=SEVERAL,
    rejected=SEVERAL,
    failed=SEVERAL,
    deposed=SEVERAL,
    pin=st.none() | TEXT,
    protect=st.booleans(),
    deletion=TEXT,
)
LOCKFILES = st.builds(
    Lockfile,
    remote=st.builds(
        Remote, st.text(min_size=1), st.text(min_size=1), project=st.none() | TEXT, location=st.none() | TEXT
    ),
    lineage=st.text(min_size=1),
    serial=st.integers(1, 10**9),
    write_id=st.text(min_size=1),
    models=st.dictionaries(TEXT, ENTRIES, max_size=3),
    approval=st.none() | st.builds(Approval, st.text(min_size=1), st.dictionaries(TEXT, TEXT, max_size=2)),
)


@given(LOCKFILES)
def test_any_lockfile_survives_the_way_to_the_disk_and_back(lockfile):
    data = encode(lockfile)
    assert decode(data, address="x") == lockfile
    assert encode(decode(data, address="x")) == data


@given(LOCKFILES)
def test_the_bytes_are_those_that_json_writes_with_sorted_keys_and_two_spaces(lockfile):
    data = encode(lockfile)
    text = json.dumps(json.loads(data), indent=2, sort_keys=True, ensure_ascii=False)
    assert data == f"{text}\n".encode("utf-8", "backslashreplace")


@given(LOCKFILES)
def test_whatever_is_written_fits_the_published_schema(lockfile):
    jsonschema.Draft202012Validator(lockfile_shapes.schema()).validate(json.loads(encode(lockfile)))


def test_a_file_cut_at_any_byte_is_refused_until_only_the_last_line_feed_is_missing():
    data = encode(FULL)
    for end in range(len(data) - 1):
        with pytest.raises(LockfileError):
            decode(data[:end], address="tunectl.lock")
    assert decode(data[:-1], address="tunectl.lock") == FULL


@given(st.binary(max_size=200))
def test_noise_is_refused_and_never_a_traceback(data):
    with pytest.raises(LockfileError):
        decode(data, address="tunectl.lock")


def edited(**changes):
    found = json.loads(encode(FULL))
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = found
        for parent in parents:
            place = place[parent]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return json.dumps(found).encode()


GIT = "git checkout"
BROKEN = [
    (b"", "tunectl.lock: the file is empty", GIT),
    (b" \n", "tunectl.lock: the file is empty", GIT),
    (b"{\n  oops}", "tunectl.lock:2:3: broken JSON: ", GIT),
    (b'{\n  "a": 1,\n  "a": 2}', 'tunectl.lock: broken JSON: the key "a" stands twice', GIT),
    (b'{"a": NaN}', "tunectl.lock: broken JSON: NaN is no JSON", GIT),
    (b"\xff\xfe", "tunectl.lock: byte 0 is not UTF-8", GIT),
    (b"[" * 100_000, "tunectl.lock: broken JSON: nested too deeply", GIT),
    (b"1" * 5_000, "tunectl.lock: broken JSON: Exceeds the limit", GIT),
    (b'{\n<<<<<<< HEAD\n"a": 1\n=======\n', "tunectl.lock:2: an unresolved merge conflict", GIT),
    (b'{\r\n=======\r\n"a": 1', "tunectl.lock:2: an unresolved merge conflict", GIT),
    (b"[]", "tunectl.lock: this is no tunectl lockfile", "TUNECTL_LOCKFILE"),
    (b'{"version": 4}', "tunectl.lock: this is no tunectl lockfile", "TUNECTL_LOCKFILE"),
    (b'{"format": 1}', "tunectl.lock: this is no tunectl lockfile", "TUNECTL_LOCKFILE"),
    (b'{"format": "tunectl.plan/v1"}', "tunectl.lock: this is no tunectl lockfile", "TUNECTL_LOCKFILE"),
    (edited(format="tunectl.lock/v2"), "written by a newer tunectl (tunectl.lock/v2", "upgrade tunectl"),
    (edited(serial="4"), "tunectl.lock: serial: Input should be a valid integer", GIT),
    (edited(serial=0), "tunectl.lock: serial: Input should be greater", GIT),
    (edited(lineage=""), "tunectl.lock: lineage: String should have at least 1", GIT),
    (edited(remote=None), "tunectl.lock: remote: Input should be a valid dict", GIT),
    (edited(models=[]), "tunectl.lock: models: Input should be a valid dict", GIT),
    (edited(models__numbers__attempt=100), "models.numbers.attempt: Input should be less", GIT),
    (edited(models__numbers__state="lost"), "models.numbers.state: Input should be 'pending'", GIT),
    (edited(models__numbers__protect=1), "models.numbers.protect: Input should be a valid boolean", GIT),
    (edited(models__numbers__candidate=...), "models.numbers.candidate: Field required", GIT),
    (edited(models__numbers__retained={}), "models.numbers.retained: Input should be a valid list", GIT),
    (edited(models__numbers__resource=""), "models.numbers.resource: String should have at least 1", GIT),
    (edited(serial="4", lineage=3), "(and 1 more)", GIT),
]


@pytest.mark.parametrize(("data", "words", "hint"), BROKEN)
def test_a_broken_lockfile_is_refused_with_its_place_and_the_way_past(data, words, hint):
    with pytest.raises(LockfileError) as caught:
        decode(data, address="tunectl.lock")
    assert words in caught.value.message
    assert hint in caught.value.hint


def test_a_broken_object_of_a_bucket_is_not_sent_to_git():
    with pytest.raises(LockfileError) as caught:
        decode(b"", address="gs://bucket/key")
    assert "git" not in caught.value.hint


def test_a_message_quotes_no_value_and_no_control_character():
    with pytest.raises(LockfileError) as caught:
        decode(edited(serial="secret-value", models__numbers__revision=["x\x1b"]), address="a\x1b[31m")
    assert "secret-value" not in caught.value.message
    assert "\x1b" not in caught.value.message


def test_keys_that_a_later_version_of_the_format_added_are_ignored():
    data = edited(later={"a": 1}, models__numbers__later=True, remote__later=None)
    assert decode(data, address="tunectl.lock") == FULL


def test_the_keys_this_version_added_may_be_missing():
    data = edited(
        approval=...,
        models__numbers__deletion=...,
        models__numbers__gate=...,
        models__numbers__totalSteps=...,
        models__numbers__failed=[],
    )
    read = decode(data, address="tunectl.lock")
    assert (read.approval, read.models["numbers"].deletion) == (None, "delete")
    assert read.models["numbers"].current.total_steps is None


def test_five_thousand_models_take_well_under_a_second():
    models = {f"model-{number:05}": Entry(current=instance(number + 1)) for number in range(5_000)}
    lockfile = Lockfile(remote=REMOTE, lineage="l", serial=1, write_id="w", models=models)
    began = time.process_time()
    assert decode(encode(lockfile), address="x") == lockfile
    assert time.process_time() - began < 1


def test_blocks_that_are_known_change_no_byte():
    """What a run writes again is only what has changed, and reads as if all had been written anew."""
    blocks: Blocks = {}
    lockfile = FULL
    assert encode(lockfile, blocks) == encode(lockfile)
    name, entry = next(iter(lockfile.models.items()))
    for step in (
        lockfile.put(name, replace(entry, protect=not entry.protect)),
        lockfile.rename_all({name: "zz-renamed"}),
        lockfile.drop(name),
        lockfile.put("another", entry),
        replace(lockfile, models={}),
        lockfile,
    ):
        assert encode(step, blocks) == encode(step)
        assert blocks.keys() == step.models.keys()


def test_an_entry_that_stays_is_spelt_once(monkeypatch):
    spelt = []
    spell = codec.document.entry_json
    monkeypatch.setattr(codec.document, "entry_json", lambda entry: spelt.append(entry) or spell(entry))
    blocks: Blocks = {}
    lockfile = FULL
    for _ in range(3):
        encode(lockfile, blocks)
    assert len(spelt) == len(lockfile.models)


def test_the_ends_of_chains_that_departed_are_read_as_one_or_as_several():
    """A lockfile of one chain a name is spelt as it always was."""
    first, second = History(2, "sha256:first"), History(3, "sha256:second")
    one = encode(replace(FULL, departed={"a": (first,)}))
    assert json.loads(one)["departed"] == {"a": {"records": 2, "head": "sha256:first"}}
    assert decode(one, address="it").departed == {"a": (first,)}
    several = replace(FULL, departed={"a": (first, second)})
    assert decode(encode(several), address="it") == several
    jsonschema.validate(json.loads(encode(several)), lockfile_shapes.schema())
