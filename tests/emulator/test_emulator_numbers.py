"""The arithmetic that must agree with the real service's recorded answers."""

from __future__ import annotations

import re

import pytest
from emulator_kit import CURL_BODY, listing, tuned
from hypothesis import given
from hypothesis import strategies as st

from reconciler.emulator.scalars import float32, json_float, timestamp
from reconciler.emulator.training import Training, epoch_at, percent, total_steps

MODELS = listing()["tunedModels"]
SNAPSHOTS = [
    (index, snapshot) for index, model in enumerate(MODELS) for snapshot in model["tuningTask"].get("snapshots", [])
]
EXAMPLES = [25, 15, 15, 15, 15]
"""Training examples of the five recorded models; the first figure is the only one that fits its listing."""


@pytest.mark.parametrize(("epochs", "batch", "steps"), [(3, 2, 23), (3, 4, 12), (50, 4, 188)])
def test_fifteen_examples_take_the_steps_the_service_said(api, epochs, batch, steps):
    operation = api.create(epochCount=epochs, batchSize=batch)
    assert operation["metadata"]["totalSteps"] == steps


@pytest.mark.parametrize(("examples", "epochs", "batch", "steps"), [(15, 5, 2, 38), (15, 5, 4, 19), (15, 100, 4, 375)])
def test_published_notebooks_give_the_same_steps(examples, epochs, batch, steps):
    assert total_steps(examples, epochs, batch) == steps


def test_the_tutorials_curl_body_is_taken_byte_for_byte(api):
    operation = api.ok("POST", "/v1beta3/tunedModels", CURL_BODY.read_bytes())
    assert operation["metadata"]["totalSteps"] == 23
    assert "done" not in operation


def test_the_listing_holds_86_snapshots():
    assert len(SNAPSHOTS) == 86


@pytest.mark.parametrize(("index", "snapshot"), SNAPSHOTS)
def test_every_recorded_snapshot_has_the_epoch_we_compute(index, snapshot):
    batch = MODELS[index]["tuningTask"]["hyperparameters"]["batchSize"]
    assert epoch_at(snapshot["step"], examples=EXAMPLES[index], batch=batch) == snapshot.get("epoch", 0)


@pytest.mark.parametrize("index", range(5))
def test_every_recorded_model_has_as_many_snapshots_as_steps(index):
    task = MODELS[index]["tuningTask"]
    settings = task["hyperparameters"]
    steps = total_steps(EXAMPLES[index], settings["epochCount"], settings["batchSize"])
    assert [snapshot["step"] for snapshot in task["snapshots"]] == list(range(1, steps + 1))


def test_polling_prints_the_tutorials_percentages(api, clock, emulator):
    operation = api.create(epochCount=50, batchSize=4)
    training = emulator.world.store.find("m").training
    start, printed = clock.now, []
    for step in (40, 81, 120, 160, 188):
        clock.now = start
        clock.advance((training.moment(step) - training.created) / 1e9 + 0.001)
        metadata = api.ok("GET", f"/v1/{operation['name']}")["metadata"]
        assert metadata["completedSteps"] == metadata["snapshots"][-1]["step"]
        printed.append((f"{metadata['completedPercent']:.2f}%", metadata["snapshots"][-1]["step"]))
        printed.append(metadata["snapshots"][-1]["epoch"])
    assert printed == [
        ("21.28%", 40),
        10,
        ("43.09%", 81),
        21,
        ("63.83%", 120),
        32,
        ("85.11%", 160),
        42,
        ("100.00%", 188),
        50,
    ]


def test_a_snapshot_leaves_its_epoch_out_while_it_is_zero(api, clock):
    api.create(epochCount=3, batchSize=2)
    clock.advance(100)
    snapshots = api.get()["tuningTask"]["snapshots"]
    recorded = MODELS[2]["tuningTask"]["snapshots"]
    assert [list(snapshot) for snapshot in snapshots] == [list(snapshot) for snapshot in recorded]
    assert [snapshot.get("epoch") for snapshot in snapshots] == [snapshot.get("epoch") for snapshot in recorded]
    assert sum("epoch" not in snapshot for snapshot in snapshots) == 7


