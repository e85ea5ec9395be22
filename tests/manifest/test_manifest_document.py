"""What a manifest may say: each rule with the message that breaking it gives."""

from __future__ import annotations

import pytest

from reconciler.manifest.document import Spec
from reconciler.manifest.duration import parse_duration
from reconciler.manifest.merge import merge
from reconciler.manifest.shape import expectation, keys

BASE = "baseModel: m, "
ONE_OF = "spec: needs one of baseModel, source"

SPEC = [
    ("temperature: 1.5", "spec.temperature: must be a number from 0 to 1, not 1.5"),
    ("temperature: -0.1", "spec.temperature: must be a number from 0 to 1, not -0.1"),
    ("temperature: .nan", "spec.temperature: must be a number from 0 to 1, not NaN"),
    ("temperature: 世界", "spec.temperature: must be a number from 0 to 1, not '世界'"),
    ('temperature: "a\\u202eb"', "spec.temperature: must be a number from 0 to 1, not 'a\\u202eb'"),
    ("temperature: '0.5'", "spec.temperature: must be a number from 0 to 1, not '0.5'"),
    ("temperature: true", "spec.temperature: must be a number from 0 to 1, not true"),
    (
        "temperature:",
        "spec.temperature: must be a number from 0 to 1, not null (leave the key out if nothing is to be set)",
    ),
    ("topP: 2", "spec.topP: must be a number from 0 to 1, not 2"),
    ("topK: 0", "spec.topK: must be a whole number of at least 1, not 0"),
    ("topK: 40.0", "spec.topK: must be a whole number of at least 1, not 40.0"),
    ("hyperparameters: {epochCount: three}", "epochCount: must be a whole number of at least 1, not 'three'"),
    ("hyperparameters: {epochCount: 0}", "epochCount: must be a whole number of at least 1, not 0"),
    ("hyperparameters: {batchSize: true}", "batchSize: must be a whole number of at least 1, not true"),
    (
        "hyperparameters: {batchSize: 3000000000}",
        "batchSize: must be a whole number of at most 2,147,483,647, not 3000000000",
    ),
    ("hyperparameters: {learningRate: 0}", "learningRate: must be a number above 0, not 0"),
    ("hyperparameters: {learningRate: .inf}", "learningRate: must be a number"),
    ("hyperparameters: {learningRate: 1e39}", "learningRate: must be a number that a 32-bit float can hold, not 1e+39"),
    (
        "hyperparameters: {learningRate: 1, learningRateMultiplier: 1}",
        "spec.hyperparameters: learningRate and learningRateMultiplier exclude each other (keep one)",
    ),
    ("hyperparameters: 3", "spec.hyperparameters: must be a mapping, not 3"),
    ("hyperparameters: []", "spec.hyperparameters: must be a mapping, not an empty list"),
    ("displayName: ''", "spec.displayName: must be one line of text of at least 1 character, not ''"),
    ("displayName: 3", "spec.displayName: must be one line of text of at least 1 character, not 3"),
    ('displayName: "a\\nb"', "spec.displayName: must be one line of text of at least 1 character, not 'a\\nb'"),
    ("description: 3", "spec.description: must be text, not 3 (put it in quotes)"),
    ("description: [a]", "spec.description: must be text, not a list"),
    ("source: {model: a}", "spec: baseModel and source exclude each other (keep one)"),
    ("dataset: {}", "spec.dataset: needs one of path, uri, examples"),
    ("dataset: {path: ''}", "spec.dataset.path: must be the path of a file, relative to this one, not ''"),
    ("dataset: {path: a.csv, examples: []}", "spec.dataset: path and examples exclude each other (keep one)"),
    ("dataset: {path: a.csv, inputKey: ''}", "spec.dataset.inputKey: must be the name of a column, not ''"),
    (
        "dataset: {examples: [{text_input: CANARY, textInput: CANARY, output: b}]}",
        "examples[0]: text_input and textInput exclude",
    ),
    ("dataset: {examples: [{output: CANARY}]}", "spec.dataset.examples[0]: needs one of text_input, textInput"),
    ("dataset: {examples: [{text_input: CANARY}]}", "spec.dataset.examples[0].output: is missing"),
    (
        "dataset: {examples: [{text_input: a, output: 3}]}",
        "examples[0].output: must be text, not a number (put it in quotes)",
    ),
    ("dataset: {examples: [CANARY]}", "spec.dataset.examples[0]: must be a mapping, not text"),
    ("dataset: {examples: CANARY}", "spec.dataset.examples: must be a list, not text"),
    ("permissions: [{role: OWNER, user: a@b}]", "permissions[0].role: must be READER or WRITER, not 'OWNER'"),
    ("permissions: [{role: READER}]", "spec.permissions[0]: needs one of user, group, everyone"),
    (
        "permissions: [{role: READER, user: a@b, everyone: true}]",
        "permissions[0]: user and everyone exclude each other",
    ),
    ("permissions: [{role: READER, everyone: false}]", "permissions[0].everyone: must be true, not false"),
    ("permissions: [{user: a@b}]", "spec.permissions[0].role: is missing"),
    ("permissions: [{role: READER, user: ab}]", "permissions[0].user: must be an e-mail address, not 'ab'"),
    (
        "permissions: [{role: READER, user: a@b}, {role: WRITER, user: a@b}]",
        "spec.permissions[1]: a second role for a@b (keep one; WRITER includes READER)",
    ),
    ("gate: {}", "spec.gate: checks nothing"),
    ("gate: {onFail: delete}", "spec.gate: checks nothing"),
    ("gate: {onFail: explode}", "spec.gate.onFail: must be keep or delete, not 'explode'"),
    ("gate: {maxLoss: 1}", "spec.gate.maxLoss: unknown key (did you mean maxFinalLoss?)"),
    ("gate: {maxLossIncrease: -1}", "spec.gate.maxLossIncrease: must be a number of at least 0, not -1"),
    (
        "gate: {prompts: [{input: CANARY}]}",
        "prompts[0]: needs one of equals, normalized, contains, matches, number, json",
    ),
    ("gate: {prompts: [{input: a, equals: 3}]}", "prompts[0].equals: must be text, not a number (put it in quotes)"),
    ("gate: {prompts: [{input: a, matches: '(CANARY'}]}", "prompts[0].matches: is no valid regular expression"),
    ("gate: {prompts: [{input: a, matches: 'CANARY)'}]}", "is no valid regular expression (at character 7)"),
    ("gate: {prompts: [{input: a, contains: ' '}]}", "prompts[0].contains: is empty, so every answer would do"),
    ("gate: {prompts: [{input: ' ', equals: a}]}", "spec.gate.prompts[0].input: must be a question in words, not text"),
    ("gate: {prompts: [{input: a, equals: b, json: 3}]}", "prompts[0]: equals and json exclude each other"),
    ("gate: {prompts: [{input: a, json: .nan}]}", "spec.gate.prompts[0].json: is no JSON"),
    ("gate: {prompts: [{input: a, number: CANARY}]}", "spec.gate.prompts[0].number: must be a number, not text"),
    ("gate: {prompts: [{input: a, equals: b, tolerance: 1}]}", "prompts[0].tolerance: is for number only"),
    ("gate: {prompts: []}", "spec.gate.prompts: asks nothing"),
    ("gate: {maxFinalLoss: 1, commandTimeout: 5m}", "spec.gate.commandTimeout: is for command only"),
    ("gate: {command: [a], commandTimeout: soon}", "commandTimeout: must be a duration such as 24h, 30m, 90s or 1d"),
    (
        "gate: {dataset: {path: e.csv, minScore: 1, scorer: exakt}}",
        "f1, not 'exakt' (did you mean exact?)",
    ),
    ("gate: {command: python}", "spec.gate.command: must be a list, not 'python'"),
    ("gate: {command: []}", "spec.gate.command: names no program"),
    ("gate: {dataset: {path: e.csv}}", "spec.gate.dataset: needs minScore or noWorseThanCurrent"),
    ("gate: {dataset: {path: e.csv, minScore: 2}}", "minScore: must be a number from 0 to 1, not 2"),
    ("gate: {dataset: {path: e.csv, minScore: 1, tolerance: 1}}", "tolerance: is for scorer numeric only"),
    ("gate: {dataset: {path: /etc/passwd, minScore: 1}}", "spec.gate.dataset.path: is not a relative path"),
    ("gate: {abortIf: {afterStep: 3}}", "spec.gate.abortIf.meanLossAbove: is missing"),
    ("lifecycle: {replace: delete-first}", "spec.lifecycle.replace: must be create-first, not 'delete-first'"),
    ("lifecycle: {protect: yes}", "spec.lifecycle.protect: must be true or false, not 'yes'"),
    ("lifecycle: {retain: -1}", "spec.lifecycle.retain: must be a whole number of at least 0, not -1"),
    ("lifecycle: {timeout: 24}", "spec.lifecycle.timeout: must be a duration such as 24h, 30m, 90s or 1d, not 24"),
    ("lifecycle: {timeout: 0s}", "spec.lifecycle.timeout: must be a duration such as 24h, 30m, 90s or 1d, not '0s'"),
    ("lifecycle: {ignore: [topKK]}", "spec.lifecycle.ignore[0]: is no field that can drift (did you mean topK?)"),
    ("lifecycle: {ignore: temperature}", "spec.lifecycle.ignore: must be a list, not 'temperature'"),
    ("lifecycle: {deletion: keep}", "spec.lifecycle.deletion: must be delete or retain, not 'keep'"),
    ("temprature: 1", "spec.temprature: unknown key (did you mean temperature?)"),
    ("base_model: m", "spec.base_model: unknown key (did you mean baseModel?)"),
    ("epochCount: 3", "spec.epochCount: unknown key (it belongs under spec.hyperparameters)"),
    ("zzz: 3", "spec.zzz: unknown key"),
    (f"{'z' * 200}: 3", f"spec.{'z' * 200}: unknown key"),
    ("endpoint: https://evil.example", "spec.endpoint: unknown key"),
]


