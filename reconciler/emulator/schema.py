"""The messages of the API as tables: names, types, oneofs (google/ai/generativelanguage/v1, v1beta, v1beta3).

Data only. What a field means is said where it is used; fields that the emulator takes and does not look into (tools,
response schemas) have the kind ``any``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

V1, V1BETA, V1BETA3 = "v1", "v1beta", "v1beta3"
VERSIONS = (V1, V1BETA, V1BETA3)


def snake(name: str) -> str:
    """Return a lowerCamel name in the spelling of the .proto file."""
    return re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", name)


@dataclass(frozen=True, slots=True)
class Enum:
    """An enum: its name within the package and its numbers by name."""

    name: str
    numbers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its JSON name and its kind (``string``, ``int32``, … ``enum``, ``message``, ``map``, ``any``)."""

    name: str
    kind: str
    repeated: bool = False
    oneof: str | None = None
    enum: Enum | None = None
    message: Message | None = None

    @property
    def proto(self) -> str:
        """The name in the .proto file, which the service's own messages use."""
        return snake(self.name)


@dataclass(frozen=True, slots=True)
class Message:
    """A message: its name within the package, and its fields by either spelling."""

    name: str
    fields: tuple[Field, ...]
    by_name: Mapping[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        table = {name: item for item in self.fields for name in (item.name, item.proto)}
        object.__setattr__(self, "by_name", table)


def _plain(kind: str, names: str) -> tuple[Field, ...]:
    return tuple(Field(name, kind) for name in names.split())


def _nested(name: str, message: Message, *, repeated: bool = False, oneof: str | None = None) -> Field:
    return Field(name, "message", repeated=repeated, oneof=oneof, message=message)


def _several(name: str, kind: str = "string") -> Field:
    return Field(name, kind, repeated=True)


STATE = Enum("TunedModel.State", {"STATE_UNSPECIFIED": 0, "CREATING": 1, "ACTIVE": 2, "FAILED": 3})
GRANTEE_TYPE = Enum("Permission.GranteeType", {"GRANTEE_TYPE_UNSPECIFIED": 0, "USER": 1, "GROUP": 2, "EVERYONE": 3})
ROLE = Enum("Permission.Role", {"ROLE_UNSPECIFIED": 0, "OWNER": 1, "WRITER": 2, "READER": 3})
_HARMS = (
    *("UNSPECIFIED", "DEROGATORY", "TOXICITY", "VIOLENCE", "SEXUAL", "MEDICAL", "DANGEROUS"),
    *("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT", "CIVIC_INTEGRITY"),
)
_THRESHOLDS = "HARM_BLOCK_THRESHOLD_UNSPECIFIED BLOCK_LOW_AND_ABOVE BLOCK_MEDIUM_AND_ABOVE BLOCK_ONLY_HIGH BLOCK_NONE"
FINISH_REASON = Enum("Candidate.FinishReason", {"FINISH_REASON_UNSPECIFIED": 0, "STOP": 1, "MAX_TOKENS": 2})


def _safety(version: str) -> Field:
    last = 7 if version == V1BETA3 else len(_HARMS)
    harms = Enum("HarmCategory", {f"HARM_CATEGORY_{name}": number for number, name in enumerate(_HARMS[:last])})
    names = _THRESHOLDS.split() + ([] if version == V1BETA3 else ["OFF"])
    thresholds = Enum("SafetySetting.HarmBlockThreshold", {name: number for number, name in enumerate(names)})
    setting = Message(
        "SafetySetting", (Field("category", "enum", enum=harms), Field("threshold", "enum", enum=thresholds))
    )
    return _nested("safetySettings", setting, repeated=True)


_SNAPSHOT = Message(
    "TuningSnapshot", (*_plain("int32", "step epoch"), Field("meanLoss", "float"), Field("computeTime", "timestamp"))
)
_EXAMPLE = Message("TuningExample", (Field("textInput", "string", oneof="model_input"), Field("output", "string")))
_EXAMPLES = Message("TuningExamples", (_nested("examples", _EXAMPLE, repeated=True),))
_DATASET = Message("Dataset", (_nested("examples", _EXAMPLES, oneof="dataset"),))
_SOURCE = Message("TunedModelSource", _plain("string", "tunedModel baseModel"))


def _hyperparameters(version: str) -> Message:
    counts = _plain("int32", "epochCount batchSize")
    if version == V1BETA3:
        return Message("Hyperparameters", (*counts, Field("learningRate", "float")))
    rates = tuple(
        Field(name, "float", oneof="learning_rate_option") for name in ("learningRate", "learningRateMultiplier")
    )
    return Message("Hyperparameters", (*counts, *rates))


def _tuned_model(version: str) -> Message:
    task = Message(
        "TuningTask",
        (
            *_plain("timestamp", "startTime completeTime"),
            _nested("snapshots", _SNAPSHOT, repeated=True),
            _nested("trainingData", _DATASET),
            _nested("hyperparameters", _hyperparameters(version)),
        ),
    )
    shared = (
        Field("name", "string"),
        _nested("tunedModelSource", _SOURCE, oneof="source_model"),
        Field("baseModel", "string", oneof="source_model"),
        *_plain("string", "displayName description"),
        *_plain("float", "temperature topP"),
        Field("topK", "int32"),
        Field("state", "enum", enum=STATE),
        *_plain("timestamp", "createTime updateTime"),
        _nested("tuningTask", task),
    )
    extra = () if version == V1BETA3 else (_several("readerProjectNumbers", "int64"),)
    return Message("TunedModel", (*shared, *extra))


TUNED_MODEL = {version: _tuned_model(version) for version in VERSIONS}
PERMISSION = Message(
    "Permission",
    (
        *_plain("string", "name emailAddress"),
        Field("granteeType", "enum", enum=GRANTEE_TYPE),
        Field("role", "enum", enum=ROLE),
    ),
)
TRANSFER = Message("TransferOwnershipRequest", _plain("string", "name emailAddress"))
CANCEL = Message("CancelOperationRequest", _plain("string", "name"))
EMPTY = Message("Empty", ())
_STATUS = Message("Status", (Field("code", "int32"), Field("message", "string"), Field("details", "any")))
OPERATION = Message(
    "Operation",
    (
        Field("name", "string"),
        Field("metadata", "any"),
        Field("done", "bool"),
        _nested("error", _STATUS),
        Field("response", "any"),
    ),
)
MODEL = Message(
    "Model",
    (
        *_plain("string", "name baseModelId version displayName description"),
        *_plain("int32", "inputTokenLimit outputTokenLimit topK"),
        _several("supportedGenerationMethods"),
        *_plain("float", "temperature topP maxTemperature"),
    ),
)


def page_of(name: str, items: str, message: Message) -> Message:
    """Return the answer of a list method: the items and the token of the next page."""
    return Message(name, (_nested(items, message, repeated=True), Field("nextPageToken", "string")))


_SAMPLING = (*_plain("int32", "candidateCount maxOutputTokens topK"), *_plain("float", "temperature topP"))
GENERATE_TEXT = {
    version: Message(
        "GenerateTextRequest",
        (
            Field("model", "string"),
            _nested("prompt", Message("TextPrompt", _plain("string", "text"))),
            *_SAMPLING,
            _safety(version),
            _several("stopSequences"),
        ),
    )
    for version in (V1BETA, V1BETA3)
}
_COMPLETION = Message("TextCompletion", (Field("output", "string"), *_plain("any", "safetyRatings citationMetadata")))
GENERATED_TEXT = Message(
    "GenerateTextResponse",
    (_nested("candidates", _COMPLETION, repeated=True), *_plain("any", "filters safetyFeedback")),
)

_MEDIA = ("inlineData", "fileData")
_PART = Message(
    "Part",
    (
        Field("text", "string", oneof="data"),
        *(
            Field(name, "any", oneof="data")
            for name in (*_MEDIA, "functionCall", "functionResponse", "executableCode", "codeExecutionResult")
        ),
    ),
)
_CONTENT = Message("Content", (_nested("parts", _PART, repeated=True), Field("role", "string")))
_CONFIG = Message(
    "GenerationConfig",
    (
        *_SAMPLING,
        _several("stopSequences"),
        Field("responseMimeType", "string"),
        *_plain("int32", "seed logprobs"),
        *_plain("float", "presencePenalty frequencyPenalty"),
        *_plain("bool", "responseLogprobs enableEnhancedCivicAnswers"),
        *_plain("any", "responseSchema responseJsonSchema responseJsonSchemaOrdered responseModalities speechConfig"),
        *_plain("any", "thinkingConfig imageConfig mediaResolution"),
    ),
)


def _generate_content(version: str) -> Message:
    beta = () if version == V1 else (_nested("systemInstruction", _CONTENT), *_plain("any", "tools toolConfig"))
    cached = () if version == V1 else _plain("string", "cachedContent")
    return Message(
        "GenerateContentRequest",
        (
            Field("model", "string"),
            _nested("contents", _CONTENT, repeated=True),
            _safety(version),
            _nested("generationConfig", _CONFIG),
            *beta,
            *cached,
        ),
    )


GENERATE_CONTENT = {version: _generate_content(version) for version in (V1, V1BETA)}
_CANDIDATE = Message(
    "Candidate",
    (
        _nested("content", _CONTENT),
        Field("finishReason", "enum", enum=FINISH_REASON),
        *_plain("int32", "index tokenCount"),
        Field("safetyRatings", "any"),
    ),
)
GENERATED_CONTENT = Message(
    "GenerateContentResponse",
    (
        _nested("candidates", _CANDIDATE, repeated=True),
        *_plain("any", "promptFeedback usageMetadata"),
        *_plain("string", "modelVersion responseId"),
    ),
)
