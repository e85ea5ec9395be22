"""``tunectl lock``: who holds the lockfile, ending that, and making the lockfile anew."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import click
import pytest
from cli_kit import BISON, HYPERPARAMETERS, TRAIN_SECONDS, clean_environment

from reconciler.core.lease import GRACE, TTL, Holder
from reconciler.ports.store import ABSENT
from reconciler.stores.lease import BlobLease
from reconciler.stores.leasefile import decode_lease
from reconciler.stores.memory import MemoryBlobStore
from reconciler.wiring.records import Records

ADDRESS = "gs://bucket/tunectl.lock"
LEASE = f"{ADDRESS}.lease"
OTHER = Holder("runner-9", 4711, "bob", "tunectl apply", "https://github.com/o/r/actions/runs/17", "abcdef0")


class Object(MemoryBlobStore):
    """An object of the bucket, which knows its neighbours."""

    def __init__(self, cloud, address):
        super().__init__(address=address)
        self._cloud = cloud

    def beside(self, suffix):
        return self._cloud.open(self.address + suffix)


class Cloud:
    """A bucket in memory behind the addresses that the command line opens."""

    def __init__(self, clock):
        self.clock = clock
        self.blobs = {}

    def open(self, address):
        return self.blobs.setdefault(address, Object(self, address))

    def other(self, number=1):
        """A holder that is none of the runs of the test."""
        lease = BlobLease(self.open(LEASE), holder=OTHER, new_id=lambda: f"other-{number}", clock=self.clock)
        return lease.acquire(timeout=0, least_fence=lambda: 1)

    @property
    def lease(self):
        return decode_lease(self.blobs[LEASE].read().data, address=LEASE)

    @property
    def lockfile(self):
        return json.loads(self.blobs[ADDRESS].read().data)


@pytest.fixture
def cloud(workshop, monkeypatch):
    """The workshop with its lockfile in a bucket."""
    cloud = Cloud(workshop.clock)
    monkeypatch.setattr(Records, "_open_bucket", lambda _, address: cloud.open(address))
    workshop.project(lockfile=ADDRESS)
    return cloud


@pytest.fixture
def answer(monkeypatch):
    """Sit at a terminal and answer; what stands on the screen by then is returned by the question."""

    def answer(text):
        monkeypatch.setattr("reconciler.cli.consent.interactive", lambda: True)
        monkeypatch.setattr(click, "prompt", lambda *_, **__: text)

    return answer


# --- show ----------------------------------------------------------------------------------------------------------


def test_nobody_holds_a_new_project(workshop):
    assert workshop.run("lock", "show").out == "tunectl.lock: free\n  lockfile: not written yet\n"
    assert not (workshop.root / ".tunectl").exists()


def test_show_names_the_lockfile(workshop):
    workshop.apply()
    lockfile = workshop.lockfile
    shown = workshop.run("lock", "show").out
    assert shown == f"tunectl.lock: free\n  lockfile: serial 3, lineage {lockfile['lineage']}, 1 model\n"
    document = workshop.run("lock", "show", "--format", "json").json()
    assert document == {
        "format": "tunectl.lock-status/v1",
        "state": "free",
        "lockfile": {
            "address": "tunectl.lock",
            "lineage": lockfile["lineage"],
            "serial": 3,
            "fence": 0,
            "models": 1,
            "error": None,
        },
        "lease": None,
    }


def test_show_names_the_holder_of_a_lease(workshop, cloud):
    cloud.other()
    workshop.clock.advance(12)
    shown = workshop.run("lock", "show").out
    assert shown == (
        f"{ADDRESS}: held by tunectl apply of bob on runner-9, process 4711, run {OTHER.run}, commit abcdef0, "
        "since 2023-11-14T22:13:20Z, last heard of 12 s ago\n  lockfile: not written yet\n"
    )
    document = workshop.run("lock", "show", "--format", "json").json()
    assert document["state"] == "held"
    assert document["lease"] == {
        "kind": "lease",
        "id": "other-1",
        "holder": {
            "host": "runner-9",
            "pid": 4711,
            "user": "bob",
            "command": "tunectl apply",
            "run": OTHER.run,
            "commit": "abcdef0",
        },
        "fence": 1,
        "since": "2023-11-14T22:13:20Z",
        "renewed": "2023-11-14T22:13:20Z",
        "silentSeconds": 12,
        "ttlSeconds": 60,
        "ended": None,
        "brokenBy": None,
    }


def test_show_says_that_a_lease_has_expired_was_given_back_or_broken(workshop, cloud):
    hold = cloud.other()
    workshop.clock.advance(TTL + GRACE + 1)
    assert "the lease has expired, the next run takes it\n  was held by" in workshop.run("lock", "show").out
    hold.end()
    assert "free\n  last held by tunectl apply of bob" in workshop.run("lock", "show").out
    cloud.other(2)
    workshop.run("lock", "break", "-y")
    assert "; broken by tunectl lock break of " in workshop.run("lock", "show").out
    assert workshop.run("lock", "show", "--format", "json").json()["lease"]["brokenBy"]["pid"] == os.getpid()


def test_show_survives_a_broken_lockfile(workshop):
    workshop.write("tunectl.lock", "{")
    shown = workshop.run("lock", "show").out
    assert "the lockfile cannot be read: tunectl.lock:1:2: broken JSON" in shown
    assert workshop.run("lock", "show", "--format", "json").json()["lockfile"]["error"].startswith("tunectl.lock:1:2")


def test_what_a_holder_wrote_commands_no_terminal(workshop, cloud):
    evil = Holder("\x1b]0;x\x07", 1, "\n::error::owned", "##[group]")
    BlobLease(cloud.open(LEASE), holder=evil, new_id=lambda: "x", clock=workshop.clock).acquire(
        timeout=0, least_fence=lambda: 1
    )
    shown = workshop.run("lock", "show").out
    assert "\x1b" not in shown
    assert not any(line.lstrip().startswith("::") for line in shown.splitlines())
    assert "##[" not in shown


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_the_global_options_stand_on_both_sides(workshop, before, monkeypatch):
    (workshop.root / "empty").mkdir()
    monkeypatch.chdir(workshop.root / "empty")
    place = ("-C", "..")
    workshop.run("lock", *(place if before else ()), "show", *(() if before else place))
    assert "tunectl.lock: free" in workshop.run(*place, "lock", "show").out


# --- a lease in use ------------------------------------------------------------------------------------------------


def test_apply_holds_the_lease_gives_it_back_and_fences_the_lockfile(workshop, cloud):
    workshop.apply()
    assert cloud.lease.holder.command == "tunectl apply"
    assert cloud.lease.holder.pid == os.getpid()
    assert cloud.lease.ended is not None
    assert cloud.lockfile["fence"] == 1
    assert workshop.plan()["actions"] == []


@pytest.mark.parametrize("command", [("apply", "-y"), ("destroy", "-y"), ("wait",), ("lock", "rebuild", "-y")])
def test_a_held_lease_ends_every_writing_command_with_8_and_the_holder(workshop, cloud, command):
    cloud.other()
    said = workshop.fails(8, *command)
    assert "held by tunectl apply of bob on runner-9, process 4711, run https://github.com/o/r/actions/runs/17" in said
    assert "hint: wait for it to end, let tunectl wait with --lock-timeout 5m, or look at `tunectl lock show`" in said
    assert workshop.remote() == []


@pytest.mark.parametrize("command", [("plan",), ("drift",), ("status",), ("lock", "show")])
def test_reading_takes_no_lease(workshop, cloud, command):
    cloud.other()
    before = cloud.blobs[LEASE].read()
    workshop.run(*command, expect=None)
    assert cloud.blobs[LEASE].read() == before


def test_apply_waits_for_the_lease_and_says_so(workshop, cloud):
    hold = cloud.other()
    workshop.clock.on_sleep = lambda: len(workshop.clock.slept) == 3 and hold.end()
    ended = workshop.apply("--lock-timeout", "5m", "-v")
    assert "held by tunectl apply of bob" in ended.err
    assert cloud.lease.fence == 2


def test_the_lease_of_a_run_that_was_killed_is_taken_over_once_it_has_expired(workshop, cloud):
    cloud.other()
    workshop.clock.advance(TTL + GRACE)
    workshop.fails(8, "apply", "-y")
    workshop.clock.advance(1)
    workshop.apply()
    assert (cloud.lease.fence, cloud.lockfile["fence"]) == (2, 2)


def test_a_run_that_loses_its_lease_exits_with_8_and_leaves_training_running(workshop, cloud):
    def sleep():
        if workshop.bought() and len(workshop.clock.slept) == 1:
            workshop.clock.advance(TTL + GRACE)
            cloud.other()

    workshop.clock.on_sleep = sleep
    ended = workshop.apply(expect=8)
    assert "we hold the lease no longer: now held by tunectl apply of bob on runner-9" in ended.err
    assert "1 still tuning" in ended.out
    assert workshop.bought() == 1
    workshop.clock.on_sleep = lambda: None
    workshop.clock.advance(TTL + GRACE + 1 + TRAIN_SECONDS)
    workshop.apply()
    assert workshop.bought() == 1
    assert cloud.lockfile["models"]["numbers"]["state"] == "ready"


# --- break ---------------------------------------------------------------------------------------------------------


def test_breaking_says_whose_it_was_and_lets_the_next_run_through(workshop, cloud):
    cloud.other()
    workshop.fails(8, "apply", "-y")
    assert "broken; it was held by tunectl apply of bob on runner-9" in workshop.run("lock", "break", "-y").out
    workshop.apply()
    assert cloud.lockfile["fence"] == 2


def test_breaking_only_what_was_silent_for_long(workshop, cloud):
    cloud.other()
    workshop.clock.advance(7199)
    assert "not broken, for it was heard of within 7200 s" in workshop.fails(
        8, "lock", "break", "--if-older-than", "2h", "-y"
    )
    workshop.clock.advance(1)
    workshop.run("lock", "break", "--if-older-than", "2h", "-y")
    assert cloud.lease.ended.broken_by.command == "tunectl lock break"


def test_there_is_nothing_to_break_where_nobody_holds_anything(workshop, cloud):
    assert workshop.run("lock", "break", "-y").out == f"{ADDRESS}: free\n"


@pytest.mark.parametrize(("text", "broken"), [("yes", True), ("no", False), ("y", False), ("", False)])
def test_breaking_asks_and_takes_only_yes(workshop, cloud, answer, text, broken):
    cloud.other()
    answer(text)
    ended = workshop.run("lock", "break")
    assert "Held by tunectl apply of bob" in ended.err
    assert "Only 'yes' is taken as consent." in ended.err
    assert (cloud.lease.ended is not None) is broken
    assert ("Nothing was broken." in ended.err) is not broken


@pytest.mark.parametrize("text", ["yes", "no"])
def test_what_is_no_lease_is_replaced_by_a_free_one_if_that_is_agreed_to(workshop, cloud, answer, text):
    cloud.open(LEASE).write(b"{", expect=ABSENT)
    assert "no lease that this tunectl can read" in workshop.fails(1, "apply", "-y")
    answer(text)
    workshop.run("lock", "break")
    workshop.apply(expect=0 if text == "yes" else 1)


def test_nobody_to_ask_ends_before_anything_is_done(workshop, cloud):
    cloud.other()
    assert "nobody can be asked here" in workshop.fails(64, "lock", "break")
    assert cloud.lease.ended is None


HOLD = """
import signal, sys
from pathlib import Path
from reconciler.stores.lock import process_lock
with process_lock(Path(sys.argv[1]), timeout=0, what="x", command="tunectl apply"):
    print("held", flush=True)
    signal.pause()
