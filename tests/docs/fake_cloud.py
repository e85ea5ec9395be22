"""Stand-ins of ``gcloud`` and ``gh`` for the pages: fakes with rules, which touch no account.

``python fake_cloud.py gcloud|gh STATE WORDS…`` takes the commands in the tables below and no others, each with flags
that its reference documents, those it requires, and as many arguments as it takes. What a command makes is kept in
the file STATE, and a command about something that was never made is refused, as the service would. What the real
programs print, and whether an account may do all this, is not known here.

Sources: https://cloud.google.com/sdk/gcloud/reference and https://cli.github.com/manual.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn


@dataclass(frozen=True)
class Form:
    """How a command is spelt: flags that take a value and flags that take none, which it needs, how many arguments."""

    arguments: tuple[int, int] = (1, 1)
    values: frozenset[str] = frozenset()
    switches: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()


@dataclass
class Called:
    """One call, taken apart."""

    arguments: list[str] = field(default_factory=list)
    flags: dict[str, str] = field(default_factory=dict)


def _form(arguments: tuple[int, int], values: str = "", switches: str = "", needs: str = "") -> Form:
    needed = frozenset(needs.split())
    return Form(arguments, frozenset(values.split()) | needed, frozenset(switches.split()), needed)


_BINDING = "--condition --condition-from-file"

GCLOUD = {
    "auth application-default login": _form(
        (0, 0), "--client-id-file --login-config --scopes", "--launch-browser --disable-quota-project"
    ),
    "billing projects link": _form((1, 1), needs="--billing-account"),
    "config set": _form((2, 2), switches="--installation"),
    "iam service-accounts add-iam-policy-binding": _form((1, 1), _BINDING, needs="--member --role"),
    "iam service-accounts create": _form((1, 1), "--description --display-name"),
    "iam workload-identity-pools create": _form((1, 1), "--description --display-name", "--disabled", "--location"),
    "iam workload-identity-pools providers create-oidc": _form(
        (1, 1),
        "--allowed-audiences --attribute-condition --description --display-name --jwk-json-path",
        "--disabled",
        "--attribute-mapping --issuer-uri --location --workload-identity-pool",
    ),
    "projects add-iam-policy-binding": _form((1, 1), _BINDING, needs="--member --role"),
    "projects create": _form((0, 1), "--folder --labels --name --organization", "--set-as-default"),
    "projects describe": _form((1, 1)),
    "services enable": _form((1, 20), switches="--async"),
    "storage buckets add-iam-policy-binding": _form((1, 1), _BINDING, needs="--member --role"),
    "storage buckets create": _form(
        (1, 20), "--location --default-storage-class", "--public-access-prevention --uniform-bucket-level-access"
    ),
}
GCLOUD_EVERYWHERE = _form((0, 0), "--account --format --impersonate-service-account --project --verbosity", "--quiet")

GH = {
    "api": _form((1, 1), "--field --header --hostname --input --jq --method --raw-field", "--include --paginate"),
    "pr create": _form((0, 0), "--base --body --head --title", "--draft --fill --web"),
    "variable set": _form((1, 1), "--app --body --env --env-file --org --repo --visibility"),
}
GH_EVERYWHERE = Form()

_ID = {
    "project": "[a-z][a-z0-9-]{4,28}[a-z0-9]",
    "account": "[a-z][a-z0-9-]{4,28}[a-z0-9]",
    "pool": "[a-z0-9-]{4,32}",
    "bucket": "gs://[a-z0-9][a-z0-9_.-]{1,61}[a-z0-9]",
}
_NUMBER = "123456789012"
_REPOSITORY = "987654321"


class World:
    """What was made so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._made: list[str] = json.loads(path.read_text()) if path.exists() else []

    def make(self, kind: str, name: str) -> None:
        if kind in _ID and not re.fullmatch(_ID[kind], name):
            refuse(f"{name!r} is no {kind}")
        if f"{kind} {name}" in self._made:
            refuse(f"{kind} {name} exists already")
        self._made.append(f"{kind} {name}")
        self._path.write_text(json.dumps(self._made))

    def need(self, kind: str, name: str) -> None:
        if f"{kind} {name}" not in self._made:
            refuse(f"{kind} {name} was never made")


def refuse(what: str) -> NoReturn:
    """End as a command that was refused."""
    sys.exit(f"fake: {what}")


