"""``tunectl init``: a project that works as it is, and nothing of anybody's overwritten."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from cli_kit import DATA, call
from jsonschema import Draft202012Validator

from reconciler.cli.blueprint import SERVICES

FILES = {
    ".gitignore",
    "tunectl.yaml",
    "manifests/number-generator.yaml",
    "manifests/datasets/numbers.jsonl",
    "schemas/project.schema.json",
    "schemas/tunedmodel.schema.json",
}
WORKFLOWS = {f".github/workflows/{name}.yml" for name in ("plan", "apply", "drift")}


VERTEX = "https://aiplatform.googleapis.com"
PLACE = {"project": "my-proj", "location": "europe-west4", "staging": "gs://bucket-7/data"}


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def fresh(workshop, monkeypatch):
    """An empty folder, the current one."""
    folder = workshop.root / "fresh"
    folder.mkdir()
    monkeypatch.chdir(folder)
    workshop.root = folder
    return folder


@pytest.mark.parametrize("arguments", [[], ["--workflows"]])
def test_writes_a_project_and_says_what(workshop, fresh, arguments):
    out = workshop.run("init", *arguments).out
    assert files(fresh) == FILES | (WORKFLOWS if arguments else set())
    for name in files(fresh):
        assert name in out
    assert "tunectl plan" in out


def test_the_project_validates_plans_and_applies(workshop, fresh):
    workshop.run("init")
    validated = workshop.run("validate")
    assert (validated.out, validated.err) == ("Valid: 1 manifest, 15 examples.\n", "")
    assert workshop.run("plan").out.endswith("Plan: 1 to create, 0 to update, 0 to replace, 0 to delete.\n")
    assert "Applied: 1 created" in workshop.apply().out
    assert workshop.run("plan").out.startswith("No changes.")
    assert workshop.run("generate", "number-generator", "41").out == "42\n"


def test_the_project_works_on_the_real_embedded_emulator(tmp_path):
    assert call(["init", "models"], cwd=tmp_path).code == 0
    applied = call(["apply", "-y"], cwd=tmp_path / "models", TUNECTL_EMULATOR_TRAIN_SECONDS="0")
    assert "Applied: 1 created" in applied.out
    assert {path.name for path in (tmp_path / "models" / ".tunectl").iterdir()} >= {"emulator.db", "tunectl.lock"}
    assert files(tmp_path / "models") - {f for f in files(tmp_path / "models") if f.startswith(".tunectl/")} == FILES


def test_doctor_finds_nothing_wrong_with_it(workshop, fresh):
    workshop.run("init")
    assert workshop.run("doctor").out.endswith("All is well.\n")


def test_every_file_names_a_schema_that_lies_beside_it_and_fits(workshop, fresh):
    workshop.run("init")
    for name in ("tunectl.yaml", "manifests/number-generator.yaml"):
        text = (fresh / name).read_text()
        named = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
        schema = json.loads(((fresh / name).parent / named).read_text())
        assert list(Draft202012Validator(schema).iter_errors(yaml.safe_load(text))) == []


def test_every_key_of_the_project_file_is_explained(workshop, fresh):
    workshop.run("init")
    lines = (fresh / "tunectl.yaml").read_text().splitlines()
    keys = [line for line in lines if ":" in line and not line.lstrip().startswith("#")]
    plain = {"apiVersion: tunectl/v1", "kind: Project", "metadata:", "spec:", "  provider:"}
    assert {line for line in keys if " # " not in line} == plain
    assert len(keys) - len(plain) >= 9


def test_writes_out_every_key_there_is_but_those_of_another_service(workshop, fresh):
    workshop.run("init")
    schema = workshop.run("schema", "project").json()["$defs"]
    text = (fresh / "tunectl.yaml").read_text()
    known = {key for part in ("ProjectSpec", "ProviderPart", "LimitsPart") for key in schema[part]["properties"]}
    assert {key for key in known if f"{key}:" not in text} == {"location", "staging", "options"}


def test_the_dataset_is_that_of_the_quickstart(workshop, fresh):
    workshop.run("init")
    ours = [json.loads(line) for line in (fresh / "manifests/datasets/numbers.jsonl").read_text().splitlines()]
    assert len(ours) == 15
    body = (DATA / "create-request.curl.json").read_text()
    for example in ours:
        assert json.dumps(example["text_input"]) in body
        assert json.dumps(example["output"]) in body


@pytest.mark.parametrize(
    ("folder", "name"), [("My Models_2", "my-models-2"), ("fresh", "fresh"), ("...x", "x"), ("日本", "demo")]
)
def test_the_project_is_called_like_its_folder(workshop, folder, name):
    workshop.run("init", folder)
    assert yaml.safe_load((workshop.root / folder / "tunectl.yaml").read_text())["metadata"] == {"name": name}
    assert "cd " in workshop.run("init", f"{folder}/further").out


def test_takes_a_name(workshop, fresh):
    workshop.run("init", "--name", "Team-7")
    assert yaml.safe_load((fresh / "tunectl.yaml").read_text())["metadata"] == {"name": "Team-7"}
    workshop.run("validate")


@pytest.mark.parametrize("name", ["", "-a", "a_b", "a b", "x" * 64, "a\n", "a: b", "\x1b[2J"])
def test_refuses_a_name_that_no_project_can_have(workshop, fresh, name):
    message = workshop.fails(64, "init", "--name", name)
    assert "at most 63 characters" in message
    assert "\x1b" not in message
    assert files(fresh) == set()


def test_reports_every_file_in_the_way_and_writes_nothing(workshop, fresh):
    (fresh / "manifests").mkdir()
    mine = {"tunectl.yaml": "mine", "manifests/number-generator.yaml": "mine too"}
    for name, text in mine.items():
        (fresh / name).write_text(text)
    message = workshop.fails(1, "init")
    for name in mine:
        assert f"{name}: exists" in message
    assert "nothing was written" in message
    assert {name: (fresh / name).read_text() for name in files(fresh)} == mine


def test_a_second_init_is_refused(workshop, fresh):
    workshop.run("init")
    before = {name: (fresh / name).read_bytes() for name in files(fresh)}
    workshop.fails(1, "init", "--workflows")
    assert {name: (fresh / name).read_bytes() for name in files(fresh)} == before


def test_a_file_where_a_folder_is_to_be_is_in_the_way(workshop, fresh):
    (fresh / "manifests").write_text("")
    assert "manifests: is to be a folder, but is a file" in workshop.fails(1, "init")
    assert files(fresh) == {"manifests"}


@pytest.mark.parametrize("name", ["tunectl.yaml", ".gitignore"])
def test_never_writes_through_a_link(workshop, fresh, name):
    victim = fresh.parent / "victim"
    (fresh / name).symlink_to(victim)
    workshop.fails(1, "init")
    assert not victim.exists()
    assert list(fresh.iterdir()) == [fresh / name]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("*.pyc\n", "*.pyc\n\n"),
        ("*.pyc", "*.pyc\n\n"),
        ("", ""),
    ],
)
def test_adds_its_line_to_a_gitignore(workshop, fresh, before, after):
    (fresh / ".gitignore").write_text(before)
    workshop.run("init")
    text = (fresh / ".gitignore").read_text()
    assert text.startswith(after or "# tunectl")
    assert text.endswith("\n.tunectl/\n")


@pytest.mark.parametrize("line", [".tunectl/", ".tunectl", "/.tunectl/"])
def test_leaves_a_gitignore_alone_that_has_the_line(workshop, fresh, line):
    (fresh / ".gitignore").write_text(f"*.pyc\n{line}\n")
    assert ".gitignore" not in workshop.run("init").out
    assert (fresh / ".gitignore").read_text() == f"*.pyc\n{line}\n"


def test_takes_back_what_it_wrote_when_the_disk_refuses(workshop, fresh, monkeypatch):
    real = Path.open

    def full(path, *arguments, **options):
        if path.name == "numbers.jsonl" and arguments == ("x",):
            raise OSError(28, os.strerror(28), str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", full)
    message = workshop.fails(1, "init")
    assert "numbers.jsonl: No space left on device; nothing was kept" in message
    assert files(fresh) == set()


def test_a_folder_that_cannot_be_made_is_an_error(workshop):
    workshop.write("file", "")
    assert "file: is to be a folder, but is a file" in workshop.fails(1, "init", "file")


def test_says_nothing_when_asked(workshop, fresh):
    ended = workshop.run("init", "-q")
    assert (ended.out, ended.err) == ("", "")


def test_the_folder_counts_from_where_dash_c_leads(workshop):
    (workshop.root / "outer").mkdir()
    workshop.run("-C", "outer", "init", "inner")
    assert files(workshop.root / "outer" / "inner") == FILES


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_ignores_what_apply_leaves(workshop, fresh):
    subprocess.run(["git", "init", "-q"], check=True, cwd=fresh)
    workshop.run("init")
    workshop.apply()
    status = ["git", "status", "--porcelain", "--untracked-files=all"]
    listed = subprocess.run(status, check=True, cwd=fresh, capture_output=True, text=True).stdout
    assert {line.split()[1] for line in listed.splitlines()} == FILES


def answer(monkeypatch, *lines):
    """Sit at the terminal and type these lines."""
    monkeypatch.setattr("reconciler.cli.commands.init.interactive", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_on_a_terminal_it_asks_and_enter_takes_what_is_usual(workshop, fresh, monkeypatch):
    answer(monkeypatch, *[""] * 6)
    workshop.run("init")
    assert files(fresh) == FILES
    assert yaml.safe_load((fresh / "tunectl.yaml").read_text())["metadata"] == {"name": "fresh"}


def test_what_is_answered_is_what_is_written(workshop, fresh, monkeypatch):
    answer(
        monkeypatch,
        "shop",
        "reviews",
        "",
        "models/gemini-1.5-flash-001-tuning",
        "https://tuning.example.com",
        "p-1",
        "y",
    )
    assert "tunectl generate reviews 41" in workshop.run("init").out
    project = yaml.safe_load((fresh / "tunectl.yaml").read_text())
    assert project["metadata"] == {"name": "shop"}
    assert project["spec"]["provider"]["endpoint"] == "https://tuning.example.com"
    assert project["spec"]["provider"]["project"] == "p-1"
    assert project["spec"]["lockfile"] == "tunectl.lock"
    manifest = yaml.safe_load((fresh / "manifests/reviews.yaml").read_text())
    assert manifest["metadata"] == {"name": "reviews"}
    assert manifest["spec"]["displayName"] == "reviews model"
    assert manifest["spec"]["baseModel"] == "models/gemini-1.5-flash-001-tuning"
    assert files(fresh) >= WORKFLOWS
    assert workshop.run("validate").out == "Valid: 1 manifest, 15 examples.\n"


def test_a_project_of_vertex_plans_cleanly_applies_and_has_nothing_for_the_doctor(workshop, fresh):
    assert "tunectl doctor" not in workshop.run("init", "--type", "vertex").out
    assert (workshop.run("validate").out, workshop.run("validate").err) == ("Valid: 1 manifest, 15 examples.\n", "")
    assert workshop.run("fmt", "--check").out == ""
    planned = workshop.run("plan")
    assert "Warnings" not in planned.out
    assert planned.out.endswith("Plan: 1 to create, 0 to update, 0 to replace, 0 to delete.\n")
    assert workshop.run("doctor").out.endswith("All is well.\n")
    workshop.apply()
    assert workshop.run("plan").out.startswith("No changes.")
    assert workshop.run("generate", "number-generator", "15").out.strip().endswith("16")


def test_a_project_of_hosted_vertex_is_what_was_asked_for_and_the_doctor_goes_on_from_there(workshop, fresh):
    flags = [text for field, value in PLACE.items() for text in (f"--{field}", value)]
    said = workshop.run("init", "--type", "vertex", "--endpoint", VERTEX, *flags).out
    assert "tunectl doctor" in said
    spec = yaml.safe_load((fresh / "tunectl.yaml").read_text())["spec"]
    assert spec["provider"] == {"type": "vertex", "apiVersion": "v1", "endpoint": VERTEX, **PLACE}
    assert spec["lockfile"] == "tunectl.lock"
    schema = workshop.run("schema", "project").json()["$defs"]
    keys = {key for part in ("ProjectSpec", "ProviderPart", "LimitsPart") for key in schema[part]["properties"]}
    text = (fresh / "tunectl.yaml").read_text()
    assert {key for key in keys if f"{key}:" not in text} == {"options"}
    assert workshop.run("fmt", "--check").out == ""
    environ = {"GOOGLE_APPLICATION_CREDENTIALS": str(fresh / "none.json")}
    checked = workshop.run("doctor", "--project", "my-proj", expect=3, environ=environ).out
    assert "gcloud auth application-default login" in checked


def test_on_a_terminal_vertex_is_asked_for_what_it_needs(workshop, fresh, monkeypatch):
    answer(monkeypatch, "shop", "", "vertex", "", VERTEX, "my-proj", "", "bucket", "gs://bucket-7/data", "")
    said = workshop.run("init").err
    assert "Base model [gemini-2.5-flash]" in said
    assert said.count("--staging bucket: is no place") == 1
    provider = yaml.safe_load((fresh / "tunectl.yaml").read_text())["spec"]["provider"]
    assert {key: provider[key] for key in PLACE} == {**PLACE, "location": "us-central1"}


@pytest.mark.parametrize("kind", SERVICES)
def test_every_template_is_filled_in(workshop, fresh, kind):
    workshop.run("init", "--type", kind, "--workflows")
    for name in files(fresh) - WORKFLOWS:
        assert not re.search("@[A-Z-]+@", (fresh / name).read_text()), name
    assert yaml.safe_load((fresh / "tunectl.yaml").read_text())["spec"]["provider"]["type"] == kind


def test_flags_say_the_same_and_nothing_is_asked_then(workshop, fresh, monkeypatch):
    answer(monkeypatch)
    workshop.run("init", "--model", "reviews", "--base-model", "models/gemini-1.5-flash-001-tuning")
    assert workshop.run("plan").out.endswith("Plan: 1 to create, 0 to update, 0 to replace, 0 to delete.\n")


def test_the_files_are_in_the_style_of_fmt(workshop, fresh):
    workshop.run("init")
    assert workshop.run("fmt", "--check").out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "A b"], "--model A b"),
        (["--base-model", "a b"], "--base-model a b"),
        (["--endpoint", "ftp://x"], "--endpoint"),
        (["--endpoint", "http://example.com"], "--endpoint"),
        (["--type", "Vertx"], "--type Vertx: init knows no such service; did you mean vertex?"),
        (["--location", "us-central1"], "--location: generativelanguage has none; it is for --type vertex"),
        (
            ["--type", "vertex", "--staging", "bucket/x"],
            "--staging bucket/x: is no place in Cloud Storage; it looks like gs://my-bucket",
        ),
        (["--type", "vertex", "--location", "a\nb: c"], "--location"),
        (["--type", "vertex", "--project", "A B"], "--project A B: is no project id"),
        (
            ["--type", "vertex", "--location", "us-centrall"],
            "--location: 'us-centrall' is no region; it looks like us-",
        ),
        (["--type", "vertex", "--location", "global"], "--location: Gemini models are tuned in no 'global' place"),
        (
            [
                "--type",
                "vertex",
                "--location",
                "us-central1",
                "--endpoint",
                "https://us-east1-aiplatform.googleapis.com",
            ],
            "--endpoint: is the host of us-east1, and provider.location is us-central1",
        ),
        (
            ["--type", "vertex", "--endpoint", VERTEX, "--project", "my-proj"],
            f"vertex at {VERTEX} needs more to plan: --location us-central1 --staging gs://my-bucket/tunectl",
        ),
    ],
)
def test_what_no_file_could_hold_is_refused_before_anything_is_written(workshop, fresh, arguments, said):
    assert said in workshop.fails(64, "init", "-y", *arguments)
    assert files(fresh) == set()
