"""The messages of Vertex AI as tables (google/cloud/aiplatform/v1 and v1beta1). Data only.

Fields that the emulator takes and does not look into (evaluation, tools, response schemas) have the kind ``any``.
"""

from __future__ import annotations

from reconciler.emulator.schema import EMPTY, OPERATION, Enum, Field, Message, page_of

V1, V1BETA1 = "v1", "v1beta1"
VERSIONS = (V1, V1BETA1)
API = "google.cloud.aiplatform"

_SIZES = ("ONE", "TWO", "FOUR", "EIGHT", "SIXTEEN", "THIRTY_TWO")
ADAPTER_SIZE = Enum(
    "AdapterSize",
    {"ADAPTER_SIZE_UNSPECIFIED": 0} | {f"ADAPTER_SIZE_{size}": 2**power for power, size in enumerate(_SIZES)},
)
_STATES = (
    *("UNSPECIFIED", "QUEUED", "PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLING", "CANCELLED", "PAUSED"),
    *("EXPIRED", "UPDATING", "PARTIALLY_SUCCEEDED"),
)
JOB_STATE = Enum("JobState", {f"JOB_STATE_{name}": number for number, name in enumerate(_STATES)})
_DETAILS = (
    *("UNSPECIFIED", "WAITING_FOR_QUOTA", "PROCESSING_DATASET", "WAITING_FOR_CAPACITY", "TUNING", "POST_PROCESSING"),
)
TUNING_JOB_STATE = Enum("TuningJobState", {f"TUNING_JOB_STATE_{name}": number for number, name in enumerate(_DETAILS)})
FINISH_REASON = Enum("Candidate.FinishReason", {"FINISH_REASON_UNSPECIFIED": 0, "STOP": 1, "MAX_TOKENS": 2})


def _plain(kind: str, names: str) -> tuple[Field, ...]:
    return tuple(Field(name, kind) for name in names.split())


def _nested(name: str, message: Message, *, repeated: bool = False, oneof: str | None = None) -> Field:
    return Field(name, "message", repeated=repeated, oneof=oneof, message=message)


_ADAPTER = Field("adapterSize", "enum", enum=ADAPTER_SIZE)
_ENCRYPTION = _nested("encryptionSpec", Message("EncryptionSpec", _plain("string", "kmsKeyName")))
_TIMES = _plain("timestamp", "createTime updateTime")
_CHECKPOINT = Message("Checkpoint", (Field("checkpointId", "string"), *_plain("int64", "epoch step")))
_TUNED_CHECKPOINT = Message("TunedModelCheckpoint", (*_CHECKPOINT.fields, Field("endpoint", "string")))
_TUNED_MODEL = Message(
    "TunedModel", (*_plain("string", "model endpoint"), _nested("checkpoints", _TUNED_CHECKPOINT, repeated=True))
)
_PRE_TUNED = Message("PreTunedModel", _plain("string", "tunedModelName checkpointId baseModel"))
_STATUS = Message("Status", (Field("code", "int32"), Field("message", "string"), Field("details", "any")))
OTHER_SPECS = (
    *("reinforcementTuningSpec", "distillationSpec", "fullFineTuningSpec", "partnerModelTuningSpec"),
    *("veoTuningSpec", "veoLoraTuningSpec"),
)
"""Ways of tuning that v1beta1 has and the emulator has not."""


def _spec(name: str, hyperparameters: Message, *extra: Field) -> Message:
    return Message(
        name,
        (
            *_plain("string", "trainingDatasetUri validationDatasetUri"),
            _nested("hyperParameters", hyperparameters),
            Field("exportLastCheckpointOnly", "bool"),
            *extra,
        ),
    )


def _tuning_job(version: str) -> Message:
    beta = version == V1BETA1
    common = (Field("epochCount", "int64"), Field("learningRateMultiplier", "double"), _ADAPTER)
    rates = (Field("learningRate", "double"), Field("batchSize", "int64")) if beta else ()
    mode = (Field("tuningMode", "any"),) if beta else ()
    supervised = _spec(
        "SupervisedTuningSpec",
        Message("SupervisedHyperParameters", (*common, *rates)),
        *(Field("evaluationConfig", "any"), *mode),
    )
    preference = _spec(
        "PreferenceOptimizationSpec",
        Message("PreferenceOptimizationHyperParameters", (*common, Field("beta", "double"))),
    )
    others = tuple(Field(name, "any", oneof="tuning_spec") for name in OTHER_SPECS)
    new = (
        *others,
        *_plain("string", "customBaseModel outputUri pipelineJob"),
        *_plain("bool", "satisfiesPzs satisfiesPzi"),
        Field("tuningJobMetadata", "any"),
        Field("tuningJobState", "enum", enum=TUNING_JOB_STATE),
    )
    return Message(
        "TuningJob",
        (
            Field("name", "string"),
            Field("baseModel", "string", oneof="source_model"),
            _nested("preTunedModel", _PRE_TUNED, oneof="source_model"),
            _nested("supervisedTuningSpec", supervised, oneof="tuning_spec"),
            _nested("preferenceOptimizationSpec", preference, oneof="tuning_spec"),
            *_plain("string", "tunedModelDisplayName description serviceAccount experiment gcsMetricsUri"),
            Field("labels", "map"),
            _ENCRYPTION,
            Field("state", "enum", enum=JOB_STATE),
            *_TIMES,
            *_plain("timestamp", "startTime endTime"),
            _nested("error", _STATUS),
            _nested("tunedModel", _TUNED_MODEL),
            *_plain("any", "tuningDataStats evaluateDatasetRuns"),
            *(new if beta else ()),
        ),
    )


