"""What Vertex AI is asked, word for word, and how its answers are read; against recorded answers, over https."""

from __future__ import annotations

import json

import httpx
import pytest
from providers_kit import TOKEN, Service, TurnedClock, error, ok

from reconciler.core.observation import ModelState, Operation
from reconciler.core.resource import Effect, Example
from reconciler.errors import FailedPrecondition, InvalidArgument, MalformedAnswer, NotFound, RemoteError
from reconciler.ports.provider import CreateRequest, Remark
from reconciler.providers.registry import open_provider
from reconciler.providers.settings import ProviderSettings
from reconciler.providers.vertex.labels import identifier_of, kept
from reconciler.providers.vertex.places import Place
from reconciler.providers.vertex.spelling import normalized

PLACE = "projects/123/locations/us-central1"
JOB = f"{PLACE}/tuningJobs/456"
MODEL = f"{PLACE}/models/789@1"
ENDPOINT = f"{PLACE}/endpoints/321"
SAMPLE = "canary-row-7f3a"
"""A training row, as the service sends some back."""


def job(**fields):
    """A job as the service answers it: int64 as strings, defaults filled in, a sample of the training rows."""
    return {
        "name": JOB,
        "baseModel": "gemini-2.5-flash",
        "tunedModelDisplayName": "numbers",
        "labels": {"tunectl-id": "numbers-1a2b3c4d5e6f", "team": "math"},
        "state": "JOB_STATE_SUCCEEDED",
        "createTime": "2026-11-23T10:00:00Z",
        "startTime": "2026-11-23T10:05:00Z",
        "endTime": "2026-11-23T10:35:00Z",
        "updateTime": "2026-11-23T10:35:00Z",
        "supervisedTuningSpec": {
            "trainingDatasetUri": "gs://b/t.jsonl",
            "hyperParameters": {
                "epochCount": "3",
                "learningRateMultiplier": 1.0,
                "adapterSize": "ADAPTER_SIZE_FOUR",
            },
        },
        "tunedModel": {
            "model": MODEL,
            "endpoint": ENDPOINT,
            "checkpoints": [{"checkpointId": "1", "epoch": "1", "step": "4", "endpoint": ENDPOINT}],
        },
        "tuningDataStats": {
            "supervisedTuningDataStats": {"tuningStepCount": "12", "userDatasetExamples": [{"text": SAMPLE}]}
        },
        **fields,
    }


def model(**fields):
    return {
        "name": MODEL.partition("@")[0],
        "versionId": "1",
        "displayName": "numbers",
        "labels": {"tunectl-id": "numbers-1a2b3c4d5e6f", "team": "math", "tune-type": "sft"},
        "etag": "e1",
        "createTime": "2026-11-23T10:35:00Z",
        "updateTime": "2026-11-23T10:35:00Z",
        **fields,
    }


class Desk:
    """A provider in front of a service that answers by method and the end of the path."""

    def __init__(self, answers, **settings):
        self.answers = answers
        self.service = Service([self.answer])
        self.clock = TurnedClock()
        self.events = []
        defaults = {
            "type": "vertex",
            "endpoint": "https://aiplatform.googleapis.com",
            "api_version": "v1",
            "project": "my-proj",
            "location": "us-central1",
            "staging": "gs://bucket/prefix",
            "access_token": TOKEN,
        }
        self.provider = open_provider(
            ProviderSettings(**{**defaults, **settings}),
            transport=httpx.MockTransport(self.service),
            clock=self.clock,
            report=self.events.append,
        )

    def answer(self, request):
        asked = f"{request.method} {request.url.path}"
        for ending, answer in self.answers.items():
            method, _, path = ending.partition(" ")
            if asked.startswith(method) and asked.endswith(path):
                return answer(request) if callable(answer) else answer
        return error(404, "NOT_FOUND", asked)

    def seen(self):
        return [f"{r.method} {r.url.host}{r.url.path}" for r in self.service.requests]


LISTED = {"GET /tuningJobs": ok({"tuningJobs": [job()]}), "GET /models": ok({"models": [model()]}),
          "GET models/789@1": ok(model())}  # fmt: skip
NAME = "tuningJobs/numbers-1a2b3c4d5e6f"


