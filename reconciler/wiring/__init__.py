"""The only room that knows every adapter: it puts manifests, datasets, providers and stores behind the ports.

`session` is one command's work on one project, `service` the provider it asks, `records` where what was made is kept.
Nothing is decided here. Adapters are imported by those who use them, so that start-up stays light.
"""

from __future__ import annotations

from pathlib import Path

from reconciler.manifest.project import ProjectConfig, load_project
from reconciler.wiring.forge import open_forge
from reconciler.wiring.session import Session

__all__ = ["Session", "open_forge", "open_project"]


def open_project(directory: Path, config: Path | None) -> ProjectConfig:
    """Read the project file; see ``manifest.project.load_project``."""
    return load_project(directory, config=config)
