"""What flags and environment say in place of the project file, as a value; who reads them is the command line."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from reconciler.manifest.project import ProjectConfig

EMULATOR = "emulator"
"""The endpoint that stands for the emulator in our own process."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """What flags and environment say in place of the project file; None leaves the file's word.

    ``shared_project`` is what Google's own variables name; it counts for hosted services, not for the embedded
    emulator, which would be another remote on every machine. ``train_seconds`` is how long that one takes for a
    tuning. ``tries`` bounds how often a request is sent, ``trace`` asks for an event about each. Without ``cache``
    every dataset is read, however well it is known. Secrets never show in ``repr``.
    """

    endpoint: str | None = None
    project: str | None = None
    shared_project: str | None = None
    api_version: str | None = None
    lockfile: str | None = None
    access_token: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    http_timeout: float = 30.0
    train_seconds: float = 6.0
    cache: bool = True
    tries: int | None = None
    trace: bool = False


def overridden(config: ProjectConfig, overrides: Overrides) -> ProjectConfig:
    """Return the project with everything that is overridden put in its place."""
    endpoint = overrides.endpoint or config.provider.endpoint
    shared = None if endpoint == EMULATOR else overrides.shared_project
    provider = replace(
        config.provider,
        endpoint=endpoint,
        project=overrides.project or shared or config.provider.project,
        api_version=overrides.api_version or config.provider.api_version,
    )
    return replace(config, provider=provider, lockfile=overrides.lockfile or config.lockfile)
