"""The Generative Language API's answers as they come in; see ``providers.messages``."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, FiniteFloat

from reconciler.providers.messages import CONFIG, decode

__all__ = [
    "BaseModelPage",
    "ContentAnswer",
    "PermissionPage",
    "TextAnswer",
    "TunedModel",
    "TunedModelPage",
    "WireOperation",
    "decode",
]

_ModelName = Annotated[str, Field(pattern=r"^tunedModels/[^/\s?#%]+$")]
_PermissionName = Annotated[str, Field(pattern=r"^tunedModels/[^/\s?#%]+/permissions/[^/\s?#%]+$")]


class _Wire(BaseModel):
    model_config = CONFIG


class WireSnapshot(_Wire):
    """TuningSnapshot; ``epoch`` counts completed epochs and is left out while it is 0."""

    step: int = 0
    epoch: int = 0
    mean_loss: float | None = None
    compute_time: str | None = None


class WireHyperparameters(_Wire):
    """Hyperparameters, as resolved by the service."""

    epoch_count: int | None = None
    batch_size: int | None = None
    learning_rate: FiniteFloat | None = None
    learning_rate_multiplier: FiniteFloat | None = None


class WireTask(_Wire):
    """TuningTask; ``complete_time`` is there once the tuning is over."""

    start_time: str | None = None
    complete_time: str | None = None
    snapshots: list[WireSnapshot] = []
    hyperparameters: WireHyperparameters | None = None


class WireSource(_Wire):
    """TunedModelSource; ``base_model`` is what the parent was tuned from."""

    tuned_model: str = ""
    base_model: str = ""


class TunedModel(_Wire):
    """TunedModel. ``state`` is a name, or a number where integer enums were asked for."""

    name: _ModelName
    base_model: str = ""
    tuned_model_source: WireSource | None = None
    display_name: str = ""
    description: str = ""
    temperature: FiniteFloat | None = None
    top_p: FiniteFloat | None = None
    top_k: int | None = None
    state: str | int = "STATE_UNSPECIFIED"
    create_time: str | None = None
    update_time: str | None = None
    tuning_task: WireTask | None = None

    @property
    def root(self) -> str:
        """The base model at the bottom, through a parent if there is one."""
        return self.base_model or (self.tuned_model_source.base_model if self.tuned_model_source else "")


class TunedModelPage(_Wire):
    """ListTunedModelsResponse."""

    tuned_models: list[TunedModel] = []
    next_page_token: str = ""


class WirePermission(_Wire):
    """Permission. Enums are names, or numbers where integer enums were asked for."""

    name: _PermissionName
    grantee_type: str | int = 0
    email_address: str = ""
    role: str | int = 0


class PermissionPage(_Wire):
    """ListPermissionsResponse."""

    permissions: list[WirePermission] = []
    next_page_token: str = ""


class WireBaseModel(_Wire):
    """Model."""

    name: str
    supported_generation_methods: list[str] = []


class BaseModelPage(_Wire):
    """ListModelsResponse."""

    models: list[WireBaseModel] = []
    next_page_token: str = ""


class WireMetadata(_Wire):
    """CreateTunedModelMetadata."""

    tuned_model: str = ""
    total_steps: int | None = None
    completed_steps: int | None = None
    completed_percent: float | None = None
    snapshots: list[WireSnapshot] = []


class WireStatus(_Wire):
    """google.rpc.Status within an operation; ``code`` is a gRPC number."""

    code: int = 0
    message: str = ""


class WireMade(_Wire):
    """The TunedModel that an operation ends with; all else of it is read from the model itself."""

    create_time: str | None = None
    tuning_task: WireTask | None = None


class WireOperation(_Wire):
    """google.longrunning.Operation; neither response nor error means that it is running."""

    name: str = ""
    done: bool = False
    metadata: WireMetadata = WireMetadata()
    error: WireStatus | None = None
    response: WireMade | None = None


class OperationPage(_Wire):
    """ListOperationsResponse."""

    operations: list[WireOperation] = []
    next_page_token: str = ""


class WireText(_Wire):
    """TextCompletion."""

    output: str = ""


class WireFilter(_Wire):
    """ContentFilter."""

    reason: str | int = ""


class TextAnswer(_Wire):
    """GenerateTextResponse."""

    candidates: list[WireText] = []
    filters: list[WireFilter] = []

    @property
    def texts(self) -> tuple[str, ...]:
        """The answers."""
        return tuple(candidate.output for candidate in self.candidates)

    @property
    def withheld(self) -> str:
        """Why there is no answer, in the service's words."""
        return str(self.filters[0].reason) if self.filters else ""


class WirePart(_Wire):
    """Part."""

    text: str = ""


class WireContent(_Wire):
    """Content."""

    parts: list[WirePart] = []


class WireCandidate(_Wire):
    """Candidate."""

    content: WireContent = WireContent()
    finish_reason: str | int = ""


class WireFeedback(_Wire):
    """PromptFeedback."""

    block_reason: str | int = ""


class ContentAnswer(_Wire):
    """GenerateContentResponse."""

    candidates: list[WireCandidate] = []
    prompt_feedback: WireFeedback = WireFeedback()

    @property
    def texts(self) -> tuple[str, ...]:
        """The answers; a candidate that was cut off before its first part is none."""
        spoken = (candidate.content.parts for candidate in self.candidates)
        return tuple("".join(part.text for part in parts) for parts in spoken if parts)

    @property
    def withheld(self) -> str:
        """Why there is no answer, in the service's words."""
        reasons = (self.prompt_feedback.block_reason, *(candidate.finish_reason for candidate in self.candidates))
        return next((str(reason) for reason in reasons if reason), "")
