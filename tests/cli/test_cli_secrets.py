"""Canaries: a credential or a training row that shows anywhere it must not fails here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_kit import HYPERPARAMETERS, Workshop

from reconciler.emulator import Emulator, Fault, serve

TOKEN = "ya29.canary-of-the-access-token"
KEY = "AIzaCanaryOfTheApiKey0123456789abcdefgh"
INPUT, OUTPUT = "canary-of-an-input", "canary-of-an-output"
CANARIES = (TOKEN, KEY, INPUT, OUTPUT)
CREDENTIALS = {"token": {"TUNECTL_ACCESS_TOKEN": TOKEN}, "key": {"TUNECTL_API_KEY": KEY}}
MANIFEST_OF_ROWS = {"dataset": {"examples": [{"text_input": INPUT, "output": OUTPUT}]}}

COMMANDS = (
    "validate -vv",
    "plan -vv",
    "plan --format json --out plan.json -vv",
    "plan --format markdown -vv",
    "plan --format github -vv",
    "apply -y -vv",
    "apply -y --format jsonl",
    "drift -vv",
    "drift --format json",
    "status -vv",
    "status --format json",
    "show numbers -vv",
    "show numbers --format json",
    "show plan.json",
    "dataset check -vv",
    "dataset stats --format json",
    "dataset diff numbers -vv",
    "wait -vv",
    "wait --format jsonl",
    "history numbers --format json",
    "history numbers --format markdown -vv",
    "lineage verify -vv",
    "explain numbers --format json",
    "compare numbers inline --format json",
    "compare numbers inline --format markdown",
    "plot numbers --out curve.svg",
    "report --out report.html",
    "gc --plan -vv",
    "lock show -vv",
    "doctor -vv",
    "import --all --dry-run -vv",
    "plan --what-if hyperparameters.epochCount=1,2 --format json",
    "destroy -y -vv",  # stays last: it takes everything away
)


@pytest.fixture
def canary(workshop: Workshop, emulator: Emulator) -> Iterator[Workshop]:
    """The workshop with rows worth keeping, on a port that wants credentials, with a runner that keeps everything."""
    rows = [{"text_input": f"{INPUT}-{number}", "output": f"{OUTPUT}-{number}"} for number in range(5)]
    workshop.write("manifests/datasets/numbers.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    workshop.want("inline", hyperparameters={**HYPERPARAMETERS, "epochCount": 1}, **MANIFEST_OF_ROWS)
    emulator.settings.require_auth = True
    emulator.settings.accounts = {TOKEN: "user@example.com", KEY: "user@example.com"}
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        workshop.environ[name] = str(workshop.root / name)
    with serve(emulator) as server:
        workshop.environ["TUNECTL_ENDPOINT"] = server.url
        yield workshop


def leaks(root: Path, *outputs: str) -> list[str]:
    """Where a canary shows: in an output, or in a file that the user did not write."""
    theirs = {root / "manifests" / "inline.yaml", root / "manifests" / "datasets" / "numbers.jsonl"}
    files = [path for path in root.rglob("*") if path.is_file() and path not in theirs]
    texts = {str(path.relative_to(root)): path.read_bytes().decode("utf-8", "replace") for path in files}
    texts |= {f"output {number}": text for number, text in enumerate(outputs)}
    assert files
    return [f"{where}: {canary}" for where, text in texts.items() for canary in CANARIES if canary in text]


@pytest.mark.parametrize("credentials", CREDENTIALS.values(), ids=CREDENTIALS.keys())
def test_no_command_shows_a_credential_or_a_row(canary: Workshop, credentials: dict[str, str]) -> None:
    outputs = []
    for command in COMMANDS:
        ended = canary.run(*command.split(), environ=credentials, expect=0)
        outputs.append(ended.text)
    assert leaks(canary.root, *outputs) == []
    assert canary.bought() == 2
    traced = outputs[COMMANDS.index("apply -y -vv")]
    assert "POST /v1beta/tunedModels?tunedModelId=numbers-" in traced, "what is looked through has the requests in it"


AFTER_A_CHANGE = (
    "plan -vv",
    "plan --format json --out plan.json --format markdown=plan.md --format text=plan.txt",
    "plan --format github -vv",
    "drift --format json",
    "dataset diff numbers --format json",
    "dataset diff numbers --format markdown",
    "apply -y --format jsonl --format markdown=run.md",
    "plan --format json",
)


def test_rows_that_changed_show_nowhere_unless_somebody_asks(canary: Workshop) -> None:
    canary.run("apply", "-y", environ=CREDENTIALS["token"])
    rows = [{"text_input": f"{INPUT}-{number}", "output": f"{OUTPUT}-{number * 2}"} for number in range(1, 7)]
    canary.write("manifests/datasets/numbers.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    outputs = [
        canary.run(*command.split(), environ=CREDENTIALS["token"], expect=None).text for command in AFTER_A_CHANGE
    ]
    assert "2 added, 1 removed, 4 changed" in outputs[0]
    assert leaks(canary.root, *outputs) == []
    assert (canary.root / ".tunectl" / "rows").is_dir(), "prints are kept, and were looked through"


def test_the_answer_to_a_prompt_is_the_one_thing_that_is_shown(canary: Workshop) -> None:
    canary.run("apply", "-y", environ=CREDENTIALS["token"])
    ended = canary.run("generate", "numbers", f"{INPUT}-3", environ=CREDENTIALS["token"])
    assert (ended.out, ended.err) == (f"{OUTPUT}-3\n", "")


FAULTS = (
    "html",
    "html,code=400",
    "truncate",
    "cut",
    "drop",
    "status,code=400",
    "status,code=401",
    "status,code=403",
    "status,code=404",
    "status,code=429",
    "status,code=500",
    "status,code=503",
    "status,code=302",
)


@pytest.mark.parametrize("fault", FAULTS)
def test_no_failure_shows_a_credential_or_a_row(canary: Workshop, fault: str) -> None:
    outputs: list[str] = []
    for method in ("GET", "POST", "PATCH"):
        canary.fault(f"{fault},method={method},count=forever")
        outputs += [
            canary.run(*command.split(), environ=CREDENTIALS["token"], expect=None).text
            for command in ("plan --format json", "apply -y -vv --no-wait", "apply -y --format jsonl --no-wait")
        ]
        ended = canary.run("generate", "numbers", "x", "-vv", environ=CREDENTIALS["key"], expect=None)
        outputs.append(ended.err)
        canary.emulator.faults.clear()
        canary.run("apply", "-y", environ=CREDENTIALS["token"], expect=None)
        canary.want("numbers", temperature=0.1 * len(outputs))
    assert leaks(canary.root, *outputs) == []


def test_a_refused_credential_is_not_repeated(canary: Workshop) -> None:
    canary.emulator.settings.accounts = {"another": "user@example.com"}
    outputs = [
        canary.run("plan", "-vv", *form, environ=credentials, expect=3).text
        for credentials in CREDENTIALS.values()
        for form in ([], ["--format", "json"], ["--format", "github"])
    ]
    assert leaks(canary.root, *outputs) == []


def test_a_service_that_echoes_is_not_believed_to_be_polite(canary: Workshop) -> None:
    """What a service says in its error is shown; a body that merely comes along is not."""
    canary.emulator.settings.record_bodies = True
    canary.fault("html,code=200,method=POST")
    ended = canary.run("apply", "-y", "-vv", environ=CREDENTIALS["token"], expect=None)
    assert any(INPUT.encode() in (request.body or b"") for request in canary.emulator.requests), "it was sent, though"
    assert leaks(canary.root, ended.text) == []


def test_rows_that_are_wrong_are_named_by_their_line_alone(canary: Workshop) -> None:
    outputs = []
    for content in (
        f'{{"text_input": "{INPUT}"}}\n',
        f'{{"text_input": "{INPUT}", "output": "{OUTPUT}"\n',
        f'{{"{INPUT}": "{OUTPUT}"}}\n',
        f'["{INPUT}", "{OUTPUT}"]\n',
        f'{{"text_input": "{INPUT}", "output": ["{OUTPUT}"]}}\n',
        f'{{"text_input": "{INPUT}", "output": "{OUTPUT}"}}\n' * 2 + f'{{"text_input": "{INPUT}", "output": "x"}}\n',
        f'{{"text_input": "{INPUT * 4000}", "output": "{OUTPUT}"}}\n',
    ):
        canary.write("manifests/datasets/numbers.jsonl", content)
        outputs += [canary.run(command, "-vv", expect=None).text for command in ("validate", "plan")]
    examples = [{"text_input": INPUT, "outputs": OUTPUT}, {"text_input": INPUT}, INPUT, {"output": 3}]
    for number in range(len(examples)):
        canary.want("inline", dataset={"examples": examples[number:]})
        outputs.append(canary.run("validate", "-vv", expect=1).text)
        outputs.append(canary.run("plan", "--format", "json", expect=1).text)
    assert leaks(canary.root, *outputs) == []


def test_the_embedded_emulator_keeps_rows_in_its_own_database_only(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(workshop.root)
    row = {"text_input": INPUT, "output": OUTPUT}
    workshop.write("manifests/datasets/numbers.jsonl", json.dumps(row) + "\n")
    commands = [command for command in COMMANDS[:-1] if "inline" not in command]
    outputs = [workshop.run(*command.split(), environ={"TUNECTL_ACCESS_TOKEN": TOKEN}).text for command in commands]
    found = leaks(workshop.root, *outputs)
    assert found
    assert {leak.split(": ")[0].removesuffix("-wal") for leak in found} == {".tunectl/emulator.db"}
    assert not any(TOKEN in leak for leak in found)


def test_the_log_of_a_server_holds_no_credential(canary: Workshop, emulator: Emulator) -> None:
    canary.run("plan", environ=CREDENTIALS["key"])
    assert KEY not in repr(emulator.requests)


def test_a_redirect_carries_no_credential_to_another_host(canary: Workshop, emulator: Emulator) -> None:
    with Emulator() as stranger, serve(stranger) as elsewhere:
        emulator.faults.add(
            Fault("status", code=302, count=None, headers=(("Location", f"{elsewhere.url}/v1beta/tunedModels"),))
        )
        for credentials in CREDENTIALS.values():
            error = canary.run("plan", "-vv", environ=credentials, expect=1).err
            assert "not followed" in error
        assert stranger.requests == ()
