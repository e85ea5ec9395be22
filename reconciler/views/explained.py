"""Pages that explain: a field of a manifest, and why a model is what it is. For people, and as a JSON document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from reconciler.core.canonical import Json
from reconciler.core.text import sanitize
from reconciler.views.fold import fold
from reconciler.views.paint import painter
from reconciler.views.words import guard

_FILES = {"manifest": "a manifest", "project": "the project file, tunectl.yaml"}


@dataclass(frozen=True, slots=True)
class FieldPage:
    """A field as it is explained; ``change`` says what changing it costs, ``others`` are fields of the same name."""

    document: str
    path: str
    about: str
    takes: str
    required: bool = False
    default: str | None = None
    excludes: tuple[str, ...] = ()
    inside: tuple[tuple[str, str], ...] = ()
    change: str | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """A field that a model's manifest sets: its value, where that stands, and what changing it costs."""

    path: str
    value: str
    place: str
    change: str


@dataclass(frozen=True, slots=True)
class ModelPage:
    """Why a model is what it is: what its manifest asks for, and what a plan would do about it and why."""

    name: str
    revision: str | None
    resource: str | None
    origins: Sequence[Origin]
    reasons: Sequence[str]


def render_field(page: FieldPage, *, color: bool = False, width: int = 100) -> str:
    """Return the page of a field."""
    paint = painter(color=color)
    facts = [
        ("in", _FILES[page.document]),
        ("takes", page.takes + (" (required)" if page.required else "")),
        ("default", page.default or ""),
        ("excludes", ", ".join(page.excludes)),
        ("a change", page.change or ""),
        ("see also", ", ".join(page.others)),
    ]
    lines = [paint(page.path, "bold"), *_wrapped(page.about, 2, width), ""]
    lines += [f"  {paint(f'{name:9}', 'dim')} {text}" for name, text in facts if text]
    if page.inside:
        broad = max(len(name) for name, _ in page.inside)
        lines += ["", paint("Fields", "bold")]
        for name, about in page.inside:
            first, *rest = wrap(about, max(30, width - broad - 4)) or [""]
            lines += [f"  {name:{broad}}  {first}", *(f"  {'':{broad}}  {more}" for more in rest)]
    return guard("\n".join(lines) + "\n")


def render_model_page(page: ModelPage, *, color: bool = False, width: int | None = None) -> str:
    """Return the page of a model; where a terminal has no room for four columns, each field takes lines of its own."""
    paint = painter(color=color)
    lines = [paint(page.name, "bold")]
    for name, text in (("revision", page.revision), ("serves", page.resource)):
        if text is not None:
            lines.append(f"  {paint(f'{name:9}', 'dim')} {sanitize(text)}")
    lines += ["", paint("What a plan would do", "bold"), *(f"  {sanitize(reason)}" for reason in page.reasons)]
    rows = [(origin.path, sanitize(origin.value), sanitize(origin.place), origin.change) for origin in page.origins]
    if rows:
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        beside = [
            "  " + "  ".join([*(f"{cell:{w}}" for cell, w in zip(row, widths, strict=False)), row[3]]) for row in rows
        ]
        below = [
            line for path, value, *rest in rows for line in (f"  {path:{widths[0]}}  {value}", f"    {', '.join(rest)}")
        ]
        lines += ["", paint("What the manifest asks for", "bold")]
        lines += beside if width is None or max(map(len, beside)) <= width else below
    text = "\n".join(lines) + "\n"
    return guard(text if width is None else fold(text, width))


def field_document(page: FieldPage) -> Mapping[str, Json]:
    """Return the page of a field as JSON."""
    return {
        "field": page.path,
        "document": page.document,
        "about": page.about,
        "takes": page.takes,
        "required": page.required,
        "default": page.default,
        "excludes": list(page.excludes),
        "change": page.change,
        "fields": [{"name": name, "about": about} for name, about in page.inside],
    }


def model_document(page: ModelPage) -> Mapping[str, Json]:
    """Return the page of a model as JSON."""
    return {
        "name": page.name,
        "revision": page.revision,
        "resource": page.resource,
        "plan": list(page.reasons),
        "fields": [
            {"field": each.path, "value": each.value, "place": each.place, "change": each.change}
            for each in page.origins
        ],
    }


def _wrapped(text: str, indent: int, width: int) -> list[str]:
    return [" " * indent + line for line in wrap(text, max(40, width - indent))]