class TestReading:
    def test_int64_defaults_and_our_own_labels_never_look_like_drift(self):
        (seen,) = Desk(LISTED).provider.observe()
        assert seen.resource == NAME
        assert seen.spec == {
            "displayName": "numbers",
            "description": "",
            "labels": {"team": "math", "tune-type": "sft"},
            "method": "supervised",
            "baseModel": "gemini-2.5-flash",
            "hyperparameters": {"epochCount": 3, "learningRateMultiplier": 1.0, "adapterSize": 4},
        }
        assert (seen.state, seen.tuning_seconds, seen.base_model) == (ModelState.READY, 1800.0, "gemini-2.5-flash")
        assert seen.progress.total_steps == 12

    def test_samples_of_training_rows_are_not_asked_for_and_not_kept(self):
        desk = Desk(LISTED)
        (seen,) = desk.provider.observe()
        assert "userDatasetExamples" not in desk.service.requests[0].url.params["fields"]
        assert SAMPLE not in repr(seen)

    @pytest.mark.parametrize(
        ("state", "expected"),
        [
            ("JOB_STATE_QUEUED", ModelState.TUNING),
            ("JOB_STATE_PENDING", ModelState.TUNING),
            ("JOB_STATE_RUNNING", ModelState.TUNING),
            ("JOB_STATE_PAUSED", ModelState.TUNING),
            ("JOB_STATE_CANCELLING", ModelState.TUNING),
            ("JOB_STATE_FAILED", ModelState.FAILED),
            ("JOB_STATE_EXPIRED", ModelState.FAILED),
            ("JOB_STATE_CANCELLED", ModelState.FAILED),
            ("JOB_STATE_PARTIALLY_SUCCEEDED", ModelState.READY),
            ("JOB_STATE_INVENTED", ModelState.UNKNOWN),
        ],
    )
    def test_every_state_has_its_meaning(self, state, expected):
        desk = Desk({**LISTED, "GET /tuningJobs": ok({"tuningJobs": [job(state=state)]})})
        assert desk.provider.observe()[0].state is expected

    @pytest.mark.parametrize(("problem", "expected"), [({}, ModelState.UNKNOWN), ({"code": 3}, ModelState.FAILED)])
    def test_success_without_a_model_is_not_ready(self, problem, expected):
        odd = job(tunedModel={}, **({"error": problem} if problem else {}))
        desk = Desk({"GET /tuningJobs": ok({"tuningJobs": [odd]})})
        assert desk.provider.observe()[0].state is expected

    def test_a_job_whose_model_is_gone_is_not_there(self):
        desk = Desk({"GET /tuningJobs": ok({"tuningJobs": [job()]}), "GET /models": ok({})})
        assert desk.provider.observe() == ()
        with pytest.raises(NotFound):
            desk.provider.get(NAME)

    def test_what_was_changed_on_the_model_is_what_counts(self):
        changed = model(displayName="new", description="other", updateTime="2026-11-24T00:00:00Z", labels={})
        desk = Desk({**LISTED, "GET /models": ok({"models": [changed]})})
        spec = desk.provider.observe()[0].spec
        assert (spec["displayName"], spec["description"], spec["labels"]) == ("new", "other", {})

    def test_a_description_that_the_service_kept_with_the_job_counts_until_somebody_changes_the_model(self):
        listing = ok({"tuningJobs": [job(description="counts")]})
        assert Desk({**LISTED, "GET /tuningJobs": listing}).provider.observe()[0].spec["description"] == "counts"
        cleared = ok({"models": [model(updateTime="2026-11-24T00:00:00Z")]})
        desk = Desk({**LISTED, "GET /tuningJobs": listing, "GET /models": cleared})
        assert desk.provider.observe()[0].spec["description"] == ""

    def test_a_parent_is_named_as_it_was_asked_for(self):
        tuned = {"preTunedModel": {"tunedModelName": MODEL, "baseModel": "gemini-2.5-flash"}, "baseModel": ""}
        plain = Desk({**LISTED, "GET /tuningJobs": ok({"tuningJobs": [job(**tuned)]})}).provider.observe()[0]
        assert plain.spec["source"] == {"tunedModel": "models/789@1"}
        assert plain.base_model == "gemini-2.5-flash"
        labels = {"tunectl-id": "a", "tunectl-source": "mother-1a2b3c4d5e6f"}
        marked = Desk({**LISTED, "GET /tuningJobs": ok({"tuningJobs": [job(**tuned, labels=labels)]})})
        assert marked.provider.observe()[0].spec["source"] == {"tunedModel": "tuningJobs/mother-1a2b3c4d5e6f"}

    def test_a_version_that_the_listing_does_not_show_is_asked_for(self):
        """Continuous tuning makes another version of the parent's model, and a listing shows one."""
        desk = Desk({**LISTED, "GET /models": ok({"models": [model(versionId="2")]})})
        assert desk.provider.observe()[0].state is ModelState.READY
        assert desk.seen()[-1].endswith("models/789@1")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"name": "tuningJobs/456"},
            {"tunedModel": {"model": "../evil"}},
            {"tunedModel": {"endpoint": "https://evil"}},
            {"labels": {"a": 1}},
        ],
    )
    def test_an_answer_of_another_shape_is_malformed(self, wrong):
        with pytest.raises(MalformedAnswer):
            Desk({"GET /tuningJobs": ok({"tuningJobs": [job(**wrong)]})}).provider.observe()

    def test_a_listing_without_end_is_malformed(self):
        with pytest.raises(MalformedAnswer, match="does not end"):
            Desk({"GET /tuningJobs": ok({"nextPageToken": "x"})}).provider.observe()


