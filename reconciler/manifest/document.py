"""The manifest of a tuned model, field by field: the source of validation, of messages and of its JSON Schema.

The descriptions are shown by editors. Rules that need more than one document, the file system or the provider stand
elsewhere (``compile``, ``relations``). Nothing but models may live here.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue  # noqa: TC002  pydantic reads the annotations of its hooks
from pydantic_core import CoreSchema  # noqa: TC002  pydantic reads the annotations of its hooks

from reconciler.manifest.kinds import (
    Anything,
    Count,
    CryptoKey,
    Duration,
    Email,
    Flag,
    Fraction,
    Key,
    Line,
    Margin,
    Maybe,
    Model,
    Name,
    Number,
    ObjectUri,
    Path,
    Question,
    Rate,
    Tally,
    Text,
)


class Part(BaseModel):
    """A mapping of a document. Of its ``alternatives`` at most one may be set, exactly one if it ``needs_one``.

    Only the two documents are ever validated, so validators are built for them and when they are needed; a default that
    is a part is made without one for the same reason (20 ms of a start that takes 200).
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel, defer_build=True)

    alternatives: ClassVar[tuple[str, ...]] = ()
    needs_one: ClassVar[bool] = False

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add the rule about alternatives, which pydantic has no word for."""
        schema = handler.resolve_ref_schema(handler(core))
        if cls.needs_one:
            schema["oneOf"] = [{"required": [key]} for key in cls.alternatives]
        elif cls.alternatives:
            both: list[dict[str, Any]] = [{"required": list(pair)} for pair in combinations(cls.alternatives, 2)]
            schema["not"] = both[0] if len(both) == 1 else {"anyOf": both}
        return schema


class Metadata(Part):
    """What the manifest is called."""

    name: Name = Field(description="The manifest's name, unique in the project; it leads the id of the remote model.")
    labels: Maybe[dict[str, Text]] = Field(
        None, description="Free labels, text to text; sent to services that keep labels (vertex)."
    )
    previous_names: Maybe[list[Name]] = Field(
        None, description="Names this manifest had before: a rename, free of charge."
    )


class Source(Part):
    """The tuned model to start from, in place of a base model."""

    alternatives = ("model", "tunedModel")
    needs_one = True

    model: Maybe[Name] = Field(None, description="The name of another manifest.")
    tuned_model: Maybe[Model] = Field(None, description="The resource name of a tuned model nobody manages here.")


class InlineExample(Part):
    """One training example."""

    alternatives = ("text_input", "textInput")
    needs_one = True

    text_input: Maybe[Text] = Field(None, alias="text_input", description="What the model is given.")
    text_input_camel: Maybe[Text] = Field(None, alias="textInput", description="The same as text_input.")
    output: Text = Field(description="What the model is to answer.")


class DatasetPart(Part):
    """The training data: a file, an object in a bucket, or the examples themselves."""

    alternatives = ("path", "uri", "examples")

    path: Maybe[Path] = Field(None, description="A .jsonl, .json, .csv or .tsv file, relative to this file.")
    input_key: Maybe[Key] = Field(
        None, description="The column of the input; text_input and textInput need no mention."
    )
    output_key: Maybe[Key] = Field(None, description="The column of the output; default: output.")
    uri: Maybe[ObjectUri] = Field(
        None, description="vertex: a JSON Lines object in Cloud Storage, read by the service alone."
    )
    validation: Maybe[Path] = Field(
        None, description="A file of examples that are not trained on; vertex: or the gs:// URI of an object."
    )
    examples: Maybe[list[InlineExample]] = Field(None, description="The examples themselves, for small datasets.")


class Hyperparameters(Part):
    """How the model is tuned; what is left out is chosen by the service. A change tunes a new model."""

    alternatives = ("learningRate", "learningRateMultiplier")

    epoch_count: Maybe[Count] = Field(None, description="How often all examples are gone through.")
    batch_size: Maybe[Count] = Field(None, description="Examples per tuning step.")
    learning_rate: Maybe[Rate] = Field(None, description="The size of a step.")
    learning_rate_multiplier: Maybe[Rate] = Field(None, description="A factor on the rate the service would choose.")
    adapter_size: Maybe[Literal[1, 2, 4, 8, 16, 32]] = Field(None, description="vertex: the rank of the adapter.")
    beta: Maybe[Rate] = Field(None, description="vertex, method preference: how closely to keep to the base model.")


class Permission(Part):
    """Who else may use the model."""

    alternatives = ("user", "group", "everyone")
    needs_one = True

    role: Literal["READER", "WRITER"] = Field(
        description="READER may ask the model, WRITER may also change and share it."
    )
    user: Maybe[Email] = Field(None, description="One person's e-mail address.")
    group: Maybe[Email] = Field(None, description="A group's e-mail address.")
    everyone: Maybe[Literal[True]] = Field(None, description="true: everybody.")


class PromptCheck(Part):
    """A question to the new model, and what its answer must be like."""

    alternatives = ("equals", "normalized", "contains", "matches", "number", "json")
    needs_one = True

    input: Question = Field(description="What the model is asked.")
    equals: Maybe[Text] = Field(None, description="The answer, but for white space at its ends.")
    normalized: Maybe[Text] = Field(
        None, description="The answer, but for case, white space, and punctuation at its ends."
    )
    contains: Maybe[Text] = Field(None, description="Text that the answer holds.")
    matches: Maybe[Text] = Field(None, description="A regular expression (Python's) that is found in the answer.")
    number: Maybe[Number] = Field(None, description="The number that the answer is.")
    json_value: Anything = Field(None, alias="json", description="The JSON value that the answer is.")
    tolerance: Maybe[Margin] = Field(None, description="number: the largest difference that counts as right.")


class GateDataset(Part):
    """Examples the new model is scored on."""

    path: Path = Field(description="A .jsonl, .json, .csv or .tsv file, relative to this file.")
    input_key: Maybe[Key] = Field(None, description="The column of the input.")
    output_key: Maybe[Key] = Field(None, description="The column of the expected output.")
    scorer: Literal["exact", "normalized", "contains", "regex", "numeric", "json", "f1"] = Field(
        "exact", description="How an answer is compared with the expected one."
    )
    tolerance: Maybe[Margin] = Field(None, description="numeric: the largest difference that counts as right.")
    min_score: Maybe[Fraction] = Field(None, description="The least mean score.")
    no_worse_than_current: Maybe[Fraction] = Field(
        None, description="How much the mean score may fall below that of the model being replaced."
    )
    forbid_leak: Flag = Field(default=False, description="Refuse examples that are trained on as well.")


class AbortIf(Part):
    """When a tuning is hopeless and not paid for any longer."""

    mean_loss_above: Number = Field(description="The mean loss that is too much.")
    after_step: Tally = Field(0, description="The step from which on it counts.")


class GatePart(Part):
    """What a new model must show before it replaces the old one."""

    max_final_loss: Maybe[Number] = Field(None, description="The largest mean loss at the last step.")
    max_loss_increase: Maybe[Margin] = Field(
        None, description="How much the final loss may exceed that of the old model."
    )
    prompts: Maybe[list[PromptCheck]] = Field(None, description="Questions to the new model.")
    dataset: Maybe[GateDataset] = Field(None, description="Examples the new model is scored on.")
    command: Maybe[list[Text]] = Field(None, description="A program and its arguments; its exit status decides.")
    command_timeout: Duration = Field("10m", description="How long the program may take.")
    on_fail: Literal["keep", "delete"] = Field(
        "keep",
        description="What becomes of a model that does not pass: kept, so that another gate may judge it, or deleted.",
    )
    abort_if: Maybe[AbortIf] = Field(None, description="When to stop a tuning before its end.")


class LifecyclePart(Part):
    """How the model is replaced and removed."""

    protect: Flag = Field(
        default=False, description="Refuse to delete the model; a replacement that is created first is none."
    )
    replace: Literal["create-first"] = Field(
        "create-first", description="The new model is ready before the old one goes."
    )
    retain: Tally = Field(0, description="How many former models are kept to roll back to.")
    ignore: list[Text] = Field([], description="Fields whose drift is ignored, such as temperature.")
    timeout: Duration = Field("24h", description="How long a tuning may take.")
    deletion: Literal["delete", "retain"] = Field(
        "delete", description="retain: forget the model and leave it in place when its manifest is removed."
    )


class Spec(Part):
    """What the model is to be; a key that is left out is not managed."""

    alternatives = ("baseModel", "source")

    display_name: Maybe[Line] = Field(
        None,
        description="What people see; at most 40 characters on generativelanguage, 128 on vertex. Default: the name.",
        max_length=128,
    )
    description: Maybe[Text] = Field(None, description="Free text.")
    base_model: Maybe[Model] = Field(None, description="The base model, such as models/text-bison-001.")
    source: Maybe[Source] = Field(None, description="The tuned model to start from, in place of baseModel.")
    dataset: Maybe[DatasetPart] = Field(
        None, description="The training data; may be missing only on an imported model."
    )
    method: Maybe[Literal["supervised", "preference"]] = Field(
        None, description="What the examples teach. Default: supervised; preference is for vertex."
    )
    hyperparameters: Maybe[Hyperparameters] = Field(None, description="How the model is tuned.")
    temperature: Maybe[Fraction] = Field(None, description="The default temperature of answers.")
    top_p: Maybe[Fraction] = Field(None, description="The default for nucleus sampling.")
    top_k: Maybe[Count] = Field(None, description="The default for top-k sampling.")
    encryption_key: Maybe[CryptoKey] = Field(None, description="vertex: the Cloud KMS key that encrypts the model.")
    service_account: Maybe[Email] = Field(None, description="vertex: the account that the tuning runs as.")
    permissions: Maybe[list[Permission]] = Field(None, description="Who else may use the model.")
    gate: Maybe[GatePart] = Field(None, description="What a new model must show before it replaces the old one.")
    lifecycle: Maybe[LifecyclePart] = Field(None, description="How the model is replaced and removed.")


class TunedModelDocument(Part):
    """One tuned model. Several documents may share a file, separated by ``---``."""

    api_version: Literal["tunectl/v1"] = Field(description="The version of this format.")
    kind: Literal["TunedModel"] = Field(description="What the document describes.")
    metadata: Metadata = Field(description="What the manifest is called.")
    spec: Spec = Field(description="What the model is to be.")
