"""Manifests are found, merged with the project's defaults, and compiled; nothing goes unseen."""

from __future__ import annotations

import dataclasses
import io
import os

import pytest

from reconciler.core.gate import AbortIf, Gate, GateDataset, PromptCheck
from reconciler.core.resource import DatasetSource, Desired, Example, Lifecycle
from reconciler.core.scorers import Scorer
from reconciler.errors import Location
from reconciler.manifest.load import load_manifests


def names(loaded) -> list[str]:
    return [manifest.desired.name for manifest in loaded.manifests]


def test_a_manifest_becomes_a_desired_model_and_the_place_of_its_data(project):
    project.write(
        "manifests/math/number-generator.yaml",
        """\
        apiVersion: tunectl/v1
        kind: TunedModel
        metadata:
          name: number-generator
          labels: {team: math}
          previousNames: [numbers]
        spec:
          topK: 40
          topP: 0.95
          temperature: 0.7
          hyperparameters: {epochCount: 3, batchSize: 2, learningRate: 0.001}
          dataset:
            path: ../data/numbers.csv
            inputKey: question
            outputKey: answer
            validation: ./eval.jsonl
          baseModel: models/text-bison-001
          description: counts one up
          permissions: [{role: READER, group: math@example.com}, {role: WRITER, everyone: true}]
          gate:
            maxFinalLoss: 0.5
            prompts:
              - {input: four, equals: five}
              - {input: "9", matches: ^10$}
              - {input: "2", number: 3, tolerance: 0.5}
              - {input: who, json: {is: [1, true, null]}}
            dataset: {path: ../data/eval.jsonl, outputKey: answer, scorer: f1, minScore: 0.8, forbidLeak: true}
            command: [python, evals/score.py]
            commandTimeout: 90s
            onFail: delete
            abortIf: {meanLossAbove: 10, afterStep: 50}
          lifecycle: {protect: true, replace: create-first, retain: 2, ignore: [spec.temperature, topP], timeout: 1h30m,
                      deletion: retain}
        """,
    )
    loaded = project.load()
    assert loaded.problems == ()
    (manifest,) = loaded.manifests
    assert manifest.desired == Desired(
        name="number-generator",
        spec={
            "displayName": "number-generator",
            "description": "counts one up",
            "baseModel": "models/text-bison-001",
            "hyperparameters": {"epochCount": 3, "batchSize": 2, "learningRate": 0.001},
            "temperature": 0.7,
            "topP": 0.95,
            "topK": 40,
            "permissions": [{"role": "WRITER", "everyone": True}, {"role": "READER", "group": "math@example.com"}],
        },
        labels={"team": "math"},
        previous_names=("numbers",),
        lifecycle=Lifecycle(protect=True, retain=2, ignore=("temperature", "topP"), timeout=5400.0, deletion="retain"),
        gate=Gate(
            max_final_loss=0.5,
            prompts=(
                PromptCheck("four", Scorer.EXACT, "five"),
                PromptCheck("9", Scorer.REGEX, "^10$"),
                PromptCheck("2", Scorer.NUMERIC, "3.0", 0.5),
                PromptCheck("who", Scorer.JSON, '{"is": [1, true, null]}'),
            ),
            dataset=GateDataset(scorer=Scorer.F1, min_score=0.8, forbid_leak=True),
            command=("python", "evals/score.py"),
            command_timeout=90.0,
            on_fail="delete",
            abort_if=AbortIf(10, 50),
        ),
    )
    assert list(manifest.desired.spec) == [
        "displayName",
        "description",
        "baseModel",
        "hyperparameters",
        "temperature",
        "topP",
        "topK",
        "permissions",
    ]
    file = "manifests/math/number-generator.yaml"
    assert manifest.source == DatasetSource(
        location=Location(file, 13, 5),
        path="manifests/data/numbers.csv",
        input_key="question",
        output_key="answer",
        validation="manifests/math/eval.jsonl",
        validation_location=Location(file, 16, 5),
    )
    assert manifest.evaluation == DatasetSource(
        location=Location(file, 27, 15), path="manifests/data/eval.jsonl", output_key="answer"
    )
    assert manifest.desired.locate("spec.hyperparameters.epochCount") == Location(file, 11, 21)
    assert manifest.desired.locate("spec.permissions.1.role") == Location(file, 19, 59)
    assert manifest.desired.locate("spec.displayName") == Location(file, 7, 1)
    assert manifest.desired.locate("") == Location(file, 1, 1)


