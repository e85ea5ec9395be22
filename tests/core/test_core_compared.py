"""Two models side by side: which facts there are, and which of them differ."""

from reconciler.core.lineage import Event, Loss, Record
from reconciler.core.lockfile import Instance, InstanceState
from reconciler.core.observation import ModelState, Observation, Snapshot
from reconciler.core.resource import Dataset
from reconciler.core.showing.compared import compare
from reconciler.core.showing.specimen import Specimen, last_records
from reconciler.core.upkeep.choice import Chosen
from reconciler.core.verdict import Check, Verdict

DATA = Dataset("sha256:" + "d" * 64, 15)


def specimen(number, losses, *, hyperparameters, resolved=None, verdict=None, **spec):
    instance = Instance(
        f"tunedModels/numbers-{number}",
        f"sha256:{number * 64}",
        state=InstanceState.READY,
        spec={"baseModel": "models/text-bison-001", "hyperparameters": hyperparameters, **spec},
        dataset=DATA,
        total_steps=len(losses),
        verdict=verdict,
    )
    seen = Observation(
        instance.resource,
        {"hyperparameters": {**hyperparameters, **(resolved or {})}},
        ModelState.READY,
        snapshots=tuple(Snapshot(step, 0, loss) for step, loss in enumerate(losses, 1)),
        tuning_seconds=4.0,
    )
    return Specimen(Chosen("numbers", "current", instance), seen)


LEFT = specimen("1", [3.0, 1.0], hyperparameters={"epochCount": 3}, resolved={"batchSize": 4}, temperature=0.2)
PASSED = Verdict(True, "sha256:9", (Check("maxFinalLoss", True, 0.5, 1.0),))
RIGHT = specimen("2", [3.0, 0.5], hyperparameters={"epochCount": 5, "batchSize": 4}, verdict=PASSED)


def facts(left, right):
    return {(fact.group, fact.label): (fact.left, fact.right, fact.differs) for fact in compare(left, right).facts}


def test_settings_are_those_in_use_and_what_the_service_chose_is_said():
    found = facts(LEFT, RIGHT)
    assert found["hyperparameters", "epochCount"] == (3, 5, True)
    assert found["hyperparameters", "batchSize"] == (4, 4, False)
    assert found["hyperparameters", "batchSize, as set"] == ("left to the service", None, True)
    assert ("hyperparameters", "epochCount, as set") not in found
    assert found["settings", "temperature"] == (0.2, None, True)


def test_training_loss_and_gate_are_set_side_by_side():
    found = facts(LEFT, RIGHT)
    assert found["loss", "final"] == (1.0, 0.5, True)
    assert found["loss", "first"] == (3.0, 3.0, False)
    assert found["loss", "least at step"] == (2, 2, False)
    assert found["training", "seconds"] == (4.0, 4.0, False)
    assert found["gate", "passed"] == (None, True, True)
    assert found["gate", "maxFinalLoss"] == (None, 0.5, True)
    assert ("training", "cost") not in found


def test_the_same_model_twice_differs_in_nothing():
    assert not any(differs for _, _, differs in facts(LEFT, LEFT).values())


def record(**more):
    usual = {"project": "demo", "name": "numbers", "event": Event.PROMOTED, "time": "2026-03-01T00:00:00Z"}
    return Record(**{**usual, "resource": "tunedModels/numbers-0", "revision": "sha256:" + "0" * 64, **more})


def test_what_the_record_of_a_model_that_is_gone_did_not_keep_is_no_difference():
    told = record(
        dataset=DATA, steps=2, seconds=9.0, loss=Loss(2, 3.0, 2.0, 2.0, 2), base_model="models/text-bison-001"
    )
    found = facts(Specimen.of_record(told), RIGHT)
    assert found["hyperparameters", "epochCount"] == (None, 5, False)
    assert found["model", "base model"] == ("models/text-bison-001", "models/text-bison-001", False)
    assert found["loss", "final"] == (2.0, 0.5, True)
    assert found["training", "seconds"] == (9.0, 4.0, True)


def test_of_several_records_of_a_model_the_one_of_its_training_counts():
    trained = record(seconds=4.0, steps=2)
    found = last_records([record(event=Event.UPDATED), trained, record(event=Event.DELETED)])
    assert found == {trained.resource: trained}


def row(check, text, answer, points):
    return {"check": check, "input": text, "expected": "2", "answer": answer, "score": points}


def test_only_questions_that_both_were_asked_are_compared():
    left = [row("prompts[0]", "1", "2", 1.0), row("prompts[1]", "5", "6", 1.0), {"check": "prompts[2]"}]
    right = [
        row("prompts[0]", "1", "3", 0.0),
        row("prompts[1]", "changed", "6", 1.0),
        row("prompts[2]", "7", "8", None),
    ]
    compared = compare(LEFT, RIGHT, answers=(left, right))
    (answer,) = compared.answers
    assert (answer.question, answer.left_score, answer.right_score) == ("prompts[0]", 1.0, 0.0)
    assert (compared.better, compared.worse) == (0, 1)


def test_answers_that_were_not_kept_are_none_rather_than_equal():
    assert compare(LEFT, RIGHT).answers is None