class TestHosts:
    @pytest.mark.parametrize(
        ("location", "host"),
        [
            ("us-central1", "us-central1-aiplatform.googleapis.com"),
            ("eu", "aiplatform.eu.rep.googleapis.com"),
        ],
    )
    def test_each_location_has_its_host(self, location, host):
        desk = Desk({"GET /tuningJobs": ok({})}, location=location)
        desk.provider.observe()
        assert desk.seen() == [f"GET {host}/v1/projects/my-proj/locations/{location}/tuningJobs"]
        assert desk.service.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
        assert desk.service.requests[0].headers["x-goog-user-project"] == "my-proj"

    @pytest.mark.parametrize(
        ("location", "host"), [("us", "aiplatform.us.rep.googleapis.com"), ("global", "aiplatform.googleapis.com")]
    )
    def test_a_model_that_is_served_elsewhere_is_asked_there(self, location, host):
        there = f"projects/123/locations/{location}/endpoints/9"
        tuned = job(tunedModel={"model": MODEL, "endpoint": there})
        answer = {"candidates": [{"content": {"parts": [{"text": "5"}]}}]}
        desk = Desk({**LISTED, "GET /tuningJobs": ok({"tuningJobs": [tuned]}), "POST :generateContent": ok(answer)})
        assert desk.provider.generate(NAME, "4") == ("5",)
        assert desk.seen()[-1] == f"POST {host}/v1/{there}:generateContent"

    def test_any_other_endpoint_answers_for_every_location(self):
        desk = Desk({"GET /tuningJobs": ok({})}, endpoint="https://vertex.example")
        desk.provider.observe()
        assert desk.seen()[0].startswith("GET vertex.example/v1/")

    def test_no_api_key_is_sent(self):
        desk = Desk({"GET /tuningJobs": ok({})}, api_key="AIza-canary")
        desk.provider.observe()
        assert "x-goog-api-key" not in desk.service.requests[0].headers


