"""Walks through the whole API with google-ai-generativelanguage over REST and prints what came back, as JSON.

Run by the interpreter of an environment that has that library: generativelanguage.py URL VERSION. Imports nothing of
ours; the emulator's clock is turned over its control API.
"""

import importlib
import json
import math
import sys
import urllib.request

from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.oauth2.credentials import Credentials

URL, VERSION = sys.argv[1:]
api = importlib.import_module(f"google.ai.generativelanguage_{VERSION}")


def client(kind):
    credentials = Credentials(token="ya29.TEST", quota_project_id="my-proj")
    return kind(credentials=credentials, transport="rest", client_options=ClientOptions(api_endpoint=URL))


models = client(api.ModelServiceClient)
permissions = client(api.PermissionServiceClient)
texts = client(api.TextServiceClient)


def control(method, path, body):
    request = urllib.request.Request(f"{URL}/_emulator{path}", data=json.dumps(body).encode(), method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def wanted(name="numbers", **fields):
    examples = [api.TuningExample(text_input=str(number), output=str(number + 1)) for number in range(15)]
    task = api.TuningTask(
        training_data=api.Dataset(examples=api.TuningExamples(examples=examples)),
        hyperparameters=api.Hyperparameters(epoch_count=3, batch_size=4, learning_rate=0.001),
    )
    return api.TunedModel(display_name=name, base_model="models/text-bison-001", tuning_task=task, **fields)


def create(model_id, **fields):
    request = api.CreateTunedModelRequest(tuned_model_id=model_id, tuned_model=wanted(**fields))
    return models.create_tuned_model(request=request)


def plain(message):
    """The message as JSON, read back through its protobuf class."""
    return json.loads(type(message).to_json(message, use_integers_for_enums=False, preserving_proto_field_name=False))


def raised(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except exceptions.GoogleAPICallError as error:
        return [type(error).__name__, error.message]
    return None


def listing():
    pager = models.list_tuned_models(request=api.ListTunedModelsRequest(page_size=2))
    pages = [[model.name for model in page.tuned_models] for page in pager.pages]
    recorded = [plain(model) for model in models.list_tuned_models()]
    return {"pages": pages, "recorded": recorded}


def tuning():
    operation = create("first", temperature=0.0)
    running = {"done": operation.done(), "metadata": plain(operation.metadata)}
    control("POST", "/clock", {"advance": 50})
    operation.done()
    half = plain(operation.metadata)
    control("POST", "/clock", {"advance": 50})
    result = operation.result(timeout=30)
    return {
        "running": running,
        "half": half,
        "done": plain(operation.metadata),
        "type": type(result).__module__,
        "result": plain(result),
        "same": result == models.get_tuned_model(name="tunedModels/first"),
    }


def patching():
    mask = {"paths": ["description", "temperature", "top_p"]}
    patched = models.update_tuned_model(
        tuned_model=api.TunedModel(name="tunedModels/first", description="new", temperature=0.5), update_mask=mask
    )
    return plain(patched)


def sharing():
    parent = "tunedModels/first"
    everyone = permissions.create_permission(
        parent=parent,
        permission=api.Permission(grantee_type=api.Permission.GranteeType.EVERYONE, role=api.Permission.Role.READER),
    )
    user = permissions.create_permission(
        parent=parent,
        permission=api.Permission(grantee_type=1, email_address="a@example.com", role=api.Permission.Role.READER),
    )
    changed = permissions.update_permission(
        permission=api.Permission(name=user.name, role=api.Permission.Role.WRITER), update_mask={"paths": ["role"]}
    )
    listed = [plain(permission) for permission in permissions.list_permissions(parent=parent)]
    got = plain(permissions.get_permission(name=everyone.name))
    permissions.delete_permission(name=everyone.name)
    gone = raised(permissions.get_permission, name=everyone.name)
    permissions.transfer_ownership(request={"name": parent, "email_address": "a@example.com"})
    roles = {p.email_address: p.role.name for p in permissions.list_permissions(parent=parent)}
    return {"listed": listed, "got": got, "changed": plain(changed), "gone": gone, "roles": roles}


def generating():
    request = api.GenerateTextRequest(
        model="tunedModels/first", prompt=api.TextPrompt(text="9"), temperature=1.0, candidate_count=2
    )
    answer = {"text": [candidate.output for candidate in texts.generate_text(request=request).candidates]}
    if VERSION == "v1beta":
        contents = client(api.GenerativeServiceClient)
        asked = {"model": "tunedModels/first", "contents": [{"role": "user", "parts": [{"text": "9"}]}]}
        said = contents.generate_content(request=asked).candidates[0]
        streamed = [plain(chunk) for chunk in contents.stream_generate_content(request=asked)]
        answer["content"] = [said.content.parts[0].text, said.finish_reason.name]
        answer["streamed"] = [chunk["candidates"][0]["content"]["parts"][0]["text"] for chunk in streamed]
    return answer


def failing():
    control("POST", "/faults", {"kind": "fail", "message": "Tuning failed."})
    operation = create("failing")
    control("POST", "/clock", {"advance": 100})
    answer = {"operation": raised(operation.result, timeout=30), "state": state("failing")}
    control("POST", "/faults", {"kind": "nan", "at": 0})
    operation = create("nan")
    control("POST", "/clock", {"advance": 100})
    loss = operation.result(timeout=30).tuning_task.snapshots[-1].mean_loss
    return {**answer, "nan": math.isnan(loss)}


def state(model_id):
    return models.get_tuned_model(name=f"tunedModels/{model_id}").state.name


def cancelling():
    operation = create("cancelled")
    if VERSION == "v1beta3":
        operation.cancel()
        return {
            "cancelled": operation.cancelled(),
            "error": raised(operation.result, timeout=30),
            "state": state("cancelled"),
        }
    listed = models.list_operations({"name": "tunedModels/cancelled"})
    got = models.get_operation({"name": operation.operation.name})
    models.delete_tuned_model(name="tunedModels/cancelled")
    return {"listed": [one.name for one in listed.operations], "got": got.name, "made": operation.operation.name}


def errors():
    found = {
        "missing": raised(models.get_tuned_model, name="tunedModels/none"),
        "twice": raised(create, "failing"),
        "bad id": raised(create, "Bad"),
        "long name": raised(create, "long", name="x" * 41),
        "empty output": raised(
            models.create_tuned_model,
            tuned_model=api.TunedModel(
                base_model="models/text-bison-001",
                tuning_task={"training_data": {"examples": {"examples": [{"text_input": "1"}]}}},
            ),
        ),
        "not ready": raised(texts.generate_text, request={"model": "tunedModels/failing", "prompt": {"text": "1"}}),
        "unmasked": raised(models.update_tuned_model, tuned_model=api.TunedModel(name="tunedModels/failing")),
    }
    control("POST", "/occupied", {"id": "theirs"})
    found["theirs"] = raised(models.delete_tuned_model, name="tunedModels/theirs")
    for code in (429, 500, 503) if VERSION == "v1beta3" else (429, 500):
        control("POST", "/faults", {"kind": "status", "code": code})
        found[str(code)] = raised(models.get_tuned_model, name="tunedModels/failing")
    return found


def bases():
    return {model.name: list(model.supported_generation_methods) for model in models.list_models()}


def retrying():
    """The v1beta client sends a create again after a 503; with an id that makes one model all the same."""
    control("POST", "/faults", {"kind": "status", "method": "POST", "path": "tunedModels$"})
    return raised(create, "retried")


def deleting():
    models.delete_tuned_model(name="tunedModels/failing")
    return raised(models.get_tuned_model, name="tunedModels/failing")


STEPS = (listing, tuning, patching, generating, sharing, failing, cancelling, errors, bases, retrying, deleting)
print(json.dumps({step.__name__: step() for step in STEPS}))
