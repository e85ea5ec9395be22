"""What a field of a manifest or of the project file means, told from the models that validate it.

Everything here looks at classes, never at what a user wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticUndefined

from reconciler.manifest.document import Part, TunedModelDocument
from reconciler.manifest.project_document import ProjectDocument
from reconciler.manifest.shape import expectation, keys, part_at, parts

__all__ = ["DOCUMENTS", "Field", "explain", "fields", "look_up"]

DOCUMENTS: dict[str, type[Part]] = {"manifest": TunedModelDocument, "project": ProjectDocument}
"""The two documents, in the order in which a field is looked for."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    ``path`` is dotted, ``[]`` behind a list; ``takes`` finishes the sentence "takes …". ``default`` is None where
    leaving the field out means that nothing is said. ``excludes`` are the fields that cannot be set beside it.
    ``inside`` are the fields of the mapping, or of each item of the list, with the first sentence of what they mean.
    """

    document: str
    path: str
    about: str
    takes: str
    required: bool
    default: str | None
    excludes: tuple[str, ...]
    inside: tuple[tuple[str, str], ...]


def fields(document: str) -> Iterator[str]:
    """Yield the dotted path of every field of a document, lists with ``[]``."""
    yield from _paths(DOCUMENTS[document], "")


def look_up(text: str) -> list[tuple[str, str]]:
    """Return the fields that a text may mean, each as document and path; the first document wins for a whole path.

    A whole path is meant, or one without ``spec.`` before it, or else any field that ends with it. ``project:`` or
    ``manifest:`` before it chooses the document. Upper and lower case, ``[0]`` and ``[]`` make no difference.
    """
    chosen, colon, rest = text.partition(":")
    documents = [chosen] if colon and chosen in DOCUMENTS else list(DOCUMENTS)
    wanted = _plain(rest if colon and chosen in DOCUMENTS else text)
    known = [(document, path) for document in documents for path in fields(document)]
    for spelling in (wanted, f"spec.{wanted}"):
        exact = [found for found in known if _plain(found[1]) == spelling]
        if exact:
            return exact[:1]
    return [found for found in known if _plain(found[1]).endswith(f".{wanted}")]


def explain(document: str, path: str) -> Field:
    """Return what is known of a field.

    Raises:
        KeyError: the document has no such field.
    """
    *way, name = path.replace("[]", ".0").split(".")
    if name == "0":
        name = way.pop()
    steps = tuple(int(step) if step.isdecimal() else step for step in way)
    home = part_at(DOCUMENTS[document], steps)
    if home is None:
        raise KeyError(path)
    info = next(info for key, info in home.model_fields.items() if (info.alias or key) == name)
    whole = (*steps, name)
    expect = expectation(DOCUMENTS[document], whole)
    part = parts(home).get(name)
    return Field(
        document=document,
        path=path.removesuffix("[]"),
        about=info.description or "",
        takes="a list of mappings" if part is not None and part[1] else expect.phrase,
        required=info.is_required(),
        default=_default(info.get_default()),
        excludes=tuple(other for other in home.alternatives if other != name) if name in home.alternatives else (),
        inside=() if part is None else tuple(_summaries(part[0])),
    )


def _plain(path: str) -> str:
    return "".join(part.split("]")[-1] for part in path.lower().split("["))


def _paths(model: type[Part], head: str) -> Iterator[str]:
    for key in keys(model):
        path = f"{head}.{key}" if head else key
        yield path
        if key in parts(model):
            inner, listed = parts(model)[key]
            if inner is not model:
                yield from _paths(inner, f"{path}[]" if listed else path)


def _summaries(model: type[Part]) -> Iterator[tuple[str, str]]:
    for key, info in model.model_fields.items():
        yield info.alias or key, (info.description or "").partition(". ")[0].rstrip(".")


def _default(value: Any) -> str | None:
    """Return a default as a manifest spells it; a whole part and "nothing" are none."""
    if value is PydanticUndefined or value is None or isinstance(value, Part):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return str(value)