"""


@pytest.fixture
def rival(workshop):
    """Another process of this machine that holds the lock of the workshop's lockfile."""
    path = workshop.root / ".tunectl" / "tunectl.lock.lock"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True, env=clean_environment()
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_living_process_of_this_machine_keeps_its_lock_until_it_dies(workshop, rival):
    shown = workshop.run("lock", "show", "--format", "json").json()
    assert (shown["state"], shown["lease"]["kind"], shown["lease"]["holder"]["pid"]) == ("held", "process", rival.pid)
    assert f"held by tunectl apply of {shown['lease']['holder']['user']}" in workshop.run("lock", "show").out
    assert f"process {rival.pid}" in workshop.fails(8, "apply", "-y")
    said = workshop.fails(8, "lock", "break", "-y")
    assert "that process is alive, and its lock ends with it" in said
    assert f"end process {rival.pid}" in said

    rival.send_signal(signal.SIGKILL)
    rival.wait()

    assert (workshop.root / ".tunectl" / "tunectl.lock.lock.holder").exists()
    assert "tunectl.lock: free" in workshop.run("lock", "show").out
    assert workshop.run("lock", "break", "-y").out == "tunectl.lock: free\n"
    workshop.apply()


# --- rebuild -------------------------------------------------------------------------------------------------------


