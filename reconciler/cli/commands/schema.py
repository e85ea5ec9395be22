"""``tunectl schema``, and the table of everything that has a JSON Schema.

Each schema is made by the code that reads or writes the thing; schemas/*.json in the repository are these very bytes.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass

import click

from reconciler.cli.command import Command
from reconciler.core.text import did_you_mean, meant


@dataclass(frozen=True, slots=True)
class Kind:
    """What a schema describes, and what makes it: ``module:function``, with ``:argument`` if it takes one."""

    about: str
    source: str


KINDS = {
    "project": Kind("the project file, tunectl.yaml", "reconciler.manifest.jsonschema:schema:project"),
    "tunedmodel": Kind("a manifest: one tuned model", "reconciler.manifest.jsonschema:schema:tunedmodel"),
    "plan": Kind("a plan, as plan --format json prints it", "reconciler.views.shapes:plan_schema"),
    "drift": Kind("the drift, as drift --format json prints it", "reconciler.views.drift_shape:drift_schema"),
    "lockfile": Kind("the lockfile, tunectl.lock", "reconciler.stores.lockfile_shapes:schema"),
    "lineage": Kind("a line of the log of lineage", "reconciler.stores.lineage_shapes:schema"),
    "events": Kind("a line of apply --format jsonl", "reconciler.views.events:events_schema"),
}


def render(kind: str) -> str:
    """Return a schema as the text of its file.

    Raises:
        KeyError: there is no such kind.
    """
    module, function, *arguments = KINDS[kind].source.split(":")
    schema = getattr(importlib.import_module(module), function)(*arguments)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


@click.command(
    "schema", cls=Command, epilog="Example, for an editor: tunectl schema tunedmodel > schemas/tunedmodel.schema.json"
)
@click.argument("kind", required=False, metavar="[KIND]")
def command(kind: str | None) -> int:
    """Print the JSON Schema of a kind of document; without KIND list the kinds there are."""
    if kind is None:
        width = max(map(len, KINDS))
        for name, entry in KINDS.items():
            click.echo(f"{name:{width}}  {entry.about}")
        return 0
    if kind not in KINDS:
        hint = did_you_mean(meant(kind, KINDS), otherwise=f"there are {', '.join(KINDS)}")
        raise click.UsageError(f"there is no schema of {kind!r}; {hint}")
    click.echo(render(kind), nl=False)
    return 0
