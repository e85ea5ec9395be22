"""A stand-in for GitHub on loopback, with rules: it refuses what the real one refuses, and can be told to go wrong.

It knows comments, issues and one branch with files; the REST and GraphQL forms of these that are documented, and
nothing else: an unknown request is 404, as there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "ghs_canaryOfTheJobsToken0123456789abcdef"
BOT = "github-actions[bot]"
LONGEST = 65_536
_DENIED = "Resource not accessible by integration"


@dataclass
class Post:
    """A comment or an issue."""

    id: int
    body: str
    author: str
    number: int = 0
    title: str = ""
    minimized: bool = False
    open: bool = True
    reason: str | None = None


@dataclass
class Trouble:
    """What happens to a request: an answer instead of the real one, or none; ``done`` lets it be carried out first."""

    match: str
    status: int | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    done: bool = False
    times: int = 1


def blob(data: bytes) -> str:
    return hashlib.sha1(b"blob " + str(len(data)).encode() + b"\0" + data).hexdigest()


@dataclass
class GitHub:
    """The state. ``before`` is called with each request, its line first, before it is looked at."""

    owner: str = "team"
    name: str = "models"
    pulls: set[int] = field(default_factory=lambda: {7})
    comments: list[Post] = field(default_factory=list)
    issues: list[Post] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[dict[str, Any]] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=lambda: {TOKEN: BOT})
    read_only: set[str] = field(default_factory=set)
    protected: bool = False
    can_minimize: bool = True
    page: int = 100
    troubles: list[Trouble] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _: None
    url: str = ""

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.last = 100
        self.head = "0" * 40

    @property
    def environ(self) -> dict[str, str]:
        """What a runner would set."""
        return {
            "GITHUB_API_URL": self.url,
            "GITHUB_GRAPHQL_URL": f"{self.url}/graphql",
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_REPOSITORY": f"{self.owner}/{self.name}",
            "GITHUB_RUN_ID": "17",
            "GITHUB_TOKEN": TOKEN,
        }

    def seen(self, part: str) -> int:
        """How many requests had this in their line."""
        return sum(part in line for line in self.requests)

    def comment(self, body: str, *, author: str = BOT, minimized: bool = False, number: int = 7) -> Post:
        post = Post(self._next(), body, author, number, minimized=minimized)
        self.comments.append(post)
        return post

    def issue(self, body: str, *, author: str = BOT, title: str = "", state: bool = True) -> Post:
        number = self._next()
        post = Post(number, body, author, number, title, open=state)
        self.issues.append(post)
        return post

    def push(self, path: str, data: bytes, **more: Any) -> str:
        """Commit a file, whoever does it; return the new head."""
        self.files[path] = data
        self.head = hashlib.sha1(f"{self.head}{path}{blob(data)}".encode()).hexdigest()
        self.commits.append({"oid": self.head, "path": path, **more})
        return self.head

    def trouble(self, match: str, status: int | None = None, body: Any = None, **more: Any) -> None:
        self.troubles.append(Trouble(match, status, body, **more))

    def visible(self) -> list[Post]:
        return [post for post in self.comments if not post.minimized]

    def answer(self, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[int, Any, dict[str, str]]:
        """Carry a request out; a negative status closes the connection without a word."""
        line = f"{method} {path}" + (f" {_operation(body['query'])}" if path == "/graphql" else "")
        self.before(line)
        with self.lock:
            self.requests.append(line)
            trouble = next((one for one in self.troubles if one.match in line), None)
            if trouble is not None:
                trouble.times -= 1
                if trouble.times == 0:
                    self.troubles.remove(trouble)
                if trouble.done:
                    self._carry_out(method, path, headers, body)
                return (-1 if trouble.status is None else trouble.status), trouble.body, trouble.headers
            return *self._carry_out(method, path, headers, body), {}

    def _carry_out(self, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[int, Any]:
        token = headers.get("authorization", "").removeprefix("Bearer ")
        login = self.tokens.get(token)
        if login is None:
            return 401, {"message": "Bad credentials"}
        if path == "/graphql":
            return 200, self._graphql(login, token, body["query"], body["variables"])
        if token in self.read_only:
            return 403, {"message": _DENIED}
        return self._rest(login, method, path.removeprefix(f"/repos/{self.owner}/{self.name}"), body)

    def _rest(self, login: str, method: str, path: str, body: Any) -> tuple[int, Any]:
        text = body.get("body")
        if text is not None and (not text.strip() or len(text) > LONGEST):
            return 422, {"message": "Validation Failed", "errors": [{"message": f"body is too long: {text[:20]}"}]}
        found = re.fullmatch(r"/issues(/comments)?(?:/(\d+))?(/comments)?", path)
        if found is None:
            return 404, {"message": "Not Found"}
        of_comments, number, on = bool(found[1]), int(found[2] or 0), bool(found[3])
        if method == "PATCH":
            return self._patch(self.comments if of_comments else self.issues, login, number, body)
        if on:
            return self._comment(login, number, text)
        return 201, {"number": self.issue(text, author=login, title=body["title"]).number}

    def _comment(self, login: str, number: int, text: str) -> tuple[int, Any]:
        if number not in self.pulls:
            return 404, {"message": "Not Found"}
        return 201, {"id": self.comment(text, author=login, number=number).id, "body": text}

    def _patch(self, posts: list[Post], login: str, number: int, body: Any) -> tuple[int, Any]:
        post = next((post for post in posts if post.id == number), None)
        if post is None:
            return 404, {"message": "Not Found"}
        if post.author != login:
            return 403, {"message": "Must have admin rights to Repository."}
        post.body = body.get("body", post.body)
        post.open = body.get("state", "open" if post.open else "closed") == "open"
        post.reason = body.get("state_reason", post.reason)
        return 200, {"id": post.id}

    def _graphql(self, login: str, token: str, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        operation = _operation(query)
        writes = {
            "minimizeComment": lambda: self._minimize(variables["id"]),
            "createCommitOnBranch": lambda: self._commit(variables["input"]),
        }
        if operation in writes:
            return _error("FORBIDDEN", _DENIED) if token in self.read_only else writes[operation]()
        if (variables["owner"], variables["name"]) != (self.owner, self.name):
            return {"data": {"repository": None}, **_error("NOT_FOUND", "Could not resolve to a Repository")}
        reads = {"ref": self._ref, "comments": self._comments, "issues": self._issues}
        return reads[operation](login, variables)

    def _comments(self, login: str, variables: dict[str, Any]) -> dict[str, Any]:
        number = variables["number"]
        if number not in self.pulls:
            return {"data": {"repository": {"pullRequest": None}}, **_error("NOT_FOUND", "Could not resolve")}
        nodes = [_node(post) for post in self.comments if post.number == number]
        return _data(login, {"pullRequest": {"comments": self._paged(nodes, variables["after"])}})

    def _issues(self, login: str, variables: dict[str, Any]) -> dict[str, Any]:
        nodes = [_node(post) for post in reversed(self.issues) if post.open]
        return _data(login, {"issues": self._paged(nodes, variables["after"])})

    def _paged(self, nodes: list[Any], after: str | None) -> dict[str, Any]:
        start = int(after or 0)
        end = start + self.page
        return {"nodes": nodes[start:end], "pageInfo": {"hasNextPage": end < len(nodes), "endCursor": str(end)}}

    def _minimize(self, node: str) -> dict[str, Any]:
        post = next(post for post in self.comments if f"IC_{post.id}" == node)
        if not self.can_minimize:
            return _error("FORBIDDEN", _DENIED)
        post.minimized = True
        return {"data": {"minimizeComment": {"minimizedComment": {"isMinimized": True}}}}

    def _ref(self, _: str, variables: dict[str, Any]) -> dict[str, Any]:
        if variables["branch"] != "refs/heads/main":
            return {"data": {"repository": {"ref": None}}}
        data = self.files.get(variables["path"])
        file = None if data is None else {"oid": blob(data)}
        return {"data": {"repository": {"ref": {"target": {"oid": self.head, "file": file}}}}}

    def _commit(self, given: dict[str, Any]) -> dict[str, Any]:
        if self.protected:
            return _error("UNPROCESSABLE", "Changes must be made through a pull request.")
        if given["expectedHeadOid"] != self.head:
            said = f'Expected branch to point to "{self.head}" but it did not.  Pull and try again.'
            return {"data": {"createCommitOnBranch": None}, **_error("STALE_DATA", said)}
        addition, *others = given["fileChanges"]["additions"]
        oid = self.push(addition["path"], base64.b64decode(addition["contents"]), given=given)
        self.files |= {other["path"]: base64.b64decode(other["contents"]) for other in others}
        return {"data": {"createCommitOnBranch": {"commit": {"oid": oid}}}}

    def _next(self) -> int:
        self.last += 1
        return self.last


def _operation(query: str) -> str:
    known = ("minimizeComment", "createCommitOnBranch", "comments", "issues", "ref")
    return next(name for name in known if f"{name}(" in query)


def _node(post: Post) -> dict[str, Any]:
    bot = post.author.endswith("[bot]")
    author = {"__typename": "Bot" if bot else "User", "login": post.author.removesuffix("[bot]")}
    return {
        "id": f"IC_{post.id}",
        "databaseId": post.id,
        "number": post.number,
        "url": f"https://github.example/c/{post.id}",
        "body": post.body,
        "isMinimized": post.minimized,
        "author": author if post.author else None,
    }


def _data(login: str, repository: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"viewer": {"login": login}, "repository": repository}}


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"errors": [{"type": kind, "message": message}]}


class _Server(ThreadingHTTPServer):
    github: GitHub


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 3.0  # seconds an idle connection is kept: a test that fails must not wait for its client for ever

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def handle_any(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {key.lower(): value for key, value in self.headers.items()}
        status, body, more = self.server.github.answer(self.command, self.path, headers, json.loads(content))
        if status < 0:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for key, value in {"content-type": "application/json", "content-length": str(len(data)), **more}.items():
            self.send_header(key, value)
        self.end_headers()
        with suppress(OSError):  # whoever asked may have read enough
            self.wfile.write(data)

    do_GET = do_POST = do_PATCH = handle_any  # noqa: N815  # the names that http.server looks for


@contextmanager
def serving(github: GitHub) -> Iterator[GitHub]:
    """Serve on a port of loopback."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.daemon_threads = False
    server.block_on_close = True
    server.github = github
    github.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
