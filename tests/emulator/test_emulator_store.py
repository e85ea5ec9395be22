"""What is kept, and what it survives."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from emulator_kit import SEED, Api, Clock, tuned

from reconciler.emulator import Emulator
from reconciler.errors import StoreError, UsageError


@pytest.fixture
def data(tmp_path):
    return tmp_path / "world.db"


def open_api(emulator):
    return httpx.Client(transport=emulator.transport(), base_url="http://emulator")


def test_models_outlive_the_process_with_their_progress(data):
    clock = Clock()
    with Emulator(data, clock=clock, train_seconds=100) as emulator, open_api(emulator) as client:
        operation = Api(client).create()
        clock.advance(50)
        before = Api(client).ok("GET", f"/v1/{operation['name']}")
    with Emulator(data, clock=clock, train_seconds=1) as emulator, open_api(emulator) as client:
        api = Api(client)
        assert api.ok("GET", f"/v1/{operation['name']}") == before
        clock.advance(50)
        assert api.get()["state"] == "ACTIVE"
        assert api.ok("POST", "tunedModels/m:generateText", {"prompt": {"text": "3"}})["candidates"] == [
            {"output": "4"}
        ]


def test_two_emulators_share_a_file(data):
    clock = Clock()
    with (
        Emulator(data, clock=clock) as one,
        Emulator(data, clock=clock) as two,
        open_api(one) as first,
        open_api(two) as second,
    ):
        Api(first).create()
        assert Api(second).names() == ["m"]
        assert Api(second).fails("POST", "tunedModels?tunedModelId=m", tuned())[0] == 409
        Api(second).ok("DELETE", "tunedModels/m")
        assert Api(first).names() == []


def test_a_turned_clock_is_turned_for_all_who_share_the_file_and_stays_so(data):
    clock = Clock()
    with Emulator(data, clock=clock, train_seconds=100) as one, open_api(one) as first:
        one.advance(3600)
        Api(first).create("later")
        with Emulator(data, clock=clock) as two, open_api(two) as second:
            Api(second).ok("POST", "/_emulator/clock", {"advance": 100})
        assert Api(first).get("later")["state"] == "ACTIVE"
        Api(first).ok("DELETE", "/_emulator/models")
        Api(first).create("last")
    with Emulator(data, clock=clock) as emulator, open_api(emulator) as client:
        assert Api(client).names() == ["last"]
        assert Api(client).ok("GET", "/_emulator")["time"] == "2023-11-14T23:15:00.250Z"


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), 2e9])
def test_a_clock_turns_forward_only_and_not_beyond_what_a_timestamp_holds(emulator, seconds):
    with pytest.raises(UsageError, match="forward only"):
        emulator.advance(seconds)
    emulator.advance(6e8)
    with pytest.raises(UsageError, match="in all"):
        emulator.advance(6e8)


def test_nobody_sees_a_create_before_it_is_kept(api, emulator, monkeypatch):
    begun, seen = threading.Event(), []

    def read():
        begun.wait(10)
        with open_api(emulator) as client:
            seen.append(Api(client).send("GET", "tunedModels/m").status_code)

    def breaks(*_args, **_options):
        begun.set()
        reader.join(0.2)
        raise sqlite3.OperationalError("database or disk is full")

    reader = threading.Thread(target=read)
    reader.start()
    monkeypatch.setattr(emulator.world.store, "grant", breaks)
    assert api.fails("POST", "tunedModels?tunedModelId=m", tuned())[0] == 500
    reader.join(10)
    assert seen == [404]


def test_a_seed_is_loaded_once_into_a_file(data):
    with Emulator(data, seed=SEED) as emulator, open_api(emulator) as client:
        assert len(Api(client).names()) == 5
        Api(client).ok("DELETE", "tunedModels/my-display-name-81-9wpmc1m920vq")
    with Emulator(data, seed=SEED) as emulator, open_api(emulator) as client:
        assert len(Api(client).names()) == 4


@pytest.mark.parametrize("text", ["", "{", "[]", '{"tunedModels": [{}]}', '{"other": 1}'])
def test_a_seed_that_is_no_listing_is_refused(tmp_path, text):
    path = tmp_path / "seed.json"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        Emulator(seed=path)
    assert "listing" in caught.value.message
    with pytest.raises(UsageError):
        Emulator(seed=tmp_path / "missing.json")


def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "world.db"
    path.write_text("this is no database, and it is long enough to be looked at " * 20)
    with pytest.raises(StoreError) as caught:
        Emulator(path)
    assert str(path) in caught.value.message
    with pytest.raises(StoreError):
        Emulator(tmp_path)
    with pytest.raises(StoreError):
        Emulator(tmp_path / "missing" / "world.db")


def test_a_file_of_another_format_is_refused(data):
    Emulator(data).close()
    with sqlite3.connect(data) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="format 99"):
        Emulator(data)


def test_what_breaks_below_is_an_internal_error_and_changes_nothing(api, emulator, monkeypatch):
    def broken(*_args, **_options):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(emulator.world.store, "grant", broken)
    assert api.fails("POST", "tunedModels?tunedModelId=m", tuned())[:2] == (500, "INTERNAL")
    monkeypatch.undo()
    assert api.names() == []


def test_parallel_clients_lose_nothing(data):
    def work(worker):
        with Emulator(data) as emulator, open_api(emulator) as client:
            return [Api(client).create(f"w{worker}-{number}")["name"] for number in range(20)]

    Emulator(data).close()
    with ThreadPoolExecutor(4) as pool:
        made = [name for names in pool.map(work, range(4)) for name in names]
    with Emulator(data) as emulator, open_api(emulator) as client:
        assert len(set(made)) == 80
        assert len(Api(client).names("pageSize=1000")) == 80


def test_a_new_file_may_be_opened_by_several_at_once(data):
    with ThreadPoolExecutor(8) as pool:
        for emulator in pool.map(lambda _number: Emulator(data), range(8)):
            emulator.close()


def test_one_id_is_won_by_one_of_many_threads(emulator):
    def attempt(_number):
        with open_api(emulator) as client:
            return Api(client).send("POST", "tunedModels?tunedModelId=m", tuned()).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(attempt, range(16))) == [200] + [409] * 15


def test_ten_thousand_models_are_held_and_listed(api, emulator):
    models = [{"name": f"tunedModels/m{number}", "baseModel": "models/x"} for number in range(9_999)]
    emulator.import_models({"tunedModels": models})
    api.create("last")
    seen, token = [], ""
    while True:
        page = api.ok("GET", f"tunedModels?pageSize=1000&fields=tunedModels/name,nextPageToken&pageToken={token}")
        seen += [model["name"] for model in page["tunedModels"]]
        token = page.get("nextPageToken")
        if not token:
            break
    assert len(seen) == len(set(seen)) == 10_000
    assert len(emulator.requests) == 11
    assert api.get("m5000")["name"] == "tunedModels/m5000"


def test_the_world_survives_kill_9(data):
    command = [sys.executable, "-m", "reconciler.emulator", "--data", str(data), "--train-seconds", "0"]
    acknowledged = []
    for round_ in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            url = process.stdout.readline().strip()
            with httpx.Client(base_url=url) as client:
                for number in range(10):
                    acknowledged.append(f"m{round_}-{number}")
                    Api(client).create(acknowledged[-1])
            os.kill(process.pid, signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
    with Emulator(data) as emulator, open_api(emulator) as client:
        assert Api(client).names("pageSize=100") == acknowledged
        assert emulator.world.store._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
