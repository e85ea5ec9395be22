"""The rules of a project, rule by rule."""

from dataclasses import replace

import pytest
from core_values import CAPABILITIES, DATA, entry_of, instance, live, lockfile, policy, seen, wanted

from reconciler.core.observation import ModelState, Observation, Observed
from reconciler.core.plan import Action, Kind
from reconciler.core.planning.breaches import broken
from reconciler.core.planning.build import build_plan
from reconciler.core.rules import Bounds, Rules
from reconciler.errors import Location, Violation

BISON = "models/text-bison-001"
SOURCE = {"model": "parent"}
ELSEWHERE = {"tunedModel": "tunedModels/theirs"}
THEIRS = Observed({"tunedModels/theirs": Observation("tunedModels/theirs", {"baseModel": BISON}, ModelState.READY)})


def found(rules, *manifests, kind=Kind.CREATE, observed=None, chosen=lambda _: True):
    actions = [Action(manifest.name, kind, "because") for manifest in manifests]
    return list(
        broken(rules, manifests, actions, observed or Observed(), defaults=CAPABILITIES.defaults, chosen=chosen)
    )


def bounds(**limits):
    return Rules(hyperparameters={key: Bounds(*pair) for key, pair in limits.items()})


TABLE = [
    (Rules(), wanted(), None),
    (Rules(base_models=("models/text-*",)), wanted(), None),
    (Rules(base_models=("models/gemini-*", BISON)), wanted(), None),
    (
        Rules(base_models=("models/gemini-*",)),
        wanted(),
        f"numbers: base model {BISON} is not among policy.allowedBaseModels: models/gemini-*",
    ),
    (Rules(base_models=()), wanted(), f"numbers: base model {BISON} is not among policy.allowedBaseModels: none"),
    (
        Rules(base_models=(BISON,)),
        wanted(source=ELSEWHERE),
        f"numbers: which base model it descends from cannot be told; policy.allowedBaseModels: {BISON}",
    ),
    (Rules(name_pattern="num[a-z]+"), wanted(), None),
    (Rules(name_pattern="num"), wanted(), "numbers: the name does not match policy.namePattern = num"),
    (bounds(epochCount=(3, 5)), wanted(epochs=3), None),
    (bounds(epochCount=(3, 5)), wanted(epochs=5), None),
    (bounds(epochCount=(3, 5)), wanted(), None),
    (
        bounds(epochCount=(3, 5)),
        wanted(epochs=6),
        "numbers: epochCount is 6 and must be at least 3 and at most 5 (policy.hyperparameters.epochCount)",
    ),
    (
        bounds(epochCount=(3, None)),
        wanted(epochs=2),
        "numbers: epochCount is 2 and must be at least 3 (policy.hyperparameters.epochCount)",
    ),
    (
        bounds(batchSize=(None, 8)),
        wanted(),
        (
            "numbers: batchSize is not set and must be at most 8 (policy.hyperparameters.batchSize); "
            "the service picks 4 or 16"
        ),
    ),
    (bounds(learningRate=(None, 0.001)), wanted(rate=0.001), None),
    (
        bounds(learningRate=(None, 0.001)),
        wanted(rate=0.002),
        "numbers: learningRate is 0.002 and must be at most 0.001 (policy.hyperparameters.learningRate)",
    ),
    (
        bounds(learningRate=(None, 0.001)),
        wanted(),
        (
            "numbers: learningRate is not set and must be at most 0.001 (policy.hyperparameters.learningRate); "
            "what the service picks is unknown"
        ),
    ),
    (bounds(learningRate=(None, 0.001), learningRateMultiplier=(None, 2)), wanted(rate=0.001), None),
    (Rules(examples=Bounds(15, 15)), wanted(), None),
    (Rules(examples=Bounds(16)), wanted(data=None), None),
    (
        Rules(examples=Bounds(16, 2_000)),
        wanted(),
        "numbers: the dataset has 15 examples and must have at least 16 and at most 2,000 (policy.dataset)",
    ),
    (
        Rules(labels=("team",)),
        wanted(),
        "numbers: the label team is required (policy.requiredLabels) and missing or empty",
    ),
    (Rules(labels=("team",)), replace(wanted(), labels={"team": "math"}), None),
    (
        Rules(labels=("team",)),
        replace(wanted(), labels={"team": ""}),
        "numbers: the label team is required (policy.requiredLabels) and missing or empty",
    ),
]


@pytest.mark.parametrize(("rules", "manifest", "message"), TABLE, ids=range(len(TABLE)))
def test_a_rule_says_what_is_wrong_and_which_rule_says_so(rules, manifest, message):
    assert [violation.message for violation in found(rules, manifest)] == ([] if message is None else [message])


