"""One issue for as long as there is drift."""

from __future__ import annotations

import pytest
from fake_github import TOKEN

from reconciler.errors import PermissionDenied, Unavailable
from reconciler.forge.body import composed, marker
from reconciler.forge.issue import close_issue, put_issue

MARK = marker("drift")


def put(client, text="drift"):
    return put_issue(client, "Drift", composed(MARK, text), mark=MARK)


def test_drift_opens_an_issue(github, client):
    posted = put(client)
    (issue,) = github.issues
    assert (posted.did, posted.id) == ("created", issue.number)
    assert (issue.title, issue.body) == ("Drift", f"{MARK}\ndrift\n")


def test_more_drift_updates_it_and_the_same_drift_leaves_it_alone(github, client):
    first = put(client)
    assert put(client).did == "unchanged"
    assert (put(client, "more").did, put(client, "more").id) == ("updated", first.id)
    assert len(github.issues) == 1
    assert github.seen("PATCH") == 1


def test_no_drift_closes_it_and_the_next_opens_another(github, client):
    first = put(client)
    closed = close_issue(client, mark=MARK)
    assert (closed.did, closed.id) == ("closed", first.id)
    assert (github.issues[0].open, github.issues[0].reason) == (False, "completed")
    assert close_issue(client, mark=MARK).did == "nothing"
    assert put(client).id != first.id


def test_it_is_found_among_many(github, client):
    ours = github.issue(f"{MARK}\nold")
    for number in range(230):
        github.issue(f"issue {number}", author="ann")
    assert put(client).id == ours.number
    assert github.seen("issues") == 4  # three pages and the change


@pytest.mark.parametrize(("author", "state"), [("ann", True), ("github-actions", True), ("github-actions[bot]", False)])
def test_what_is_not_ours_or_is_closed_is_left_alone(github, client, author, state):
    other = github.issue(f"{MARK}\ntheirs", author=author, state=state)
    assert put(client).id != other.number
    close_issue(client, mark=MARK)
    assert (other.open, other.body) == (state, f"{MARK}\ntheirs")


def test_two_audits_at_once_leave_one_issue(github, client):
    rivals = []

    def rival(line):
        if line.startswith("POST /repos") and not rivals:
            rivals.append(github.issue(f"{MARK}\nrival"))

    github.before = rival
    posted = put(client)
    assert [issue.number for issue in github.issues if issue.open] == [rivals[0].number]
    assert posted.id == rivals[0].number


def test_of_duplicates_the_oldest_goes_on(github, client):
    oldest, other = github.issue(f"{MARK}\none"), github.issue(f"{MARK}\ntwo")
    assert put(client).id == oldest.number
    assert (other.open, other.reason) == (False, "not_planned")


def test_an_issue_whose_answer_was_lost_is_not_opened_twice(github, client):
    github.trouble("POST /repos", done=True)
    put(client)
    assert len(github.issues) == 1


def test_a_service_that_stays_down_ends_the_run(github, client):
    github.trouble("POST /repos", 502, b"", times=-1)
    with pytest.raises(Unavailable, match="open an issue"):
        put(client)


def test_a_token_that_may_only_read_is_told_what_it_lacks(github, client):
    github.read_only = {TOKEN}
    with pytest.raises(PermissionDenied) as caught:
        put(client)
    assert "issues" in str(caught.value.hint)
