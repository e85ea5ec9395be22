"""Writes docs/reference/*.md from the code: the command line, every document's fields, and the errors with their codes.

``python scripts/reference.py [--check]``; with ``--check`` nothing is written, and the exit status says whether the
pages are up to date.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from reconciler import errors
from reconciler.cli.commands.schema import KINDS, render
from reconciler.cli.invocation import GLOBAL_OPTIONS, Invocation
from reconciler.cli.main import group

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
_MADE = "<!-- Made from the code by `make reference`; changes belong there. -->\n\n"
_PLAN = "The plan document."
_SIGNALS = ((130, "stopped by SIGINT after saving"), (143, "stopped by SIGTERM after saving"))
_OWN = (
    (0, "done, or nothing to do"),
    (2, "`plan --detailed-exitcode`: there is something to do; `drift`: there is drift"),
)


def pages() -> dict[str, str]:
    """Return the text of every page by its file name."""
    found = {"cli.md": command_line(), "exit-codes.md": exit_codes()}
    for kind, entry in KINDS.items():
        found[f"{kind}.md"] = document(kind, entry.about)
    return {"README.md": contents(), **found}


def contents() -> str:
    """Return the first page."""
    rows = [("[command line](cli.md)", "every command, argument and option")]
    rows += [(f"[{kind}]({kind}.md)", entry.about) for kind, entry in KINDS.items()]
    rows.append(("[exit codes](exit-codes.md)", "every code, and the errors that lead to it"))
    lines = [f"| {name} | {about} |" for name, about in rows]
    return "# Reference\n\n" + _MADE + "\n".join(["| page | holds |", "|---|---|", *lines]) + "\n"


def command_line() -> str:
    """Return the page of the command line."""
    context = click.Context(group, info_name="tunectl", obj=Invocation())
    parts = ["# Command line\n", _MADE.rstrip(), "", "Every command takes these options, before or after its name:", ""]
    parts += _options([make() for make in GLOBAL_OPTIONS], context)
    for name, command in _commands(group, context):
        parts += _command(command, click.Context(command, info_name=f"tunectl {name}", obj=Invocation()), level=2)
    return "\n".join(parts) + "\n"


def _command(command: click.Command, context: click.Context, *, level: int) -> Iterator[str]:
    shared = {make().name for make in GLOBAL_OPTIONS}
    own = [param for param in command.params if isinstance(param, click.Option) and param.name not in shared]
    usage = " ".join([context.info_name or "", *(["[OPTIONS]"] if own else []), *_arguments(command, context)])
    yield from ["", f"{'#' * level} {context.info_name}", "", inspect.cleandoc(command.help or ""), ""]
    yield from ["```text", usage.strip(), "```"]
    if own:
        yield from ["", *_options(own, context)]
    if command.epilog:
        for paragraph in command.epilog.split("\n\n"):
            yield from ["", _text(paragraph)]
    if isinstance(command, click.Group):
        for name, inner in _commands(command, context):
            path = f"{context.info_name} {name}"
            yield from _command(inner, click.Context(inner, info_name=path, obj=Invocation()), level=level + 1)


def _commands(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None:
            yield name, command


def _arguments(command: click.Command, context: click.Context) -> list[str]:
    named = [param.make_metavar(context) for param in command.params if isinstance(param, click.Argument)]
    return [*named, "COMMAND"] if isinstance(command, click.Group) else named


def _options(options: list[click.Option], context: click.Context) -> list[str]:
    rows = ["| option | does |", "|---|---|"]
    for option in options:
        names = ", ".join(option.opts + option.secondary_opts)
        takes = "" if option.is_flag or option.count else f" {option.make_metavar(context)}"
        rows.append(f"| `{_cell(names + takes)}` | {_cell(_text(option.help or ''))} |")
    return rows


def document(kind: str, about: str) -> str:
    """Return the page of a document that has a JSON Schema."""
    schema = json.loads(render(kind))
    rows = [f"| `{_cell(path)}` | {_cell(takes)} | {_cell(text)} |" for path, takes, text in _fields(schema)]
    intro = f"# {kind}\n\n{_MADE}{about[0].upper()}{about[1:]}. The JSON Schema is "
    intro += f"[`schemas/{kind}.schema.json`](../../schemas/{kind}.schema.json).\n\n"
    return intro + "\n".join(["| field | takes | means |", "|---|---|---|", *rows]) + "\n"


def _fields(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield path, type and meaning of every field; a part that was shown in full already is not shown again."""
    shown: set[str] = set()

    def resolve(node: Mapping[str, Any]) -> Mapping[str, Any]:
        reference = node.get("$ref")
        return {**schema["$defs"][reference.rpartition("/")[2]], **node} if reference else node

    def walk(node: Mapping[str, Any], head: str) -> Iterator[tuple[str, str, str]]:
        for part in (node, *(resolve(each) for each in [*node.get("oneOf", []), *node.get("anyOf", [])])):
            for key, child in part.get("properties", {}).items():
                inner = resolve(child)
                path = f"{head}.{key}" if head else key
                required = " (required)" if key in part.get("required", ()) else ""
                row = (path, f"{_takes(inner)}{required}", inner.get("description", ""))
                if row[:2] not in shown:
                    shown.add(row[:2])
                    yield row
                    if row[2] == _PLAN:
                        continue  # it has a page of its own
                    yield from walk(inner, path)
                    yield from walk(resolve(inner.get("items", {})), f"{path}[]")
                    more = inner.get("additionalProperties")
                    yield from walk(resolve(more) if isinstance(more, Mapping) else {}, f"{path}.*")

    yield from walk(schema, "")


def _takes(node: Mapping[str, Any]) -> str:
    if "const" in node:
        return f"`{json.dumps(node['const'])}`"
    if "enum" in node:
        return ", ".join(f"`{json.dumps(value)}`" for value in node["enum"])
    kinds = node.get("type") or [part.get("type") for part in node.get("anyOf", ()) if part.get("type")]
    words = " or ".join([kinds] if isinstance(kinds, str) else dict.fromkeys(map(str, kinds))) or "see below"
    default = node.get("default")
    return words if default is None else f"{words}; default `{json.dumps(default)}`"


def exit_codes() -> str:
    """Return the page of the exit codes."""
    found: dict[int, list[str]] = {code: [text] for code, text in (*_OWN, *_SIGNALS)}
    for name, value in sorted(vars(errors).items()):
        ours = inspect.isclass(value) and issubclass(value, errors.TunectlError)
        if ours and value is not errors.Interrupted:  # which has the code of its signal
            summary = (inspect.getdoc(value) or "").partition("\n")[0]
            found.setdefault(value.exit_code, []).append(f"`{name}`: {summary}")
    rows = [f"| {code} | {_cell('<br>'.join(lines))} |" for code, lines in sorted(found.items())]
    return "# Exit codes\n\n" + _MADE + "\n".join(["| code | means |", "|---|---|", *rows]) + "\n"


def _text(text: str) -> str:
    return " ".join(inspect.cleandoc(text).split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> int:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = 0
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale += 1
            print(f"docs/reference/{name} {'is out of date' if check else 'written'}")
            if not check:
                path.write_text(text, encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
