"""The calls that the tutorial makes by hand work on the emulator, with curl and with Python, and print what it says."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys

import pytest
from docs_kit import ROOT, blocks, read

from reconciler.emulator import Emulator, serve

PAGE = "docs/tutorial.md"
URL = "http://127.0.0.1:8787"
STAND_IN = ROOT / "tests" / "emulator" / "curl_stand_in.py"


@pytest.fixture
def url():
    with Emulator(train_seconds=20) as emulator, serve(emulator) as server:
        yield server.url


def texts(info):
    return [block.text for block in blocks(read(PAGE)) if block.info == info]


def test_the_calls_with_curl(url):
    script = "\n".join(text for text in texts("sh") if text.startswith("curl")).replace(URL, url)
    curl = shlex.join([sys.executable, str(STAND_IN)])
    function = f'curl() {{ {curl} "$@" && echo "----"; }}\n'
    done = subprocess.run(["/bin/sh", "-eu", "-c", function + script], capture_output=True, text=True, check=True)
    listed, created, _, trained, said = (json.loads(text) for text in done.stdout.split("----\n")[:-1])
    assert listed == {}
    assert created["metadata"]["totalSteps"] == 8
    assert trained == {"state": "ACTIVE"}
    assert said["candidates"][0]["output"] == "4"


def test_the_program_in_python(url):
    program = "\n".join(texts("python"))
    expected = re.findall(r"print\(.*\)  # (.*)$", program, re.MULTILINE)
    done = subprocess.run(
        [sys.executable, "-c", program.replace(URL, url)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines() == expected
    assert len(expected) == 5