def test_only_what_the_manifest_sets_is_in_the_spec(project):
    project.manifest("manifests/a.yaml", "{name: a}", "{source: {tunedModel: tunedModels/x}, temperature: 0}")
    (manifest,) = project.load().manifests
    assert manifest.desired.spec == {"displayName": "a", "source": {"tunedModel": "tunedModels/x"}, "temperature": 0}
    assert manifest.desired.gate is None
    assert manifest.desired.lifecycle == Lifecycle()
    assert manifest.source is None


def test_inline_examples_keep_their_places(project):
    project.manifest(
        "manifests/a.yaml",
        "{name: a}",
        "{baseModel: m, dataset: {examples: [{text_input: '1', output: '2'},\n {textInput: three, output: four}]}}",
    )
    (manifest,) = project.load().manifests
    assert manifest.source == DatasetSource(
        location=Location("manifests/a.yaml", 4, 32),
        inline=(
            (Example("1", "2"), Location("manifests/a.yaml", 4, 43)),
            (Example("three", "four"), Location("manifests/a.yaml", 5, 2)),
        ),
    )


class TestDefaults:
    def test_lie_under_every_manifest_key_by_key(self, project):
        project.write(
            "tunectl.yaml",
            """\
            spec:
              defaults:
                baseModel: models/base
                temperature: 0.5
                hyperparameters: {epochCount: 5, batchSize: 8}
                permissions: [{role: READER, everyone: true}]
                lifecycle: {retain: 1}
            """,
        )
        project.manifest(
            "manifests/a.yaml",
            "{name: a}",
            "{temperature: 0.9, hyperparameters: {epochCount: 3}, permissions: [], lifecycle: {protect: true}}",
        )
        project.write("manifests/b.yaml", "apiVersion: tunectl/v1\nkind: TunedModel\nmetadata: {name: b}\n")
        a, b = (manifest.desired for manifest in project.load().manifests)
        assert a.spec == {
            "displayName": "a",
            "baseModel": "models/base",
            "hyperparameters": {"epochCount": 3, "batchSize": 8},
            "temperature": 0.9,
            "permissions": [],
        }
        assert a.lifecycle == Lifecycle(protect=True, retain=1)
        assert b.spec["hyperparameters"] == {"epochCount": 5, "batchSize": 8}
        assert str(a.locate("spec.hyperparameters.epochCount")) == "manifests/a.yaml:4:44"
        assert str(a.locate("spec.hyperparameters.batchSize")) == "tunectl.yaml:5:38"
        assert str(b.locate("spec.temperature")) == "tunectl.yaml:4:5"
        assert {"spec.baseModel", "spec.lifecycle.retain", "spec.temperature", "metadata.name"} <= set(a.where)

    def test_yield_to_the_alternatives_a_manifest_sets(self, project):
        project.write(
            "tunectl.yaml",
            """\
            spec:
              defaults:
                baseModel: models/base
                hyperparameters: {learningRate: 0.1, epochCount: 2}
                dataset: {path: data/all.jsonl}
            """,
        )
        project.manifest(
            "manifests/a.yaml",
            "{name: a}",
            "{source: {tunedModel: tunedModels/x}, hyperparameters: {learningRateMultiplier: 2},"
            " dataset: {examples: [{text_input: a, output: b}]}}",
        )
        project.manifest("manifests/b.yaml", "{name: b}", "{}")
        loaded = project.load()
        assert loaded.problems == ()
        a, b = loaded.manifests
        assert a.desired.spec == {
            "displayName": "a",
            "source": {"tunedModel": "tunedModels/x"},
            "hyperparameters": {"epochCount": 2, "learningRateMultiplier": 2},
        }
        assert a.source.path is None
        assert b.source.path == "data/all.jsonl", "a path is relative to the file it is written in"

    def test_are_named_in_problems_by_their_own_place(self, project):
        project.write("tunectl.yaml", "spec: {defaults: {dataset: {path: ../../out.jsonl}}}")
        project.manifest("manifests/a.yaml", "{name: a}")
        assert project.problems() == [
            "tunectl.yaml:1:29: spec.dataset.path: leaves the project's folder (keep the file inside the project)"
        ]