def test_metadata_has_no_progress_before_the_first_step(api):
    operation = api.create()
    again = api.ok("GET", f"/v1/{operation['name']}")
    assert set(again["metadata"]) == {"@type", "totalSteps", "tunedModel"}


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.95, "0.95"), (-1.1145603e-06, "-1.1145603e-06"), (0.001, "0.001"), (16.613504, "16.613504"), (100, "100.0")],
)
def test_floats_have_the_shortest_spelling_of_their_float32(number, text):
    assert repr(float32(number)) == text


def test_a_double_between_two_float32_gets_the_spelling_of_the_nearer_one():
    assert float32(3.9106688499450684) == 3.9106688


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float32_survives_its_own_spelling(number):
    short = float32(number)
    assert float32(short) == short
    assert len(re.sub(r"e.*|[-.]", "", repr(short)).strip("0")) <= 9


@pytest.mark.parametrize(
    ("number", "text"), [(float("nan"), "NaN"), (float("inf"), "Infinity"), (float("-inf"), "-Infinity")]
)
def test_what_json_has_no_number_for_is_spelt_out(number, text):
    assert json_float(number) == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (1_695_153_385_000_000_000, "2023-09-19T19:56:25Z"),
        (1_695_153_385_999_000_000, "2023-09-19T19:56:25.999Z"),
        (1_695_153_385_999_303_000, "2023-09-19T19:56:25.999303Z"),
        (1_695_153_386_297_862_545, "2023-09-19T19:56:26.297862545Z"),
    ],
)
def test_times_have_as_few_digits_as_keep_them(moment, text):
    assert timestamp(moment) == text


def test_times_of_a_training_have_the_services_two_precisions_and_order(api, clock):
    clock.now = 1_700_000_000.123457
    api.create(epochCount=3, batchSize=4)
    clock.advance(100)
    model = api.get()
    task = model["tuningTask"]
    micro, nano = r".*\.\d{6}Z", r".*\.\d{9}Z"
    assert all(re.fullmatch(micro, text) for text in (model["createTime"], model["updateTime"], task["completeTime"]))
    assert re.fullmatch(nano, task["startTime"])
    assert all(re.fullmatch(nano, snapshot["computeTime"]) for snapshot in task["snapshots"][:-1])
    times = [
        model["createTime"],
        task["startTime"],
        *(s["computeTime"] for s in task["snapshots"]),
        task["completeTime"],
    ]
    assert times == sorted(times)
    assert model["updateTime"] == task["completeTime"]


@given(
    examples=st.integers(1, 2000),
    epochs=st.integers(1, 200),
    batch=st.integers(1, 3000),
    seconds=st.sampled_from([0.0, 0.001, 1.0, 20.0, 86_400.0]),
)
def test_a_step_is_done_at_its_moment_and_the_last_one_before_the_end(examples, epochs, batch, seconds):
    training = Training("m", examples, epochs, batch, created=1_700_000_000_000_000_000, seconds=seconds)
    for step in {1, training.steps // 2, training.steps} - {0}:
        assert training.done_steps(training.moment(step)) >= step
    assert training.moment(training.steps) <= training.ends
    assert training.state(training.ends) == "ACTIVE"
    assert epoch_at(training.steps, examples=examples, batch=batch) >= epochs
    assert percent(training.steps, training.steps) == 100


def test_the_loss_of_a_model_is_the_same_every_time_and_falls(api, clock):
    api.create("one", epochCount=20)
    clock.advance(100)
    first = [snapshot["meanLoss"] for snapshot in api.get("one")["tuningTask"]["snapshots"]]
    api.ok("DELETE", "tunedModels/one")
    api.create("one", epochCount=20)
    clock.advance(100)
    again = [snapshot["meanLoss"] for snapshot in api.get("one")["tuningTask"]["snapshots"]]
    assert first == again
    assert sum(first[-10:]) < sum(first[:10]) / 5


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1beta3"])
@pytest.mark.parametrize("asked", ["v1", "v1beta", "v1beta3"])
def test_an_operation_keeps_the_type_of_the_version_that_made_it(api, clock, version, asked):
    published = "v1beta" if version == "v1" else version
    operation = api.ok("POST", f"/{version}/tunedModels", tuned())
    clock.advance(100)
    answer = api.ok("GET", f"/{asked}/{operation['name']}")
    prefix = f"type.googleapis.com/google.ai.generativelanguage.{published}"
    assert answer["metadata"]["@type"] == f"{prefix}.CreateTunedModelMetadata"
    assert answer["response"]["@type"] == f"{prefix}.TunedModel"
