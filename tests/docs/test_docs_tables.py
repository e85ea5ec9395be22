"""The tables of the documentation say what the code says."""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml
from docs_kit import PAGES, ROOT, blocks, code, read, tables

from reconciler import errors
from reconciler.cli.main import COMMANDS
from reconciler.core.plan import Kind
from reconciler.core.resource import Effect
from reconciler.providers.description import describe
from reconciler.providers.google.dialect import DIALECTS
from reconciler.providers.settings import ProviderSettings
from reconciler.views.words import SYMBOLS

_CHANGES = {Effect.UPDATE: "in place", Effect.REPLACE: "new training"}
_ERRORS = {
    name: value for name, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, errors.TunectlError)
}
_DOCUMENTS = [
    (page, block)
    for page in PAGES
    for block in blocks(read(page))
    if block.info == "yaml" and "apiVersion: tunectl/" in block.text
]


def _schema(kind):
    return json.loads((ROOT / "schemas" / f"{kind}.schema.json").read_text())


def _fields(kind, *, without=""):
    """Map every dotted path of a schema to its node, ``[]`` for the items of a list."""
    schema = _schema(kind)
    found = {}

    def resolve(node):
        reference = node.get("$ref")
        return schema["$defs"][reference.rpartition("/")[2]] | node if reference else node

    def walk(node, path):
        for key, child in node.get("properties", {}).items():
            inner = resolve(child)
            name = f"{path}.{key}" if path else key
            found[name] = inner
            if name != without:
                walk(inner, name)
                walk(resolve(inner.get("items", {})), f"{name}[]")

    walk(schema, "")
    return found


@pytest.mark.parametrize(
    ("kind", "without", "head"), [("tunedmodel", "", "field"), ("project", "spec.defaults", "key")]
)
def test_the_field_tables_hold_every_field_of_the_schema_and_its_default(kind, without, head):
    fields = _fields(kind, without=without)
    rows = tables(read("docs/manifests.md"), head=head)
    assert sorted(code(row[0]) for row in rows) == sorted(fields)
    for row in rows:
        node = fields[code(row[0])]
        if node.get("default") is not None:
            assert code(row[2]) == _written(node["default"]), row[0]


def _written(value):
    return value if isinstance(value, str) else json.dumps(value).replace('"', "")


def test_the_field_table_says_truly_what_changes_in_place():
    capabilities = DIALECTS["v1beta"].capabilities
    rows = tables(read("docs/manifests.md"), head="field")
    said = {code(row[0]): row[3] for row in rows}
    for path, word in said.items():
        effect = capabilities.effect(path.removeprefix("spec."))
        if effect is not None:
            assert word == _CHANGES[effect], path
    assert sum(word == "in place" for word in said.values()) == 5


_SAMPLES = {
    "displayName": "n", "description": "d", "baseModel": "gemini-2.5-flash", "source": {"tunedModel": "tuningJobs/1"},
    "method": "preference", "temperature": 0.5, "topP": 0.5, "topK": 5, "serviceAccount": "a@example.com",
    "encryptionKey": "projects/p/locations/l/keyRings/r/cryptoKeys/k",
    "hyperparameters.epochCount": 3, "hyperparameters.batchSize": 2, "hyperparameters.learningRate": 0.1,
    "hyperparameters.learningRateMultiplier": 1.5, "hyperparameters.adapterSize": 4, "hyperparameters.beta": 0.1,
}  # fmt: skip
_COSTS = {**_CHANGES, Effect.LOCAL: "sent along"}


def _said_of(path, provider):
    """What a provider makes of one field, in the words of the table."""
    head, _, key = path.partition(".")
    spec = {"displayName": "n", head: {key: _SAMPLES[path]} if key else _SAMPLES[path]}
    if key == "beta":
        spec["method"] = "preference"
    description = describe(ProviderSettings(type=provider, api_version={"vertex": "v1"}.get(provider, "v1beta")))
    found = [remark for remark in description.normalize(spec).remarks if remark.path == path]
    if found:
        return {"error": "refused", "warning": "ignored"}[found[0].severity]
    return _COSTS[description.capabilities.effect(path)]