class TestCreating:
    def body(self, spec, *, validation=(), **settings):
        made = job(state="JOB_STATE_PENDING", tunedModel={})
        desk = Desk(
            {
                "GET /tuningJobs": ok({}),
                "GET /o/*": ok({}),
                "POST /o": ok({}),
                "POST /tuningJobs": ok(made),
                "GET models/789@1": ok(model()),
            },
            **settings,
        )
        examples = (Example("1", "2"), Example("ü", "3"))
        spec = desk.provider.normalize({"displayName": "numbers", "baseModel": "gemini-2.5-flash", **spec}).spec
        operation = desk.provider.create(CreateRequest(NAME, spec, examples, validation))
        assert operation == Operation(NAME, JOB, progress=operation.progress, create_time="2026-11-23T10:00:00Z")
        return desk, json.loads(desk.service.requests[-1].content)

    def test_sends_what_google_s_own_client_sends(self):
        desk, body = self.body(
            {
                "description": "desc",
                "hyperparameters": {"epochCount": 3, "learningRateMultiplier": 1.0, "adapterSize": 4},
                "labels": {"team": "math"},
                "encryptionKey": "projects/p/locations/l/keyRings/r/cryptoKeys/k",
                "serviceAccount": "x@p.iam.gserviceaccount.com",
            }
        )
        uri = body["supervisedTuningSpec"].pop("trainingDatasetUri")
        assert body == {
            "baseModel": "gemini-2.5-flash",
            "supervisedTuningSpec": {
                "hyperParameters": {"epochCount": 3, "learningRateMultiplier": 1.0, "adapterSize": "ADAPTER_SIZE_FOUR"}
            },
            "tunedModelDisplayName": "numbers",
            "description": "desc",
            "labels": {"team": "math", "tunectl-id": "numbers-1a2b3c4d5e6f"},
            "encryptionSpec": {"kmsKeyName": "projects/p/locations/l/keyRings/r/cryptoKeys/k"},
            "serviceAccount": "x@p.iam.gserviceaccount.com",
        }
        assert uri.startswith("gs://bucket/prefix/")
        assert uri.endswith(".jsonl")
        upload = next(r for r in desk.service.requests if r.url.host == "storage.googleapis.com" and r.method == "POST")
        assert upload.url.params["ifGenerationMatch"] == "0"
        rows = [line for line in upload.content.splitlines() if line.startswith(b'{"contents"')]
        assert [json.loads(line)["contents"][0]["parts"][0]["text"] for line in rows] == ["1", "ü"]

    def test_preference_tuning_has_its_own_spec(self):
        _, body = self.body({"method": "preference", "hyperparameters": {"epochCount": 1, "beta": 0.1}})
        assert body["preferenceOptimizationSpec"]["hyperParameters"] == {"epochCount": 1, "beta": 0.1}
        assert "supervisedTuningSpec" not in body

    def test_validation_examples_are_sent_along(self):
        _, body = self.body({}, validation=(Example("8", "9"),))
        spec = body["supervisedTuningSpec"]
        assert spec["validationDatasetUri"] != spec["trainingDatasetUri"]

    def test_continuous_tuning_names_the_model_and_its_version(self):
        _, body = self.body({"baseModel": None, "source": {"tunedModel": "models/789@1"}})
        assert body["preTunedModel"] == {"tunedModelName": "projects/my-proj/locations/us-central1/models/789@1"}
        assert "baseModel" not in body

    def test_without_a_bucket_nothing_is_sent(self):
        with pytest.raises(FailedPrecondition, match=r"provider\.staging"):
            self.body({}, staging=None)

    def test_somebody_who_was_quicker_with_the_same_data_is_no_error(self):
        made = ok(job(state="JOB_STATE_PENDING", tunedModel={}))
        taken = httpx.Response(412, json={"error": {"code": 412, "message": "exists"}})
        desk = Desk({"GET /tuningJobs": ok({}), "POST /o": taken, "POST /tuningJobs": made})
        spec = {"displayName": "n", "baseModel": "gemini-2.5-flash"}
        desk.provider.create(CreateRequest(NAME, spec, (Example("1", "2"),)))
        refused = Desk({"GET /tuningJobs": ok({}), "POST /o": error(500, "INTERNAL"), "POST /tuningJobs": made})
        with pytest.raises(RemoteError):
            refused.provider.create(CreateRequest(NAME, spec, (Example("1", "2"),)))
        assert not any(r.url.path.endswith("/tuningJobs") and r.method == "POST" for r in refused.service.requests)

    def test_an_example_without_an_output_is_refused_by_its_number(self):
        desk = Desk({"GET /tuningJobs": ok({})})
        with pytest.raises(InvalidArgument, match="example 2 has no output"):
            desk.provider.create(CreateRequest(NAME, {"displayName": "n"}, (Example("1", "2"), Example("3", ""))))