@pytest.mark.parametrize(("spec", "message"), SPEC)
def test_a_wrong_spec_is_one_problem_that_says_what_is_expected(project, spec, message):
    project.write(
        "manifests/a.yaml",
        f"apiVersion: tunectl/v1\nkind: TunedModel\nmetadata: {{name: a}}\nspec:\n  baseModel: m\n  {spec}\n",
    )
    (problem,) = project.problems()
    assert problem.startswith("manifests/a.yaml:")
    assert message in problem
    assert "CANARY" not in problem
    assert project.load().manifests == ()


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("{}", "3:1: metadata.name: is missing"),
        ("3", "3:1: metadata: must be a mapping, not 3"),
        ("{name: a-}", "not 'a-'"),
        ("{name: 1a}", "not '1a'"),
        ("{name: A}", "3:12: metadata.name: must be lower-case letters, digits and '-', starting with a letter"),
        ("{name: a_b}", "not 'a_b'"),
        (f"{{name: {'a' * 64}}}", f"not '{'a' * 60}…' (64 characters)"),
        ("{name: 3}", "not 3"),
        ('{name: "a\\n"}', "not 'a\\n'"),
        ("{name: a, labels: {version: 1}}", "3:30: metadata.labels.version: must be text, not 1 (put it in quotes)"),
        ("{name: a, labels: [x]}", "metadata.labels: must be a mapping, not a list"),
        ("{name: a, lables: {}}", "metadata.lables: unknown key (did you mean labels?)"),
        ("{name: a, previousNames: b}", "metadata.previousNames: must be a list, not 'b'"),
        ("{name: a, previousNames: [A]}", "metadata.previousNames[0]: must be lower-case letters"),
        ("{name: a, previousNames: [a]}", "metadata.previousNames[0]: 'a' is the manifest's present name"),
        ("{name: a, previousNames: [b, b]}", "metadata.previousNames[1]: 'b' is listed twice"),
    ],
)
def test_wrong_metadata_is_one_problem(project, metadata, message):
    project.manifest("manifests/a.yaml", metadata)
    (problem,) = project.problems()
    assert message in problem