STRICT = Rules(("none",), ".", {"epochCount": Bounds(9)}, Bounds(99), ("team",))


@pytest.mark.parametrize(
    ("kind", "rules"),
    [
        (Kind.CREATE, {"allowedBaseModels", "namePattern", "hyperparameters.epochCount", "dataset", "requiredLabels"}),
        (Kind.REPLACE, {"allowedBaseModels", "namePattern", "hyperparameters.epochCount", "dataset", "requiredLabels"}),
        (Kind.UPDATE, {"namePattern", "requiredLabels"}),
        (Kind.WAIT, {"namePattern", "requiredLabels"}),
        (Kind.REUSE, {"namePattern", "requiredLabels"}),
    ],
)
def test_what_a_training_costs_is_judged_only_where_one_is_bought(kind, rules):
    assert {violation.rule.removeprefix("policy.") for violation in found(STRICT, wanted(), kind=kind)} == rules


def test_what_is_out_of_scope_is_not_judged():
    assert found(STRICT, wanted("a"), wanted("b"), chosen=lambda name: name == "x") == []
    assert {violation.message[0] for violation in found(STRICT, wanted("a"), wanted("b"))} == {"a", "b"}


@pytest.mark.parametrize(("base", "count"), [(BISON, 0), ("models/other", 1)])
def test_a_child_is_judged_by_the_base_model_of_its_oldest_ancestor(base, count):
    rules = Rules(base_models=(BISON,))
    child, middle, root = wanted("child", source=SOURCE), wanted("parent", source={"model": "root"}), wanted("root")
    root = replace(root, spec={**root.spec, "baseModel": base})
    violations = found(rules, child, middle, root, chosen=lambda name: name == "child")
    assert len(violations) == count


@pytest.mark.parametrize(("allowed", "count"), [(BISON, 0), ("models/other", 1)])
def test_a_model_that_is_not_managed_here_is_known_by_what_the_service_says_of_it(allowed, count):
    assert len(found(Rules(base_models=(allowed,)), wanted(source=ELSEWHERE), observed=THEIRS)) == count


def test_ancestors_that_go_in_circles_are_told_apart_from_a_base_model():
    circle = Observed(
        {
            "tunedModels/theirs": Observation(
                "tunedModels/theirs", {"source": {"tunedModel": "tunedModels/b"}}, "READY"
            ),
            "tunedModels/b": Observation("tunedModels/b", {"source": ELSEWHERE}, "READY"),
        }
    )
    (violation,) = found(Rules(base_models=(BISON,)), wanted(source=ELSEWHERE), observed=circle)
    assert "cannot be told" in violation.message


def test_a_violation_stands_at_its_place_in_the_manifest():
    where = {"spec.baseModel": Location("m.yaml", 7, 3), "metadata": Location("m.yaml", 3, 1)}
    manifest = replace(wanted(), where=where)
    base, label = sorted(found(Rules(base_models=(), labels=("team",)), manifest), key=str, reverse=True)
    assert (base.location, label.location) == (Location("m.yaml", 7, 3), Location("m.yaml", 3, 1))
    assert str(base).startswith("m.yaml:7:3: numbers: base model")


def test_the_plan_carries_what_breaks_the_rules_and_its_digest_does_not():
    asked = replace(policy(), rules=Rules(labels=("team",)))
    plan = build_plan([wanted()], lockfile(), Observed(), asked)
    assert [violation.rule for violation in plan.violations] == ["policy.requiredLabels"]
    assert plan.digest == build_plan([wanted()], lockfile(), Observed(), policy()).digest


def test_a_model_that_serves_already_is_refused_for_its_label_and_not_for_its_training():
    made = instance(wanted(data=DATA))
    asked = replace(policy(), rules=STRICT)
    plan = build_plan([wanted()], lockfile(numbers=entry_of(made)), seen(live(made)), asked)
    assert plan.empty
    assert [violation.rule for violation in plan.violations] == ["policy.namePattern", "policy.requiredLabels"]


def test_destroying_is_no_matter_for_the_rules_of_manifests():
    made = instance(wanted())
    asked = replace(policy(destroy=True), rules=STRICT)
    assert build_plan([wanted()], lockfile(numbers=entry_of(made)), seen(live(made)), asked).violations == ()


def test_a_violation_without_a_place_is_its_message():
    assert str(Violation("so it is")) == "so it is"
    assert Violation("so it is").problem.severity == "error"