class TestFinding:
    def test_folders_are_searched_recursively_in_order(self, project):
        for path in ("b.yml", "a.yaml", "sub/c.YAML", "sub/deep/d.yaml", ".hidden/e.yaml", ".f.yaml", "notes.txt"):
            name = path.rpartition("/")[2].lower().strip(".")[0]
            project.manifest(f"manifests/{path}", f"{{name: {name}}}")
        loaded = project.load()
        assert loaded.problems == ()
        assert names(loaded) == ["a", "b", "c", "d"]

    def test_files_and_globs_are_taken_once_each(self, project):
        project.write("tunectl.yaml", "spec: {manifests: [x/a.yaml, ./x, 'x/*.yaml', 'teams/*/models', 'x/**/d*']}")
        for path in (
            "x/a.yaml",
            "x/b.yaml",
            "teams/t1/models/c.yaml",
            "teams/t1/other/no.yaml",
            "x/y/d.yaml",
            "x/y/d.txt",
        ):
            project.manifest(path, f"{{name: {path.rpartition('/')[2][0]}}}")
        loaded = project.load()
        assert loaded.problems == ()
        assert names(loaded) == ["a", "b", "d", "c"]

    def test_the_root_itself_may_be_the_folder_and_project_files_are_no_manifests(self, project):
        project.write("tunectl.yaml", "spec: {manifests: [.]}")
        project.write("examples/tunectl.yaml", "apiVersion: tunectl/v1\nkind: Project\n")
        project.manifest("a.yaml", "{name: a}")
        assert project.problems() == []
        assert names(project.load()) == ["a"]

    def test_several_documents_share_a_file(self, project):
        one = "apiVersion: tunectl/v1\nkind: TunedModel\nmetadata: {name: %s}\nspec: {baseModel: m}\n---\n"
        project.write("manifests/all.yaml", one % "a" + one % "b")
        loaded = project.load()
        assert names(loaded) == ["a", "b"]
        assert str(loaded.manifests[1].desired.locate("metadata.name")) == "manifests/all.yaml:8:12"

    def test_a_path_that_matches_nothing_is_a_problem(self, project):
        project.write("tunectl.yaml", "spec:\n  manifests: [manifests, typo, 'no/*.yaml']\n")
        project.manifest("manifests/a.yaml", "{name: a}")
        assert project.problems() == [
            "tunectl.yaml:2:26: manifest path 'typo' matches nothing",
            "tunectl.yaml:2:32: manifest path 'no/*.yaml' matches nothing",
        ]

    @pytest.mark.parametrize("files", [[], ["manifests/readme.txt"], ["manifests/empty.yaml"]])
    def test_an_empty_set_is_an_error(self, project, files):
        for file in files:
            project.write(file, "# nothing\n")
        message = 'no manifests found in manifests; an empty set is never read as "delete everything"'
        assert any(problem.startswith(message) for problem in project.problems())

    def test_a_file_that_is_no_manifest_is_a_problem_not_silence(self, project):
        project.write("manifests/a.yaml", "values: 1\n")
        project.write("manifests/b.yaml", "kind: Project\n")
        project.write("manifests/c.yaml", "kind: TunedModle\n---\nkind: [1]\n")
        assert [message.partition(" (")[0] for message in project.problems()] == [
            "manifests/a.yaml:1:1: is no manifest: it has no apiVersion and kind",
            "manifests/b.yaml:1:1: kind: must be TunedModel, not 'Project'",
            "manifests/c.yaml:1:1: kind: must be TunedModel, not 'TunedModle'",
            "manifests/c.yaml:3:1: kind: must be TunedModel",
        ]

    @pytest.mark.parametrize("pattern", ["../outside", "/etc", "~/x", "a\\\\b", "../Shop Models/../x"])
    def test_paths_out_of_the_project_are_refused(self, project, pattern):
        project.write("tunectl.yaml", f'spec: {{manifests: ["{pattern}"]}}')
        nothing_found, refused = project.problems()
        assert nothing_found.startswith("no manifests found")
        assert refused.startswith("tunectl.yaml:1:20: manifest path")
        assert refused.endswith("(keep manifests inside the project)")

    def test_links_pipes_and_odd_names_are_refused_not_skipped(self, project, tmp_path):
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "x.yaml").write_text("canary: [")
        folder = project.root / "manifests"
        project.manifest("manifests/good.yaml", "{name: good}")
        (folder / "dir").symlink_to(outside)
        (folder / "out.yaml").symlink_to(outside / "x.yaml")
        (folder / "gone.yaml").symlink_to("nowhere")
        (folder / "bad\n::name.yaml").write_text("")
        (folder / os.fsdecode(b"\xff.yaml")).write_text("")
        os.mkfifo(folder / "pipe.yaml")
        (folder / "latin.yaml").write_bytes(b"a: \xe9")
        problems = project.problems()
        assert [problem.partition(" (")[0] for problem in problems] == [
            "manifests: the name 'manifests/\\\\udcff.yaml' cannot be shown",
            "manifests: the name 'manifests/bad\\n::name.yaml' cannot be shown",
            "manifests/dir: is a symbolic link to a folder",
            "manifests/gone.yaml: does not exist",
            "manifests/latin.yaml:1:4: is not UTF-8 from here on",
            "manifests/out.yaml: leads out of the project's folder through a symbolic link",
            "manifests/pipe.yaml: is neither a file nor a folder",
        ]
        assert names(project.load()) == ["good"]

    def test_a_failing_disk_is_told(self, project, monkeypatch):
        class Disk(io.FileIO):
            def read(self, size=-1):
                raise OSError(5, "Input/output error")

        def fail(descriptor, *args, **kwargs):
            return Disk(descriptor)

        project.manifest("manifests/a.yaml", "{name: a}")
        monkeypatch.setattr("reconciler.manifest.files.os.fdopen", fail)
        assert project.problems() == ["manifests/a.yaml: cannot be read: Input/output error"]

    def test_a_link_to_a_file_inside_the_project_is_followed(self, project):
        project.manifest("shared/a.txt", "{name: a}")
        (project.root / "manifests").mkdir()
        (project.root / "manifests/a.yaml").symlink_to("../shared/a.txt")
        assert names(project.load()) == ["a"]

    def test_a_manifests_folder_that_is_a_link_out_of_the_project_is_not_listed(self, project, tmp_path):
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside/canary.yaml").write_text("")
        (project.root / "manifests").symlink_to(tmp_path / "outside")
        problems = project.problems()
        assert "leads out of the project's folder" in problems[-1]
        assert not any("canary" in problem for problem in problems)