TUNING_JOB = {version: _tuning_job(version) for version in VERSIONS}
_DEPLOYED = Message("DeployedModelRef", _plain("string", "endpoint deployedModelId checkpointId"))
MODEL = Message(
    "Model",
    (
        *_plain("string", "name displayName description versionId versionDescription defaultCheckpointId etag"),
        Field("versionAliases", "string", repeated=True),
        Field("labels", "map"),
        *_TIMES,
        *_plain("timestamp", "versionCreateTime versionUpdateTime"),
        _nested("deployedModels", _DEPLOYED, repeated=True),
        _nested("checkpoints", _CHECKPOINT, repeated=True),
        _ENCRYPTION,
        *_plain("any", "modelSourceInfo baseModelSource"),
        *_plain("any", "artifactUri containerSpec metadata metadataSchemaUri predictSchemata explanationSpec"),
        *_plain("any", "supportedDeploymentResourcesTypes supportedExportFormats originalModelInfo"),
    ),
)
_DEPLOYED_MODEL = Message(
    "DeployedModel",
    (
        *_plain("string", "id model modelVersionId displayName checkpointId"),
        Field("createTime", "timestamp"),
        *_plain("any", "automaticResources dedicatedResources"),
    ),
)
ENDPOINT = Message(
    "Endpoint",
    (
        *_plain("string", "name displayName description etag"),
        Field("labels", "map"),
        *_TIMES,
        _nested("deployedModels", _DEPLOYED_MODEL, repeated=True),
        Field("trafficSplit", "any"),
        _ENCRYPTION,
        *_plain("string", "network"),
        *_plain("any", "genAiAdvancedFeaturesConfig predictRequestResponseLoggingConfig"),
    ),
)
UNDEPLOY = Message("UndeployModelRequest", (Field("deployedModelId", "string"), Field("trafficSplit", "any")))
MERGE_ALIASES = Message("MergeVersionAliasesRequest", (Field("versionAliases", "string", repeated=True),))
CANCEL = Message("CancelTuningJobRequest", (Field("name", "string"),))
NOTHING = EMPTY
PUBLISHER_MODEL = Message(
    "PublisherModel",
    (*_plain("string", "name versionId launchStage openSourceCategory"), Field("supportedActions", "any")),
)

_PART = Message(
    "Part",
    (
        Field("text", "string", oneof="data"),
        *(
            Field(name, "any", oneof="data")
            for name in (
                "inlineData",
                "fileData",
                "functionCall",
                "functionResponse",
                "executableCode",
                "codeExecutionResult",
            )
        ),
        Field("thought", "bool"),
        *_plain("any", "thoughtSignature videoMetadata mediaResolution"),
    ),
)
CONTENT = Message("Content", (Field("role", "string"), _nested("parts", _PART, repeated=True)))
_CONFIG = Message(
    "GenerationConfig",
    (
        *_plain("int32", "candidateCount maxOutputTokens seed logprobs"),
        *_plain("float", "temperature topP topK presencePenalty frequencyPenalty"),
        Field("stopSequences", "string", repeated=True),
        Field("responseMimeType", "string"),
        *_plain("bool", "responseLogprobs audioTimestamp enableAffectiveDialog"),
        *_plain(
            "any", "responseSchema responseJsonSchema responseModalities responseFormat speechConfig routingConfig"
        ),
        *_plain("any", "thinkingConfig imageConfig mediaResolution translationConfig audioTranscriptionConfig"),
    ),
)
_ASKED = (_nested("contents", CONTENT, repeated=True), _nested("systemInstruction", CONTENT), Field("tools", "any"))
GENERATE = Message(
    "GenerateContentRequest",
    (
        *_ASKED,
        _nested("generationConfig", _CONFIG),
        *_plain("string", "model cachedContent"),
        Field("labels", "map"),
        *_plain("any", "safetySettings toolConfig modelArmorConfig outputConfig"),
    ),
)
_CANDIDATE = Message(
    "Candidate",
    (
        _nested("content", CONTENT),
        Field("finishReason", "enum", enum=FINISH_REASON),
        Field("index", "int32"),
        Field("safetyRatings", "any"),
    ),
)
GENERATED = Message(
    "GenerateContentResponse",
    (
        _nested("candidates", _CANDIDATE, repeated=True),
        *_plain("any", "promptFeedback usageMetadata"),
        *_plain("string", "modelVersion responseId createTime"),
    ),
)
COUNT_TOKENS = Message(
    "CountTokensRequest",
    (*_ASKED, _nested("generationConfig", _CONFIG), Field("model", "string"), Field("instances", "any")),
)
COUNTED = Message(
    "CountTokensResponse",
    (*_plain("int32", "totalTokens totalBillableCharacters"), Field("promptTokensDetails", "any")),
)

