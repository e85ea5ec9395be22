"""The Generative Language provider against a scripted service."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import httpx
import pytest
from providers_kit import MODEL, OPERATION, bench, error, model, ok

from reconciler.core.event import Warned
from reconciler.core.observation import ModelState, Operation, Progress, Snapshot
from reconciler.core.resource import Effect, Example
from reconciler.errors import AlreadyExists, InvalidArgument, MalformedAnswer, NotFound, PermissionDenied
from reconciler.ports.provider import CreateRequest

LISTING = json.loads((Path(__file__).parents[1] / "data" / "seed-listing.json").read_text())
SPEC = {"displayName": "numbers", "baseModel": "models/text-bison-001"}


EXAMPLES = (Example("1", "2"),)
STARTED = {"name": OPERATION, "metadata": {"totalSteps": 12, "tunedModel": MODEL}}


def request(spec=SPEC, examples=EXAMPLES):
    return CreateRequest(MODEL, spec, examples)


class TestListing:
    def test_reads_the_real_services_listing(self):
        desk = bench(ok(LISTING))
        found = desk.provider.observe(snapshots=True)
        assert [seen.resource for seen in found] == [item["name"] for item in LISTING["tunedModels"]]
        first = found[0]
        assert first.state is ModelState.READY
        assert first.spec["baseModel"] == "models/text-bison-001"
        assert first.spec["hyperparameters"]["epochCount"] == 10
        assert first.spec["temperature"] == 0.7
        assert first.spec["topP"] == 0.95
        assert first.snapshots[0] == Snapshot(1, 0, 16.613504, "2023-09-18T11:06:44.532937624Z")
        assert first.progress.completed_steps == first.snapshots[-1].step

    def test_asks_for_the_largest_page_without_the_loss_curves(self):
        desk = bench(ok({}))
        assert list(desk.provider.observe()) == []
        query = desk.service.requests[0].url.params
        assert query["pageSize"] == "1000"
        assert "snapshots" not in query["fields"]
        assert "hyperparameters" in query["fields"]

    @pytest.mark.parametrize(
        ("task", "seconds"),
        [
            ({"startTime": "2026-01-01T10:00:00Z", "completeTime": "2026-01-01T10:01:30.5Z"}, 90.5),
            ({"startTime": "2026-01-01T10:00:00.123456789Z", "completeTime": "2026-01-01T10:00:01.123456789Z"}, 1.0),
            ({"startTime": "2026-01-01T10:00:00Z"}, None),
            ({"completeTime": "2026-01-01T10:00:00Z"}, None),
            ({"startTime": "2026-01-01T10:00:00Z", "completeTime": "2026-01-01T09:00:00Z"}, None),
            ({"startTime": "2026-01-01T10:00:00Z", "completeTime": "2026-01-01T10:00:00Z"}, None),
            ({"startTime": "yesterday", "completeTime": "2026-01-01T10:00:00Z"}, None),
            ({}, None),
            (None, None),
        ],
    )
    def test_tells_how_long_a_tuning_took_if_the_service_does(self, task, seconds):
        listed = {"tunedModels": [model(**({} if task is None else {"tuningTask": task}))]}
        (seen,) = bench(ok(listed)).provider.observe()
        assert seen.tuning_seconds == pytest.approx(seconds)

    def test_tells_the_base_model_through_a_parent(self):
        source = {"tunedModel": "tunedModels/parent", "baseModel": "models/text-bison-001"}
        child = {"name": "tunedModels/child", "tunedModelSource": source}
        seen = bench(ok({"tunedModels": [child, model()]})).provider.observe()
        assert [each.base_model for each in seen] == ["models/text-bison-001"] * 2

    def test_leaves_curves_out_of_the_answer_when_nobody_asked(self):
        desk = bench(ok(LISTING))
        assert all(seen.snapshots == () and seen.progress is None for seen in desk.provider.observe())

    def test_reads_every_page_even_behind_an_empty_one(self):
        desk = bench(
            ok({"tunedModels": [model("tunedModels/a")], "nextPageToken": "2"}),
            ok({"nextPageToken": "3"}),
            ok({"tunedModels": [model("tunedModels/b")]}),
        )
        assert [seen.resource for seen in desk.provider.observe()] == ["tunedModels/a", "tunedModels/b"]
        assert [sent.url.params.get("pageToken") for sent in desk.service.requests] == [None, "2", "3"]
        assert len({sent.url.params["fields"] for sent in desk.service.requests}) == 1

    def test_counts_a_model_that_moved_to_a_later_page_once(self):
        desk = bench(
            ok({"tunedModels": [model("tunedModels/a")], "nextPageToken": "2"}),
            ok({"tunedModels": [model("tunedModels/a"), model("tunedModels/b")]}),
        )
        assert [seen.resource for seen in desk.provider.observe()] == ["tunedModels/a", "tunedModels/b"]

    def test_refuses_a_listing_that_goes_round(self):
        desk = bench(ok({"nextPageToken": "2"}), ok({"nextPageToken": "3"}), ok({"nextPageToken": "2"}))
        with pytest.raises(MalformedAnswer, match="does not end"):
            desk.provider.observe()
        assert len(desk.service.requests) == 3

    def test_does_without_the_field_mask_where_it_is_refused_and_remembers(self):
        desk = bench(error(400, "INVALID_ARGUMENT"), ok({"tunedModels": [model()]}))
        assert len(desk.provider.observe()) == 1
        assert len(desk.provider.observe()) == 1
        assert ["fields" in sent.url.params for sent in desk.service.requests] == [True, False, False]

    def test_shows_the_services_error_when_the_mask_was_not_the_reason(self):
        desk = bench(error(400, "INVALID_ARGUMENT", "mask"), error(400, "INVALID_ARGUMENT", "something else"))
        with pytest.raises(InvalidArgument, match="something else"):
            desk.provider.observe()
        assert len(desk.service.requests) == 2

    def test_fails_rather_than_answer_in_part(self):
        desk = bench(
            ok({"tunedModels": [model()], "nextPageToken": "2"}), error(403, "PERMISSION_DENIED", "not any more")
        )
        with pytest.raises(PermissionDenied):
            desk.provider.observe()

    @pytest.mark.parametrize(
        "body",
        [
            {"tunedModels": [{"displayName": "no name"}]},
            {"tunedModels": [model("tunedModels/a/../b")]},
            {"tunedModels": [model(topK=3.5)]},
            {"tunedModels": [model(temperature="NaN")]},
            {"tunedModels": {"name": MODEL}},
            {"nextPageToken": 7},
            [],
        ],
    )
    def test_refuses_shapes_the_api_does_not_have(self, body):
        with pytest.raises(MalformedAnswer, match="list tuned models: the answer's"):
            bench(ok(body)).provider.observe()

    def test_takes_protobufs_spellings_of_numbers_and_states(self):
        wire = model(
            state=1,
            topK="40",
            temperature=1,
            somethingNew={"a": 1},
            tuningTask={
                "hyperparameters": {"epochCount": "3", "batchSize": 4.0, "learningRate": 0.0010000000474974513},
                "snapshots": [{"step": 2, "epoch": 1, "meanLoss": "NaN"}, {"step": 1, "meanLoss": -1.1145603e-06}],
            },
        )
        seen = bench(ok(wire)).provider.get(MODEL, snapshots=True)
        assert seen.state is ModelState.TUNING
        assert seen.spec["topK"] == 40
        assert seen.spec["hyperparameters"] == {"epochCount": 3, "batchSize": 4, "learningRate": 0.001}
        assert [point.step for point in seen.snapshots] == [1, 2]
        assert seen.snapshots[0].mean_loss == -1.1145603e-06
        assert math.isnan(seen.snapshots[1].mean_loss)

    def test_a_number_beyond_float32_that_somebody_else_set_is_shown_as_it_is(self):
        assert bench(ok(model(topP=1e39))).provider.get(MODEL).spec["topP"] == 1e39

    def test_shows_the_parent_in_place_of_the_base_model(self):
        wire = model(tunedModelSource={"tunedModel": "tunedModels/parent", "baseModel": "models/text-bison-001"})
        del wire["baseModel"]
        spec = bench(ok(wire)).provider.get(MODEL).spec
        assert spec["source"] == {"tunedModel": "tunedModels/parent"}
        assert "baseModel" not in spec

    @pytest.mark.parametrize(
        ("state", "expected"),
        [
            ("CREATING", ModelState.TUNING),
            ("ACTIVE", ModelState.READY),
            ("FAILED", ModelState.FAILED),
            ("SLEEPING", ModelState.UNKNOWN),
            (3, ModelState.FAILED),
            (9, ModelState.UNKNOWN),
        ],
    )
    def test_knows_the_states(self, state, expected):
        assert bench(ok(model(state=state))).provider.get(MODEL).state is expected

    def test_an_absent_text_is_the_empty_text_and_an_absent_number_is_not_set(self):
        spec = bench(ok({"name": MODEL})).provider.get(MODEL).spec
        assert spec == {"displayName": "", "description": ""}

    def test_decodes_five_thousand_models_quickly(self):
        task = {"hyperparameters": {"epochCount": 3, "batchSize": 4, "learningRate": 0.001}}
        pages = [
            ok(
                {
                    "tunedModels": [
                        model(f"tunedModels/m-{page}-{number}", temperature=0.7, topP=0.95, topK=40, tuningTask=task)
                        for number in range(1000)
                    ],
                    **({"nextPageToken": str(page)} if page < 4 else {}),
                }
            )
            for page in range(5)
        ]
        desk = bench(*pages)
        started = time.process_time()
        assert len(desk.provider.observe()) == 5000
        assert time.process_time() - started < 1.5  # 0.1 s on an idle core; the bound is for a busy one


class TestBaseModels:
    def test_lists_all_pages_and_says_which_can_be_tuned(self):
        desk = bench(
            ok({"models": [{"name": "models/a", "supportedGenerationMethods": ["x"]}], "nextPageToken": "2"}),
            ok(
                {
                    "models": [
                        {"name": "models/b", "supportedGenerationMethods": ["createTunedModel"]},
                        {"name": "models/c", "supportedGenerationMethods": ["createTunedTextModel"]},
                        {"name": "models/d"},
                    ]
                }
            ),
        )
        found = {base.name: base.tunable for base in desk.provider.base_models()}
        assert found == {"models/a": False, "models/b": True, "models/c": True, "models/d": False}
        assert desk.service.seen == ["GET /v1beta/models"] * 2


class TestCreate:
    def test_sends_the_id_the_spec_and_the_examples(self):
        desk = bench(ok(STARTED), api_version="v1beta3")
        spec = {
            "displayName": "numbers",
            "description": "",
            "baseModel": "models/text-bison-001",
            "hyperparameters": {"epochCount": 3, "learningRate": 0.001},
            "temperature": 0.0,
        }
        started = desk.provider.create(request(spec, (Example("1", "2"), Example("", "十"))))
        assert started == Operation(MODEL, OPERATION, progress=Progress(total_steps=12))
        sent = desk.service.requests[0]
        assert sent.url.path == "/v1beta3/tunedModels"
        assert sent.url.params["tunedModelId"] == "numbers-1a2b3c4d5e6f"
        assert desk.service.body() == {
            "displayName": "numbers",
            "description": "",
            "baseModel": "models/text-bison-001",
            "temperature": 0.0,
            "tuningTask": {
                "hyperparameters": {"epochCount": 3, "learningRate": 0.001},
                "trainingData": {
                    "examples": {"examples": [{"textInput": "1", "output": "2"}, {"textInput": "", "output": "十"}]}
                },
            },
        }

    def test_names_the_parent_of_a_model_tuned_from_another(self):
        desk = bench(ok(STARTED))
        desk.provider.create(request({"displayName": "n", "source": {"tunedModel": "tunedModels/parent"}}))
        assert desk.service.body()["tunedModelSource"] == {"tunedModel": "tunedModels/parent"}
        assert "baseModel" not in desk.service.body()

    def test_says_that_the_id_is_taken(self):
        with pytest.raises(AlreadyExists) as caught:
            bench(error(409, "ALREADY_EXISTS", "exists")).provider.create(request())
        assert caught.value.status == "ALREADY_EXISTS"

    def test_refuses_an_answer_about_another_model(self):
        answer = {"name": OPERATION, "metadata": {"tunedModel": "tunedModels/numbers-somewhere-else"}}
        with pytest.raises(MalformedAnswer, match="numbers-somewhere-else"):
            bench(ok(answer)).provider.create(request())

    def test_sends_nothing_when_an_example_has_no_output(self):
        desk = bench(ok(STARTED))
        with pytest.raises(InvalidArgument, match="example 2 has no output"):
            desk.provider.create(request(examples=(Example("1", "2"), Example("canary row", ""))))
        assert desk.service.requests == []

    def test_sends_nothing_that_json_cannot_carry(self):
        desk = bench(ok(STARTED))
        with pytest.raises(InvalidArgument, match="half a surrogate pair") as caught:
            desk.provider.create(request(examples=(Example("canary row \ud800", "2"),)))
        assert "canary" not in f"{caught.value!r} {caught.value.__cause__!r}"
        assert desk.service.requests == []

    def test_an_operation_that_ended_at_once_is_an_outcome_and_no_error(self):
        answer = {"name": OPERATION, "done": True, "error": {"code": 3, "message": "Tuning\x1b failed."}}
        started = bench(ok(answer)).provider.create(request())
        assert started.done
        assert started.error == "Tuning\\x1b failed."


class TestUpdate:
    def test_masks_just_the_given_fields_and_clears_with_none(self):
        desk = bench(ok(model()))
        desk.provider.update(MODEL, {"temperature": 0.0, "description": "", "topP": None, "displayName": "new"})
        sent = desk.service.requests[0]
        assert f"{sent.method} {sent.url.path}" == f"PATCH /v1beta/{MODEL}"
        assert sent.url.params["updateMask"] == "description,displayName,temperature,topP"
        assert desk.service.body() == {"temperature": 0.0, "description": "", "displayName": "new"}

    def test_spells_floats_as_float32(self):
        desk = bench(ok(model()))
        desk.provider.update(MODEL, {"topP": 0.949999988079071})
        assert desk.service.body() == {"topP": 0.95}

    @pytest.mark.parametrize("path", ["baseModel", "hyperparameters.epochCount", "state", "permissions"])
    def test_refuses_what_cannot_be_changed_in_place(self, path):
        desk = bench(ok(model()))
        with pytest.raises(InvalidArgument, match="cannot be changed in place"):
            desk.provider.update(MODEL, {path: 1})
        assert desk.service.requests == []


class TestPoll:
    def test_reads_one_tuning_from_its_operation_on_v1(self):
        metadata = {
            "totalSteps": 188,
            "completedSteps": 40,
            "completedPercent": 21.28,
            "snapshots": [{"step": 39, "epoch": 10, "meanLoss": 2.0}, {"step": 40, "epoch": 10, "meanLoss": 1.0}],
        }
        desk = bench(ok({"name": OPERATION, "metadata": metadata}))
        (news,) = desk.provider.poll([Operation(MODEL, OPERATION)])
        assert desk.service.seen == [f"GET /v1/{OPERATION}"]
        assert news == Operation(MODEL, OPERATION, progress=Progress(40, 188, 21.28, Snapshot(40, 10, 1.0)))

    def test_tells_the_error_a_tuning_ended_with(self):
        desk = bench(ok({"name": OPERATION, "done": True, "error": {"code": 3, "message": "Tuning failed."}}))
        (news,) = desk.provider.poll([Operation(MODEL, OPERATION)])
        assert (news.done, news.error) == (True, "Tuning failed.")

    def test_keeps_the_operations_name_when_the_answer_forgets_it(self):
        (news,) = bench(ok({"metadata": {"totalSteps": 12}})).provider.poll([Operation(MODEL, OPERATION)])
        assert news.name == OPERATION

    def test_an_error_without_words_is_an_error_still(self):
        desk = bench(ok({"name": OPERATION, "done": True, "error": {"code": 8}}))
        (news,) = desk.provider.poll([Operation(MODEL, OPERATION)])
        assert news.error == "tuning failed with code 8"

    @pytest.mark.parametrize(
        ("state", "done", "failed"), [("CREATING", False, False), ("ACTIVE", True, False), ("FAILED", True, True)]
    )
    def test_an_expired_operation_falls_back_to_the_model(self, state, done, failed):
        desk = bench(error(404, "NOT_FOUND"), ok(model(state=state)))
        (news,) = desk.provider.poll([Operation(MODEL, OPERATION)])
        assert desk.service.seen == [f"GET /v1/{OPERATION}", f"GET /v1beta/{MODEL}"]
        assert (news.done, news.error is not None, news.gone) == (done, failed, False)
        assert news.name == OPERATION

    def test_a_lost_operation_is_read_from_the_model(self):
        desk = bench(ok(model(tuningTask={"snapshots": [{"step": 4, "meanLoss": 1.5}]})))
        (news,) = desk.provider.poll([Operation(MODEL)])
        assert desk.service.seen == [f"GET /v1beta/{MODEL}"]
        assert news == Operation(MODEL, done=True, progress=Progress(completed_steps=4, last=Snapshot(4, 0, 1.5)))

    def test_a_model_that_is_gone_is_gone(self):
        desk = bench(error(404, "NOT_FOUND"))
        (news,) = desk.provider.poll([Operation(MODEL, OPERATION)])
        assert news.gone
        assert not news.done

    def test_forbidden_is_not_gone(self):
        with pytest.raises(PermissionDenied):
            bench(error(403, "PERMISSION_DENIED")).provider.poll([Operation(MODEL, OPERATION)])

    def test_one_listing_answers_for_hundreds_in_order(self):
        names = [f"tunedModels/m{number}" for number in range(300)]
        desk = bench(ok({"tunedModels": [model(name, state="CREATING") for name in reversed(names)]}))
        news = desk.provider.poll([Operation(name, f"{name}/operations/o") for name in names])
        assert [item.resource for item in news] == names
        assert not any(item.done or item.gone for item in news)
        assert desk.service.seen == ["GET /v1beta/tunedModels"]
        assert "fields" in desk.service.requests[0].url.params  # without 300 loss curves

    def test_a_few_tunings_come_with_their_last_loss(self):
        names = ["tunedModels/a", "tunedModels/b"]
        task = {"snapshots": [{"step": 1, "meanLoss": 9.0}, {"step": 2, "epoch": 1, "meanLoss": 3.0}]}
        desk = bench(ok({"tunedModels": [model(name, state="CREATING", tuningTask=task) for name in names]}))
        news = desk.provider.poll([Operation(name) for name in names])
        assert [item.progress.last for item in news] == [Snapshot(2, 1, 3.0)] * 2

    def test_a_large_fleet_is_polled_without_its_loss_curves(self):
        fleet = ok({"tunedModels": [model(f"tunedModels/m{number}") for number in range(201)]})
        desk = bench(fleet)
        desk.provider.observe()
        desk.provider.poll([Operation("tunedModels/m1"), Operation("tunedModels/m2")])
        assert "fields" in desk.service.requests[-1].url.params

    def test_what_the_listing_lacks_is_asked_for_by_name(self):
        def serve(sent):
            if sent.url.path == "/v1beta/tunedModels":
                return ok({"tunedModels": [model("tunedModels/a")]})
            if sent.url.path == "/v1beta/tunedModels/late":
                return ok(model("tunedModels/late", state="CREATING"))
            return error(404, "NOT_FOUND")

        desk = bench(serve)
        news = desk.provider.poll(
            [Operation("tunedModels/gone"), Operation("tunedModels/late"), Operation("tunedModels/a")]
        )
        assert [(item.gone, item.done) for item in news] == [(True, False), (False, False), (False, True)]
        assert len(desk.service.requests) == 3

    def test_the_reason_of_a_failure_is_fetched_from_its_operation(self):
        def serve(sent):
            if sent.url.path.startswith("/v1/"):
                return ok({"name": OPERATION, "done": True, "error": {"code": 3, "message": "bad data"}})
            return ok({"tunedModels": [model(state="FAILED"), model("tunedModels/b")]})

        desk = bench(serve)
        news = desk.provider.poll([Operation(MODEL, OPERATION), Operation("tunedModels/b")])
        assert [(item.done, item.error) for item in news] == [(True, "bad data"), (True, None)]

    def test_a_failure_whose_operation_expired_is_a_failure_still(self):
        def serve(sent):
            if sent.url.path.startswith("/v1/"):
                return error(404, "NOT_FOUND")
            return ok({"tunedModels": [model(state="FAILED"), model("tunedModels/b")]})

        news = bench(serve).provider.poll([Operation(MODEL, OPERATION), Operation("tunedModels/b")])
        assert news[0].error == "tuning failed; the service no longer says why"

    def test_a_listing_says_how_far_once_the_total_is_known(self):
        task = {"snapshots": [{"step": 3, "meanLoss": 9.0}]}
        names = ["tunedModels/a", "tunedModels/b"]
        desk = bench(ok({"tunedModels": [model(name, state="CREATING", tuningTask=task) for name in names]}))
        known, unknown = desk.provider.poll(
            [Operation(names[0], progress=Progress(total_steps=12)), Operation(names[1])]
        )
        assert (known.progress.completed_steps, known.progress.total_steps, known.progress.percent) == (3, 12, 25.0)
        assert (unknown.progress.total_steps, unknown.progress.percent) == (None, None)

    def test_what_a_bare_listing_does_not_tell_is_kept(self):
        fleet = ok({"tunedModels": [model(f"tunedModels/m{number}", state="CREATING") for number in range(60)]})
        before = Progress(6, 12, 50.0, Snapshot(6, 1, 2.0))
        asked = [Operation(f"tunedModels/m{number}", progress=before) for number in range(60)]
        assert [item.progress for item in bench(fleet).provider.poll(asked)] == [before] * 60

    @pytest.mark.parametrize(
        "answer",
        [
            {"name": OPERATION, "done": True, "response": model(createTime="2023-09-19T19:56:25Z")},
            model(createTime="2023-09-19T19:56:25Z"),
        ],
    )
    def test_the_models_time_of_birth_comes_along(self, answer):
        asked = Operation(MODEL, OPERATION if "done" in answer else None)
        (news,) = bench(ok(answer)).provider.poll([asked])
        assert news.create_time == "2023-09-19T19:56:25Z"

    def test_nothing_outstanding_needs_no_request(self):
        desk = bench(ok({}))
        assert list(desk.provider.poll([])) == []
        assert desk.service.requests == []


class TestGenerate:
    def test_v1beta3_speaks_text(self):
        desk = bench(ok({"candidates": [{"output": "10"}, {"output": "ten"}]}), api_version="v1beta3")
        assert list(desk.provider.generate(MODEL, "9", candidates=2)) == ["10", "ten"]
        assert desk.service.seen == [f"POST /v1beta3/{MODEL}:generateText"]
        assert desk.service.body() == {"prompt": {"text": "9"}, "candidateCount": 2}

    def test_v1beta_speaks_content(self):
        desk = bench(
            ok(model(baseModel="models/gemini-1.5-flash-001-tuning")),
            ok({"candidates": [{"content": {"parts": [{"text": "1"}, {"text": "0"}]}}]}),
        )
        assert list(desk.provider.generate(MODEL, "9")) == ["10"]
        assert desk.service.seen[-1] == f"POST /v1beta/{MODEL}:generateContent"
        assert desk.service.body() == {"contents": [{"role": "user", "parts": [{"text": "9"}]}]}

    def test_asks_for_several_candidates_of_content(self):
        desk = bench(ok(model(baseModel="models/gemini-1.5-flash-001-tuning")), ok({"candidates": []}))
        desk.provider.generate(MODEL, "9", candidates=3)
        assert desk.service.body()["generationConfig"] == {"candidateCount": 3}

    @pytest.mark.parametrize("chained", [False, True])
    def test_v1beta_speaks_text_to_models_tuned_from_palm_and_asks_only_once(self, chained):
        wire = model()
        if chained:
            wire = {**wire, "tunedModelSource": {"tunedModel": "tunedModels/p", "baseModel": wire.pop("baseModel")}}
        desk = bench(ok(wire), ok({"candidates": [{"output": "10"}]}))
        assert list(desk.provider.generate(MODEL, "9")) == ["10"]
        assert list(desk.provider.generate(MODEL, "9")) == ["10"]
        assert desk.service.seen == [f"GET /v1beta/{MODEL}", *[f"POST /v1beta/{MODEL}:generateText"] * 2]

    @pytest.mark.parametrize(
        ("version", "answer"),
        [
            ("v1beta3", {"filters": [{"reason": "SAFETY"}]}),
            ("v1beta", {"promptFeedback": {"blockReason": "SAFETY"}}),
            ("v1beta", {"candidates": [{"finishReason": "SAFETY"}]}),
        ],
    )
    def test_a_withheld_answer_is_none_and_a_warning_says_why(self, version, answer):
        desk = bench(ok(model(baseModel="models/gemini-1.5-flash-001-tuning")), ok(answer), api_version=version)
        if version == "v1beta3":
            desk.service.steps.pop(0)
        assert list(desk.provider.generate(MODEL, "9")) == []
        (warning,) = [event for event in desk.events if isinstance(event, Warned)]
        assert "SAFETY" in warning.problem.message


class TestNormalize:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({"baseModel": "text-bison-001"}, {"baseModel": "models/text-bison-001"}),
            ({"baseModel": "models/text-bison-001"}, {"baseModel": "models/text-bison-001"}),
            ({"source": {"tunedModel": "x"}}, {"source": {"tunedModel": "tunedModels/x"}}),
            ({"source": {"model": "other"}}, {"source": {"model": "other"}}),
            ({"temperature": 0}, {"temperature": 0.0}),
            ({"topP": 0.949999988079071}, {"topP": 0.95}),
            ({"topK": 40.0}, {"topK": 40}),
            (
                {"hyperparameters": {"epochCount": 3.0, "learningRate": 0.0010000000001}},
                {"hyperparameters": {"epochCount": 3, "learningRate": 0.001}},
            ),
            ({"hyperparameters": {"learningRateMultiplier": 1}}, {"hyperparameters": {"learningRateMultiplier": 1.0}}),
            ({"permissions": [{"role": "READER"}]}, {"permissions": [{"role": "READER"}]}),
            ({}, {}),
        ],
    )
    def test_spells_as_the_service_will(self, given, expected):
        desk = bench(ok({}))
        assert desk.provider.normalize(given).spec == expected
        assert desk.provider.normalize(expected).spec == expected
        assert desk.service.requests == []

    @pytest.mark.parametrize(
        ("spec", "message"),
        [
            ({"topK": 1.5}, "topK: 1.5 is no 32-bit integer"),
            ({"topK": 2**31}, "no 32-bit integer"),
            ({"topK": 10**400}, "finite"),
            ({"topK": True}, "topK: a number is needed here, not bool"),
            ({"temperature": "hot"}, "temperature: a number is needed here, not str"),
            ({"temperature": math.nan}, "finite"),
            ({"topP": 1e39}, "beyond float32"),
            ({"hyperparameters": {"batchSize": 0.5}}, "hyperparameters.batchSize: 0.5 is no 32-bit integer"),
            ({"hyperparameters": {"learningRate": 1, "learningRateMultiplier": 1}}, "exclude each other"),
        ],
    )
    def test_refuses_what_the_apis_types_cannot_hold(self, spec, message):
        with pytest.raises(InvalidArgument, match=message):
            bench(ok({})).provider.normalize(spec)

    def test_v1beta3_has_no_multiplier_and_the_way_past_is_named(self):
        with pytest.raises(InvalidArgument, match="learningRateMultiplier") as caught:
            bench(ok({}), api_version="v1beta3").provider.normalize({"hyperparameters": {"learningRateMultiplier": 2}})
        assert "v1beta" in caught.value.hint


class TestNames:
    @pytest.mark.parametrize(
        "name",
        ["", "tunedModels/../models/x", "tunedModels/a?b=c", "tunedModels/a#b", "//evil.example/x", "tunedModels/a b",
         "tunedModels/a%2e", "tunedModels/\n", "tunedModels//x", "tunedModels/./x"],
    )  # fmt: skip
    def test_a_name_that_would_lead_elsewhere_is_never_sent(self, name):
        desk = bench(ok(model()))
        for ask in (desk.provider.get, desk.provider.delete, lambda given: desk.provider.generate(given, "9")):
            with pytest.raises(InvalidArgument, match="is no resource name"):
                ask(name)
        with pytest.raises(InvalidArgument):
            desk.provider.poll([Operation(MODEL, name)])
        assert desk.service.requests == []


class TestCapabilities:
    def test_says_what_a_change_costs(self):
        able = bench(ok({})).provider.capabilities
        assert {path: able.effect(path) for path in ("temperature", "hyperparameters.epochCount", "permissions")} == {
            "temperature": Effect.UPDATE,
            "hyperparameters.epochCount": Effect.REPLACE,
            "permissions": None,
        }
        assert (able.resource_prefix, able.display_name_limit) == ("tunedModels/", 40)
        assert (able.example_limits.input_characters, able.example_limits.output_characters) == (40_000, 5_000)

    @pytest.mark.parametrize(
        ("version", "epochs", "batches"), [("v1beta3", (10,), (16, 64)), ("v1beta", (5,), (4, 16))]
    )
    def test_knows_the_defaults_of_its_version(self, version, epochs, batches):
        defaults = bench(ok({}), api_version=version).provider.capabilities.defaults
        assert defaults == {"epochCount": epochs, "batchSize": batches}


def test_a_deleted_model_is_not_found():
    desk = bench(ok({}), error(404, "NOT_FOUND", "Tuned model tunedModels/x does not exist."))
    desk.provider.delete(MODEL)
    with pytest.raises(NotFound, match=r"Tuned model tunedModels/x does not exist\."):
        desk.provider.get(MODEL)
    assert desk.service.seen == [f"DELETE /v1beta/{MODEL}", f"GET /v1beta/{MODEL}"]


def test_speaks_to_the_embedded_emulator_without_credentials():
    desk = bench(ok({}), endpoint="emulator", access_token="ya29.x", api_key="AIza")
    desk.provider.observe()
    sent = desk.service.requests[0]
    assert sent.url.host == "emulator.invalid"
    assert "authorization" not in sent.headers
    assert "x-goog-api-key" not in sent.headers
    assert desk.provider.remote.endpoint == "emulator"
    assert isinstance(sent, httpx.Request)