class TestSelection:
    @pytest.fixture(autouse=True)
    def manifests(self, project):
        project.manifest("manifests/parent.yaml", "{name: parent}")
        project.manifest("manifests/child.yaml", "{name: child}", "{source: {model: parent}}")
        project.manifest("manifests/broken.yaml", "{name: BROKEN}")

    def test_only_what_was_asked_for_is_returned_but_parents_are_known(self, project):
        loaded = project.load(["manifests/child.yaml"])
        assert names(loaded) == ["child"]
        assert loaded.problems == ()

    def test_an_absolute_path_inside_the_project_is_understood(self, project):
        assert names(project.load([str(project.root / "manifests/child.yaml")])) == ["child"]
        assert names(project.load([str(project.root)])) == ["child", "parent"]

    def test_a_name_taken_elsewhere_is_reported_where_one_looks(self, project):
        project.manifest("draft.yaml", "{name: parent}")
        assert project.problems(["draft.yaml"]) == [
            (
                "draft.yaml:3:12: metadata.name: 'parent' is already taken at manifests/parent.yaml:3:12"
                " (rename one of them)"
            )
        ]

    def test_a_path_without_manifests_is_an_error(self, project):
        project.write("notes.yaml", "")
        assert project.problems(["notes.yaml"])[0].startswith("no manifests found in notes.yaml;")
        (problem,) = project.problems(["absent"])
        assert problem.startswith("no manifests found in absent;")

    def test_a_missing_folder_is_told_once_and_where_it_is_named(self, project):
        project.write("tunectl.yaml", "spec:\n  manifests: [absent]\n")
        (problem,) = project.problems()
        assert problem.startswith("tunectl.yaml:2:15: no manifests found in absent;")


