"""Write schemas/*.json from the models, or with --check say which ones are not fresh.

A new schema needs one line in SCHEMAS: its file, and what makes it, as ``module:function:argument``; the argument may
be left out.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "schemas"
SCHEMAS = {
    "events.schema.json": "reconciler.views.events:events_schema",
    "lockfile.schema.json": "reconciler.stores.document:schema",
    "plan.schema.json": "reconciler.views.shapes:plan_schema",
    "project.schema.json": "reconciler.manifest.jsonschema:schema:project",
    "tunedmodel.schema.json": "reconciler.manifest.jsonschema:schema:tunedmodel",
}


def render(source: str) -> str:
    """Return a schema as the text of its file."""
    module, function, *arguments = source.split(":")
    schema = getattr(importlib.import_module(module), function)(*arguments)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write or check every schema; 1 if one was not fresh in a check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if a file is not fresh")
    check = parser.parse_args(arguments).check
    stale = []
    for name, source in SCHEMAS.items():
        path, text = FOLDER / name, render(source)
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"{name} {'is not fresh; run make schemas' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main(sys.argv[1:]))
