"""``tunectl schema``: the same bytes as the committed files, and schemas that say what the tool says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from reconciler.cli.commands.schema import KINDS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kind", KINDS)
def test_prints_the_bytes_of_the_committed_schema(workshop, kind):
    assert workshop.run("schema", kind).out == (ROOT / "schemas" / f"{kind}.schema.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_every_schema_is_one(workshop, kind):
    Draft202012Validator.check_schema(workshop.run("schema", kind).json())


def test_every_committed_schema_is_of_a_kind():
    assert {path.name for path in (ROOT / "schemas").iterdir()} == {f"{kind}.schema.json" for kind in KINDS}


def test_lists_the_kinds_when_none_is_given(workshop):
    lines = workshop.run("schema").out.splitlines()
    assert [line.split()[0] for line in lines] == list(KINDS)


def test_names_the_kind_that_may_have_been_meant(workshop):
    assert "did you mean lockfile?" in workshop.fails(64, "schema", "lokfile")


def test_names_all_kinds_when_none_is_close(workshop):
    said = workshop.fails(64, "schema", "zzz")
    assert "there are project, tunedmodel, plan, drift, lockfile, lineage, events" in said


def test_needs_no_project(workshop, tmp_path, monkeypatch):
    workshop.write("tunectl.yaml", "nonsense: [")
    workshop.run("schema", "plan")


@pytest.mark.parametrize(
    ("kind", "path"), [("project", "tunectl.yaml"), ("tunedmodel", "manifests/number-generator.yaml")]
)
def test_the_example_of_the_repository_fits_its_schema(workshop, kind, path):
    validator = Draft202012Validator(workshop.run("schema", kind).json())
    assert list(validator.iter_errors(yaml.safe_load((ROOT / path).read_text(encoding="utf-8")))) == []


def test_what_a_run_writes_fits_the_schemas(workshop):
    def fits(kind, document):
        assert list(Draft202012Validator(workshop.run("schema", kind).json()).iter_errors(document)) == []

    fits("plan", workshop.plan())
    events = workshop.apply("--format", "jsonl").events()
    assert {event["type"] for event in events} >= {"plan", "finished"}
    for event in events:
        fits("events", event)
    workshop.want("numbers", temperature=0.5)
    workshop.project(drift={"ignore": [{"name": "*", "reason": "a trial", "until": "never"}]})
    ignored = workshop.run("drift", "--format", "json").json()
    workshop.project()
    workshop.vanish(workshop.serving("numbers"))
    found = workshop.run("drift", "--format", "json", expect=2).json()
    assert ignored["ignored"]
    assert found["drift"]
    fits("drift", ignored)
    fits("drift", found)
    fits("lockfile", json.loads((workshop.root / "tunectl.lock").read_text()))