def test_a_lost_lockfile_is_rebuilt_and_the_plan_is_empty(workshop):
    workshop.want("child", baseModel=None, source={"model": "numbers"})
    workshop.apply()
    before = workshop.lockfile
    (workshop.root / "tunectl.lock").unlink()

    ended = workshop.run("lock", "rebuild", "-y")

    assert "Found 2 models of 2 manifests:" in ended.out
    assert f"  numbers: {before['models']['numbers']['resource']} (current, ready)\n" in ended.out
    assert ended.out.endswith("tunectl.lock: written, serial 2\n")
    after = workshop.lockfile
    assert after["lineage"] != before["lineage"]
    for name, entry in after["models"].items():
        unknown = {"totalSteps", "provenance", "history"}
        assert {key: value for key, value in entry.items() if key not in unknown} == {
            key: value for key, value in before["models"][name].items() if key not in unknown
        }
        assert entry["history"]["records"] == before["models"][name]["history"]["records"] + 1
    assert workshop.kinds() == []
    workshop.run("drift")


@pytest.fixture
def imported(workshop):
    """A model made by hand, which the project has imported, and whose lockfile is lost."""
    model = {
        "name": "tunedModels/by-hand",
        "displayName": "counter",
        "baseModel": BISON,
        "state": "ACTIVE",
        "tuningTask": {"hyperparameters": HYPERPARAMETERS},
    }
    workshop.emulator.import_models({"tunedModels": [model]})
    workshop.run("import", "by-hand")
    workshop.apply()
    (workshop.root / "tunectl.lock").unlink()
    return workshop