CONTEXT = Message(
    "Context",
    (
        *_plain("string", "name displayName description schemaTitle schemaVersion etag"),
        Field("parentContexts", "string", repeated=True),
        *_TIMES,
        Field("labels", "map"),
        Field("metadata", "any"),
    ),
)
TENSORBOARD = Message(
    "Tensorboard",
    (
        *_plain("string", "name displayName description etag blobStoragePathPrefix"),
        *_plain("bool", "isDefault satisfiesPzs satisfiesPzi"),
        Field("runCount", "int32"),
        Field("labels", "map"),
        _ENCRYPTION,
        *_TIMES,
    ),
)
_SHOWN = (*_plain("string", "name displayName description etag"), Field("labels", "map"), *_TIMES)
EXPERIMENT = Message("TensorboardExperiment", (*_SHOWN, Field("source", "string")))
RUN = Message("TensorboardRun", _SHOWN)
VALUE_TYPE = Enum(
    "TensorboardTimeSeries.ValueType",
    {"VALUE_TYPE_UNSPECIFIED": 0, "SCALAR": 1, "TENSOR": 2, "BLOB_SEQUENCE": 3},
)
_VALUE_TYPE = Field("valueType", "enum", enum=VALUE_TYPE)
_EXTENT = Message("Metadata", (*_plain("int64", "maxStep maxBlobSequenceLength"), Field("maxWallTime", "timestamp")))
SERIES = Message(
    "TensorboardTimeSeries",
    (
        *_plain("string", "name displayName description etag pluginName"),
        _VALUE_TYPE,
        *_TIMES,
        Field("pluginData", "any"),
        _nested("metadata", _EXTENT),
    ),
)
_POINT = Message(
    "TimeSeriesDataPoint",
    (
        Field("step", "int64"),
        Field("wallTime", "timestamp"),
        _nested("scalar", Message("Scalar", _plain("double", "value")), oneof="value"),
        *(Field(name, "any", oneof="value") for name in ("tensor", "blobs")),
    ),
)
_DATA = Message(
    "TimeSeriesData",
    (Field("tensorboardTimeSeriesId", "string"), _VALUE_TYPE, _nested("values", _POINT, repeated=True)),
)
POINTS = Message("ReadTensorboardTimeSeriesDataResponse", (_nested("timeSeriesData", _DATA),))
MANY_POINTS = Message("BatchReadTensorboardTimeSeriesDataResponse", (_nested("timeSeriesData", _DATA, repeated=True),))

CONTEXT_PAGE = page_of("ListContextsResponse", "contexts", CONTEXT)
TENSORBOARD_PAGE = page_of("ListTensorboardsResponse", "tensorboards", TENSORBOARD)
EXPERIMENT_PAGE = page_of("ListTensorboardExperimentsResponse", "tensorboardExperiments", EXPERIMENT)
RUN_PAGE = page_of("ListTensorboardRunsResponse", "tensorboardRuns", RUN)
SERIES_PAGE = page_of("ListTensorboardTimeSeriesResponse", "tensorboardTimeSeries", SERIES)
JOB_PAGE = {v: page_of("ListTuningJobsResponse", "tuningJobs", TUNING_JOB[v]) for v in VERSIONS}
MODEL_PAGE = page_of("ListModelsResponse", "models", MODEL)
ENDPOINT_PAGE = page_of("ListEndpointsResponse", "endpoints", ENDPOINT)
OPERATION_PAGE = page_of("ListOperationsResponse", "operations", OPERATION)
PUBLISHER_PAGE = page_of("ListPublisherModelsResponse", "publisherModels", PUBLISHER_MODEL)
