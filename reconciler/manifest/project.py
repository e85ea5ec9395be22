"""The project file: tunectl.yaml, or the defaults that stand in for it.

Environment and flags are no concern of this module; whoever merges them replaces fields of ``ProjectConfig`` and asks
``check_endpoint`` and ``check_lockfile`` first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from reconciler.confined import Opener
from reconciler.core.canonical import Json
from reconciler.core.limits import Limits
from reconciler.core.planning.tolerance import Tolerance
from reconciler.core.price import Price
from reconciler.core.rules import Check, Rules
from reconciler.errors import Location, Problem, ProblemsError, TunectlError
from reconciler.manifest.duration import parse_duration
from reconciler.manifest.endpoint import check_endpoint, check_lockfile
from reconciler.manifest.files import open_manifest, read
from reconciler.manifest.places import Places
from reconciler.manifest.policy import check_policy, checks_of, rules_of
from reconciler.manifest.prices import check_prices, limits_of, prices_of
from reconciler.manifest.project_document import ProjectDocument, ProviderPart
from reconciler.manifest.tolerances import check_tolerances, tolerances_of
from reconciler.manifest.verdict import alternatives, findings, in_order
from reconciler.manifest.yamltext import Document, parse

__all__ = ["FILE_NAMES", "ProjectConfig", "ProviderConfig", "check_endpoint", "check_lockfile", "load_project"]

FILE_NAMES = ("tunectl.yaml", "tunectl.yml")
_DAY = 86_400
_API_VERSIONS = {"generativelanguage": ("v1beta", "v1beta3"), "vertex": ("v1", "v1beta1")}
"""Of each built-in provider, the default first; those of other packages judge for themselves."""


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """Which service tunes, and where. ``staging`` is where local datasets go (Vertex).

    ``api_version`` is empty where the provider has to choose, and ``options`` are for those of other packages.
    """

    type: str = "generativelanguage"
    api_version: str = "v1beta"
    endpoint: str = "emulator"
    project: str | None = None
    location: str | None = None
    staging: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """A project, completely: every key has a value.

    ``root`` is the folder of the project file, or the directory that was given if there is no such file; ``file`` is
    the file's name in it. ``manifests`` are files, folders and globs relative to the root. ``defaults`` is the spec
    that every TunedModel starts from. ``where`` holds the places of the project file by dotted path;
    ``prices`` are what tuning costs, ``rules`` and ``checks`` its policy, ``tolerances`` the drift that does not count.
    ``shutdowns`` are days on which base models end, ``shutdown_notice`` is in days.
    """

    root: Path
    file: str | None
    name: str
    provider: ProviderConfig = field(default_factory=ProviderConfig)
    manifests: tuple[str, ...] = ("manifests",)
    lockfile: str = "tunectl.lock"
    defaults: Mapping[str, Json] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    prices: tuple[Price, ...] = ()
    rules: Rules = field(default_factory=Rules)
    checks: tuple[Check, ...] = ()
    tolerances: tuple[Tolerance, ...] = ()
    shutdowns: Mapping[str, date | None] = field(default_factory=dict)
    shutdown_notice: int = 90
    where: Mapping[str, Location] = field(default_factory=dict, compare=False, repr=False)


def _bytes(root: Path, name: str) -> bytes:
    opener = Opener(root)
    try:
        with open_manifest(opener, name) as file:
            return read(file)
    finally:
        opener.close()


def load_project(directory: Path, *, config: Path | None = None) -> ProjectConfig:
    """Read the project file of a directory, or the given one; without a file everything has its default.

    Only the directory itself is looked at, never its parents: which project a command works on should not depend on
    what lies above.

    Raises:
        ProblemsError: with everything that is wrong with the file, or the directory or file does not exist.
    """
    if not os.path.isdir(directory):  # noqa: PTH112  Path.is_dir raises where this says no
        raise _failed(Problem(None, f"{directory}: is no folder"))
    path = directory / config if config is not None else _find(directory)
    if path is None:
        return ProjectConfig(root=directory.absolute(), file=None, name=_name_of(directory))
    root = path.parent.absolute()
    try:
        data = _bytes(root, path.name)
    except TunectlError as error:
        raise _failed(Problem(Location(path.name), error.message, error.hint)) from error
    documents, problems = parse(data, path.name)
    if problems:
        raise _failed(*problems)
    if len(documents) > 1:
        raise _failed(Problem(Location(path.name, documents[1].place.line), "a project file holds one document"))
    if not documents:
        return ProjectConfig(root=root, file=path.name, name=_name_of(root))
    return _configure(root, path.name, documents[0])


def _find(directory: Path) -> Path | None:
    found = [directory / name for name in FILE_NAMES if os.path.lexists(directory / name)]
    if len(found) > 1:
        raise _failed(Problem(Location(FILE_NAMES[1]), f"{FILE_NAMES[0]} stands beside it", "remove one of them"))
    return found[0] if found else None


def _configure(root: Path, file: str, document: Document) -> ProjectConfig:
    places = Places(file, document.place)
    problems = list(alternatives(ProjectDocument, document.value, places))
    try:
        model = ProjectDocument.model_validate(document.value)
    except ValidationError as error:
        raise _failed(*problems, *findings(ProjectDocument, error, places)) from error
    spec = model.spec
    problems += [*_check(model, places), *check_policy(spec.policy, places), *check_prices(spec.prices, places)]
    problems += check_tolerances(spec.drift, places)
    if problems:
        raise _failed(*problems)
    return ProjectConfig(
        root=root,
        file=file,
        name=model.metadata.name or _name_of(root),
        provider=_provider(spec.provider),
        manifests=tuple(spec.manifests),
        lockfile=spec.lockfile,
        defaults={} if spec.defaults is None else spec.defaults.model_dump(by_alias=True, exclude_unset=True),
        limits=limits_of(spec.limits, places),
        prices=prices_of(spec.prices),
        rules=rules_of(spec.policy),
        checks=checks_of(spec.policy, places),
        tolerances=tolerances_of(spec.drift, places),
        shutdowns={
            base: None if day is None else date.fromisoformat(day) for base, day in (spec.shutdowns or {}).items()
        },
        shutdown_notice=int(parse_duration(spec.shutdown_notice) // _DAY),
        where=places,
    )


def _check(model: ProjectDocument, places: Places) -> list[Problem]:
    """Check what a type cannot say."""
    spec, provider = model.spec, model.spec.provider
    versions = _API_VERSIONS.get(provider.type, ())
    version = None
    if versions and provider.api_version is not None and provider.api_version not in versions:
        version = f"must be {' or '.join(versions)} with type {provider.type}, not '{provider.api_version}'"
    complaints: list[tuple[tuple[str | int, ...], str | None]] = [
        (("spec", "provider", "endpoint"), check_endpoint(provider.endpoint)),
        (("spec", "provider", "apiVersion"), version),
        (("spec", "lockfile"), check_lockfile(spec.lockfile)),
    ]
    return [
        Problem(places.nearest(steps), f"{'.'.join(map(str, steps))}: {complaint}")
        for steps, complaint in complaints
        if complaint is not None
    ]


def _provider(part: ProviderPart) -> ProviderConfig:
    return ProviderConfig(
        type=part.type,
        api_version=part.api_version or _API_VERSIONS.get(part.type, ("",))[0],
        endpoint=part.endpoint,
        project=part.project,
        location=part.location,
        staging=part.staging,
        options=part.options or {},
    )


def _name_of(folder: Path) -> str:
    """Make a project name of a folder's name."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:63].strip("-")
    return name or "default"


def _failed(*problems: Problem) -> ProblemsError:
    return ProblemsError(in_order(problems))
