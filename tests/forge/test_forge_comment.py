"""One comment a pull request: found, changed in place, never doubled, nobody else's touched."""

from __future__ import annotations

import threading

import pytest
from fake_github import BOT, TOKEN

from reconciler.errors import InvalidArgument, NotFound, PermissionDenied, Unavailable
from reconciler.forge.body import LIMIT, composed, marker
from reconciler.forge.client import Client
from reconciler.forge.comment import put_comment
from reconciler.forge.place import place_of
from reconciler.testing.fakes import FakeClock

MARK = marker("plan")


def put(client, text="**Plan**", number=7, **more):
    return put_comment(client, number, composed(MARK, text, **more), mark=MARK)


def bodies(github):
    return [post.body for post in github.visible()]


def test_the_first_run_comments(github, client):
    posted = put(client)
    assert (posted.did, posted.id, posted.notes) == ("created", github.comments[0].id, ())
    assert bodies(github) == ["<!-- tunectl:plan -->\n**Plan**\n"]


def test_the_next_run_changes_the_comment_in_place(github, client):
    first = put(client)
    second = put(client, "**Another plan**")
    assert (second.did, second.id) == ("updated", first.id)
    assert bodies(github) == ["<!-- tunectl:plan -->\n**Another plan**\n"]


def test_a_text_that_did_not_change_is_not_written_again(github, client):
    put(client, run="https://github.example/team/models/actions/runs/17")
    github.comments[0].body = github.comments[0].body.replace("\n", "\r\n")
    posted = put(client, run="https://github.example/team/models/actions/runs/18")
    assert posted.did == "unchanged"
    assert github.seen("PATCH") == 0


def test_looks_through_all_pages(github, client):
    for number in range(130):
        github.comment(f"chat {number}", author="ann")
    ours = github.comment(f"{MARK}\nold")
    for number in range(130):
        github.comment(f"more {number}", author="ann")
    posted = put(client)
    assert (posted.did, posted.id) == ("updated", ours.id)
    assert github.seen("comments") == 4  # three pages of 100, and the change


def test_the_comment_is_found_on_the_last_page(github, client):
    github.page = 10
    for number in range(57):
        github.comment(f"chat {number}", author="ann")
    ours = github.comment(f"{MARK}\nold")
    assert put(client).id == ours.id
    assert len(github.comments) == 58


@pytest.mark.parametrize(
    "body",
    [f"quoting:\n{MARK}\n", f" {MARK}", f"{MARK} and more", "<!-- tunectl:plan/other -->\n", "<!-- tunectl:pla -->"],
)
def test_what_has_no_marker_of_ours_on_its_first_line_is_left_alone(github, client, body):
    github.comment(body)
    assert put(client).did == "created"
    assert github.comments[0].body == body


@pytest.mark.parametrize("author", ["ann", "github-actions", "other-app[bot]", ""])
def test_nobody_can_pass_for_us_with_our_marker(github, client, author):
    theirs = github.comment(f"{MARK}\n# APPROVED", author=author)
    assert put(client).did == "created"
    assert theirs.body == f"{MARK}\n# APPROVED"
    assert not theirs.minimized


def test_a_person_who_runs_it_is_found_by_their_login(github, clock, told):
    github.tokens = {TOKEN: "ann"}
    github.comment(f"{MARK}\nold", author="ann")
    with Client(place_of(github.environ), clock=clock, report=told.append) as client:
        assert put(client).did == "updated"


def test_of_duplicates_the_newest_stays_in_sight(github, client):
    older, newer = github.comment(f"{MARK}\none"), github.comment(f"{MARK}\ntwo")
    posted = put(client)
    assert (posted.id, posted.did, posted.notes) == (newer.id, "updated", ())
    assert (older.minimized, newer.minimized) == (True, False)
    assert older.body == f"{MARK}\none"


