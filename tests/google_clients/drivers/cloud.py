"""Walks through Vertex AI and Cloud Storage with Google's clients and prints what came back, as JSON.

Run by the interpreter of an environment that has google-genai, google-api-python-client and google-cloud-storage:
cloud.py URL. Imports nothing of ours; the emulator's clock is turned over its control API.
"""

import io
import json
import sys
import urllib.request
import warnings

warnings.simplefilter("ignore")

from google import genai  # noqa: E402 - some of its dependencies warn when imported
from google.api_core import exceptions  # noqa: E402
from google.auth.credentials import AnonymousCredentials  # noqa: E402
from google.cloud import storage  # noqa: E402
from google.genai import errors, types  # noqa: E402
from google.oauth2.credentials import Credentials  # noqa: E402
from googleapiclient.discovery import build_from_document  # noqa: E402
from googleapiclient.discovery_cache import get_static_doc  # noqa: E402
from googleapiclient.errors import HttpError  # noqa: E402
from googleapiclient.http import MediaIoBaseUpload  # noqa: E402

URL = sys.argv[1]
BASE = "gemini-2.5-flash"
PARENT = "projects/my-proj/locations/us-central1"


def advance(seconds):
    body = json.dumps({"advance": seconds}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{URL}/_emulator/clock", data=body, method="POST")).close()


def message(role, text):
    return {"role": role, "parts": [{"text": text}]}


def jsonl(rows):
    return "\n".join(map(json.dumps, rows))


counting = jsonl([{"contents": [message("user", str(n)), message("model", str(n + 1))]} for n in range(15)])
preferring = jsonl(
    [
        {
            "contents": [message("user", str(n))],
            "completions": [
                {"score": 1.0, "completion": message("model", str(n + 1))},
                {"score": 0.0, "completion": message("model", "no")},
            ],
        }
        for n in range(10)
    ]
)


def raised(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except errors.APIError as error:
        return [type(error).__name__, error.code, error.status]
    except exceptions.GoogleAPICallError as error:
        return [type(error).__name__, error.code]
    except HttpError as error:
        return [type(error).__name__, error.status_code]
    return None


def storing():
    """Upload, read, list and delete with google-cloud-storage: multipart, and resumable in chunks."""
    client = storage.Client(project="my-proj", credentials=AnonymousCredentials(), client_options={"api_endpoint": URL})
    bucket = client.create_bucket("bucket", location="us-central1")
    small = bucket.blob("data/train.jsonl")
    small.upload_from_string(counting, content_type="application/jsonl", if_generation_match=0)
    bucket.blob("data/preferences.jsonl").upload_from_string(preferring)
    again = raised(bucket.blob("data/train.jsonl").upload_from_string, "other", if_generation_match=0)
    large = bucket.blob("large.bin", chunk_size=262_144)
    content = bytes(range(256)) * 3000
    large.upload_from_file(io.BytesIO(content), size=len(content))
    unknown = bucket.blob("unknown.bin", chunk_size=262_144)
    unknown.upload_from_file(io.BytesIO(content))
    found = bucket.get_blob("data/train.jsonl")
    listed = [blob.name for blob in client.list_blobs("bucket", prefix="data/")]
    folders = client.list_blobs("bucket", delimiter="/")
    names = [blob.name for blob in folders]
    result = {
        "generation": found.generation == small.generation,
        "size": found.size,
        "type": found.content_type,
        "again": again,
        "text": found.download_as_text() == counting,
        "large": bucket.blob("large.bin").download_as_bytes() == content,
        "unknown": bucket.blob("unknown.bin").download_as_bytes() == content,
        "part": bucket.blob("large.bin").download_as_bytes(start=2, end=5).hex(),
        "listed": listed,
        "folders": [names, sorted(folders.prefixes)],
        "missing": raised(bucket.blob("none").download_as_bytes),
        "bucket": client.get_bucket("bucket").location,
        "twice": raised(client.create_bucket, "bucket"),
    }
    large.delete()
    result["deleted"] = [bucket.get_blob("large.bin") is None, raised(large.delete)]
    result["stale"] = raised(unknown.delete, if_generation_match=1)
    return result


def open_genai():
    return genai.Client(
        vertexai=True,
        project="my-proj",
        location="us-central1",
        credentials=Credentials(token="ya29.TEST"),
        http_options={"base_url": URL},
    )


def tuning(client):
    """Tune, look, list, answer: supervised, by preference, and onwards from a tuned model."""
    job = client.tunings.tune(
        base_model=BASE,
        training_dataset=types.TuningDataset(gcs_uri="gs://bucket/data/train.jsonl"),
        config=types.CreateTuningJobConfig(
            epoch_count=3,
            adapter_size="ADAPTER_SIZE_FOUR",
            learning_rate_multiplier=1.0,
            tuned_model_display_name="numbers",
            description="counts",
            labels={"managed-by": "tunectl"},
            validation_dataset=types.TuningValidationDataset(gcs_uri="gs://bucket/data/train.jsonl"),
        ),
    )
    states = [job.state.name]
    for seconds in (15, 85):
        advance(seconds)
        states.append(client.tunings.get(name=job.name).state.name)
    done = client.tunings.get(name=f"tuningJobs/{job.name.rpartition('/')[2]}")
    stats = done.tuning_data_stats.supervised_tuning_data_stats
    answer = client.models.generate_content(model=done.tuned_model.endpoint, contents="9")
    streamed = client.models.generate_content_stream(model=done.tuned_model.endpoint, contents="10")
    return done, {
        "states": states,
        "epochs": done.supervised_tuning_spec.hyper_parameters.epoch_count,
        "steps": stats.tuning_step_count,
        "examples": stats.tuning_dataset_example_count,
        "checkpoints": [[c.checkpoint_id, c.epoch, c.step] for c in done.tuned_model.checkpoints],
        "answer": answer.text,
        "streamed": [part.text for part in streamed],
        "tokens": client.models.count_tokens(model=BASE, contents="twelve chars").total_tokens,
        "counted": client.models.count_tokens(model=done.tuned_model.endpoint, contents="12345").total_tokens,
    }


def more_tuning(client, done):
    direct = client.tunings.tune(
        base_model=BASE,
        training_dataset=types.TuningDataset(gcs_uri="gs://bucket/data/preferences.jsonl"),
        config=types.CreateTuningJobConfig(method="PREFERENCE_TUNING", epoch_count=1, beta=0.1),
    )
    onwards = client.tunings.tune(
        base_model=done.tuned_model.model,
        training_dataset=types.TuningDataset(gcs_uri="gs://bucket/data/train.jsonl"),
        config=types.CreateTuningJobConfig(pre_tuned_model_checkpoint_id="2", epoch_count=1),
    )
    stopped = client.tunings.tune(
        base_model=BASE,
        training_dataset=types.TuningDataset(gcs_uri="gs://bucket/data/train.jsonl"),
        config=types.CreateTuningJobConfig(epoch_count=1),
    )
    client.tunings.cancel(name=stopped.name)
    cancelling = client.tunings.get(name=stopped.name).state.name
    advance(100)
    direct, onwards, stopped = (client.tunings.get(name=job.name) for job in (direct, onwards, stopped))
    return {
        "direct": [
            direct.state.name,
            client.models.generate_content(model=direct.tuned_model.endpoint, contents="4").text,
        ],
        "onwards": [onwards.state.name, onwards.tuned_model.model == done.tuned_model.model.replace("@1", "@2")],
        "stopped": [cancelling, stopped.state.name, stopped.error.code],
        "listed": len(list(client.tunings.list(config={"page_size": 2}))),
        "labelled": [
            job.name == done.name for job in client.tunings.list(config={"filter": "labels.managed-by=tunectl"})
        ],
    }


def refusing(client):
    def tune(**config):
        return raised(
            client.tunings.tune,
            base_model=config.pop("base_model", BASE),
            training_dataset=types.TuningDataset(gcs_uri=config.pop("uri", "gs://bucket/data/train.jsonl")),
            config=types.CreateTuningJobConfig(**config),
        )

    return {
        "base": tune(base_model="gemini-none"),
        "uri": tune(uri="gs://bucket/data/train.csv"),
        "labels": tune(labels={"A": "b"}),
        "missing": raised(client.tunings.get, name="tuningJobs/1"),
        "endpoint": raised(client.models.generate_content, model=f"{PARENT}/endpoints/1", contents="1"),
        "model": raised(client.models.generate_content, model=f"{PARENT}/models/1", contents="1"),
    }


def registry(client, done):
    """Models as google-genai sees them: found by their label, changed without a mask, refused while deployed."""
    name = done.tuned_model.model.partition("@")[0]
    changed = client.models.update(model=name, config={"display_name": "renamed"})
    listed = [model.name for model in client.models.list(config={"query_base": False})]
    return {
        "changed": changed.display_name,
        "listed": name in listed,
        "bases": f"publishers/google/models/{BASE}"
        in [m.name for m in client.models.list(config={"query_base": True})],
        "refused": raised(client.models.delete, model=name),
    }


def service(name):
    """A client made of the bundled discovery document, with our address in it: uploads go to its root alone."""
    document = {**json.loads(get_static_doc(name, "v1")), "rootUrl": f"{URL}/"}
    return build_from_document(document, credentials=AnonymousCredentials())


def discovered(done):
    """Undeploy and delete by the discovery document, and upload by that of Cloud Storage."""
    gcs = service("storage")
    place = service("aiplatform").projects().locations()
    media = MediaIoBaseUpload(io.BytesIO(counting.encode()), mimetype="application/jsonl", resumable=True)
    stored = gcs.objects().insert(bucket="bucket", body={"name": "again.jsonl"}, media_body=media).execute()
    job = place.tuningJobs().get(name=done.name).execute()
    model = job["tunedModel"]["model"].partition("@")[0]
    versions = place.models().listVersions(name=model).execute()["models"]
    gone = []
    for version in versions:
        for reference in version["deployedModels"]:
            body = {"deployedModelId": reference["deployedModelId"]}
            operation = place.endpoints().undeployModel(endpoint=reference["endpoint"], body=body).execute()
            operation = place.endpoints().operations().wait(name=operation["name"], timeout="5s").execute()
            deleted = place.endpoints().delete(name=reference["endpoint"]).execute()
            gone += [operation["done"], place.endpoints().operations().get(name=deleted["name"]).execute()["done"]]
    labelled = place.models().patch(name=model, updateMask="labels", body={"labels": {"a": "b"}}).execute()
    one = place.models().deleteVersion(name=f"{model}@2").execute()
    left = [version["versionId"] for version in place.models().listVersions(name=model).execute()["models"]]
    last = place.models().delete(name=model).execute()
    return {
        "stored": [stored["name"], stored["size"]],
        "epochs": job["supervisedTuningSpec"]["hyperParameters"]["epochCount"],
        "versions": [version["versionId"] for version in versions],
        "gone": sorted(set(gone)),
        "labels": labelled["labels"],
        "left": left,
        "responses": [
            place.models().operations().get(name=operation["name"]).execute()["response"] for operation in (one, last)
        ],
        "missing": raised(place.models().get(name=model).execute),
        "still": place.tuningJobs().get(name=done.name).execute()["state"],
    }


def measured(done):
    """The way from a job to its loss by the discovery document, with the filter that google-cloud-aiplatform writes."""
    place = service("aiplatform").projects().locations()
    contexts, boards = place.metadataStores().contexts(), place.tensorboards()
    name = place.tuningJobs().get(name=done.name).execute()["experiment"]
    context = contexts.get(name=name).execute()
    chosen = f'schema_title="system.ExperimentRun" AND parent_contexts:"{name}"'
    store = name.partition("/contexts/")[0]
    below = contexts.list(parent=store, filter=chosen).execute()["contexts"]
    board = context["metadata"]["backing_tensorboard_resource"]
    experiment = f"{board}/experiments/{name.rpartition('/')[2]}"
    (run,) = boards.experiments().runs().list(parent=experiment).execute()["tensorboardRuns"]
    series = boards.experiments().runs().timeSeries()
    found = {s["displayName"]: s["name"] for s in series.list(parent=run["name"]).execute()["tensorboardTimeSeries"]}
    loss = series.read(tensorboardTimeSeries=found["/train_total_loss"], maxDataPoints=-1).execute()["timeSeriesData"]
    batch = boards.batchRead(tensorboard=board, timeSeries=list(found.values())).execute()["timeSeriesData"]
    return {
        "metrics": sorted(found),
        "run": [each["name"].rpartition("/")[2] for each in below]
        == [f"{name.rpartition('/')[2]}-{run['displayName']}"],
        "steps": [point["step"] for point in loss["values"]],
        "falls": loss["values"][0]["scalar"]["value"] > loss["values"][-1]["scalar"]["value"] > 0,
        "batch": [len(each["values"]) for each in batch],
        "same": batch[0] == loss,
    }


walk = {"storing": storing()}
vertex = open_genai()
finished, walk["tuning"] = tuning(vertex)
walk["more"] = more_tuning(vertex, finished)
walk["measured"] = measured(finished)
walk["refusing"] = refusing(vertex)
walk["registry"] = registry(vertex, finished)
walk["discovered"] = discovered(finished)
print(json.dumps(walk))
