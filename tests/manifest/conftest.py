"""A project in a temporary folder, written file by file."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

from reconciler.errors import ProblemsError
from reconciler.manifest.load import LoadedManifests, load_manifests
from reconciler.manifest.project import ProjectConfig, load_project

HEAD = "apiVersion: tunectl/v1\nkind: TunedModel\n"


class Project:
    """Files of a project, and what loading them gives."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, text: str) -> Path:
        """Write a file; common indentation is taken off."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    def manifest(self, path: str, metadata: str, spec: str = "{baseModel: models/b}") -> Path:
        """Write a manifest of two flow mappings, on lines 3 and 4."""
        return self.write(path, f"{HEAD}metadata: {metadata}\nspec: {spec}\n")

    def config(self) -> ProjectConfig:
        """Load the project file."""
        return load_project(self.root)

    def load(self, paths: Sequence[str] | None = None) -> LoadedManifests:
        """Load the manifests."""
        return load_manifests(self.config(), paths=paths)

    def problems(self, paths: Sequence[str] | None = None) -> list[str]:
        """Load the manifests and return what is wrong with them."""
        return [str(problem) for problem in self.load(paths).problems]

    def refusals(self) -> list[str]:
        """Return what is wrong with the project file."""
        with pytest.raises(ProblemsError) as caught:
            self.config()
        return [str(problem) for problem in caught.value.problems]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "Shop Models"
    root.mkdir()
    return Project(root)
