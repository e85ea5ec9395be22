"""What goes wrong on the other side, and on our own disk: told clearly, nothing lost, nothing bought twice."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_kit import HYPERPARAMETERS, Workshop, clean_environment, python

from reconciler.emulator import Emulator, Server, serve

MORE = {"hyperparameters": {**HYPERPARAMETERS, "epochCount": 4}}
FOREVER = "count=forever"


def heals(workshop: Workshop, bought: int = 1) -> None:
    """A healthy run ends well, and everything was paid for once."""
    workshop.emulator.faults.clear()
    workshop.apply()
    assert workshop.kinds() == []
    assert workshop.bought() == bought
    assert len(workshop.remote()) == len(workshop.lockfile["models"])


# Reading: the first request of every command.

LISTINGS = {
    "a page of HTML": (f"html,path=tunedModels,{FOREVER}", 1, ("list tuned models", "HTTP 502", "text/html")),
    "a page of HTML that says 200": (f"html,code=200,{FOREVER}", 1, ("list tuned models", "text/html")),
    "a truncated answer": (f"truncate,{FOREVER}", 1, ("list tuned models",)),
    "a connection cut within an answer": (f"cut,{FOREVER}", 1, ("list tuned models", "connection", "lost")),
    "a lost connection": (f"drop,{FOREVER}", 1, ("list tuned models", "connection", "lost")),
    "503": (f"status,code=503,{FOREVER}", 1, ("list tuned models",)),
    "500": (f"status,code=500,{FOREVER}", 1, ("list tuned models",)),
    "429": (f"status,code=429,{FOREVER}", 1, ("list tuned models", "hint: wait")),
    "400": (f"status,code=400,message=no good,{FOREVER}", 1, ("list tuned models", "no good")),
    "401": (f"status,code=401,{FOREVER}", 3, ("list tuned models",)),
    "403": (f"status,code=403,{FOREVER}", 3, ("list tuned models",)),
    "404": (f"status,code=404,{FOREVER}", 1, ("list tuned models",)),
    "a redirect": (f"status,code=302,{FOREVER}", 1, ("list tuned models", "not followed", "provider.endpoint")),
}


@pytest.mark.parametrize(("fault", "code", "said"), LISTINGS.values(), ids=LISTINGS.keys())
@pytest.mark.parametrize("command", ["plan", "apply -y", "drift", "status", "destroy -y"])
def test_a_listing_that_cannot_be_had_is_an_error_and_never_an_empty_remote(
    workshop: Workshop, command: str, fault: str, code: int, said: tuple[str, ...]
) -> None:
    workshop.apply()
    before = (workshop.root / "tunectl.lock").read_bytes()
    workshop.fault(fault)
    error = workshop.fails(code, *command.split())
    for words in said:
        assert words in error
    assert "Error 502" not in error, "the page's own text is not ours to show"
    assert (workshop.root / "tunectl.lock").read_bytes() == before
    heals(workshop)


HICCUPS = {
    "503": "status,code=503,count=2",
    "503 with advice": "status,code=503,count=2,retry_after=7",
    "429": "status,code=429,count=2,retry_delay=3",
    "a lost connection": "drop,count=2",
    "a connection cut": "cut,count=2",
    "an empty page with a token": "empty-page,path=tunedModels$,method=GET",
    "a bad gateway": "html,count=2",
    "slow answers": "delay,seconds=20,count=3",
}


@pytest.mark.parametrize("fault", HICCUPS.values(), ids=HICCUPS.keys())
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_hiccup_is_ridden_out_and_nothing_is_bought_twice(workshop: Workshop, fault: str, method: str) -> None:
    workshop.fault(fault if "method" in fault else f"{fault},method={method}")
    workshop.apply()
    assert (workshop.bought(), workshop.kinds(), len(workshop.remote())) == (1, [], 1)


def test_the_advice_when_to_come_back_is_kept(workshop: Workshop) -> None:
    workshop.fault("status,code=503,count=1,retry_after=7,method=GET")
    assert "once more in" in workshop.run("plan").err
    assert 7 <= sum(workshop.clock.slept) < 9


# Creating: the calls that cost.

CREATES = {
    "a page of HTML": (f"html,code=400,method=POST,{FOREVER}", "text/html"),
    "a truncated answer": (f"truncate,method=POST,{FOREVER}", "create tunedModels/"),
    "503": (f"status,code=503,method=POST,{FOREVER}", "create tunedModels/"),
    "500": (f"status,code=500,method=POST,{FOREVER}", "create tunedModels/"),
    "400": (f"status,code=400,message=too dear,method=POST,{FOREVER}", "too dear"),
    "403": (f"status,code=403,method=POST,{FOREVER}", "cannot be created"),
    "a connection lost before": (f"drop,method=POST,{FOREVER}", "connection"),
    "a connection lost after": (f"drop,after=true,method=POST,{FOREVER}", "create tunedModels/"),
    "an answer lost after": (f"cut,method=POST,{FOREVER}", "create tunedModels/"),
    "503 after all": (f"status,code=503,after=true,method=POST,{FOREVER}", "create tunedModels/"),
    "500 after all": (f"status,code=500,after=true,method=POST,{FOREVER}", "create tunedModels/"),
}


@pytest.mark.parametrize(("fault", "said"), CREATES.values(), ids=CREATES.keys())
def test_a_create_that_fails_or_only_seems_to_is_paid_once(workshop: Workshop, fault: str, said: str) -> None:
    workshop.fault(fault)
    ended = workshop.apply(expect=4)
    assert said in ended.err
    assert "hint:" in ended.err
    heals(workshop)
    assert workshop.remote() == [workshop.serving("numbers").removeprefix("tunedModels/")]


def test_one_model_that_fails_stops_no_other(workshop: Workshop) -> None:
    workshop.want("other", **MORE)
    workshop.fault("fail,model=other,message=loss diverged")
    ended = workshop.apply(expect=4)
    assert "other: create failed: " in ended.err
    assert "loss diverged" in ended.err
    assert "--replace other" in ended.err
    assert workshop.serving("numbers")
    assert workshop.entry("other")["state"] == "failed"
    assert workshop.kinds() == [("other", "blocked")]
    assert "blocked" in workshop.apply(expect=4).text
    assert workshop.bought() == 2
    drift = workshop.run("drift", "--format", "json", expect=2).json()["drift"]
    assert [(item["name"], item["kind"]) for item in drift] == [("other", "failed")]
    workshop.apply("--replace", "other")
    assert (workshop.bought(), workshop.kinds(), len(workshop.remote())) == (3, [], 2)


def test_a_failed_replacement_costs_nobody_the_serving_model(workshop: Workshop) -> None:
    workshop.apply()
    old = workshop.serving("numbers")
    workshop.want("numbers", **MORE)
    workshop.fault("fail")
    workshop.apply(expect=4)
    assert workshop.serving("numbers") == old
    assert workshop.run("generate", "numbers", "1").out == "2\n"
    assert workshop.kinds() == [("numbers", "blocked")]
    workshop.want("numbers")
    workshop.apply()
    assert workshop.serving("numbers") == old
    assert (workshop.bought(), workshop.kinds()) == (2, [])


def test_a_model_deleted_while_it_tunes_is_told_and_tuned_again_next_time(workshop: Workshop) -> None:
    workshop.fault("vanish,method=GET,path=operations,skip=2")
    ended = workshop.apply(expect=4)
    assert "was deleted while it was tuning" in ended.err
    assert workshop.kinds() == [("numbers", "create")]
    heals(workshop, bought=2)


def test_an_operation_that_is_forgotten_falls_back_to_the_model(workshop: Workshop) -> None:
    workshop.emulator.settings.operation_ttl = 3.0
    workshop.apply()
    assert (workshop.bought(), workshop.kinds()) == (1, [])


def test_a_tuning_that_sticks_times_out_and_is_drift(workshop: Workshop) -> None:
    workshop.want("numbers", lifecycle={"timeout": "1h"})
    workshop.fault("stuck")
    workshop.apply(expect=9, environ=SLOWLY)
    workshop.clock.advance(10)
    (found,) = workshop.run("drift", "--format", "json", expect=2).json()["drift"]
    assert found["kind"] == "stuck"
    assert workshop.kinds() == [("numbers", "wait")]


def test_polls_that_fail_for_good_leave_everything_recorded(workshop: Workshop) -> None:
    workshop.fault(f"status,code=503,path=operations,{FOREVER}")
    ended = workshop.apply(expect=1)
    assert "operation" in ended.err
    assert workshop.entry("numbers")["state"] == "tuning"
    heals(workshop)


SLOWLY = {"TUNECTL_POLL_INTERVAL": "60"}


def test_quota_is_waited_for(workshop: Workshop) -> None:
    for number in range(4):
        workshop.want(f"more-{number}", hyperparameters={**HYPERPARAMETERS, "epochCount": number + 4})
    workshop.emulator.settings.concurrent_tunings = 2
    workshop.emulator.settings.train_seconds = 600.0
    ended = workshop.apply(environ=SLOWLY)
    assert "waiting for quota" in ended.err
    assert "waiting for quota: create" not in ended.err, "which create it is has been said"
    assert (workshop.bought(), workshop.kinds()) == (5, [])


def test_without_waiting_quota_is_a_failure_that_the_next_run_mends(workshop: Workshop) -> None:
    workshop.want("other", **MORE)
    workshop.emulator.settings.concurrent_tunings = 1
    workshop.emulator.settings.train_seconds = 600.0
    ended = workshop.apply("--no-wait", expect=4, environ=SLOWLY)
    assert "hint: wait, lower --parallelism, or ask for more quota" in ended.err
    workshop.apply(environ=SLOWLY)
    assert (workshop.bought(), workshop.kinds()) == (2, [])


@pytest.mark.parametrize("fault", ["status,code=503", "drop", "status,code=403", "status,code=400"])
def test_a_patch_that_fails_is_tried_again_by_the_next_run(workshop: Workshop, fault: str) -> None:
    workshop.apply()
    workshop.want("numbers", temperature=0.1)
    workshop.fault(f"{fault},method=PATCH,{FOREVER}")
    assert "numbers: update failed" in workshop.apply(expect=4).err
    heals(workshop)


@pytest.mark.parametrize("fault", ["status,code=503", "drop", "status,code=403", "drop,after=true"])
def test_a_deletion_that_fails_keeps_its_record(workshop: Workshop, fault: str) -> None:
    workshop.apply()
    workshop.fault(f"{fault},method=DELETE,{FOREVER}")
    ended = workshop.run("destroy", "-y", expect=None)
    if "after" in fault:
        assert ended.code in {0, 4}
    else:
        assert ended.code == 4
        assert "numbers" in workshop.lockfile["models"]
    workshop.emulator.faults.clear()
    workshop.run("destroy", "-y")
    assert (workshop.remote(), workshop.lockfile["models"]) == ([], {})


def test_an_old_model_that_cannot_be_deleted_yet_is_deleted_next_time(workshop: Workshop) -> None:
    workshop.apply()
    workshop.want("numbers", **MORE)
    workshop.fault(f"status,code=503,method=DELETE,{FOREVER}")
    workshop.apply(expect=4)
    assert len(workshop.remote()) == 2
    assert workshop.kinds() == [("numbers", "delete")]
    heals(workshop, bought=2)


def test_a_model_that_may_no_longer_be_read_is_not_taken_for_gone(workshop: Workshop) -> None:
    workshop.apply()
    resource_name = workshop.serving("numbers")
    workshop.emulator.settings.listing_lag = 1e9
    workshop.fault(f"status,code=403,path={resource_name},{FOREVER}")
    for command in ("plan", "apply -y", "drift", "status"):
        assert resource_name in workshop.fails(3, *command.split())
    assert workshop.bought() == 1


def test_a_proxy_that_says_404_is_not_the_service_that_says_gone(workshop: Workshop) -> None:
    workshop.apply()
    workshop.emulator.settings.listing_lag = 1e9
    workshop.fault(f"html,code=404,path={workshop.serving('numbers')},{FOREVER}")
    workshop.fails(1, "plan")
    assert workshop.bought() == 1


def test_a_listing_whose_pages_never_end_is_an_error(workshop: Workshop) -> None:
    workshop.fault(f"empty-page,{FOREVER}")
    assert "does not end" in workshop.fails(1, "plan")


# Over a port: what only a connection can show.


@pytest.fixture
def server(workshop: Workshop, emulator: Emulator) -> Iterator[Server]:
    with serve(emulator) as server:
        workshop.environ["TUNECTL_ENDPOINT"] = server.url
        yield server


def test_the_same_life_over_a_port(workshop: Workshop, server: Server) -> None:
    workshop.apply(environ={"TUNECTL_POLL_INTERVAL": "1"})
    assert workshop.run("generate", "numbers", "7").out == "8\n"
    assert workshop.kinds() == []
    assert workshop.lockfile["remote"]["endpoint"] == server.url


@pytest.mark.parametrize("fault", ["drop", "cut", "html", "drop,after=true", "status,code=503,after=true"])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_broken_sockets_are_ridden_out(workshop: Workshop, server: Server, fault: str, method: str) -> None:
    workshop.apply()
    workshop.fault(f"{fault},count=2,method={method}")
    workshop.want("numbers", temperature=0.3)
    workshop.want("other", **MORE)
    workshop.apply()
    workshop.run("destroy", "-y", "other")
    workshop.drop("other")
    assert (workshop.bought(), len(workshop.remote()), workshop.kinds()) == (2, 1, [])


@pytest.mark.parametrize(
    ("environ", "code", "said"),
    [
        ({}, 3, "TUNECTL_ACCESS_TOKEN"),
        ({"TUNECTL_ACCESS_TOKEN": "wrong", "TUNECTL_PROJECT": "payer"}, 3, "TUNECTL_ACCESS_TOKEN is expired or wrong"),
        ({"TUNECTL_ACCESS_TOKEN": "good"}, 3, "TUNECTL_PROJECT"),
        ({"TUNECTL_API_KEY": "wrong"}, 3, "TUNECTL_API_KEY is not a key"),
        ({"TUNECTL_ACCESS_TOKEN": "two words"}, 3, "TUNECTL_ACCESS_TOKEN"),
    ],
    ids=["nothing", "a wrong token", "no quota project", "a wrong key", "no token at all"],
)
def test_who_may_not_is_told_what_mends_it(
    workshop: Workshop, server: Server, environ: dict[str, str], code: int, said: str
) -> None:
    settings = workshop.emulator.settings
    settings.require_auth, settings.require_quota_project = True, True
    settings.accounts = {"good": "user@example.com"}
    for command in ("plan", "apply -y", "drift"):
        error = workshop.fails(code, *command.split(), environ=environ)
        assert said in error
        assert "hint:" in error
    assert not (workshop.root / "tunectl.lock").exists()
    workshop.apply(environ={"TUNECTL_ACCESS_TOKEN": "good", "TUNECTL_PROJECT": "payer"})
    assert workshop.bought() == 1


def test_a_port_where_nobody_listens_is_an_error_that_names_it(workshop: Workshop, emulator: Emulator) -> None:
    with serve(emulator) as server:
        url = server.url
    error = workshop.fails(1, "plan", "--endpoint", url)
    assert "127.0.0.1" in error
    assert "provider.endpoint" in error


# The disk.


def test_a_disk_that_fills_up_before_the_first_intent_stops_before_anything_is_bought(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("reconciler.stores.local.os.fsync", full)
        error = workshop.apply(expect=1).err
    assert "tunectl.lock: cannot" in error
    assert "No space left on device" in error
    assert "hint:" in error
    assert workshop.bought() == 0
    assert list(workshop.root.glob("*.new")) == list(workshop.root.glob(".*.new")) == []
    heals(workshop)


def test_a_disk_that_fills_up_while_tuning_loses_nothing(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter(range(100))

    def fsync(descriptor: int) -> None:
        if next(calls) >= 4:
            full(descriptor)
        os_fsync(descriptor)

    os_fsync = os.fsync
    with monkeypatch.context() as patched:
        patched.setattr("reconciler.stores.local.os.fsync", fsync)
        error = workshop.apply(expect=1).err
    assert "No space left on device" in error
    assert workshop.bought() == 1
    heals(workshop)


def test_a_folder_that_may_not_be_written_is_named(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("reconciler.stores.local.os.rename", refuse)
    error = workshop.apply(expect=1).err
    assert "tunectl.lock" in error
    assert "ermission denied" in error
    assert workshop.bought() == 0


def test_a_file_size_limit_is_met_without_a_traceback(workshop: Workshop, server: Server) -> None:
    """The kernel's own refusal, in a process of its own: EFBIG, with SIGXFSZ ignored as Python does."""
    for number in range(30):
        workshop.want(f"more-{number}", hyperparameters={**HYPERPARAMETERS, "epochCount": number + 4})
    done = subprocess.run(
        python("apply", "-y", "--no-wait"),
        cwd=workshop.root,
        env=clean_environment(TUNECTL_ENDPOINT=server.url, PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)),
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "tunectl.lock: cannot" in done.stderr
    assert "File too large" in done.stderr
    assert workshop.bought() == 0
    assert not (workshop.root / "tunectl.lock").exists()


def full(_descriptor: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_project_folder_without_room_for_the_emulator_is_an_error(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(workshop.root)
    Path(".tunectl").write_text("in the way")
    for command in ("plan", "apply -y", "drift"):
        assert ".tunectl" in workshop.fails(1, *command.split())
