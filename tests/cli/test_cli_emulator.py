"""``tunectl emulator`` as a process of its own: what it prints, how it ends, and that tunectl can work on it."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest
from cli_kit import SEED, call, clean_environment, python


@contextmanager
def serving(tmp_path, *arguments):
    """A running emulator and its URL; whatever happens, it is gone afterwards."""
    process = subprocess.Popen(
        python("emulator", "--port", "0", *arguments),
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        ready, _, _ = select.select([process.stdout], [], [], 20)
        url = process.stdout.readline().strip() if ready else ""
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url), process.stderr.read() if process.poll() else url
        yield process, url
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_how_it_ends_and_no_failure(tmp_path, number):
    with serving(tmp_path) as (process, url):
        assert httpx.get(f"{url}/v1beta/tunedModels").json() == {}
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out) == (0, "")
        assert "Traceback" not in err


def test_prints_lines_that_can_be_pasted(tmp_path):
    with serving(tmp_path) as (process, url):
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert f"curl {url}/v1beta/tunedModels" in err
    assert f"export TUNECTL_ENDPOINT={url}" in err
    assert re.search(r"export TUNECTL_LOCKFILE=\S+", err)


def test_tunectl_works_on_it_with_the_lines_it_prints(tmp_path):
    with serving(tmp_path, "--train-seconds", "0") as (_, url):
        assert call(["init", "project"], cwd=tmp_path).code == 0
        environ = {"TUNECTL_ENDPOINT": url, "TUNECTL_LOCKFILE": ".tunectl/port.lock", "TUNECTL_POLL_INTERVAL": "0.1"}
        project = tmp_path / "project"
        assert "Applied: 1 created" in call(["apply", "-y"], cwd=project, **environ).out
        assert call(["plan"], cwd=project, **environ).out.startswith("No changes.")
        listed = httpx.get(f"{url}/v1beta/tunedModels").json()["tunedModels"]
        assert [model["displayName"] for model in listed] == ["number generator model"]


def test_models_outlive_the_server_in_a_data_file(tmp_path):
    for _ in range(2):
        with serving(tmp_path, "--data", "world.db", "--seed", str(SEED)) as (process, url):
            assert len(httpx.get(f"{url}/v1beta/tunedModels").json()["tunedModels"]) == 5
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)


def test_faults_strike(tmp_path):
    with serving(tmp_path, "--fault", "status,code=503,count=1") as (_, url):
        answers = [httpx.get(f"{url}/v1beta/tunedModels").status_code for _ in range(2)]
    assert answers == [503, 200]


def test_can_ask_for_credentials(tmp_path):
    with serving(tmp_path, "--require-auth") as (_, url):
        assert httpx.get(f"{url}/v1beta/tunedModels").status_code == 401


def test_a_port_in_use_is_an_error_that_names_it(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = call(["emulator", "--port", str(port)], cwd=tmp_path)
    assert ended.code == 1
    assert f"127.0.0.1:{port}" in ended.err
    assert "choose another port" in ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--fault", "earthquake"], 64, "unknown kind 'earthquake'"),
        (["--port", "70000"], 64, "--port"),
        (["--seed", "missing.json"], 64, "missing.json"),
        (["--data", "manifests"], 1, "manifests"),
    ],
)
def test_bad_options_are_named(workshop, arguments, code, message):
    assert message in workshop.fails(code, "emulator", *arguments)


def test_stays_quiet_when_asked(tmp_path):
    with serving(tmp_path, "-q") as (process, _):
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=20) == ("", "")


def test_a_reader_that_goes_away_early_does_not_stop_it(tmp_path):
    read, write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", "emulator", "--port", "0"],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=write,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read, encoding="utf-8") as stream:
            url = stream.readline().strip()
        assert httpx.get(f"{url}/v1beta/models").status_code == 200
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0
