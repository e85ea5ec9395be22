"""What users get wrong: a clear error with the right exit code, nothing sent that costs, nothing lost."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest
from cli_kit import FLASH, HYPERPARAMETERS, Workshop

DATASET = "manifests/datasets/numbers.jsonl"
MANIFEST = "manifests/numbers.yaml"
GOOD = """\
apiVersion: tunectl/v1
kind: TunedModel
metadata: {name: numbers}
spec:
  baseModel: models/text-bison-001
  dataset: {path: datasets/numbers.jsonl}
  hyperparameters: {epochCount: 3}
"""

Break = Callable[[Workshop], object]


def without_manifests(workshop: Workshop) -> None:
    workshop.drop("numbers")


def a_second_of_the_same_name(workshop: Workshop) -> None:
    workshop.write("manifests/again.yaml", GOOD)


def a_fifo(workshop: Workshop) -> None:
    (workshop.root / DATASET).unlink()
    os.mkfifo(workshop.root / DATASET)


def a_folder(workshop: Workshop) -> None:
    (workshop.root / DATASET).unlink()
    (workshop.root / DATASET).mkdir()


def a_link_out_of_the_project(workshop: Workshop) -> None:
    (workshop.root / DATASET).unlink()
    (workshop.root / DATASET).symlink_to("/etc/hostname")


def spec(old: str, new: str) -> Break:
    return lambda workshop: workshop.write(MANIFEST, GOOD.replace(old, new))


def data(content: bytes) -> Break:
    return lambda workshop: workshop.write(DATASET, content)


ROW = b'{"text_input": "1", "output": "2"}\n'

WRONG: dict[str, tuple[Break, tuple[str, ...]]] = {
    "no manifests": (without_manifests, ("no manifests found in manifests", "never read as")),
    "no manifest folder": (lambda w: w.project(manifests=["elsewhere"]), ("elsewhere",)),
    "broken YAML": (spec("{epochCount: 3}", "{epochCount: [3}"), (f"{MANIFEST}:7:",)),
    "a tab": (spec("  baseModel", "\tbaseModel"), (f"{MANIFEST}:5:",)),
    "a key twice": (spec("spec:", "spec: {}\nspec:"), (f"{MANIFEST}:5:", "spec")),
    "an alias bomb": (spec("{epochCount: 3}", "&a [*a, *a]"), (f"{MANIFEST}:7:",)),
    "an unknown key": (spec("epochCount", "epochs"), (f"{MANIFEST}:7:", "epochs")),
    "a wrong type": (spec("epochCount: 3", "epochCount: three"), (f"{MANIFEST}:7:", "epochCount")),
    "a number out of range": (spec("epochCount: 3", "epochCount: 0"), (f"{MANIFEST}:7:", "epochCount")),
    "no version": (spec("apiVersion: tunectl/v1\n", ""), (MANIFEST, "apiVersion")),
    "another version": (spec("tunectl/v1", "tunectl/v9"), (f"{MANIFEST}:1:", "tunectl/v1")),
    "a name that is none": (spec("name: numbers", "name: Numbers!"), (f"{MANIFEST}:3:", "name")),
    "neither base nor source": (spec("  baseModel: models/text-bison-001\n", ""), (MANIFEST, "baseModel")),
    "an unknown source": (
        spec("baseModel: models/text-bison-001", "source: {model: nobody}"),
        (f"{MANIFEST}:5:", "nobody"),
    ),
    "its own source": (
        spec("baseModel: models/text-bison-001", "source: {model: numbers}"),
        (f"{MANIFEST}:5:", "numbers"),
    ),
    "a display name of 41 characters": (
        spec("spec:", f"spec:\n  displayName: {'x' * 41}"),
        (f"{MANIFEST}:5:", "at most 40 characters, not 41"),
    ),
    "a gate that checks nothing": (
        spec("spec:", "spec:\n  gate: {onFail: keep}"),
        (f"{MANIFEST}:5:", "spec.gate: checks nothing"),
    ),
    "a duplicate name": (a_second_of_the_same_name, ("manifests/again.yaml:3:", MANIFEST, "numbers")),
    "a dataset that is missing": (lambda w: (w.root / DATASET).unlink(), (f"{MANIFEST}", DATASET)),
    "a dataset that is empty": (data(b""), (DATASET, "no examples")),
    "a dataset of blank lines": (data(b"\n\n"), (DATASET, "no examples")),
    "a dataset not in UTF-8": (data(ROW + b'{"text_input": "\xe9", "output": "2"}\n'), (f"{DATASET}:2", "UTF-8")),
    "a dataset that is a folder": (a_folder, (DATASET,)),
    "a dataset that is a FIFO": (a_fifo, (DATASET,)),
    "a dataset that leads out": (a_link_out_of_the_project, (DATASET,)),
    "a dataset path that leads out": (spec("datasets/numbers.jsonl", "../../data.jsonl"), (f"{MANIFEST}:6:",)),
    "an absolute dataset path": (spec("datasets/numbers.jsonl", "/etc/hostname"), (f"{MANIFEST}:6:",)),
    "a dataset of no known kind": (spec("numbers.jsonl", "numbers.xlsx"), (f"{MANIFEST}:6:",)),
    "a row that is no JSON": (data(ROW + b"{\n"), (f"{DATASET}:2",)),
    "a row without output": (data(ROW + b'{"text_input": "1"}\n'), (f"{DATASET}:2", "output")),
    "a row with an empty output": (data(ROW + b'{"text_input": "1", "output": ""}\n'), (f"{DATASET}:2", "output")),
}


@pytest.mark.parametrize(("break_it", "said"), WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("command", ["validate", "plan", "apply -y"])
def test_a_mistake_is_named_with_its_place_and_sends_nothing_but_reads(
    workshop: Workshop, command: str, break_it: Break, said: tuple[str, ...]
) -> None:
    break_it(workshop)
    error = workshop.fails(1, *command.split())
    for words in said:
        assert words in error
    assert "error" in error
    assert {method for method, _ in workshop.requests()} <= {"GET"}
    assert not (workshop.root / "tunectl.lock").exists()


@pytest.mark.parametrize(("break_it", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_was_applied_outlives_a_mistake(workshop: Workshop, break_it: Break, said: tuple[str, ...]) -> None:
    workshop.write(MANIFEST, GOOD)
    workshop.apply()
    before = (workshop.root / "tunectl.lock").read_bytes()
    break_it(workshop)
    workshop.fails(1, "apply", "-y")
    assert (workshop.root / "tunectl.lock").read_bytes() == before
    assert len(workshop.remote()) == 1


def test_everything_that_is_wrong_is_reported_in_one_go(workshop: Workshop) -> None:
    workshop.write(MANIFEST, GOOD.replace("epochCount", "epochs").replace("baseModel", "base"))
    workshop.write(
        "manifests/other.yaml", GOOD.replace("name: numbers", "name: other").replace("numbers.jsonl", "no.csv")
    )
    workshop.write("manifests/third.yaml", "kind: [")
    error = workshop.fails(1, "validate")
    for place in (f"{MANIFEST}:5:", f"{MANIFEST}:7:", "manifests/other.yaml", "manifests/third.yaml:1:"):
        assert place in error
    assert error.splitlines()[-1].endswith("errors")


def test_an_unreadable_dataset_is_named(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root reads everything, so the system is made to refuse."""
    real = os.open

    def refuse(path: object, *arguments: object, **options: object) -> int:
        if str(path).endswith("numbers.jsonl"):
            raise PermissionError(13, "Permission denied", path)
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    error = workshop.fails(1, "plan")
    assert DATASET in error
    assert "ermission" in error