def test_an_imported_model_is_found_again_by_its_lineage(imported):
    ended = imported.run("lock", "rebuild", "-y")
    assert "counter: tunedModels/by-hand (current, ready)" in ended.out
    assert "counter: tunedModels/by-hand had been taken over, as the lineage tells, and is recorded again" in ended.out
    assert imported.plan()["actions"] == []
    (imported.root / "tunectl.lock").unlink()
    imported.run("lock", "rebuild", "-y")
    assert imported.serving("counter") == "tunedModels/by-hand"
    assert imported.run("lineage", "verify").out.endswith("every chain is whole.\n")


@pytest.mark.parametrize("how", ["no log", "a log that cannot be read", "gone", "forgotten"])
def test_an_imported_model_that_cannot_be_found_is_named_with_the_way_to_get_it_back(imported, how):
    log = imported.root / "tunectl.lineage.jsonl"
    if how == "gone":
        imported.vanish("tunedModels/by-hand")
    elif how == "forgotten":
        imported.run("lock", "rebuild", "-y")
        imported.want("counter", dataset=None, displayName="counter", lifecycle={"protect": False})
        imported.apply()
        imported.run("forget", "counter", "-y")
        (imported.root / "tunectl.lock").unlink()
    else:
        log.unlink()
        if how != "no log":
            log.mkdir()
    said = imported.run("lock", "rebuild", "-y").text
    assert "No model was found for (apply would tune one where there is a dataset):\n  counter\n" in said
    assert "counter: names no dataset, so its model was made elsewhere" in said
    assert "`tunectl adopt counter RESOURCE` takes it over again" in said
    assert "counter" not in imported.lockfile["models"]


