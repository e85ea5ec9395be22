"""Letting a manifest take over a model that exists, and letting go of one; nothing remote is ever changed by either."""

from __future__ import annotations

import pytest
from cli_kit import BISON, HYPERPARAMETERS

from reconciler.stores.lock import process_lock

TIME = "2023-09-18T11:06:39.092786Z"


def put(workshop, identifier, **fields):
    """Let somebody have made a model by hand."""
    model = {
        "name": f"tunedModels/{identifier}",
        "baseModel": BISON,
        "displayName": "numbers",
        "state": "ACTIVE",
        "createTime": TIME,
        "updateTime": TIME,
        "temperature": 0.9,
        "tuningTask": {"hyperparameters": HYPERPARAMETERS, "startTime": TIME, "completeTime": TIME},
        **fields,
    }
    workshop.emulator.import_models({"tunedModels": [{key: value for key, value in model.items() if value != ""}]})


@pytest.fixture
def by_hand(workshop):
    """A manifest that was never applied, and a model that somebody made by hand of the same."""
    put(workshop, "by-hand")
    return workshop


def writes(workshop):
    return [(method, path) for method, path in workshop.requests() if method != "GET"]


@pytest.mark.parametrize("spelling", ["tunedModels/by-hand", "by-hand"])
def test_an_adopted_model_is_managed_and_nothing_is_bought(by_hand, spelling):
    assert by_hand.kinds() == [("numbers", "create")]
    ended = by_hand.run("adopt", "numbers", spelling, "-y")
    assert ended.out == "numbers: adopted tunedModels/by-hand; `tunectl plan` shows what is left to do\n"
    assert "Whether it was tuned on this dataset nobody can know" in ended.err
    assert writes(by_hand) == []
    assert by_hand.kinds() == []
    by_hand.run("drift")
    assert by_hand.entry("numbers")["dataset"] is None
    assert (by_hand.bought(), by_hand.serving("numbers")) == (0, "tunedModels/by-hand")


def test_adopting_twice_is_adopting_once(by_hand):
    by_hand.run("adopt", "numbers", "by-hand", "-y")
    serial = by_hand.lockfile["serial"]
    assert "has tunedModels/by-hand already" in by_hand.run("adopt", "numbers", "by-hand", "-y").out
    assert by_hand.lockfile["serial"] == serial


def test_what_differs_and_can_be_patched_is_told_and_left_to_the_next_apply(by_hand):
    by_hand.want("numbers", temperature=0.2, permissions=[{"role": "READER", "everyone": True}])
    ended = by_hand.run("adopt", "numbers", "by-hand", "-y")
    assert "spec.temperature:           0.9 -> 0.2" in ended.err
    assert 'spec.permissions[everyone]: (not set) -> "READER"' in ended.err
    assert "The next apply changes these fields." in ended.err
    drift = by_hand.run("drift", "--format", "json", expect=2).json()["drift"]
    assert {(item["kind"], item["path"]) for item in drift} == {
        ("manifest", "spec.temperature"),
        ("manifest", "spec.permissions[everyone]"),
    }
    by_hand.apply()
    assert by_hand.bought() == 0
    by_hand.run("drift")


def test_what_was_made_otherwise_is_refused_field_by_field_with_places(by_hand):
    by_hand.want("numbers", baseModel="models/other", hyperparameters={**HYPERPARAMETERS, "epochCount": 9})
    err = by_hand.fails(1, "adopt", "numbers", "by-hand", "-y")
    assert f"numbers: spec.baseModel is 'models/other' here, and '{BISON}' in tunedModels/by-hand" in err
    assert "numbers: spec.hyperparameters.epochCount is 9 here, and 3 in tunedModels/by-hand" in err
    assert err.count("manifests/numbers.yaml:") == 2
    assert not (by_hand.root / "tunectl.lock").exists()


def test_a_model_that_another_name_has_is_not_taken_from_it(by_hand):
    by_hand.want("other")
    by_hand.run("adopt", "other", "by-hand", "-y")
    assert "is managed already, as other" in by_hand.fails(1, "adopt", "numbers", "by-hand", "-y")


def test_a_name_that_has_a_model_keeps_it(by_hand):
    by_hand.apply()
    err = by_hand.fails(1, "adopt", "numbers", "by-hand", "-y")
    assert "numbers: has a model already" in err
    assert "`tunectl forget numbers`" in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("number", "by-hand", "-y"), "did you mean numbers?"),
        (("numbers", "by-han", "-y"), "did you mean tunedModels/by-hand?"),
        (("numbers", "by-hand"), "nobody can be asked here"),
    ],
)
def test_what_cannot_be_meant_adopts_nothing(by_hand, arguments, expected):
    assert expected in by_hand.fails(64, "adopt", *arguments)
    assert not (by_hand.root / "tunectl.lock").exists()


@pytest.mark.parametrize(("state", "word"), [("CREATING", "is still tuning"), ("FAILED", "failed")])
def test_a_model_that_is_not_ready_is_not_adopted(workshop, state, word):
    put(workshop, "by-hand", state=state)
    assert word in workshop.fails(1, "adopt", "numbers", "by-hand", "-y")


def test_an_id_like_ours_is_adopted_with_a_word_of_caution(workshop):
    put(workshop, "theirs-0123456789ab")
    ended = workshop.run("adopt", "numbers", "theirs-0123456789ab", "-y")
    assert "make sure that no other project manages it" in ended.err


