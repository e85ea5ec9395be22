"""Models that somebody else made: their names, what a manifest can say of them, what is recorded."""

from dataclasses import replace

import pytest
from core_values import (
    BASE,
    CAPABILITIES,
    DATA,
    LIVE_FAILED,
    LIVE_READY,
    LIVE_TUNING,
    LIVE_UNKNOWN,
    lockfile,
    policy,
    revision,
    seen,
    wanted,
)

from reconciler.core.address import NAME
from reconciler.core.observation import Observation
from reconciler.core.permission import Permission
from reconciler.core.planning.build import build_plan
from reconciler.core.resource import Lifecycle
from reconciler.core.revision import revision_of
from reconciler.core.showing.portrait import portray
from reconciler.core.upkeep.adoption import adopted, choose_names, differing, made_otherwise, obstacle, slug

MADE_BY_HAND = "tunedModels/by-hand"
HYPER = {"epochCount": 3, "batchSize": 2, "learningRate": 0.001}


def model(identifier="by-hand", state=LIVE_READY, **spec):
    usual = {"displayName": "numbers", "description": "", "baseModel": BASE, "hyperparameters": HYPER}
    fields = {key: value for key, value in {**usual, **spec}.items() if value is not None}
    return Observation(f"tunedModels/{identifier}", fields, state, create_time="2023-09-18T11:06:39Z")


OBSTACLES = [(LIVE_READY, None), (LIVE_TUNING, "tuning"), (LIVE_FAILED, "failed"), (LIVE_UNKNOWN, "does not say")]


@pytest.mark.parametrize(("state", "word"), OBSTACLES)
def test_only_a_model_that_is_ready_can_be_taken_over(state, word):
    why = obstacle(model(state=state))
    assert why is None if word is None else word in why


def test_the_record_of_a_failed_tuning_is_no_model():
    assert "no model" in obstacle(replace(model(), record=True))


SLUGS = {
    "number generator model": "number-generator-model",
    "test_number_generator": "test-number-generator",
    "Modèle français": "modele-francais",
    "81 things": "model-81-things",
    "--x--": "x",
    "数字生成器": "",
    "🤖": "",
    "": "",
    "a" * 70: "a" * 40,
    "a" * 39 + " b": "a" * 39,
}


@pytest.mark.parametrize(("text", "name"), SLUGS.items())
def test_a_text_becomes_a_name_or_nothing(text, name):
    assert slug(text) == name
    assert not name or NAME.fullmatch(name)


# Each row: display names by id, names that are taken, and the names that are given.
NAMES = {
    "after the display name": ({"x1": "My Model"}, [], {"x1": "my-model"}),
    "twins go by their ids": ({"x1": "same", "x2": "same", "x3": "other"}, [], {"x1": "x1", "x2": "x2", "x3": "other"}),
    "a name that is taken": ({"x1": "same"}, ["same"], {"x1": "x1"}),
    "an id that is taken, too": ({"x1": "same"}, ["same", "x1", "x1-2"], {"x1": "x1-3"}),
    "a display name that is another one's id": ({"x1": "x2", "x2": "y"}, [], {"x1": "x2", "x2": "y"}),
    "one that is both": ({"x1": "x2", "x2": "数"}, [], {"x1": "x2", "x2": "x2-2"}),
    "nothing to go by": ({"数": "数"}, [], {"数": "model"}),
    "numbers for ids": ({"123": ""}, [], {"123": "model-123"}),
}


@pytest.mark.parametrize(("shown", "taken", "expected"), NAMES.values(), ids=NAMES)
def test_names_are_unique_valid_and_independent_of_the_order(shown, taken, expected):
    models = [model(identifier, displayName=name) for identifier, name in shown.items()]
    for ordered in (models, models[::-1]):
        given = {
            seen.resource.removeprefix("tunedModels/"): name
            for seen, name in choose_names(ordered, lambda name, _: name not in taken)
        }
        assert given == expected
        assert all(NAME.fullmatch(name) for name in given.values())


