"""The JSON Schemas are fresh, valid, and of one mind with the loader."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from reconciler.manifest.jsonschema import KINDS, schema
from reconciler.manifest.load import load_manifests
from reconciler.manifest.project import load_project

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = [ROOT / "tunectl.yaml", *sorted((ROOT / "manifests").glob("*.yaml"))]


def check(kind: str, document: object) -> list[str]:
    return [error.json_path for error in Draft202012Validator(schema(kind)).iter_errors(document)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_schema_is_fresh_and_valid(kind):
    committed = json.loads((ROOT / f"schemas/{kind}.schema.json").read_text(encoding="utf-8"))
    assert committed == schema(kind), "run make schemas"
    Draft202012Validator.check_schema(committed)
    assert committed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert committed["title"].startswith("tunectl")
    assert committed["description"]


def test_the_script_agrees_that_every_schema_is_fresh():
    child = subprocess.run(
        [sys.executable, "scripts/schemas.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (child.returncode, child.stdout, child.stderr) == (0, "", "")


@pytest.mark.parametrize("kind", KINDS)
def test_every_property_is_described(kind):
    body = schema(kind)
    for name, part in body["$defs"].items():
        assert part["description"], name
        for key, property_ in part["properties"].items():
            assert "description" in property_ or "$ref" in property_, f"{name}.{key}"
            assert "title" not in property_


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_example_validates_and_names_its_schema(path):
    text = path.read_text(encoding="utf-8")
    first = text.splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    kind = "project" if path.name == "tunectl.yaml" else "tunedmodel"
    assert (path.parent / first.partition("=")[2]).resolve() == ROOT / f"schemas/{kind}.schema.json"
    assert check(kind, yaml.safe_load(text)) == []


def test_the_example_project_loads():
    config = load_project(ROOT)
    loaded = load_manifests(config)
    assert loaded.problems == ()
    assert [manifest.desired.name for manifest in loaded.manifests] == ["number-generator", "sentiment"]
    assert config.name == "demo"
    assert config.lockfile == ".tunectl/demo.lock"


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"baseModel": "m", "source": {"model": "a"}}, "$.spec"),
        ({"source": {}}, "$.spec.source"),
        ({"temperature": None}, "$.spec.temperature"),
        ({"temperature": 2}, "$.spec.temperature"),
        ({"gate": None}, "$.spec.gate"),
        ({"hyperparameters": {"learningRate": 1, "learningRateMultiplier": 1}}, "$.spec.hyperparameters"),
        ({"permissions": [{"role": "READER"}]}, "$.spec.permissions[0]"),
        ({"permissions": [{"role": "READER", "user": "a@b", "group": "a@b"}]}, "$.spec.permissions[0]"),
        ({"dataset": {"path": "a", "examples": []}}, "$.spec.dataset"),
        ({"dataset": {"path": "a", "uri": "gs://bucket/a"}}, "$.spec.dataset"),
        ({"dataset": {"uri": "gs://bucket"}}, "$.spec.dataset.uri"),
        ({"lifecycle": {"timeout": "soon"}}, "$.spec.lifecycle.timeout"),
        ({"temprature": 1}, "$.spec"),
        ({"displayName": ""}, "$.spec.displayName"),
    ],
)
def test_editors_see_the_same_mistakes(spec, path):
    document = {"apiVersion": "tunectl/v1", "kind": "TunedModel", "metadata": {"name": "a"}, "spec": spec}
    assert path in check("tunedmodel", document)


def test_a_project_may_be_empty_and_lift_its_limits():
    assert check("project", {}) == []
    assert check("project", {"spec": {"limits": {"maxDeletes": None}, "defaults": {"baseModel": "m"}}}) == []
    assert check("project", {"spec": {"provider": {"type": None}}}) == ["$.spec.provider.type"]


def test_an_unknown_kind_is_a_key_error():
    with pytest.raises(KeyError):
        schema("plan")
