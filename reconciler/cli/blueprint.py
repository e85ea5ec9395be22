"""What a new project is to be, and the text of its files, from ``templates/``; nothing is written to a disk here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from reconciler._version import __version__
from reconciler.core.text import did_you_mean, meant, sanitize

__all__ = [
    "EMULATOR",
    "EXAMPLES",
    "IGNORED",
    "MODEL",
    "SERVICES",
    "Wishes",
    "contents_of",
    "described",
    "lacking",
    "problem_of",
    "template",
]

MODEL: Final = "number-generator"
EMULATOR: Final = "emulator"
IGNORED: Final = ".tunectl/"
_PROJECT: Final = {
    "tunectl.yaml": ("tunectl.yaml", "the project: which service, what limits"),
    f"manifests/{MODEL}.yaml": ("number-generator.yaml", "a manifest: one tuned model"),
    "manifests/datasets/numbers.jsonl": ("numbers.jsonl", "its dataset: fifteen examples"),
}
_WORKFLOWS: Final = {
    ".github/workflows/plan.yml": ("plan.yml", "the plan in every pull request"),
    ".github/workflows/apply.yml": ("apply.yml", "the apply after every merge"),
    ".github/workflows/drift.yml": ("drift.yml", "the audit of every night"),
}
_SCHEMAS: Final = {
    "schemas/project.schema.json": ("project", "for your editor"),
    "schemas/tunedmodel.schema.json": ("tunedmodel", "for your editor"),
}
_EMBEDDED: Final = "emulator # the embedded emulator: no account, no network, nothing to pay; or an https URL"
_LOCKFILES: Final = (
    ".tunectl/tunectl.lock # what was made, beside the emulator's own models; for a hosted service: tunectl.lock",
    "tunectl.lock # what was made, and of what: commit it",
)
EXAMPLES: Final = {"project": "my-project-id", "location": "us-central1", "staging": "gs://my-bucket/tunectl"}
_NOUNS: Final = {"project": "project id", "location": "region", "staging": "place in Cloud Storage"}


@dataclass(frozen=True, slots=True)
class Service:
    """What differs between services: the usual base model, the hosted address, the settings that needs, and words."""

    base: str
    address: str
    needs: tuple[str, ...]
    words: Mapping[str, str]


SERVICES: Final[Mapping[str, Service]] = MappingProxyType(
    {
        "generativelanguage": Service(
            "models/text-bison-001",
            "https://generativelanguage.googleapis.com",
            (),
            {
                "LONGEST": "40",
                "STEPS": "tuning steps, which is what a service bills; --allow-steps N",
                "DEFAULTS": "{temperature: 0.7}",
                "PRICE": "{baseModel: models/text-*, currency: USD, perStep: 0.02}",
                "GLOB": "models/text-*",
                "IN-PLACE": "spec.temperature",
            },
        ),
        "vertex": Service(
            "gemini-2.5-flash",
            "https://aiplatform.googleapis.com",
            ("project", "location", "staging"),
            {
                "LONGEST": "128",
                "STEPS": "tuning steps; vertex tells none beforehand, so that a limit refuses: bound maxCost",
                "DEFAULTS": "{hyperparameters: {adapterSize: 4}}",
                "PRICE": "{baseModel: gemini-*, currency: USD, perMillionTokens: 5, charactersPerToken: 4}",
                "GLOB": "gemini-*",
                "IN-PLACE": "spec.description",
            },
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a new project is to be: its name, the first model's name and base, and the service.

    ``base`` is None for the usual one of the service, ``endpoint`` for the embedded emulator.
    """

    name: str
    model: str
    type: str = "generativelanguage"
    base: str | None = None
    endpoint: str | None = None
    project: str | None = None
    location: str | None = None
    staging: str | None = None

    @property
    def base_model(self) -> str:
        """The base model."""
        return self.base or SERVICES[self.type].base

    def having(self, field: str, text: str) -> Wishes:
        """Return the wishes with one field as somebody typed it; no text is none where the field may be missing."""
        values: dict[str, Any] = {field: text if field in {"name", "model", "type"} else text or None}
        return replace(self, **values)


def problem_of(wishes: Wishes) -> str | None:
    """Return what the files could not hold, and what it must be."""
    from reconciler.core.address import NAME
    from reconciler.manifest.endpoint import check_endpoint
    from reconciler.manifest.kinds import PROJECT_NAME

    if re.match(PROJECT_NAME.replace("$", r"\Z"), wishes.name) is None:
        return (
            f"--name {sanitize(wishes.name)}: a project's name has letters, digits and '-', starts and ends with a "
            "letter or digit, and has at most 63 characters"
        )
    if NAME.fullmatch(wishes.model) is None:
        return (
            f"--model {sanitize(wishes.model)}: a model's name has lower-case letters, digits and '-', starts with a "
            "letter, and has at most 63 characters"
        )
    if wishes.type not in SERVICES:
        hint = did_you_mean(meant(wishes.type, SERVICES), otherwise=f"it is {' or '.join(SERVICES)}")
        return f"--type {sanitize(wishes.type)}: init knows no such service; {hint}"
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/@:-]{0,255}", wishes.base_model) is None:
        return f"--base-model {sanitize(wishes.base_model)}: is no model's name, such as {SERVICES[wishes.type].base}"
    problem = None if wishes.endpoint is None else check_endpoint(wishes.endpoint)
    return _misplaced(wishes) if problem is None else f"--endpoint: {problem}"


