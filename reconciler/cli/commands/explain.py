"""``tunectl explain``: the documentation of a field, or why a model is what it is."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from reconciler.cli.command import Command
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option
from reconciler.cli.streams import columns
from reconciler.core.text import clip

if TYPE_CHECKING:
    from reconciler.core.canonical import Json
    from reconciler.core.resource import Capabilities, Desired
    from reconciler.engine.looking.preview import Preview
    from reconciler.views.explained import FieldPage, ModelPage, Origin
    from reconciler.wiring import Session

_CELL = 48
_COSTS = {
    "update": "in place: the live model is patched",
    "replace": "a new training: the old model serves until the new one is ready",
    "local": "the lockfile only",
}
_NAMED = {
    "metadata.name": "a rename; free of charge, see metadata.previousNames",
    "spec.dataset": "a new training, if an example changed; another file with the same examples costs nothing",
    "spec.gate": "nothing remote; a model that was rejected is evaluated again, not trained again",
    "spec.lifecycle": "the lockfile only",
    "metadata": "nothing remote",
}
_NOT_KEPT = "not kept by this project's provider"
_SHARING = "in place: who may use the model is granted and revoked"


@click.command(
    "explain",
    cls=Command,
    epilog="Example: tunectl explain hyperparameters.batchSize; tunectl explain number-generator",
)
@click.argument("what", required=False, metavar="[FIELD|NAME]")
@format_option("text", "json")
@click.pass_obj
def command(invocation: Invocation, /, what: str | None, outputs: Outputs) -> int:
    """Explain a field of a manifest or of tunectl.yaml, or what a plan would do about a model and why.

    FIELD may leave out what is clear: spec.hyperparameters.batchSize, hyperparameters.batchSize or batchSize. With
    project: before it the field of the project file is meant.
    """
    from reconciler.manifest.explain import look_up

    text = "manifest:spec" if what is None else what
    found = look_up(text)
    ours = [each for each in found if each[0] == "manifest"] or found
    if len(ours) == 1 and not _is_name(invocation, text):
        _show_field(invocation, outputs, ours[0], [each for each in found if each != ours[0]])
    elif len(ours) > 1:
        listed = ", ".join(path for _, path in ours)
        raise click.UsageError(f"{text}: several fields are called so: {listed}")
    else:
        _show_name(invocation, outputs, text)
    return 0


def _is_name(invocation: Invocation, text: str) -> bool:
    """Tell whether a word that is the last part of some field is the name of a model of this project, too."""
    if "." in text or ":" in text or not (text.islower() and text.isidentifier()):
        return False
    from reconciler.errors import TunectlError

    try:
        with invocation.session() as session:
            return any(manifest.name == text for manifest in session.manifests(offline=True).desired)
    except TunectlError:
        return False


def _show_field(
    invocation: Invocation, outputs: Outputs, field: tuple[str, str], others: list[tuple[str, str]]
) -> None:
    from reconciler.views.explained import field_document, render_field
    from reconciler.views.words import json_text

    page = _page(invocation, field, others)
    outputs.write(
        {
            "text": lambda: render_field(page, color=invocation.color(sys.stdout)),
            "json": lambda: json_text(field_document(page)) + "\n",
        }
    )


def _page(invocation: Invocation, field: tuple[str, str], others: list[tuple[str, str]]) -> FieldPage:
    from reconciler.manifest.explain import explain
    from reconciler.views.explained import FieldPage

    found = explain(*field)
    return FieldPage(
        document=found.document,
        path=found.path,
        about=found.about,
        takes=found.takes,
        required=found.required,
        default=found.default,
        excludes=found.excludes,
        inside=found.inside,
        change=_change(found.path, _capabilities(invocation)) if found.document == "manifest" else None,
        others=tuple(f"{document}:{path}" for document, path in others),
    )


def _capabilities(invocation: Invocation) -> Capabilities | None:
    """Return what this project's provider can do; where there is no project that can be read, nothing is known."""
    from reconciler.errors import TunectlError

    try:
        with invocation.session() as session:
            return session.capabilities
    except (TunectlError, click.UsageError):
        return None


