"""Vertex AI's answers as they come in; see ``providers.messages``. int64 arrives as a string and is read as a number.

Of ``tuningDataStats`` only a count is read: the rest holds a sample of the training rows.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, FiniteFloat

from reconciler.providers.messages import CONFIG

__all__ = [
    "Context",
    "DeployedModel",
    "Endpoint",
    "Job",
    "JobPage",
    "LongRunning",
    "Model",
    "ModelPage",
    "Points",
    "Run",
    "RunPage",
    "Series",
    "SeriesPage",
]

_P = r"^projects/[^/\s?#%]+/locations/[^/\s?#%]+"
_JobName = Annotated[str, Field(pattern=rf"{_P}/tuningJobs/[^/\s?#%]+$")]
_ModelName = Annotated[str, Field(pattern=rf"{_P}/models/[^/\s?#%]+$")]
_EndpointName = Annotated[str, Field(pattern=rf"{_P}/endpoints/[^/\s?#%]+$")]
_RunName = Annotated[str, Field(pattern=rf"{_P}/tensorboards/[^/\s?#%]+/experiments/[^/\s?#%]+/runs/[^/\s?#%]+$")]
_SeriesName = Annotated[
    str, Field(pattern=rf"{_P}/tensorboards/([^/\s?#%]+/[^/\s?#%]+/){{2}}[^/\s?#%]+/timeSeries/[^/\s?#%]+$")
]
_OperationName = Annotated[str, Field(pattern=rf"{_P}/([^/\s?#%]+/[^/\s?#%]+/)?operations/[^/\s?#%]+$")]


class _Wire(BaseModel):
    model_config = CONFIG


class Hyperparameters(_Wire):
    """SupervisedHyperParameters and PreferenceOptimizationHyperParameters, as resolved by the service."""

    epoch_count: int | None = None
    learning_rate_multiplier: FiniteFloat | None = None
    adapter_size: str = ""
    beta: FiniteFloat | None = None


class TuningSpec(_Wire):
    """SupervisedTuningSpec or PreferenceOptimizationSpec."""

    training_dataset_uri: str = ""
    hyper_parameters: Hyperparameters = Hyperparameters()


class PreTuned(_Wire):
    """PreTunedModel: what a continuous tuning starts from."""

    tuned_model_name: str = ""
    base_model: str = ""


class Checkpoint(_Wire):
    """TunedModelCheckpoint; each is served by an endpoint of its own."""

    endpoint: _EndpointName | None = None


class Tuned(_Wire):
    """TunedModel: what a job made. The version is part of the model's name."""

    model: _ModelName | None = None
    endpoint: _EndpointName | None = None
    checkpoints: list[Checkpoint] = []

    @property
    def endpoints(self) -> tuple[str, ...]:
        """All endpoints, each once."""
        every = (self.endpoint, *(checkpoint.endpoint for checkpoint in self.checkpoints))
        return tuple(dict.fromkeys(name for name in every if name is not None))


class Status(_Wire):
    """google.rpc.Status; ``code`` is a gRPC number."""

    code: int = 0
    message: str = ""


class Stats(_Wire):
    """SupervisedTuningDataStats or PreferenceOptimizationDataStats."""

    tuning_step_count: int | None = None


class DataStats(_Wire):
    """TuningDataStats."""

    supervised_tuning_data_stats: Stats = Stats()
    preference_optimization_data_stats: Stats = Stats()


class Encryption(_Wire):
    """EncryptionSpec."""

    kms_key_name: str = ""


class Job(_Wire):
    """TuningJob."""

    name: _JobName
    base_model: str = ""
    pre_tuned_model: PreTuned | None = None
    supervised_tuning_spec: TuningSpec | None = None
    preference_optimization_spec: TuningSpec | None = None
    tuned_model_display_name: str = ""
    description: str = ""
    labels: dict[str, str] = {}
    state: str = "JOB_STATE_UNSPECIFIED"
    create_time: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    update_time: str | None = None
    error: Status | None = None
    tuned_model: Tuned = Tuned()
    tuning_data_stats: DataStats = DataStats()
    experiment: str = ""
    encryption_spec: Encryption = Encryption()
    service_account: str = ""

    @property
    def number(self) -> str:
        """The id that the service gave it."""
        return self.name.rpartition("/")[2]

    @property
    def steps(self) -> int | None:
        """How many steps the tuning takes; known once the service has read the data."""
        stats = self.tuning_data_stats
        return (
            stats.supervised_tuning_data_stats.tuning_step_count
            or stats.preference_optimization_data_stats.tuning_step_count
        )

    @property
    def epochs(self) -> int | None:
        """How many epochs the tuning takes, as resolved by the service."""
        tuning = self.preference_optimization_spec or self.supervised_tuning_spec
        return None if tuning is None else tuning.hyper_parameters.epoch_count


class JobPage(_Wire):
    """ListTuningJobsResponse."""

    tuning_jobs: list[Job] = []
    next_page_token: str = ""


class Deployed(_Wire):
    """DeployedModelRef: where a model is deployed."""

    endpoint: str = ""
    deployed_model_id: str = ""


class Model(_Wire):
    """Model; a listing shows the default version."""

    name: _ModelName
    version_id: str = ""
    display_name: str = ""
    description: str = ""
    labels: dict[str, str] = {}
    etag: str = ""
    create_time: str | None = None
    update_time: str | None = None
    deployed_models: list[Deployed] = []


class ModelPage(_Wire):
    """ListModelsResponse and ListModelVersionsResponse."""

    models: list[Model] = []
    next_page_token: str = ""


class DeployedModel(_Wire):
    """DeployedModel: what an endpoint serves."""

    id: str = ""
    model: str = ""
    model_version_id: str = ""


class Endpoint(_Wire):
    """Endpoint."""

    name: _EndpointName
    deployed_models: list[DeployedModel] = []


class LongRunning(_Wire):
    """google.longrunning.Operation; neither response nor error means that it is running."""

    name: _OperationName
    done: bool = False
    error: Status | None = None


class Context(_Wire):
    """Context of the metadata store: an experiment. Its metadata may hold anything."""

    metadata: dict[str, object] = {}


class Run(_Wire):
    """TensorboardRun."""

    name: _RunName
    create_time: str = ""


class RunPage(_Wire):
    """ListTensorboardRunsResponse."""

    tensorboard_runs: list[Run] = []
    next_page_token: str = ""


class SeriesMetadata(_Wire):
    """TensorboardTimeSeries.Metadata."""

    max_step: int = 0


class Series(_Wire):
    """TensorboardTimeSeries: which metric it is says its display name."""

    name: _SeriesName
    display_name: str = ""
    metadata: SeriesMetadata = SeriesMetadata()


class SeriesPage(_Wire):
    """ListTensorboardTimeSeriesResponse."""

    tensorboard_time_series: list[Series] = []
    next_page_token: str = ""


class Scalar(_Wire):
    """Scalar; zero is left out, NaN is a string."""

    value: float = 0.0


class Point(_Wire):
    """TimeSeriesDataPoint; None for a value of another kind."""

    step: int = 0
    wall_time: str | None = None
    scalar: Scalar | None = None


class SeriesData(_Wire):
    """TimeSeriesData."""

    values: list[Point] = []


class Points(_Wire):
    """ReadTensorboardTimeSeriesDataResponse."""

    time_series_data: SeriesData = SeriesData()
