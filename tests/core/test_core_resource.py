"""What is wanted, and what must hold before it can be carried out."""

from dataclasses import replace

import pytest
from core_values import BASE, CAPABILITIES, REMOTE, wanted

from reconciler.core.plan import Action, Kind, Plan
from reconciler.core.planning.requirements import unmet
from reconciler.core.resource import BaseModel, Effect
from reconciler.core.unsupported import unsupported
from reconciler.errors import Location

WHERE = {"": Location("a.yaml", 1), "spec": Location("a.yaml", 5), "spec.gate": Location("a.yaml", 9)}

PLACES = [("spec.gate.maxFinalLoss", 9), ("spec.gate", 9), ("spec.topK", 5), ("metadata.labels", 1), ("", 1)]


@pytest.mark.parametrize(("path", "line"), PLACES)
def test_a_path_is_where_it_or_its_nearest_ancestor_is_written(path, line):
    assert replace(wanted(), where=WHERE).locate(path) == Location("a.yaml", line)


def test_a_manifest_that_was_not_read_from_a_file_has_no_places():
    assert wanted().locate("spec.topK") is None


PARENTS = [({"model": "other"}, "other"), ({"tunedModel": "tunedModels/x"}, None), (None, None)]


@pytest.mark.parametrize(("source", "parent"), PARENTS)
def test_only_another_manifest_is_a_parent(source, parent):
    assert wanted(source=source).parent == parent


EFFECTS = [("topK", Effect.UPDATE), ("hyperparameters.epochCount", Effect.REPLACE), ("permissions", None)]


@pytest.mark.parametrize(("path", "effect"), EFFECTS)
def test_what_changing_a_field_costs_is_data(path, effect):
    assert CAPABILITIES.effect(path) is effect


@pytest.mark.parametrize("manifest", [wanted(permissions=[])])
def test_a_field_that_would_not_be_carried_out_is_refused_where_it_is_written(manifest):
    (problem,) = unsupported([wanted(), replace(manifest, where=WHERE)], CAPABILITIES)
    assert problem.location is not None
    assert problem.message.startswith("numbers: spec.")


def test_permissions_are_carried_out_where_the_provider_has_them():
    assert unsupported([wanted(permissions=[])], replace(CAPABILITIES, permissions=True)) == ()


TUNABLE = (BaseModel(BASE, tunable=True),)


def needs(manifest, bases=TUNABLE, kind=Kind.CREATE):
    plan = Plan("demo", REMOTE, actions=(Action(manifest.name, kind, "x"),))
    return [(problem.message, problem.hint) for problem in unmet(plan, [manifest, wanted("idle", data=None)], bases)]


def test_a_training_needs_a_dataset_and_a_tunable_base():
    assert needs(wanted()) == []
    assert needs(wanted(source={"model": "other"})) == []
    hint = "add spec.dataset.path, or adopt an existing model"
    assert needs(wanted(data=None)) == [("numbers: is to be tuned but has no dataset", hint)]


UNTUNABLE = [
    ([], "is not known to the service", "this service offers no base model that can be tuned; see docs/services.md"),
    ([BaseModel(BASE, tunable=False)], "cannot be tuned", "this service offers no base model that can be tuned"),
    ([BaseModel(f"{BASE}-001", tunable=True)], "is not known to the service", f"did you mean {BASE}-001?"),
    ([BaseModel("zz", tunable=True)], "is not known to the service", "tunable here: zz"),
]


@pytest.mark.parametrize(("bases", "what", "hint"), UNTUNABLE)
def test_a_base_that_cannot_be_tuned_comes_with_one_that_can(bases, what, hint):
    ((message, found),) = needs(wanted(), bases)
    assert message == f"numbers: base model {BASE} {what}"
    assert found.startswith(hint)


def test_what_exists_needs_neither():
    assert needs(wanted(data=None), (), Kind.UPDATE) == []