class TestRelations:
    def test_names_are_unique(self, project):
        project.manifest("manifests/a.yaml", "{name: x}")
        project.manifest("manifests/b.yaml", "{name: x}")
        assert project.problems() == [
            "manifests/b.yaml:3:12: metadata.name: 'x' is already taken at manifests/a.yaml:3:12 (rename one of them)"
        ]

    def test_a_previous_name_has_one_heir_and_is_no_living_name(self, project):
        project.manifest("manifests/a.yaml", "{name: a, previousNames: [old, c]}")
        project.manifest("manifests/b.yaml", "{name: b, previousNames: [old]}")
        project.manifest("manifests/c.yaml", "{name: c}")
        assert project.problems() == [
            ("manifests/a.yaml:3:42: metadata.previousNames[1]: 'c' is a manifest of its own at manifests/c.yaml:3:12"),
            (
                "manifests/b.yaml:3:37: metadata.previousNames[0]: a was 'old' as well, at manifests/a.yaml:3:37"
                " (only one manifest can take a model over)"
            ),
        ]

    def test_a_parent_must_exist(self, project):
        project.manifest("manifests/a.yaml", "{name: numbers}")
        project.manifest("manifests/b.yaml", "{name: b}", "{source: {model: nubmers}}")
        project.manifest("manifests/c.yaml", "{name: c}", "{source: {model: zzz}}")
        assert project.problems() == [
            "manifests/b.yaml:4:17: spec.source.model: there is no manifest 'nubmers' (did you mean numbers?)",
            "manifests/c.yaml:4:17: spec.source.model: there is no manifest 'zzz'",
        ]

    def test_a_parent_that_could_not_be_read_is_not_called_missing(self, project):
        project.manifest("manifests/a.yaml", "{name: parent, labels: 3}")
        project.manifest("manifests/b.yaml", "{name: b}", "{source: {model: parent}}")
        assert project.problems() == ["manifests/a.yaml:3:26: metadata.labels: must be a mapping, not 3"]

    def test_a_circle_is_told_once_with_its_path(self, project):
        for name, parent in (("a", "b"), ("b", "c"), ("c", "b"), ("self", "self")):
            project.manifest(f"manifests/{name}.yaml", f"{{name: {name}}}", f"{{source: {{model: {parent}}}}}")
        assert project.problems() == [
            (
                "manifests/b.yaml:4:17: spec.source.model: tunes from itself: b -> c -> b"
                " (start one of them from a base model)"
            ),
            (
                "manifests/self.yaml:4:17: spec.source.model: tunes from itself: self -> self"
                " (start one of them from a base model)"
            ),
        ]


def test_a_thousand_manifests_are_loaded_in_order(project):
    one = "apiVersion: tunectl/v1\nkind: TunedModel\nmetadata: {name: m%03d}\nspec: {baseModel: m}\n---\n"
    for part in range(4):
        project.write(f"manifests/{part}.yaml", "".join(one % (part * 250 + each) for each in range(250)))
    loaded = project.load()
    assert loaded.problems == ()
    assert names(loaded) == [f"m{each:03}" for each in range(1000)]


def test_a_config_made_by_hand_needs_no_places(project):
    project.manifest("manifests/a.yaml", "{name: a}", "{}")
    config = dataclasses.replace(project.config(), defaults={"baseModel": "models/b", "temperature": 0.25})
    (manifest,) = load_manifests(config).manifests
    assert manifest.desired.spec == {"displayName": "a", "baseModel": "models/b", "temperature": 0.25}
    assert str(manifest.desired.locate("spec.temperature")) == "manifests/a.yaml:4:1"