def test_no_row_of_training_data_is_quoted(workshop: Workshop) -> None:
    secret = "the-secret-row"
    for line in (f"{{{secret}", json.dumps({"text_input": secret}), json.dumps({secret: "x"}), json.dumps([secret])):
        workshop.write(DATASET, ROW + line.encode() + b"\n")
        assert secret not in workshop.fails(1, "plan", "-vv")


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("models/text-bison-002", "is not known to the service"),
        ("models/gemini-1.5-flash-latest", "cannot be tuned"),
    ],
)
def test_a_base_model_is_checked_before_anything_is_bought(workshop: Workshop, base: str, said: str) -> None:
    workshop.want("numbers", baseModel=base)
    for command in (["plan"], ["apply", "-y"]):
        error = workshop.fails(1, *command)
        assert MANIFEST in error
        assert f"base model {base} {said}" in error
        assert "models/" in error.split("hint:")[1]
    assert ("POST", "tunedModels") not in workshop.requests()


def test_a_base_model_that_retires_troubles_nobody_who_trains_nothing(workshop: Workshop) -> None:
    workshop.apply()
    workshop.emulator.settings.retired = frozenset({"models/text-bison-001"})
    assert workshop.kinds() == []
    workshop.want("numbers", temperature=0.1)
    workshop.apply()
    workshop.want("numbers", hyperparameters={**HYPERPARAMETERS, "epochCount": 4})
    assert "models/text-bison-001 is not known" in workshop.fails(1, "plan")