def taken_apart(words: list[str], forms: dict[str, Form], everywhere: Form) -> tuple[str, Called]:
    """Return which command words are, and its parts; a flag that is documented nowhere ends the run."""
    name = next((" ".join(words[:end]) for end in range(len(words), 0, -1) if " ".join(words[:end]) in forms), None)
    if name is None:
        refuse(f"no such command: {' '.join(words[:4])}")
    form, called, rest = forms[name], Called(), words[len(name.split()) :]
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            called.arguments.append(word)
            continue
        flag, equals, value = word.partition("=")
        if flag in form.switches | everywhere.switches:
            if equals:
                refuse(f"{name}: {flag} takes no value")
        elif flag in form.values | everywhere.values:
            if not equals and not rest:
                refuse(f"{name}: {flag} needs a value")
            value = value if equals else rest.pop(0)
        else:
            refuse(f"{name}: no such flag: {flag}")
        called.flags[flag] = value
    least, most = form.arguments
    if not least <= len(called.arguments) <= most:
        refuse(f"{name}: takes {least} to {most} arguments, not {len(called.arguments)}")
    if missing := sorted(form.needs - called.flags.keys()):
        refuse(f"{name}: needs {', '.join(missing)}")
    return name, called


def _bind(world: World, called: Called) -> None:
    kind, _, who = called.flags["--member"].partition(":")
    if not re.fullmatch(r"roles/[a-zA-Z]+\.[a-zA-Z]+", called.flags["--role"]):
        refuse(f"{called.flags['--role']!r} is no role")
    if kind == "serviceAccount":
        world.need("account", who.partition("@")[0])
    elif kind == "principalSet":
        pool = re.match(
            rf"//iam\.googleapis\.com/projects/{_NUMBER}/locations/global/workloadIdentityPools/(\w+)/", who
        )
        world.need("pool", pool[1] if pool else who)
    else:
        refuse(f"{kind!r} is no kind of member that these pages need")


def _trust(world: World, called: Called) -> None:
    flags = called.flags
    world.need("pool", flags["--workload-identity-pool"])
    mapped = {pair.partition("=")[0] for pair in flags["--attribute-mapping"].split(",")}
    used = set(re.findall(r"attribute\.\w+", flags.get("--attribute-condition", "")))
    if not flags["--issuer-uri"].startswith("https://") or "google.subject" not in mapped or not used <= mapped:
        refuse("the issuer must be https, google.subject mapped, and so every attribute of the condition")


def _bind_to(kind: str) -> Callable[[World, Called], None]:
    """Return what gives somebody a role on a thing of some kind, both of which have to be there."""

    def bind(world: World, called: Called) -> None:
        target = called.arguments[0]
        world.need(kind, target.partition("@")[0] if kind == "account" else target)
        _bind(world, called)

    return bind


def _makes(kind: str) -> Callable[[World, Called], None]:
    def make(world: World, called: Called) -> None:
        for name in called.arguments:
            world.make(kind, name)

    return make


def _needs_project(world: World, called: Called) -> None:
    world.need("project", called.arguments[-1])


def _describe(world: World, called: Called) -> None:
    _needs_project(world, called)
    if called.flags.get("--format") != "value(projectNumber)":
        refuse("of a project only its number is known here")
    print(_NUMBER)


def _nothing(_world: World, _called: Called) -> None:
    """Be spelt right; nothing that another command looks for comes of it."""


_DOES: dict[str, Callable[[World, Called], None]] = {
    "billing projects link": _needs_project,
    "config set": _needs_project,
    "iam service-accounts add-iam-policy-binding": _bind_to("account"),
    "iam service-accounts create": _makes("account"),
    "iam workload-identity-pools create": _makes("pool"),
    "iam workload-identity-pools providers create-oidc": _trust,
    "projects add-iam-policy-binding": _bind_to("project"),
    "projects create": _makes("project"),
    "projects describe": _describe,
    "storage buckets add-iam-policy-binding": _bind_to("bucket"),
    "storage buckets create": _makes("bucket"),
}


def _gh_api(world: World, called: Called) -> None:
    method, path = called.flags.get("--method", "GET"), called.arguments[0]
    if method == "GET" and path == "repos/{owner}/{repo}":
        print(_REPOSITORY if called.flags.get("--jq") == ".id" else "{}")
    elif method == "PUT" and path.startswith("repos/{owner}/{repo}/environments/"):
        world.make("environment", path.rpartition("/")[2])
    else:
        refuse(f"api: {method} {path} is not known here")


def _gh_variable(world: World, called: Called) -> None:
    if not re.fullmatch("[A-Z_][A-Z0-9_]*", called.arguments[0]):
        refuse(f"{called.arguments[0]!r} is no name of a variable")
    if not called.flags.get("--body"):
        refuse("variable set: would ask for the value")
    if "--env" in called.flags:
        world.need("environment", called.flags["--env"])


def main(words: list[str]) -> None:
    """Run one command."""
    program, state, *rest = words
    world = World(Path(state))
    if program == "gcloud":
        name, called = taken_apart(rest, GCLOUD, GCLOUD_EVERYWHERE)
        _DOES.get(name, _nothing)(world, called)
    else:
        name, called = taken_apart(rest, GH, GH_EVERYWHERE)
        {"api": _gh_api, "variable set": _gh_variable}.get(name, _nothing)(world, called)


if __name__ == "__main__":
    main(sys.argv[1:])