class TestChanging:
    def test_labels_are_sent_whole_and_guarded_by_the_etag(self):
        alone = {"GET models/789:listVersions": ok({"models": [model()]})}
        desk = Desk({**LISTED, **alone, "PATCH models/789": ok(model(displayName="new"))})
        desk.provider.update(NAME, {"labels.team": "art", "displayName": "new", "description": None})
        request = desk.service.requests[-1]
        assert request.url.params["updateMask"] == "description,displayName,labels"
        assert json.loads(request.content) == {
            "description": "",
            "displayName": "new",
            "labels": {"tunectl-id": "numbers-1a2b3c4d5e6f", "team": "art", "tune-type": "sft"},
            "etag": "e1",
        }

    def test_what_versions_of_one_model_share_is_not_changed_for_one_of_them(self):
        """Display name and description belong to the model, so two manifests would change them to and fro for ever."""
        two = {"GET models/789:listVersions": ok({"models": [model(versionId="2"), model()]})}
        desk = Desk({**LISTED, **two})
        with pytest.raises(FailedPrecondition, match="its model has 2 versions, which share"):
            desk.provider.update(NAME, {"displayName": "new"})
        assert {r.method for r in desk.service.requests} == {"GET"}

    def test_a_model_that_is_still_being_tuned_cannot_be_changed_or_asked(self):
        running = ok({"tuningJobs": [job(state="JOB_STATE_RUNNING", tunedModel={})]})
        desk = Desk({"GET /tuningJobs": running})
        for act in (
            lambda: desk.provider.update(NAME, {"displayName": "x"}),
            lambda: desk.provider.generate(NAME, "1"),
        ):
            with pytest.raises(FailedPrecondition, match="there is no model yet"):
                act()

    @pytest.mark.parametrize(
        "other",
        [
            {"model": f"{PLACE}/models/7"},
            {"model": f"{PLACE}/models/789@2"},
            {"model": f"{PLACE}/models/789", "modelVersionId": "2"},
        ],
    )
    def test_an_endpoint_that_serves_another_model_too_is_left_alone(self, other):
        """Another version is another model: one that was tuned from ours, or that ours was tuned from."""
        shared = {"name": ENDPOINT, "deployedModels": [{"id": "1", "model": MODEL}, {"id": "2", **other}]}
        desk = Desk({**LISTED, "GET endpoints/321": ok(shared)})
        with pytest.raises(FailedPrecondition, match="serves 1 other models too"):
            desk.provider.delete(NAME)
        assert {r.method for r in desk.service.requests} == {"GET"}

    def test_an_operation_that_ends_with_an_error_says_so(self):
        name = f"{PLACE}/endpoints/321/operations/5"
        failed = ok({"name": name, "done": True, "error": {"code": 13, "message": "broken"}})
        served = {"name": ENDPOINT, "deployedModels": [{"id": "1", "model": MODEL}]}
        desk = Desk({**LISTED, "GET endpoints/321": ok(served), "POST :undeployModel": failed})
        with pytest.raises(RemoteError, match="broken"):
            desk.provider.delete(NAME)

    def test_an_answer_that_was_withheld_is_told(self):
        withheld = ok({"promptFeedback": {"blockReason": "SAFETY"}})
        desk = Desk({**LISTED, "POST :generateContent": withheld})
        assert desk.provider.generate(NAME, "4", candidates=2) == ()
        assert "SAFETY" in desk.events[0].problem.message
        assert json.loads(desk.service.requests[-1].content)["generationConfig"] == {"candidateCount": 2}

    @pytest.mark.parametrize(
        "name", ["", "tuningJobs/", "tuningJobs/../x", "models/1", "tuningJobs/A", "tuningJobs/a?b"]
    )
    def test_a_name_that_would_lead_elsewhere_is_never_sent(self, name):
        desk = Desk(LISTED)
        for act in (desk.provider.get, desk.provider.delete):
            with pytest.raises(InvalidArgument, match="is no resource name"):
                act(name)
        assert desk.service.requests == []