def test_the_table_of_providers_says_truly_what_each_makes_of_a_field():
    rows = tables(read("docs/manifests.md"), head="spec field")
    fields = [path for path in _SAMPLES if path != "permissions"]
    assert sorted(code(row[0]) for row in rows) == sorted([*fields, "permissions"])
    for field, *said in rows:
        if code(field) != "permissions":
            assert said == [_said_of(code(field), name) for name in ("generativelanguage", "vertex")], field


def test_the_command_table_is_the_help_of_the_command_line():
    rows = tables(read("README.md"), head="command")
    assert [(code(row[0]), row[1]) for row in rows] == [(name, text) for name, (_, text) in COMMANDS.items()]


def test_the_exit_code_table_holds_every_code_there_is():
    codes = [int(number) for row in tables(read("README.md"), head="exit code") for number in row[0].split(", ")]
    raised = {error.exit_code for error in _ERRORS.values()} | {130, 143}
    assert codes == sorted({0, 2} | raised)


def test_every_error_class_has_its_exit_code_and_a_way_past():
    rows = tables(read("docs/troubleshooting.md"), head="error")
    said = {code(row[0]): row[1] for row in rows}
    assert said == {
        name: "130, 143" if name == "Interrupted" else str(error.exit_code) for name, error in _ERRORS.items()
    }
    assert all(row[3] for row in rows)


def test_the_table_of_actions_holds_every_kind_and_its_symbol():
    rows = tables(read("docs/plans.md"), head="symbol")
    assert [(code(row[0]), code(row[1])) for row in rows] == [(SYMBOLS[kind], kind.value) for kind in Kind]


def test_the_environment_table_holds_every_variable_the_code_reads():
    read_by_code = {
        name
        for path in Path(ROOT / "reconciler").rglob("*.py")
        for name in re.findall(r"\bTUNECTL_[A-Z_]+\b", path.read_text())
    }
    rows = tables(read("docs/manifests.md"), head="variable")
    documented = {name for row in rows for name in re.findall(r"TUNECTL_[A-Z_]+", row[0])}
    assert documented == read_by_code


@pytest.mark.parametrize(("page", "block"), _DOCUMENTS, ids=[f"{page}:{block.line}" for page, block in _DOCUMENTS])
def test_every_whole_document_on_a_page_is_valid(page, block):
    kinds = {"Project": "project", "TunedModel": "tunedmodel"}
    for document in yaml.safe_load_all(block.text):
        jsonschema.validate(document, _schema(kinds[document["kind"]]))


def test_the_manifest_in_the_readme_is_the_one_in_the_repository():
    comment, _, text = (ROOT / "manifests" / "number-generator.yaml").read_text().partition("\n")
    assert comment.startswith("#")
    assert text.strip() in [block.text for block in blocks(read("README.md")) if block.info == "yaml"]


def test_the_rooms_of_the_architecture_page_are_the_layers_that_are_checked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    page = read("docs/architecture.md")
    drawn = page[page.index("    __main__") : page.index("Imports go downwards only")]
    rooms = [re.split(r" {2,}", line.strip())[0] for line in drawn.splitlines() if line.strip()]
    assert rooms == [layer.replace("reconciler.", "") for layer in layers]


def test_every_make_target_that_a_page_names_exists():
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"`make ([a-z-]+)`", read(page))}
    assert {"demo", "test", "layers"} <= named <= targets


def test_decisions_have_a_date_and_the_four_sections_of_the_template():
    records = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    numbers = [path.name[:4] for path in records]
    assert numbers == sorted(set(numbers)), "two records share a number"
    for path in records:
        text = path.read_text()
        assert re.search(r"^Date: \d{4}-\d\d-\d\d$", text, re.MULTILINE), path.name
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "Figures"]
