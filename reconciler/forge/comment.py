"""One comment on a pull request that is kept up to date: found by author and marker, changed in place, never doubled.

Two runs that begin at once may each find nothing and post. So whoever posts looks again and leaves only the newest in
sight; both come to the same end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, Field, ValidationError

from reconciler.errors import MalformedAnswer, NotFound, RemoteError, Unavailable
from reconciler.forge.body import essence, is_marked
from reconciler.forge.client import Client, refused

__all__ = ["Posted", "is_ours", "put_comment"]

_COMMENTS = """\
query($owner: String!, $name: String!, $number: Int!, $after: String) {
  viewer { login }
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      comments(first: 100, after: $after) {
        nodes { id databaseId url body isMinimized author { __typename login } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}"""
_MINIMIZE = """\
mutation($id: ID!) {
  minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { minimizedComment { isMinimized } }
}"""
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a text stands now. ``did`` is created, updated, unchanged, closed or nothing; ``notes`` are for the log."""

    did: str
    id: int | None = None
    url: str | None = None
    notes: tuple[str, ...] = ()


class Author(BaseModel):
    """Who wrote something; GraphQL leaves ``[bot]`` off the login of an app, except in ``viewer``."""

    typename: str = Field("", alias="__typename")
    login: str = ""


class _Comment(BaseModel):
    id: str
    number: int = Field(alias="databaseId")
    url: str = ""
    body: str = ""
    minimized: bool = Field(default=False, alias="isMinimized")
    author: Author | None = None


class Turn(BaseModel):
    """Whether another page follows, and where it begins."""

    more: bool = Field(alias="hasNextPage")
    cursor: str | None = Field(default=None, alias="endCursor")


class _Comments(BaseModel):
    nodes: list[_Comment]
    turn: Turn = Field(alias="pageInfo")


class _PullRequest(BaseModel):
    comments: _Comments


class _Repository(BaseModel):
    pull: _PullRequest | None = Field(default=None, alias="pullRequest")


class Viewer(BaseModel):
    """Who we are."""

    login: str


class _Page(BaseModel):
    viewer: Viewer
    repository: _Repository | None = None


def put_comment(client: Client, number: int, text: str, *, mark: str) -> Posted:
    """Let a pull request have this text as its one comment of this marker.

    Args:
        client: the connection.
        number: the pull request's.
        text: what ``body.composed`` returned.
        mark: its first line.

    Raises:
        RemoteError: see ``forge.faults``.
    """
    doubt: RemoteError | None = None
    for _ in range(_TRIES):
        found = _ours(client, number, mark)
        if found:
            done = _refresh(client, found, text)
            return done if doubt is None else Posted("created", done.id, done.url, done.notes)
        try:
            _create(client, number, text)
        except (Unavailable, MalformedAnswer) as error:  # it may stand there all the same: look before posting again
            doubt = error
            client.pause(1.0)
        else:
            return _settled(client, number, mark)
    found = _ours(client, number, mark)
    if not found and doubt is not None:
        raise doubt
    return Posted("created", found[-1].number, found[-1].url)


def _settled(client: Client, number: int, mark: str) -> Posted:
    """Look whether another run posted at the same time, and leave the newest."""
    found = _ours(client, number, mark)
    if not found:  # a listing may lag behind a post
        return Posted("created")
    newest = found[-1]
    return Posted("created", newest.number, newest.url, _hide(client, found[:-1]))


def _refresh(client: Client, found: list[_Comment], text: str) -> Posted:
    newest = found[-1]
    notes = _hide(client, found[:-1])
    if essence(newest.body) == essence(text):
        return Posted("unchanged", newest.number, newest.url, notes)
    what = f"update comment {newest.number}"
    client.rest(what, "PATCH", f"/issues/comments/{newest.number}", {"body": text}, resend=True)
    return Posted("updated", newest.number, newest.url, notes)


def _create(client: Client, number: int, text: str) -> None:
    client.rest(f"comment on #{number}", "POST", f"/issues/{number}/comments", {"body": text}, resend=False)


def _hide(client: Client, older: list[_Comment]) -> tuple[str, ...]:
    """Minimise comments that a newer one replaces; where that is refused, say so and go on."""
    notes = []
    for comment in older:
        try:
            client.graphql(f"minimise comment {comment.number}", _MINIMIZE, {"id": comment.id})
        except RemoteError as error:
            notes.append(f"comment {comment.number} is out of date and stays in sight: {refused(error)}")
    return tuple(notes)


def _ours(client: Client, number: int, mark: str) -> list[_Comment]:
    """Return our comments of this marker that are in sight, oldest first."""
    found = [
        comment
        for page in _pages(client, number)
        if page.repository and page.repository.pull
        for comment in page.repository.pull.comments.nodes
        if not comment.minimized and is_ours(comment.author, page.viewer) and is_marked(comment.body, mark)
    ]
    return sorted(found, key=lambda comment: comment.number)


def _pages(client: Client, number: int) -> Iterator[_Page]:
    place, cursor = client.place, None
    what = f"list comments of #{number}"
    while True:
        variables = {"owner": place.owner, "name": place.name, "number": number, "after": cursor}
        try:
            page = _Page.model_validate(client.graphql(what, _COMMENTS, variables))
        except ValidationError:
            raise MalformedAnswer(f"{what}: the answer has not the API's shape") from None
        if page.repository is None or page.repository.pull is None:
            raise NotFound(f"{what}: {place.repository} has no such pull request, or the token may not see it")
        yield page
        turn = page.repository.pull.comments.turn
        if not turn.more:
            return
        if turn.cursor is None or turn.cursor == cursor:
            raise MalformedAnswer(f"{what}: the listing does not move on")
        cursor = turn.cursor


def is_ours(author: Author | None, viewer: Viewer) -> bool:
    """Tell whether somebody is us; an app is called ``name`` as an author and ``name[bot]`` as the viewer."""
    if author is None:
        return False
    login = f"{author.login}[bot]" if author.typename == "Bot" and not author.login.endswith("[bot]") else author.login
    return login == viewer.login
