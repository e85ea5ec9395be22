"""Every command and program on the emulator's page runs, in order, and prints what the page says."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.cli.commands.emulator import command
from reconciler.cli.commands.version import command as version
from reconciler.emulator import Emulator, serve
from reconciler.emulator.__main__ import _parser

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "emulator.md"
URL = "http://127.0.0.1:8787"
STAND_IN = Path(__file__).parent / "curl_stand_in.py"


@dataclass(frozen=True)
class Block:
    """A fenced block of the page; ``where`` is the environment a program needs, if not ours."""

    language: str
    where: str
    text: str


def blocks() -> list[Block]:
    found = re.findall(
        r"^```(\w+)(?: ([\w-]+))?\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    return [Block(*parts) for parts in found]


def expected(text: str) -> list[str]:
    """What the comments beside the prints of a program say it prints."""
    return re.findall(r"print\(.*\)  # (.*)$", text, re.MULTILINE)


def run_shell(block: Block, url: str, curl: list[str]) -> list[object]:
    """Run the commands of a block and return the JSON each printed."""
    script = block.text.replace(URL, url)
    function = f'curl() {{ {shlex.join(curl)} "$@" && echo "----"; }}\n'
    done = subprocess.run(["/bin/sh", "-eu", "-c", function + script], capture_output=True, text=True, check=True)
    return [json.loads(text) for text in done.stdout.split("----\n")[:-1]]


def run_python(texts: list[str], url: str, python: str = sys.executable) -> list[str]:
    """Run programs as one, as a reader would who types them one after the other."""
    text = "import warnings\nwarnings.simplefilter('ignore')\n" + "\n".join(texts).replace(URL, url)
    done = subprocess.run([python, "-c", text], capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def url():
    with Emulator(train_seconds=20) as emulator, serve(emulator) as server:
        yield server.url


def flags_of_tunectl() -> set[str]:
    """The flags of ``tunectl emulator`` that other commands do not have as well."""
    flags = {flag for parameter in command.params for flag in parameter.opts if flag.startswith("--")}
    return flags - {flag for parameter in version.params for flag in parameter.opts}


def flags_of_the_module() -> set[str]:
    flags = {option for action in _parser()._actions for option in action.option_strings}
    return {flag for flag in flags if flag.startswith("--")} - {"--help"}


def test_the_command_that_starts_it_has_only_flags_there_are():
    (line,) = [block.text for block in blocks() if block.text.startswith("tunectl")]
    arguments = shlex.split(line)[2:]
    options = _parser().parse_args(arguments)
    assert (options.port, options.train_seconds) == (8787, 20)
    with command.make_context("emulator", arguments) as context:
        assert (context.params["port"], context.params["train_seconds"]) == (8787, 20)


@pytest.mark.parametrize("flags", [flags_of_tunectl, flags_of_the_module])
def test_every_flag_on_the_page_exists_and_every_flag_is_on_the_page(flags):
    on_page = set(re.findall(r"--[a-z][a-z-]+", PAGE.read_text(encoding="utf-8")))
    assert flags() - {"--host"} == on_page


@pytest.mark.parametrize(
    "curl", [[shutil.which("curl") or "none"], [sys.executable, str(STAND_IN)]], ids=["curl", "stand-in"]
)
def test_the_curl_commands_answer(url, curl):
    if curl == ["none"]:
        curl = [sys.executable, str(STAND_IN)]
    answers = [
        answer
        for block in blocks()
        if block.language == "sh" and not block.text.startswith("tunectl")
        for answer in run_shell(block, url, curl)
    ]
    create, _, trained, said, fault, struck, waiting, settings = answers
    assert create["metadata"]["totalSteps"] == 5
    assert trained["state"] == "ACTIVE"
    assert [snapshot["step"] for snapshot in trained["tuningTask"]["snapshots"]] == [1, 2, 3, 4, 5]
    assert said["candidates"][0]["output"] == "5"
    assert (fault["kind"], struck["error"]["code"], waiting) == ("status", 429, {"faults": []})
    assert settings["settings"]["concurrent_tunings"] == 1


def test_the_programs_print_what_the_page_says(url):
    texts = [block.text for block in blocks() if block.language == "python" and not block.where]
    printed = run_python(texts, url)
    assert printed == [line for text in texts for line in expected(text)]
    assert len(printed) > 8


@pytest.mark.google
@pytest.mark.parametrize("environment", ["google-ai", "google-generativeai", "google-cloud"])
def test_the_programs_with_googles_libraries_print_what_the_page_says(url, environment):
    (text,) = [block.text for block in blocks() if block.where == environment]
    python = ROOT / ".venvs" / environment / "bin" / "python"
    assert python.exists(), f"{python.relative_to(ROOT)} is missing; `make .venvs/{environment}/.done` makes it"
    curl = [sys.executable, str(STAND_IN)]
    for block in [block for block in blocks() if block.text.startswith("curl")][:2]:
        run_shell(block, url, curl)
    assert run_python([text], url, str(python)) == expected(text)