def test_a_lockfile_that_can_be_read_is_not_replaced_unless_asked(workshop):
    workshop.apply()
    before = workshop.lockfile
    said = workshop.fails(1, "lock", "rebuild", "-y")
    assert "there is a lockfile, and it is not damaged" in said
    assert "--replace-existing" in said
    assert workshop.lockfile == before

    ended = workshop.run("lock", "rebuild", "-y", "--replace-existing")

    kept = next((workshop.root / ".tunectl" / "backup").glob("tunectl.lock.*"))
    assert json.loads(kept.read_text()) == before
    assert f"The former one is kept as .tunectl/backup/{kept.name}." in ended.err
    assert (workshop.lockfile["lineage"], workshop.lockfile["serial"]) == (before["lineage"], before["serial"] + 1)
    assert workshop.kinds() == []


def test_a_damaged_lockfile_gives_way_and_is_kept(workshop):
    workshop.apply()
    whole = (workshop.root / "tunectl.lock").read_bytes()
    workshop.write("tunectl.lock", whole[:200])
    workshop.run("lock", "rebuild", "-y")
    kept = list((workshop.root / ".tunectl" / "backup").glob("tunectl.lock.*"))
    assert [path.read_bytes() for path in kept] == [whole[:200]]
    assert workshop.kinds() == []


@pytest.mark.parametrize("content", ["{}", '{"format": "tunectl.lock/v9"}'])
def test_what_is_whole_but_not_ours_gives_way_only_if_asked(workshop, content):
    workshop.apply()
    workshop.write("tunectl.lock", content)
    workshop.fails(1, "lock", "rebuild", "-y")
    assert (workshop.root / "tunectl.lock").read_text() == content
    workshop.run("lock", "rebuild", "-y", "--replace-existing")
    assert workshop.kinds() == []


def test_a_lockfile_of_another_remote_gives_way_only_if_asked_and_its_lineage_ends(workshop):
    workshop.apply()
    other = workshop.lockfile
    other["remote"]["project"] = "another"
    workshop.write("tunectl.lock", json.dumps(other))
    workshop.fails(1, "lock", "rebuild", "-y")
    workshop.run("lock", "rebuild", "-y", "--replace-existing")
    assert workshop.lockfile["lineage"] != other["lineage"]
    assert workshop.kinds() == []


def test_json_holds_everything_that_text_says(workshop):
    workshop.apply()
    resource = workshop.serving("numbers")
    workshop.want("numbers", hyperparameters={"epochCount": 4})
    workshop.want("fresh")
    workshop.apply("--target", "numbers")
    workshop.want("numbers")
    (workshop.root / "tunectl.lock").unlink()
    newer = workshop.remote()

    document = workshop.run("lock", "rebuild", "-y", "--format", "json").json()

    assert document["format"] == "tunectl.lock-rebuild/v1"
    assert document["written"] is False
    assert document["missing"] == ["fresh", "numbers"]
    assert document["orphaned"] == [f"tunedModels/{newer[0]}"]
    assert resource not in document["orphaned"]
    assert len(document["doubts"]) == 1
    text = workshop.run("lock", "rebuild", "-y").out
    assert all(item in text for item in (*document["missing"], *document["doubts"], *document["orphaned"]))
    assert "Nothing was written." in text
    assert not (workshop.root / "tunectl.lock").exists()


@pytest.mark.parametrize(("text", "written"), [("yes", True), ("no", False)])
def test_rebuilding_asks_first(workshop, answer, text, written):
    workshop.apply()
    (workshop.root / "tunectl.lock").unlink()
    answer(text)
    ended = workshop.run("lock", "rebuild")
    assert "Write a lockfile of 1 model?" in ended.err
    assert (workshop.root / "tunectl.lock").exists() is written


@pytest.mark.parametrize("form", ["text", "json"])
def test_without_a_terminal_rebuilding_needs_consent_beforehand(workshop, form):
    ended = workshop.run("lock", "rebuild", "--format", form, expect=64)
    assert "nobody can be asked here" in ended.text
    assert not (workshop.root / "tunectl.lock").exists()


def test_a_lockfile_in_a_bucket_is_rebuilt_under_the_lease(workshop, cloud):
    workshop.apply()
    cloud.blobs[ADDRESS].delete(expect=cloud.blobs[ADDRESS].read().version)
    workshop.run("lock", "rebuild", "-y")
    assert (cloud.lockfile["serial"], cloud.lockfile["fence"]) == (2, 2)
    assert cloud.lease.holder.command == "tunectl lock rebuild"
    assert workshop.kinds() == []