def test_a_duplicate_that_may_not_be_minimised_is_told(github, client):
    github.can_minimize = False
    older = github.comment(f"{MARK}\none")
    github.comment(f"{MARK}\ntwo")
    posted = put(client)
    assert posted.did == "updated"
    (note,) = posted.notes
    assert f"comment {older.id} is out of date and stays in sight" in note


def test_what_people_minimised_is_history(github, client):
    github.comment(f"{MARK}\none", minimized=True)
    assert put(client).did == "created"
    assert len(bodies(github)) == 1


def test_two_runs_that_both_found_nothing_leave_one_comment(github, client):
    posted = []

    def rival(line):
        if line.startswith("POST /repos") and not posted:
            posted.append(github.comment(f"{MARK}\nrival"))

    github.before = rival
    done = put(client)
    assert bodies(github) == [f"{MARK}\n**Plan**\n"]
    assert posted[0].minimized
    assert done.id == github.visible()[0].id


def test_many_runs_at_once_leave_one_comment(github):
    barrier = threading.Barrier(4, timeout=10)
    done, problems = [], []

    def run(number):
        try:
            with Client(place_of(github.environ), clock=FakeClock(), report=lambda _: None) as client:
                barrier.wait()
                done.append(put(client, f"plan {number}"))
        except Exception as error:  # noqa: BLE001  # shown by an assertion below
            problems.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(done) == 4
    assert len(github.visible()) == 1


def test_a_comment_whose_answer_was_lost_is_not_posted_twice(github, client):
    github.trouble("POST /repos", done=True)
    posted = put(client)
    assert posted.did == "created"
    assert len(github.comments) == 1


def test_an_answer_that_is_cut_short_is_looked_into(github, client):
    github.trouble("POST /repos", 201, b'{"id": 1', done=True)
    assert put(client).id == github.comments[0].id
    assert len(github.comments) == 1


def test_a_comment_that_never_arrived_is_posted_again(github, client, clock):
    github.trouble("POST /repos", 502, b"<html>")
    assert put(client).did == "created"
    assert len(github.comments) == 1
    assert len(clock.slept) == 1


def test_a_service_that_stays_down_ends_the_run(github, client):
    github.trouble("POST /repos", 503, b"<html>", times=-1)
    with pytest.raises(Unavailable, match="comment on #7"):
        put(client)
    assert github.seen("POST /repos") == 3
    assert github.comments == []


def test_a_token_that_may_only_read_is_told_what_it_lacks(github, client):
    github.read_only = {TOKEN}
    with pytest.raises(PermissionDenied, match="comment on #7: Resource not accessible by integration") as caught:
        put(client)
    assert "pull-requests" in str(caught.value.hint)
    assert "fork" in str(caught.value.hint)
    assert caught.value.exit_code == 3


def test_a_pull_request_that_does_not_exist_is_named(client):
    with pytest.raises(NotFound, match="#8"):
        put(client, number=8)


def test_a_refused_text_is_not_repeated_in_the_error(github, client):
    github.trouble("POST /repos", 422, {"message": "Validation Failed", "errors": [{"message": "body canary"}]})
    with pytest.raises(InvalidArgument, match="Validation Failed") as caught:
        put(client, "canary")
    assert "canary" not in str(caught.value)
    assert "65,536" in str(caught.value.hint)


def test_what_is_too_long_is_refused_before_anything_is_sent(github):
    with pytest.raises(InvalidArgument, match="60,000 are the most") as caught:
        composed(MARK, "é" * 30_000)
    assert "--format markdown" in str(caught.value.hint)
    assert len(composed(MARK, "x" * (LIMIT - 100)).encode()) <= LIMIT
    assert github.requests == []


def test_a_listing_that_does_not_move_on_is_no_endless_loop(github, client):
    page = {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": None}}
    github.trouble(
        "comments", 200, {"data": {"viewer": {"login": BOT}, "repository": {"pullRequest": {"comments": page}}}}
    )
    with pytest.raises(Exception, match="does not move on"):
        put(client)