@pytest.mark.parametrize(
    ("spec", "messages"),
    [
        ("{}", [ONE_OF]),
        ("{source: {}}", ["spec.source: needs one of model, tunedModel"]),
        ("{source: {model: a, tunedModel: b}}", ["spec.source: model and tunedModel exclude each other (keep one)"]),
        ("{source: tunedModels/x}", ["spec.source: must be a mapping, not 'tunedModels/x'"]),
        (
            "{baseModel: 'a b'}",
            ["spec.baseModel: must be the name of a model, such as models/text-bison-001, not 'a b'"],
        ),
        ("3", ["spec: must be a mapping, not 3"]),
    ],
)
def test_a_model_starts_from_exactly_one_thing(project, spec, messages):
    project.manifest("manifests/a.yaml", "{name: x}", spec)
    assert [problem.partition(": ")[2] for problem in project.problems()] == messages


def test_a_document_without_spec_or_of_another_version_says_so(project):
    project.write("manifests/a.yaml", "apiVersion: tunectl/v2\nkind: TunedModel\nmetadata: {name: a}\n")
    assert project.problems() == [
        "manifests/a.yaml:1:1: apiVersion: must be tunectl/v1, not 'tunectl/v2'",
        "manifests/a.yaml:1:1: spec: is missing",
    ]


def test_all_problems_of_all_files_are_told_in_one_go(project):
    project.manifest("manifests/a.yaml", "{name: A, x: 1}", "{baseModel: m, temperature: 2, topK: x, gate: {}}")
    project.write("manifests/b.yaml", "a: [")
    assert [problem.partition(": ")[0] for problem in project.problems()] == [
        "manifests/a.yaml:3:12",
        "manifests/a.yaml:3:21",
        "manifests/a.yaml:4:22",
        "manifests/a.yaml:4:38",
        "manifests/b.yaml:1",
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("24h", 86_400), ("30m", 1_800), ("90s", 90), ("1d", 86_400), ("1h30m", 5_400), ("2d3h4m5s", 183_845)],
)
def test_durations_are_read_as_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "0s", "1", "1.5h", "-1h", "30m1h", "1w", "1h ", "1H", "9999999h", "1h\n", "\u0661h"]
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="must be a duration"):
        parse_duration(text)


def test_merging_leaves_what_is_no_mapping_for_validation_to_refuse():
    assert merge(Spec, {"temperature": 1, "lifecycle": {"retain": 1}}, {"lifecycle": 3}) == {
        "temperature": 1,
        "lifecycle": 3,
    }
    assert merge(Spec, {"temperature": 1}, "text") == "text"
    assert merge(Spec, {}, {"a": 1}) == {"a": 1}


def test_a_path_beyond_what_the_models_know_keeps_the_last_phrase():
    assert expectation(Spec, ("description", "deeper")).phrase == "text"


def test_every_key_has_a_description():
    """The descriptions are what an editor shows."""
    undescribed = [name for name, field in Spec.model_fields.items() if not field.description]
    assert undescribed == []
    assert list(keys(Spec))[:3] == ["displayName", "description", "baseModel"]
