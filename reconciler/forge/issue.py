"""One issue that stands open for as long as there is drift: opened, kept up to date, closed."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, Field, ValidationError

from reconciler.errors import MalformedAnswer, NotFound, RemoteError, Unavailable
from reconciler.forge.body import essence, is_marked
from reconciler.forge.client import Client, refused
from reconciler.forge.comment import Author, Posted, Turn, Viewer, is_ours

__all__ = ["close_issue", "put_issue"]

_ISSUES = """\
query($owner: String!, $name: String!, $after: String) {
  viewer { login }
  repository(owner: $owner, name: $name) {
    issues(first: 100, after: $after, states: [OPEN], orderBy: {field: CREATED_AT, direction: DESC}) {
      nodes { number url body author { __typename login } }
      pageInfo { hasNextPage endCursor }
    }
  }
}"""
_TRIES = 3


class _Issue(BaseModel):
    number: int
    url: str = ""
    body: str = ""
    author: Author | None = None


class _Issues(BaseModel):
    nodes: list[_Issue]
    turn: Turn = Field(alias="pageInfo")


class _Repository(BaseModel):
    issues: _Issues


class _Page(BaseModel):
    viewer: Viewer
    repository: _Repository | None = None


def put_issue(client: Client, title: str, text: str, *, mark: str) -> Posted:
    """Let the repository have one open issue of this marker, with this text.

    An issue that people closed is over; drift that is still there opens the next one.

    Raises:
        RemoteError: see ``forge.faults``.
    """
    doubt: RemoteError | None = None
    for _ in range(_TRIES):
        found = _ours(client, mark)
        if found:
            return _refresh(client, found, text)
        try:
            client.rest("open an issue", "POST", "/issues", {"title": title, "body": text}, resend=False)
        except (Unavailable, MalformedAnswer) as error:  # it may be open all the same: look before opening another
            doubt = error
            client.pause(1.0)
        else:
            return _settled(client, mark)
    found = _ours(client, mark)
    if not found and doubt is not None:
        raise doubt
    return Posted("created", found[0].number, found[0].url)


def _settled(client: Client, mark: str) -> Posted:
    """Look whether another run opened one at the same time, and leave the oldest."""
    found = _ours(client, mark)
    if not found:  # a listing may lag behind
        return Posted("created")
    return Posted("created", found[0].number, found[0].url, _close_all(client, found[1:]))


def close_issue(client: Client, *, mark: str) -> Posted:
    """Close what is open of this marker, as done.

    Raises:
        RemoteError: see ``forge.faults``.
    """
    found = _ours(client, mark)
    for issue in found:
        _close(client, issue, "completed")
    return Posted("closed", found[0].number, found[0].url) if found else Posted("nothing")


def _refresh(client: Client, found: list[_Issue], text: str) -> Posted:
    """Bring the oldest up to date: it is the one that people have answered to."""
    oldest = found[0]
    notes = _close_all(client, found[1:])
    if essence(oldest.body) == essence(text):
        return Posted("unchanged", oldest.number, oldest.url, notes)
    client.rest(f"update issue #{oldest.number}", "PATCH", f"/issues/{oldest.number}", {"body": text}, resend=True)
    return Posted("updated", oldest.number, oldest.url, notes)


def _close_all(client: Client, issues: list[_Issue]) -> tuple[str, ...]:
    notes = []
    for issue in issues:
        try:
            _close(client, issue, "not_planned")
        except RemoteError as error:
            notes.append(f"issue #{issue.number} is one too many and stays open: {refused(error)}")
    return tuple(notes)


def _close(client: Client, issue: _Issue, reason: str) -> None:
    state = {"state": "closed", "state_reason": reason}
    client.rest(f"close issue #{issue.number}", "PATCH", f"/issues/{issue.number}", state, resend=True)


def _ours(client: Client, mark: str) -> list[_Issue]:
    """Return our open issues of this marker, oldest first."""
    found = [
        issue
        for page in _pages(client)
        if page.repository
        for issue in page.repository.issues.nodes
        if is_ours(issue.author, page.viewer) and is_marked(issue.body, mark)
    ]
    return sorted(found, key=lambda issue: issue.number)


def _pages(client: Client) -> Iterator[_Page]:
    place, cursor = client.place, None
    what = "list open issues"
    while True:
        try:
            variables = {"owner": place.owner, "name": place.name, "after": cursor}
            page = _Page.model_validate(client.graphql(what, _ISSUES, variables))
        except ValidationError:
            raise MalformedAnswer(f"{what}: the answer has not the API's shape") from None
        if page.repository is None:
            raise NotFound(f"{what}: there is no {place.repository}, or the token may not see it")
        yield page
        turn = page.repository.issues.turn
        if not turn.more:
            return
        if turn.cursor is None or turn.cursor == cursor:
            raise MalformedAnswer(f"{what}: the listing does not move on")
        cursor = turn.cursor