def test_a_model_that_the_listing_lacks_is_asked_for_by_name(by_hand):
    by_hand.fault("vanish,method=GET")
    assert "there is no model of that name" in by_hand.fails(64, "adopt", "numbers", "nowhere", "-y")
    by_hand.fault("status,code=403,method=GET,path=tunedModels/hidden")
    by_hand.fails(3, "adopt", "numbers", "hidden", "-y")


def test_a_child_is_adopted_after_its_parent(by_hand):
    put(by_hand, "child", tunedModelSource={"tunedModel": "tunedModels/by-hand", "baseModel": BISON}, baseModel="")
    by_hand.want("child", baseModel=None, source={"model": "numbers"}, displayName="numbers")
    assert "has no model yet" in by_hand.fails(1, "adopt", "child", "child", "-y")
    by_hand.run("adopt", "numbers", "by-hand", "-y")
    by_hand.run("adopt", "child", "child", "-y")
    assert by_hand.kinds() == []


def test_a_child_of_somebody_else_is_refused(by_hand):
    put(by_hand, "else")
    put(by_hand, "child", tunedModelSource={"tunedModel": "tunedModels/else", "baseModel": BISON}, baseModel="")
    by_hand.want("child", baseModel=None, source={"model": "numbers"}, displayName="numbers")
    by_hand.run("adopt", "numbers", "by-hand", "-y")
    assert "spec.source.tunedModel" in by_hand.fails(1, "adopt", "child", "child", "-y")


def test_forgetting_drops_the_record_and_nothing_else(workshop):
    workshop.apply()
    resource = workshop.serving("numbers")
    workshop.emulator.clear_requests()
    ended = workshop.run("forget", "numbers", "-y")
    assert ended.out == "Forgotten: numbers. Nothing remote was deleted.\n"
    assert f"numbers: {resource} (ready) stays" in ended.err
    assert "numbers has a manifest: the next apply takes up a model" in ended.err
    assert workshop.requests() == []
    assert workshop.lockfile["models"] == {}
    assert workshop.kinds() == [("numbers", "reuse")]
    assert workshop.apply().code == 0
    assert (workshop.bought(), workshop.serving("numbers")) == (1, resource)


def test_an_adopted_model_that_is_forgotten_is_unmanaged_again(by_hand):
    by_hand.run("adopt", "numbers", "by-hand", "-y")
    by_hand.run("forget", "numbers", "-y")
    assert [each["resource"] for each in by_hand.plan()["unmanaged"]] == ["tunedModels/by-hand"]
    assert by_hand.kinds() == [("numbers", "create")]


def test_a_forgotten_model_is_imported_under_the_name_it_had(workshop):
    workshop.want("counter", displayName="a very different title")
    workshop.drop("numbers")
    workshop.apply()
    workshop.run("forget", "counter", "-y")
    workshop.drop("counter")
    identifier = workshop.remote()[0]
    assert f"counter  tunedModels/{identifier}" in workshop.run("import", identifier).out
    assert workshop.run("plan").out.startswith("No changes.")


def test_a_protected_name_is_not_forgotten(workshop):
    workshop.want("other", lifecycle={"protect": True})
    workshop.apply()
    err = workshop.fails(5, "forget", "numbers", "other", "-y")
    assert "other: is protected and may not be forgotten" in err
    assert "lifecycle.protect: false" in err
    assert set(workshop.lockfile["models"]) == {"numbers", "other"}


def test_a_tuning_that_is_forgotten_goes_on_and_says_so(workshop):
    workshop.apply("--no-wait", expect=None)
    ended = workshop.run("forget", "numbers", "-y")
    assert "(tuning) goes on tuning, and is paid for" in ended.err
    assert workshop.remote() != []


def test_broken_manifests_keep_nobody_from_forgetting(workshop):
    workshop.apply()
    workshop.write("manifests/numbers.yaml", "kind: [")
    ended = workshop.run("forget", "numbers", "-y")
    assert "whether numbers has a manifest is not known" in ended.err


def test_a_name_without_a_manifest_is_forgotten_without_a_word_about_one(workshop):
    workshop.want("other")
    workshop.apply()
    workshop.drop("numbers")
    ended = workshop.run("forget", "numbers", "-y")
    assert "manifest" not in ended.err
    assert workshop.kinds() == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [(("number", "-y"), "did you mean numbers?"), (("numbers",), "nobody can be asked here"), ((), "Missing argument")],
)
def test_forgetting_what_is_not_there_forgets_nothing(workshop, arguments, expected):
    workshop.apply()
    assert expected in workshop.fails(64, "forget", *arguments)
    assert set(workshop.lockfile["models"]) == {"numbers"}


def test_a_held_lock_keeps_everybody_out(workshop):
    workshop.apply()
    (workshop.root / ".tunectl").mkdir(exist_ok=True)
    with process_lock(workshop.root / ".tunectl" / "tunectl.lock.lock", timeout=0, what="x", command="test"):
        for arguments in (
            ("forget", "numbers", "-y"),
            ("adopt", "numbers", "x", "-y"),
            ("import", "--all"),
            ("transfer", "numbers", "a@example.com", "-y"),
        ):
            workshop.fails(8, *arguments)


def test_the_lineage_tells_of_both(by_hand):
    by_hand.run("adopt", "numbers", "by-hand", "-y")
    by_hand.run("forget", "numbers", "-y")
    text = (by_hand.root / "tunectl.lineage.jsonl").read_text()
    assert [word for word in ("adopted", "forgotten") if f'"{word}"' in text] == ["adopted", "forgotten"]