def test_two_manifests_never_share_a_remote_id(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids hold a hash of the name, so that a clash takes broken hashing: names alike in their first 24 characters."""
    name = "a-very-long-name-for-a-model"
    workshop.want(f"{name}-one")
    workshop.want(f"{name}-two")
    workshop.apply()
    resources = {workshop.serving(f"{name}-{which}") for which in ("one", "two")}
    assert len(resources) == 2
    assert all(resource.startswith("tunedModels/a-very-long-name-for-a-m") for resource in resources)


def test_an_id_that_somebody_else_holds_is_not_taken_over(workshop: Workshop) -> None:
    workshop.want("numbers", baseModel=FLASH)  # and theirs is of another base
    resource = workshop.plan()["actions"][0]["resource"].removeprefix("tunedModels/")
    workshop.emulator.occupy(resource, visible=True)
    (action,) = workshop.plan()["actions"]
    assert (action["resource"], action["attempt"]) == (f"tunedModels/{resource}-2", 2)
    workshop.apply()
    assert workshop.serving("numbers") == f"tunedModels/{resource}-2"
    workshop.run("destroy", "-y")
    assert workshop.remote() == [resource]


@pytest.mark.parametrize("refusal", [403, 409])
def test_an_id_taken_by_what_we_may_not_see_is_an_error(workshop: Workshop, refusal: int) -> None:
    resource = workshop.plan()["actions"][0]["resource"]
    workshop.emulator.occupy(resource.removeprefix("tunedModels/"), refusal=refusal)
    ended = workshop.apply(expect=4)
    assert resource in ended.err
    assert workshop.bought() == 0
    assert "numbers" not in workshop.lockfile["models"]
    assert "--replace numbers takes the next id" in ended.err
    workshop.apply("--replace", "numbers")
    assert workshop.serving("numbers") == f"{resource}-2"
    assert workshop.bought() == 1
    assert workshop.plan()["actions"] == []


def test_only_a_fresh_attempt_on_demand_looks_whether_its_id_is_taken(workshop: Workshop) -> None:
    resource = workshop.plan()["actions"][0]["resource"].removeprefix("tunedModels/")
    workshop.emulator.occupy(resource)
    workshop.emulator.occupy(f"{resource}-2")
    before = len(workshop.requests())
    workshop.plan()
    listing = workshop.requests()[before:]
    assert not any(path.endswith(resource) for _, path in listing)
    before = len(workshop.requests())
    (action,) = workshop.plan("--replace", "numbers")["actions"]
    assert action["resource"] == f"tunedModels/{resource}-3"
    asked = [path.rpartition("/")[2] for _, path in workshop.requests()[before:] if resource in path]
    assert asked == [resource, f"{resource}-2", f"{resource}-3"]


def test_id_after_id_that_is_taken_is_an_error_that_names_them(workshop: Workshop) -> None:
    resource = workshop.plan()["actions"][0]["resource"].removeprefix("tunedModels/")
    for attempt in ("", "-2", "-3", "-4", "-5"):
        workshop.emulator.occupy(f"{resource}{attempt}")
    said = workshop.fails(3, "plan", "--replace", "numbers")
    assert "numbers: id after id is taken" in said
    assert f"{resource}-5" in said
    assert "another project name" in said


LOCKFILES: dict[str, tuple[Callable[[dict[str, object]], str | bytes], str]] = {
    "empty": (lambda _: b"", "tunectl.lock"),
    "no JSON": (lambda d: json.dumps(d)[:-20], "JSON"),
    "not UTF-8": (lambda _: b"\xff\xfe{", "tunectl.lock"),
    "a list": (lambda _: "[]", "tunectl.lock"),
    "of a newer version": (lambda d: json.dumps({**d, "format": "tunectl.lock/v2"}), "tunectl.lock/v2"),
    "of another tool": (lambda d: json.dumps({**d, "format": "other"}), "tunectl.lock"),
    "of another project": (
        lambda d: json.dumps({**d, "remote": {**d["remote"], "project": "theirs"}}),  # type: ignore[dict-item]
        "project theirs",
    ),
    "of another endpoint": (
        lambda d: json.dumps({**d, "remote": {**d["remote"], "endpoint": "https://example.com"}}),  # type: ignore[dict-item]
        "https://example.com",
    ),
    "with a key missing": (lambda d: json.dumps({k: v for k, v in d.items() if k != "lineage"}), "lineage"),
    "with merge conflict markers": (
        lambda d: "<<<<<<< ours\n" + json.dumps(d, indent=2) + "\n=======\n{}\n>>>>>>> theirs\n",
        "merge",
    ),
    "nested without end": (lambda _: "[" * 100_000, "tunectl.lock"),
}


@pytest.mark.parametrize(("spoil", "said"), LOCKFILES.values(), ids=LOCKFILES.keys())
def test_a_lockfile_that_cannot_be_trusted_stops_every_command(
    workshop: Workshop, spoil: Callable[[dict[str, object]], str | bytes], said: str
) -> None:
    workshop.apply()
    good = (workshop.root / "tunectl.lock").read_bytes()
    spoilt = workshop.write("tunectl.lock", spoil(json.loads(good))).read_bytes()
    workshop.emulator.clear_requests()
    for command in ("plan", "apply -y", "drift", "status", "show numbers", "wait", "destroy -y", "generate numbers 1"):
        error = workshop.fails(1, *command.split())
        assert "tunectl.lock" in error
        assert said in error
        assert "hint:" in error
    assert workshop.requests() == []
    assert (workshop.root / "tunectl.lock").read_bytes() == spoilt
    workshop.write("tunectl.lock", good)
    assert workshop.kinds() == []


def test_a_lockfile_that_is_a_link_is_not_followed(workshop: Workshop) -> None:
    (workshop.root / "tunectl.lock").symlink_to("elsewhere")
    assert "symbolic link" in workshop.fails(1, "apply", "-y")
    assert not (workshop.root / "elsewhere").exists()


PROJECTS = {
    "broken YAML": ("spec: [", "tunectl.yaml:1:"),
    "an unknown key": ("apiVersion: tunectl/v1\nkind: Project\nspec: {provider: {kind: x}}", "tunectl.yaml:3:"),
    "http beyond loopback": (
        "apiVersion: tunectl/v1\nkind: Project\nspec: {provider: {endpoint: 'http://example.com'}}",
        "tunectl.yaml:3:",
    ),
    "an unknown provider": ("apiVersion: tunectl/v1\nkind: Project\nspec: {provider: {type: x}}", "tunectl.yaml:3:"),
    "an unknown API version": (
        "apiVersion: tunectl/v1\nkind: Project\nspec: {provider: {apiVersion: v9}}",
        "tunectl.yaml:3:",
    ),
}


@pytest.mark.parametrize(("content", "said"), PROJECTS.values(), ids=PROJECTS.keys())
def test_a_mistake_in_the_project_file_has_its_place(workshop: Workshop, content: str, said: str) -> None:
    workshop.write("tunectl.yaml", content)
    assert said in workshop.fails(1, "plan")


ENVIRONMENTS = [
    ("TUNECTL_API_VERSION", "v9", "apiVersion: 'v9'"),
    ("TUNECTL_ENDPOINT", "http://example.com", "TUNECTL_ENDPOINT: must be https"),
    ("TUNECTL_LOCKFILE", "ftp://example.com/x", "TUNECTL_LOCKFILE: must be a path"),
    ("TUNECTL_HTTP_TIMEOUT", "soon", "TUNECTL_HTTP_TIMEOUT: 'soon' is no number of seconds"),
    ("TUNECTL_HTTP_TIMEOUT", "nan", "TUNECTL_HTTP_TIMEOUT: 'nan' is no number of seconds"),
    ("TUNECTL_HTTP_TIMEOUT", "1e10", "TUNECTL_HTTP_TIMEOUT: '1e10' is no number of seconds from 0.001 to 1000000"),
    ("TUNECTL_PROJECT", "a b", "TUNECTL_PROJECT"),
]


@pytest.mark.parametrize(("name", "value", "said"), ENVIRONMENTS)
def test_a_mistake_in_the_environment_is_a_usage_error_that_names_it(
    workshop: Workshop, name: str, value: str, said: str
) -> None:
    assert said in workshop.fails(64, "plan", environ={name: value})


def test_a_poll_interval_that_is_no_number_stops_before_anything_is_bought(workshop: Workshop) -> None:
    error = workshop.run("apply", "-y", expect=64, environ={"TUNECTL_POLL_INTERVAL": "often"}).err
    assert "TUNECTL_POLL_INTERVAL" in error
    assert workshop.bought() == 0


@pytest.mark.parametrize(("flag", "code"), [("-C", 64), ("--config", 1)])
def test_a_folder_or_project_file_that_is_missing_is_named(workshop: Workshop, flag: str, code: int) -> None:
    assert "no-such" in workshop.fails(code, "plan", flag, "no-such")


@pytest.mark.parametrize(
    "arguments",
    [
        ["plna"],
        ["plan", "--no-such-option"],
        ["plan", "extra"],
        ["apply", "-auto-approve"],
        ["apply", "-y", "--timeout", "soon"],
        ["apply", "-y", "--parallelism", "0"],
        ["apply", "-y", "--poll-interval", "0"],
        ["apply", "-y", "--poll-interval", "nan"],
        ["apply", "-y", "--poll-interval", "inf"],
        ["apply", "-y", "--allow-deletes", "-1"],
        ["generate", "numbers"],
        ["show"],
        ["schema", "nothing"],
        ["status", "--watch", "--format", "markdown"],
    ],
)
def test_a_command_line_that_makes_no_sense_ends_with_64(workshop: Workshop, arguments: list[str]) -> None:
    workshop.fails(64, *arguments)


def test_a_model_nobody_recorded_is_told_from_one_misspelt(workshop: Workshop) -> None:
    workshop.apply()
    for command in ("status", "show", "generate"):
        arguments = [command, "numbrs", *(["x"] if command == "generate" else [])]
        assert "did you mean numbers?" in workshop.fails(64, *arguments)


def test_a_project_file_in_another_folder_means_what_lies_beside_it(workshop: Workshop) -> None:
    workshop.write("deep/project.yaml", "{apiVersion: tunectl/v1, kind: Project, metadata: {name: demo}}")
    error = workshop.fails(1, "plan", "--config", "deep/project.yaml")
    assert "no manifests found in manifests" in error
    workshop.write("deep/manifests/deep.yaml", GOOD.replace("name: numbers", "name: deep"))
    workshop.dataset(path="deep/manifests/datasets/numbers.jsonl")
    assert workshop.kinds("--config", "deep/project.yaml") == [("deep", "create")]