@pytest.mark.parametrize(
    ("shown", "had", "taken", "expected"),
    [
        ({"x1": "My Model"}, {"x1": "counter"}, [], {"x1": "counter"}),
        ({"x1": "My Model"}, {"x1": "counter"}, ["counter"], {"x1": "my-model"}),
        ({"x1": "counter", "x2": "y"}, {"x2": "counter"}, [], {"x1": "x1", "x2": "counter"}),
        ({"x1": "same", "x2": "same"}, {"x1": "counter", "x2": "counter"}, [], {"x1": "counter", "x2": "x2"}),
        ({"x1": "y"}, {"x1": "No Name"}, [], {"x1": "y"}),
    ],
)
def test_a_model_gets_back_the_name_it_had_before_strangers_are_named(shown, had, taken, expected):
    models = [model(identifier, displayName=name) for identifier, name in shown.items()]
    former = {f"tunedModels/{identifier}": name for identifier, name in had.items()}
    for ordered in (models, models[::-1]):
        named = choose_names(ordered, lambda name, _: name not in taken, former=former)
        assert [seen.resource for seen, _ in named] == sorted(seen.resource for seen in models)
        assert {seen.resource.removeprefix("tunedModels/"): name for seen, name in named} == expected


# Each row: fields of the live model, the fields of the manifest that differ from the usual ones, and what is left out.
PORTRAITS = {
    "as usual": ({}, {}, []),
    "with texts and numbers": (
        {"description": "x", "temperature": 0.7, "topK": 40},
        {"description": "x", "temperature": 0.7, "topK": 40},
        [],
    ),
    "an empty display name": ({"displayName": ""}, {"displayName": None}, ["displayName"]),
    "a long display name": ({"displayName": "x" * 41}, {"displayName": None}, ["displayName"]),
    "a display name of two lines": ({"displayName": "a\nb"}, {"displayName": None}, ["displayName"]),
    "a temperature beyond 1": ({"temperature": 1.5}, {}, ["temperature"]),
    "no top k": ({"topK": 0}, {}, ["topK"]),
    "half a surrogate pair": ({"description": "\ud800"}, {}, ["description"]),
    "both rates": (
        {"hyperparameters": {**HYPER, "learningRateMultiplier": 2.0}},
        {},
        ["hyperparameters.learningRateMultiplier"],
    ),
    "no epochs": (
        {"hyperparameters": {**HYPER, "epochCount": 0}},
        {"hyperparameters": {"batchSize": 2, "learningRate": 0.001}},
        ["hyperparameters.epochCount"],
    ),
    "a field that the provider does not change": ({"labels": {"a": "b"}, "region": "x"}, {}, []),
    "from another tuned model": (
        {"baseModel": None, "source": {"tunedModel": "tunedModels/p"}},
        {"baseModel": None, "source": {"tunedModel": "tunedModels/p"}},
        [],
    ),
}


@pytest.mark.parametrize(("live", "differs", "left_out"), PORTRAITS.values(), ids=PORTRAITS)
def test_a_manifest_says_what_it_can_and_names_what_it_cannot(live, differs, left_out):
    portrait = portray(model(**live), CAPABILITIES)
    usual = {"displayName": "numbers", "baseModel": BASE, "hyperparameters": HYPER}
    assert portrait.spec == {key: value for key, value in {**usual, **differs}.items() if value is not None}
    assert sorted(portrait.left_out) == left_out
    assert portrait.ignore == (("displayName",) if "displayName" in left_out else ())


def test_permissions_are_said_if_they_were_asked_for_without_the_owner():
    listed = (
        Permission("OWNER", "user", "me@example.com"),
        Permission("READER", "group", "Math@Example.com"),
        Permission("READER", "domain", "example.com"),
        Permission("AUDITOR", "everyone"),
        Permission("READER", "user", "no address"),
    )
    portrait = portray(replace(model(), permissions=listed), CAPABILITIES)
    assert portrait.spec["permissions"] == [{"role": "READER", "group": "math@example.com"}]
    assert sorted(portrait.left_out) == [
        "permissions[domain:example.com]",
        "permissions[everyone]",
        "permissions[user:no address]",
    ]


