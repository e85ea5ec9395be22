"""Taking over what exists: manifests are written, models adopted, and the plan right after is empty."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from cli_kit import BISON, FLASH, SEED

from reconciler.stores.lockfile import BlobLockfileStore

TIME = "2023-09-18T11:06:39.092786Z"
HYPER = {"epochCount": 3, "batchSize": 4, "learningRate": 0.001}
READ_ONLY = {"GET"}


@pytest.fixture
def brownfield(workshop):
    """A project without a manifest, and a service with the five recorded models."""
    workshop.drop("numbers")
    (workshop.root / "manifests" / "datasets" / "numbers.jsonl").unlink()
    (workshop.root / "manifests" / "datasets").rmdir()
    (workshop.root / "manifests").rmdir()
    workshop.emulator.import_models(json.loads(SEED.read_text()))
    return workshop


@pytest.fixture
def empty(brownfield):
    """The same without the models."""
    for identifier in brownfield.remote():
        brownfield.emulator.remove(identifier)
    return brownfield


def put(workshop, identifier, **fields):
    """Let somebody have made a model by hand."""
    usual = {"baseModel": BISON, "displayName": identifier, "state": "ACTIVE", "createTime": TIME, "updateTime": TIME}
    task = {"hyperparameters": HYPER, "startTime": TIME, "completeTime": TIME}
    model = {"name": f"tunedModels/{identifier}", **usual, "tuningTask": task, **fields}
    workshop.emulator.import_models({"tunedModels": [{k: v for k, v in model.items() if v is not None}]})


def manifests(workshop):
    return {path.stem: yaml.safe_load(path.read_text()) for path in (workshop.root / "manifests").glob("*.yaml")}


def imported(workshop, *arguments):
    document = workshop.run("import", "--format", "json", *arguments).json()
    return {row["resource"].removeprefix("tunedModels/"): row["name"] for row in document["imported"]}


def skipped(workshop, *arguments):
    document = workshop.run("import", "--format", "json", *arguments).json()
    return {row["resource"].removeprefix("tunedModels/"): row["reason"] for row in document["skipped"]}


def settled(workshop):
    """Nothing is left to do, and nothing drifts but what the service itself withdraws."""
    plan = workshop.plan()
    assert (plan["actions"], plan["violations"], plan["drift"], plan["unmanaged"]) == ([], [], [], [])
    drift = workshop.run("drift", "--format", "json", expect=None).json()["drift"]
    assert {item["kind"] for item in drift} <= {"dying"}


def test_the_plan_after_an_import_of_everything_is_empty(brownfield):
    before = brownfield.remote()
    assert imported(brownfield, "--all") == {
        "testnumbergenerator-fvitocr834l6": "test-number-generator",
        "my-display-name-81-9wpmc1m920vq": "my-display-name-81-9wpmc1m920vq",
        "my-display-name-81-r9wcuda14lyy": "my-display-name-81-r9wcuda14lyy",
        "number-generator-model-kctlevca1g3q": "number-generator-model-kctlevca1g3q",
        "number-generator-model-w1eabln5adwp": "number-generator-model-w1eabln5adwp",
    }
    assert {method for method, _ in brownfield.requests()} == READ_ONLY
    settled(brownfield)
    assert brownfield.remote() == before
    document = manifests(brownfield)["test-number-generator"]
    assert document["spec"].keys() == {
        *("displayName", "description", "baseModel", "hyperparameters", "temperature", "topP", "topK", "lifecycle"),
    }
    assert document["spec"]["hyperparameters"] == {"epochCount": 10, "batchSize": 16, "learningRate": 0.02}
    entry = brownfield.entry("test-number-generator")
    assert (entry["state"], entry["dataset"], entry["protect"]) == ("ready", None, True)
    assert imported(brownfield, "--all") == {}


def test_a_manifest_says_in_comments_what_it_cannot_say_otherwise(brownfield):
    brownfield.run("import", "--all")
    text = (brownfield.root / "manifests" / "test-number-generator.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=../schemas/tunedmodel.schema.json\n")
    assert "# Imported: tunedModels/testnumbergenerator-fvitocr834l6, made 2023-09-18T11:06:39.092786Z.\n" in text
    assert "# There is no dataset" in text


def test_a_model_without_a_display_name_is_told_without_empty_brackets(empty):
    put(empty, "nameless", displayName=None, state="FAILED")
    text = empty.run("import", "--all").out
    assert "tunedModels/nameless: its tuning failed" in text
    assert "()" not in text
    empty.want("other", dataset=None)
    assert "tunedModels/nameless, failed" in empty.run("drift", expect=None).out


def test_the_schema_that_a_manifest_names_is_there_and_one_that_was_there_stays(brownfield):
    schema = brownfield.root / "schemas" / "tunedmodel.schema.json"
    assert not schema.exists()
    (name,) = imported(brownfield, "number-generator-model-kctlevca1g3q").values()
    manifest = brownfield.root / "manifests" / f"{name}.yaml"
    first = manifest.read_text().splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (manifest.parent / first).resolve() == schema.resolve()
    assert schema.read_text() == brownfield.run("schema", "tunedmodel").out
    schema.write_text("{}")
    imported(brownfield, "--all")
    assert schema.read_text() == "{}"


def test_a_dry_run_writes_nothing(brownfield):
    ended = brownfield.run("import", "--all", "--dry-run")
    assert ended.out.startswith("Would import 5 models; nothing was written:\n")
    assert not (brownfield.root / "manifests").exists()
    assert not (brownfield.root / "tunectl.lock").exists()
    document = brownfield.run("import", "--all", "--dry-run", "--format", "json").json()
    assert (document["written"], len(document["imported"])) == (False, 5)


ODD = {
    "odd": ("数字生成器 🤖", "odd", "数字生成器 🤖"),
    "quoted": ('a "b" \\ #c: d', "a-b-c-d", 'a "b" \\ #c: d'),
    "yes": ("true", "true", "true"),
    "long": ("x" * 41, "x" * 40, None),
    "lines": ("two\nlines", "two-lines", None),
    "nameless": (None, "nameless", None),
}


@pytest.mark.parametrize(("shown", "name", "written"), ODD.values(), ids=ODD)
def test_odd_display_names_neither_break_a_manifest_nor_change_the_model(empty, request, shown, name, written):
    identifier = request.node.callspec.id
    put(empty, identifier, displayName=shown)
    assert imported(empty, "--all") == {identifier: name}
    document = manifests(empty)[name]
    assert document["spec"].get("displayName") == written
    assert document["spec"]["lifecycle"].get("ignore") == (None if written else ["displayName"])
    settled(empty)


def test_hostile_texts_reach_neither_the_terminal_nor_the_manifest_as_they_are(empty):
    put(empty, "hostile", displayName="\x1b[31m::error::x\u202e", description="---\nkind: Project\n\x1b]0;x\x07\u2028")
    ended = empty.run("import", "--all")
    (path,) = (empty.root / "manifests").glob("*.yaml")
    for text in (ended.text, path.read_text()):
        assert not set(text) & {"\x1b", "\x07", "\u202e", "\u2028"}
        assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    assert yaml.safe_load(path.read_text())["spec"]["description"] == "---\nkind: Project\n\x1b]0;x\x07\u2028"
    settled(empty)


def test_a_model_that_was_tuned_from_another_keeps_its_parent(empty):
    put(empty, "parent")
    source = {"tunedModel": "tunedModels/parent", "baseModel": BISON}
    put(empty, "child", baseModel=None, tunedModelSource=source)
    imported(empty, "--all")
    assert manifests(empty)["child"]["spec"]["source"] == {"tunedModel": "tunedModels/parent"}
    settled(empty)


def test_what_is_not_ready_is_skipped_with_its_reason(empty):
    put(empty, "failed", state="FAILED")
    put(empty, "creating", state="CREATING")
    put(empty, "fine")
    assert skipped(empty, "--all") == {
        "creating": "is still tuning; take it over when it is ready",
        "failed": "its tuning failed, so there is nothing to keep",
    }
    assert set(manifests(empty)) == {"fine"}
    text = empty.run("import", "--all").out
    assert "Not imported: 2 models\n  tunedModels/creating (creating): is still tuning" in text


def test_what_is_named_and_cannot_be_imported_is_an_error_and_nothing_is_written(empty):
    put(empty, "failed", state="FAILED")
    put(empty, "creating", state="CREATING")
    put(empty, "fine")
    assert "is still tuning" in empty.fails(1, "import", "creating", "fine")
    assert "2 errors" in empty.fails(1, "import", "creating", "failed", "fine")
    assert not (empty.root / "manifests").exists()


def test_models_with_an_id_like_ours_are_left_to_their_project_unless_they_are_named(empty):
    put(empty, "numbers-0123456789ab")
    assert "another project may manage it" in skipped(empty, "--all")["numbers-0123456789ab"]
    assert imported(empty, "numbers-0123456789ab") == {"numbers-0123456789ab": "numbers-0123456789ab"}
    settled(empty)


@pytest.mark.parametrize("spelling", ["tunedModels/by-hand", "by-hand"])
def test_a_model_is_named_with_or_without_its_collection(empty, spelling):
    put(empty, "by-hand")
    put(empty, "other")
    assert imported(empty, spelling, "tunedModels/by-hand") == {"by-hand": "by-hand"}
    assert [each["resource"] for each in empty.plan()["unmanaged"]] == ["tunedModels/other"]


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ((), 64, "name models, or say --all"),
        (("--all", "x"), 64, "name models, or say --all"),
        (("test-number",), 64, "there is no model of that name"),
        (("testnumbergenerator-fvitocr834l7",), 64, "did you mean tunedModels/testnumbergenerator-fvitocr834l6?"),
        (("../../v1/x",), 64, "there is no model of that name"),
        (("--all", "--dir", "../elsewhere"), 64, "leaves the project's folder"),
        (("--all", "--dir", "elsewhere"), 1, "spec.manifests of the project file does not lead there"),
        (("--all", "--label", "team"), 64, "must be key=value"),
    ],
)
def test_what_cannot_be_meant_writes_nothing(brownfield, arguments, code, expected):
    assert expected in brownfield.fails(code, "import", *arguments)
    assert not list(brownfield.root.rglob("*.yaml")) or [p.name for p in brownfield.root.rglob("*.yaml")] == [
        "tunectl.yaml"
    ]
    assert not (brownfield.root / "tunectl.lock").exists()


def test_manifests_go_where_they_are_told(brownfield):
    brownfield.run("import", "--all", "--dir", "manifests/by/hand")
    assert len(list((brownfield.root / "manifests" / "by" / "hand").glob("*.yaml"))) == 5
    settled(brownfield)


def test_what_is_managed_already_is_told_with_its_name(brownfield):
    brownfield.run("import", "--all")
    err = brownfield.fails(1, "import", "testnumbergenerator-fvitocr834l6")
    assert "is managed already, as test-number-generator" in err


def test_names_that_manifests_have_are_not_given_again_and_no_file_is_overwritten(workshop):
    put(workshop, "by-hand", displayName="numbers")
    put(workshop, "sleeping")
    sleeping = workshop.write("manifests/sleeping.yaml", "# nothing in here\n")
    workshop.apply()
    assert imported(workshop, "by-hand") == {"by-hand": "by-hand"}
    err = workshop.fails(1, "import", "sleeping")
    assert "manifests/sleeping.yaml: is there already and was not overwritten" in err
    assert sleeping.read_text() == "# nothing in here\n"
    assert workshop.kinds() == []


def test_permissions_are_imported_on_request_only(empty):
    put(empty, "by-hand")
    store = empty.emulator.world.store
    with store.writing():
        store.grant(store.find("by-hand").seq, type="GROUP", email="Math@Example.com", role="READER")
    put(empty, "other")
    imported(empty, "other")
    assert "permissions" not in manifests(empty)["other"]["spec"]
    imported(empty, "--all", "--permissions")
    assert manifests(empty)["by-hand"]["spec"]["permissions"] == [{"role": "READER", "group": "math@example.com"}]
    settled(empty)


def test_defaults_of_the_project_that_would_change_a_model_are_the_reason_to_leave_it(empty):
    empty.project(defaults={"description": "ours"})
    put(empty, "by-hand")
    assert skipped(empty, "--all") == {"by-hand": "a plan would update it: differs in description"}
    assert not (empty.root / "manifests").exists()


def test_defaults_that_share_every_model_are_noticed_too(empty):
    empty.project(defaults={"permissions": [{"role": "READER", "everyone": True}]})
    put(empty, "by-hand")
    assert skipped(empty, "--all") == {"by-hand": "a plan would update it: differs in permissions[everyone]"}
    assert imported(empty, "--all", "--permissions") == {"by-hand": "by-hand"}
    settled(empty)


def test_rules_of_the_project_are_kept_by_what_is_imported(empty):
    empty.project(policy={"requiredLabels": ["team"]})
    put(empty, "by-hand")
    (why,) = skipped(empty, "--all").values()
    assert "the label team is required" in why
    assert imported(empty, "--all", "--label", "team=math") == {"by-hand": "by-hand"}
    settled(empty)


def test_a_model_of_another_family_and_version(empty):
    put(
        empty,
        "flash",
        baseModel=FLASH,
        tuningTask={"hyperparameters": {"epochCount": 5, "learningRateMultiplier": 2.0}},
    )
    imported(empty, "--all")
    settled(empty)


def test_nothing_tunes_an_imported_model_until_it_has_a_dataset_and_is_asked_for(brownfield):
    brownfield.run("import", "testnumbergenerator-fvitocr834l6")
    path = brownfield.root / "manifests" / "test-number-generator.yaml"
    as_imported = path.read_text()

    path.write_text(as_imported.replace("epochCount: 10", "epochCount: 11"))
    err = brownfield.fails(1, "plan")
    where = (
        r"manifests/test-number-generator.yaml:\d+:\d+: error: test-number-generator: is to be tuned but has no dataset"
    )
    assert re.search(where, err)
    assert "has no dataset" in brownfield.fails(1, "apply", "-y")

    path.write_text(as_imported)
    assert "has no dataset" in brownfield.fails(1, "plan", "--replace", "test-number-generator")

    brownfield.dataset()
    with_dataset = as_imported.replace("spec:\n", "spec:\n  dataset: {path: datasets/numbers.jsonl}\n")
    path.write_text(with_dataset)
    assert brownfield.kinds() == []
    brownfield.run("drift")

    brownfield.apply("--replace", "test-number-generator")
    assert brownfield.bought() == 1
    entry = brownfield.entry("test-number-generator")
    assert entry["dataset"]["examples"] == 15
    assert entry["resource"].startswith("tunedModels/test-number-generator-")
    assert "testnumbergenerator-fvitocr834l6" not in brownfield.remote()
    assert brownfield.kinds() == []

    brownfield.dataset(16)
    assert brownfield.kinds() == [("test-number-generator", "replace")]


def test_a_dataset_and_another_setting_together_are_a_replacement(brownfield):
    brownfield.run("import", "testnumbergenerator-fvitocr834l6")
    brownfield.dataset()
    path = brownfield.root / "manifests" / "test-number-generator.yaml"
    changed = path.read_text().replace("epochCount: 10", "epochCount: 11")
    path.write_text(changed.replace("spec:\n", "spec:\n  dataset: {path: datasets/numbers.jsonl}\n"))
    assert brownfield.kinds() == [("test-number-generator", "replace")]


def test_an_imported_model_is_protected_since_nobody_can_make_it_again(brownfield):
    brownfield.run("import", "testnumbergenerator-fvitocr834l6")
    brownfield.want("other")
    brownfield.dataset()
    brownfield.drop("test-number-generator")
    err = brownfield.run("apply", "-y", expect=5).err
    assert "protect" in err
    assert "testnumbergenerator-fvitocr834l6" in brownfield.remote()


def test_patches_work_on_it_as_on_any_model(brownfield):
    brownfield.run("import", "testnumbergenerator-fvitocr834l6")
    path = brownfield.root / "manifests" / "test-number-generator.yaml"
    path.write_text(path.read_text().replace("temperature: 0.7", "temperature: 0.2"))
    brownfield.apply()
    settled_plan = brownfield.kinds()
    assert settled_plan == []
    assert brownfield.bought() == 0


class Killed(BaseException):
    """The process is gone."""


def test_a_kill_between_the_files_and_the_lockfile_harms_nothing_and_is_healed_by_the_same_import(
    brownfield, monkeypatch
):
    def killed(*_, **__):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(BlobLockfileStore, "save", killed)
        with pytest.raises(Killed):
            brownfield.run("import", "--all")
    files = {path.name: path.read_text() for path in (brownfield.root / "manifests").iterdir()}
    assert len(files) == 5
    assert not (brownfield.root / "tunectl.lock").exists()
    assert "has no dataset" in brownfield.fails(1, "apply", "-y")
    assert brownfield.bought() == 0

    assert len(imported(brownfield, "--all")) == 5
    assert {path.name: path.read_text() for path in (brownfield.root / "manifests").iterdir()} == files
    settled(brownfield)


def test_a_failure_in_the_middle_of_the_files_takes_away_what_was_written(brownfield):
    brownfield.write("manifests/my-display-name-81-r9wcuda14lyy.yaml", "# somebody's notes\n")
    err = brownfield.fails(1, "import", "--all")
    assert "my-display-name-81-r9wcuda14lyy.yaml: is there already" in err
    assert [path.name for path in (brownfield.root / "manifests").iterdir()] == ["my-display-name-81-r9wcuda14lyy.yaml"]
    assert not (brownfield.root / "tunectl.lock").exists()


def test_a_lockfile_that_cannot_be_written_leaves_the_files_for_the_next_try(brownfield):
    (brownfield.root / "tunectl.lock").symlink_to(brownfield.root / "elsewhere")
    brownfield.run("import", "--all", expect=1)
    (brownfield.root / "tunectl.lock").unlink()
    imported(brownfield, "--all")
    settled(brownfield)


def test_a_listing_or_permissions_that_may_not_be_read_write_nothing(brownfield):
    brownfield.fault("status,code=403,method=GET,path=tunedModels,count=3")
    brownfield.fails(3, "import", "--all")
    brownfield.emulator.faults.clear()
    brownfield.fault("status,code=403,method=GET,path=permissions,count=9")
    brownfield.fails(3, "import", "--all", "--permissions")
    assert not (brownfield.root / "manifests").exists()


def test_broken_manifests_are_mended_first(workshop):
    put(workshop, "by-hand")
    workshop.write("manifests/broken.yaml", "kind: [")
    assert "manifests/broken.yaml:1" in workshop.fails(1, "import", "--all")