def _misplaced(wishes: Wishes) -> str | None:
    """Return what is wrong with where the service is."""
    from reconciler.manifest.kinds import BUCKET, CLOUD_NAME

    needs = SERVICES[wishes.type].needs
    for field, pattern in (("project", CLOUD_NAME), ("location", CLOUD_NAME), ("staging", BUCKET)):
        value: str | None = getattr(wishes, field)
        if value is not None and re.match(pattern.replace("$", r"\Z"), value) is None:
            return f"--{field} {sanitize(value)}: is no {_NOUNS[field]}; it looks like {EXAMPLES[field]}"
        if value is not None and field != "project" and field not in needs:
            return f"--{field}: {wishes.type} has none; it is for --type vertex"
    return _refused(wishes) if wishes.location is not None else None


def _refused(wishes: Wishes) -> str | None:
    """Return what the provider itself would say of its settings, apart from what is missing yet."""
    from reconciler.providers.settings import EMULATOR, ProviderSettings
    from reconciler.providers.vertex.dialect import VERSIONS
    from reconciler.providers.vertex.plugin import VertexPlugin

    settings = ProviderSettings(
        type=wishes.type,
        endpoint=wishes.endpoint or EMULATOR,
        api_version=VERSIONS[0],
        project=wishes.project,
        location=wishes.location,
    )
    given = [each for each in VertexPlugin().describe(settings).problems if each.path in {"location", "endpoint"}]
    return f"--{given[0].path}: {given[0].message}; {given[0].hint}" if given else None


def lacking(wishes: Wishes) -> str | None:
    """Return which settings the service cannot do without; the embedded emulator has them all."""
    if wishes.endpoint is None:
        return None
    missing = [field for field in SERVICES[wishes.type].needs if getattr(wishes, field) is None]
    examples = " ".join(f"--{field} {EXAMPLES[field]}" for field in missing)
    return f"{wishes.type} at {wishes.endpoint} needs more to plan: {examples}" if missing else None


def contents_of(wishes: Wishes, *, workflows: bool) -> dict[str, str]:
    """Return the text of every file by its path."""
    from reconciler.cli.commands.schema import render

    listed = {**_PROJECT, **(_WORKFLOWS if workflows else {})}
    values = _values(wishes)
    contents = {path.replace(MODEL, wishes.model): template(file, values) for path, (file, _) in listed.items()}
    return contents | {path: render(kind) for path, (kind, _) in _SCHEMAS.items()}


def described(wishes: Wishes) -> dict[str, str]:
    """Return what each file is, in a few words, by its path."""
    listed = {path: text for table in (_PROJECT, _WORKFLOWS, _SCHEMAS) for path, (_, text) in table.items()}
    return {path.replace(MODEL, wishes.model): text for path, text in listed.items()}


def template(file: str, values: Mapping[str, str]) -> str:
    """Return the text of a template with values in the place of ``@NAMES@``; what has none stays."""
    text = (files("reconciler.cli") / "templates" / file).read_text(encoding="utf-8")
    return re.sub(r"@([A-Z-]+)@", lambda found: values.get(found[1], found[0]), text)


def _values(wishes: Wishes) -> dict[str, str]:
    service, hosted = SERVICES[wishes.type], wishes.endpoint is not None
    values = {
        **service.words,
        "NAME": wishes.name,
        "VERSION": __version__,
        "MODEL": wishes.model,
        "SHOWN": f"{wishes.model.replace('-', ' ')} model"[:40].rstrip(),
        "BASE": wishes.base_model,
        "LOCKFILE": _LOCKFILES[hosted],
        "ENDPOINT": f"{wishes.endpoint} # or emulator, the embedded one" if hosted else _EMBEDDED,
        **{field.upper(): _setting(field, getattr(wishes, field)) for field in EXAMPLES},
    }
    blocks = {block: template(f"{block.lower()}-{wishes.type}.yaml", values) for block in ("PROVIDER", "TUNING")}
    return values | {block: text.removesuffix("\n") for block, text in blocks.items()}


def _setting(field: str, value: str | None) -> str:
    """Return a line of the project file, as a comment with an example where there is no value."""
    return f"# {field}: {EXAMPLES[field]}" if value is None else f"{field}: {value}"