def test_an_adopted_model_is_recorded_without_a_dataset_and_with_the_settings_that_the_service_has():
    manifest = wanted(epochs=3, temperature=0.5, topK=3, lifecycle=Lifecycle(protect=True, deletion="retain"))
    entry = adopted(manifest, model(temperature=0.9))
    current = entry.current
    assert (current.state.value, current.dataset, current.create_time) == ("ready", None, "2023-09-18T11:06:39Z")
    assert current.spec == {
        "displayName": "numbers",
        "baseModel": BASE,
        "temperature": 0.9,
        "hyperparameters": {"epochCount": 3},
    }
    assert current.revision == revision_of(manifest.spec, None)
    assert (entry.protect, entry.deletion) == (True, "retain")


def planned(manifest, *, again=(), live=None):
    here = live or model()
    entry = adopted(wanted(data=None, epochs=3), here)
    plan = build_plan([manifest], lockfile(numbers=entry), seen(here), policy(again=again))
    return [(action.kind.value, [change.path for change in action.changes]) for action in plan.actions]


def test_giving_it_a_dataset_tunes_nothing_and_asking_for_it_does():
    assert planned(wanted(data=None, epochs=3)) == []
    assert planned(wanted(data=DATA, epochs=3)) == []
    assert planned(wanted(data=DATA, epochs=3), again=["numbers"]) == [("replace", [])]


def test_what_is_tuned_anew_has_a_revision_that_covers_its_dataset():
    manifest = wanted(data=DATA, epochs=3)
    entry = adopted(replace(manifest, dataset=None), model())
    (action,) = build_plan([manifest], lockfile(numbers=entry), seen(model()), policy(again=["numbers"])).actions
    assert (action.revision, action.attempt) == (revision(manifest), 1)
    assert action.revision != entry.current.revision


def test_what_cannot_change_in_place_is_a_replacement_as_ever():
    assert planned(wanted(data=DATA, epochs=9)) == [("replace", ["spec.hyperparameters.epochCount"])]


# Each row: the manifest, the live model, and the fields in which it was made otherwise.
OTHERWISE = {
    "the same": (wanted(epochs=3), {}, []),
    "other patches": (wanted(epochs=3, temperature=0.1), {"temperature": 0.9}, []),
    "another base": (wanted(base="models/other"), {}, ["spec.baseModel"]),
    "other epochs": (
        wanted(epochs=5, batch=9),
        {},
        ["spec.hyperparameters.batchSize", "spec.hyperparameters.epochCount"],
    ),
    "epochs that the service does not tell": (wanted(epochs=5), {"hyperparameters": {}}, []),
    "other epochs, ignored": (wanted(epochs=5, lifecycle=Lifecycle(ignore=("hyperparameters",))), {}, []),
    "another parent": (
        wanted(source={"model": "parent"}),
        {"baseModel": None, "source": {"tunedModel": "tunedModels/else"}},
        ["spec.source.tunedModel"],
    ),
    "the parent": (
        wanted(source={"model": "parent"}),
        {"baseModel": None, "source": {"tunedModel": "tunedModels/parent"}},
        [],
    ),
}


@pytest.mark.parametrize(("manifest", "live", "paths"), OTHERWISE.values(), ids=OTHERWISE)
def test_a_model_that_was_made_otherwise_is_told_field_by_field(manifest, live, paths):
    found = made_otherwise(manifest, model(**live), CAPABILITIES, parent_resource="tunedModels/parent")
    assert [change.path for change in found] == paths


def test_what_the_next_apply_will_change_is_told_before():
    (change,) = differing(wanted(temperature=0.1), model(temperature=0.9), CAPABILITIES)
    assert (change.path, change.before, change.after) == ("spec.temperature", 0.9, 0.1)
