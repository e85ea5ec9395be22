"""Walks through tuning with google-generativeai over REST and prints what came back, as JSON.

Run by the interpreter of an environment that has that library: generativeai.py URL. Imports nothing of ours.
"""

import json
import sys
import urllib.request
import warnings

warnings.simplefilter("ignore")

import google.generativeai as genai  # noqa: E402 - its import warns that it is no longer supported
from google.api_core import exceptions  # noqa: E402

URL = sys.argv[1]
BASE = "models/gemini-1.5-flash-001-tuning"
genai.configure(api_key="AIzaTEST", transport="rest", client_options={"api_endpoint": URL})


def advance(seconds):
    body = json.dumps({"advance": seconds}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{URL}/_emulator/clock", data=body, method="POST")).close()


def tuning():
    data = [{"text_input": str(number), "output": str(number + 1)} for number in range(15)]
    operation = genai.create_tuned_model(
        source_model=BASE, training_data=data, id="first", epoch_count=3, batch_size=4, learning_rate=0.001
    )
    steps = operation.metadata.total_steps
    advance(100)
    model = operation.result(timeout=30)
    return {
        "name": model.name,
        "steps": steps,
        "state": model.state.name,
        "base": model.base_model,
        "epochs": [snapshot.epoch for snapshot in operation.metadata.snapshots],
        "rate": round(model.tuning_task.hyperparameters.learning_rate, 6),
    }


def chaining():
    operation = genai.create_tuned_model(
        source_model="tunedModels/first", training_data=[("1", "one"), ("2", "two")], id="second"
    )
    advance(100)
    model = operation.result(timeout=30)
    return {"source": model.source_model, "base": model.base_model}


def updating():
    model = genai.update_tuned_model("tunedModels/first", {"description": "new"})
    return {"description": model.description, "again": genai.get_model("tunedModels/first").description}


def sharing():
    model = genai.get_tuned_model("tunedModels/first")
    model.permissions.create(grantee_type="EVERYONE", role="READER")
    return [[permission.role.name, permission.grantee_type.name] for permission in model.permissions.list()]


def generating():
    answer = genai.GenerativeModel("tunedModels/first").generate_content("9")
    return {"text": answer.text, "tokens": answer.usage_metadata.total_token_count}


def listing():
    return [model.name for model in genai.list_tuned_models(page_size=2)]


def deleting():
    genai.delete_tuned_model("tunedModels/first")
    try:
        genai.get_tuned_model("tunedModels/first")
    except exceptions.NotFound as error:
        return error.message
    return None


STEPS = (tuning, chaining, updating, sharing, generating, listing, deleting)
print(json.dumps({step.__name__: step() for step in STEPS}))