class TestSpelling:
    @pytest.mark.parametrize(
        ("given", "spelt"),
        [
            ({"baseModel": "models/gemini-2.5-flash"}, {"baseModel": "gemini-2.5-flash"}),
            ({"baseModel": "publishers/google/models/gemini-2.5-pro"}, {"baseModel": "gemini-2.5-pro"}),
            (
                {"baseModel": "projects/p/locations/l/publishers/google/models/gemini-2.5-pro"},
                {"baseModel": "gemini-2.5-pro"},
            ),
            ({"source": {"tunedModel": "models/7@2"}}, {"source": {"tunedModel": "models/7@2"}}),
            (
                {"source": {"tunedModel": "projects/p/locations/us-central1/models/7@2"}},
                {"source": {"tunedModel": "models/7@2"}},
            ),
            ({"source": {"tunedModel": f"{PLACE}/tuningJobs/456"}}, {"source": {"tunedModel": "tuningJobs/456"}}),
            ({"source": {"model": "mother"}}, {"source": {"model": "mother"}}),
            ({"hyperparameters": {"epochCount": 3.0}}, {"hyperparameters": {"epochCount": 3}}),
        ],
    )
    def test_names_and_numbers_are_spelt_as_the_service_spells_them(self, given, spelt):
        assert normalized(given).spec == spelt
        assert normalized(spelt).spec == spelt

    @pytest.mark.parametrize(
        ("given", "remark"),
        [
            (
                {"source": {"tunedModel": "models/7"}},
                Remark("source.tunedModel", "names a model without its version", "write models/7@1", "error"),
            ),
            (
                {"source": {"tunedModel": "tunedModels/x"}},
                Remark(
                    "source.tunedModel",
                    "is the name of no tuned model",
                    "it looks like tuningJobs/123 or models/123@1",
                    "error",
                ),
            ),
            (
                {"hyperparameters": {"beta": 0.1}},
                Remark("hyperparameters.beta", "is for preference tuning", "set spec.method: preference", "error"),
            ),
            ({"temperature": 0}, Remark("temperature", "not kept by vertex; ignored")),
        ],
    )
    def test_what_cannot_be_kept_is_remarked_on(self, given, remark):
        assert normalized(given).remarks == (remark,)

    @pytest.mark.parametrize(
        ("parent", "good"),
        [
            ("projects/my-proj/locations/us-central1/models/7@2", True),
            ("projects/123/locations/us-central1/models/7@2", True),  # a number, which may be that of my-proj
            ("projects/my-proj/locations/europe-west4/models/7@2", False),
            ("projects/123/locations/europe-west4/tuningJobs/456", False),
            ("projects/other/locations/us-central1/models/7@2", False),
            ("tuningJobs/456", True),
        ],
    )
    def test_a_parent_elsewhere_is_not_taken_for_one_of_the_same_number_here(self, parent, good):
        found = normalized({"source": {"tunedModel": parent}}, home=Place("my-proj", "us-central1")).remarks
        assert [(remark.path, remark.severity) for remark in found] == (
            [] if good else [("source.tunedModel", "error")]
        )
        assert all("projects/my-proj/locations/us-central1" in remark.message for remark in found)

    @pytest.mark.parametrize(
        "hyperparameters", [{"epochCount": 1.5}, {"epochCount": "3"}, {"epochCount": True}, {"adapterSize": 3}]
    )
    def test_a_number_that_the_service_cannot_hold_is_refused(self, hyperparameters):
        with pytest.raises(InvalidArgument):
            normalized({"hyperparameters": hyperparameters})


class TestLabels:
    @pytest.mark.parametrize(
        ("key", "value", "good"),
        [
            ("team", "math", True),
            ("t", "", True),
            ("team_2", "a-b_c9", True),
            ("Team", "math", False),
            ("2team", "math", False),
            ("team", "Math", False),
            ("team", "a b", False),
            ("team", "x" * 64, False),
            ("k" * 64, "v", False),
            ("tunectl-id", "mine", False),
        ],
    )
    def test_what_the_service_can_keep_is_kept_and_the_rest_remarked_on(self, key, value, good):
        sent, remarks = kept({key: value})
        assert (sent == {key: value}, [remark.path for remark in remarks]) == (good, [] if good else [f"labels.{key}"])

    def test_there_is_room_for_our_own(self):
        sent, remarks = kept({f"k{number:02}": "v" for number in range(60)})
        assert (len(sent), len(remarks)) == (58, 2)

    @pytest.mark.parametrize("text", ["", "A", "../x", "x" * 64, "-x"])
    def test_a_label_that_is_no_id_of_ours_makes_a_job_nobodys(self, text):
        assert identifier_of({"tunectl-id": text}) is None


def test_the_capabilities_say_what_a_change_costs():
    able = Desk({}).provider.capabilities
    assert able.in_place == ("description", "displayName", "labels")
    assert able.effect("hyperparameters.adapterSize") is Effect.REPLACE
    assert able.effect("temperature") is None
    assert (able.losses, able.lists_base_models, able.labels, able.validation) == (True, False, True, True)