def _change(path: str, capabilities: Capabilities | None) -> str | None:
    """Return what changing a field of a manifest costs."""
    for head, cost in _NAMED.items():
        if path == head or path.startswith((f"{head}.", f"{head}[")):
            return cost
    inner = path.removeprefix("spec.")
    if capabilities is None or inner == path:
        return None
    if path.startswith("spec.permissions"):
        return _SHARING if capabilities.permissions else _NOT_KEPT
    effect = capabilities.effect(inner.replace("[]", ""))
    return _NOT_KEPT if effect is None else _COSTS[effect.value]


def _show_name(invocation: Invocation, outputs: Outputs, name: str) -> None:
    from reconciler.cli.planning import PlanOptions, make_preview
    from reconciler.errors import TunectlError
    from reconciler.views.explained import model_document, render_model_page
    from reconciler.views.words import json_text

    try:
        with invocation.session() as session:
            recorded = set(session.store().load().lockfile.models)
            declared = _declared(session, name, recorded)
            if name not in declared | recorded:
                raise _unknown(name, declared | recorded)
            page = _model_page(name, make_preview(session, PlanOptions(target=(name,))), session.capabilities)
    except TunectlError as error:
        if "." in name:  # it was a field that was asked for, and the project has no say in that
            raise _unknown(name, set()) from error
        raise
    outputs.write(
        {
            "text": lambda: render_model_page(page, color=invocation.color(sys.stdout), width=columns()),
            "json": lambda: json_text(model_document(page)) + "\n",
        }
    )


def _declared(session: Session, name: str, recorded: set[str]) -> set[str]:
    """Return the names that manifests hold; where those are broken, a word that names nothing is still just that.

    Raises:
        TunectlError: the manifests are broken, and the word may well be the name of a model.
    """
    from reconciler.cli.names import known_names
    from reconciler.errors import TunectlError

    try:
        return {manifest.name for manifest in session.manifests(offline=True).desired}
    except TunectlError:
        if name in recorded or not re.search(r"[A-Z.\[]", name):  # names of models have none of these
            raise
        return set(known_names(None, None))


def _unknown(name: str, declared: set[str]) -> click.UsageError:
    from reconciler.core.text import did_you_mean, meant
    from reconciler.manifest.explain import DOCUMENTS, fields

    meanings = {known: known for known in declared}
    for path in (path for document in DOCUMENTS for path in fields(document)):
        for spelling in (path, path.removeprefix("spec."), path.rpartition(".")[2]):
            meanings.setdefault(spelling, path)
    close = meant(name, meanings)
    hint = did_you_mean(close and meanings[close], otherwise="tunectl explain spec lists the fields")
    return click.UsageError(f"{name}: is neither a field nor a model of this project; {hint}")


def _model_page(name: str, shown: Preview, capabilities: Capabilities) -> ModelPage:
    from reconciler.views.explained import ModelPage

    entry = shown.loaded.lockfile.models.get(name)
    manifest = next((each for each in shown.desired if each.name == name), None)
    actions = [f"{each.kind.value}: {each.reason}" for each in shown.plan.actions if each.name == name]
    planned = next((each.revision for each in shown.plan.actions if each.name == name and each.revision), None)
    if not actions:
        actions = ["nothing: it is as its manifest asks"]
    return ModelPage(
        name=name,
        revision=planned or (None if entry is None else entry.current.revision),
        resource=None if entry is None else entry.current.resource,
        origins=() if manifest is None else tuple(_origins(manifest, capabilities)),
        reasons=(*actions, *(each.message for each in shown.plan.violations)),
    )


def _origins(manifest: Desired, capabilities: Capabilities) -> Iterator[Origin]:
    from reconciler.views.explained import Origin
    from reconciler.views.words import dataset_text, value_text

    values = {path: value_text(value) for path, value in _leaves("spec", dict(manifest.spec))}
    if manifest.dataset is not None:
        values["spec.dataset"] = dataset_text(manifest.dataset, None)
    for path, value in sorted(values.items()):
        where = str(manifest.where[path]) if path in manifest.where else "metadata.name"
        cost = _change(path, capabilities) or ""
        yield Origin(path, clip(value, _CELL), where, re.split("[:;,] ", cost, maxsplit=1)[0])


def _leaves(path: str, value: Json) -> list[tuple[str, Json]]:
    if isinstance(value, dict) and value:
        return [leaf for key, inner in value.items() for leaf in _leaves(f"{path}.{key}", inner)]
    return [(path, value)]
