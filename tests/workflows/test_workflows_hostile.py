"""Text that tries to be more than text, through comment and issue: it stays text, and the marker stays ours."""

from __future__ import annotations

import re

import pytest
from fake_github import GitHub, serving
from markdown_it import MarkdownIt
from views_hostile import HOSTILE

from reconciler.core.plan import Action, Change, Drift, Kind, Plan, Steps
from reconciler.core.resource import Remote
from reconciler.errors import Location, Problem
from reconciler.forge.body import LIMIT, composed, marker
from reconciler.forge.client import Client
from reconciler.forge.comment import put_comment
from reconciler.forge.issue import put_issue
from reconciler.forge.place import place_of
from reconciler.testing.fakes import FakeClock
from reconciler.views.plan_markdown import render_markdown
from reconciler.views.run_markdown import render_failure
from reconciler.views.status_markdown import render_drift_markdown

MARK = marker("plan")


def plan_page(text):
    changes = (Change(text, text, text, "replace"),)
    action = Action(name=text, kind=Kind.REPLACE, reason=text, resource=text, changes=changes, steps=Steps(1, 2))
    return render_markdown(Plan(text, Remote(text, text, text), (action,), warnings=(problem(text),)))


def drift_page(text):
    return render_drift_markdown((Drift(text, text, text, text, text, text, text, text),), (), 50.0)


def failure_page(text):
    return render_failure("tunectl plan", [problem(text), problem(text)], exit_code=1)


def problem(text):
    return Problem(Location(f"{text}.yaml", 1, 3), text, text)


PAGES = {"plan": plan_page, "drift": drift_page, "failure": failure_page}


def shape(markdown):
    """The structure of a page, without its text."""

    def walk(tokens):
        for token in tokens:
            yield token.type, token.tag
            yield from walk(token.children or ())

    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(markdown)
    return [part for part in walk(tokens) if part[0] not in {"text", "text_special"}]


def without_code(parts):
    return [part for part in parts if part[0] != "html_inline"]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("render", PAGES.values(), ids=PAGES)
def test_what_is_posted_keeps_its_shape_its_size_and_its_marker(render, text):
    posted, benign = (composed(MARK, render(one)) for one in (text, "benign"))
    found, expected = shape(posted), shape(benign)
    if re.search("[@#]", text):  # these stand in code elements of their own
        found, expected = without_code(found), without_code(expected)
    assert found == expected
    assert len(posted.encode()) <= LIMIT
    assert posted.count("<!--") == 1
    assert posted.startswith(f"{MARK}\n")
    tags = set(re.findall(r"<(?!!--)[^>]*>", posted))
    assert tags <= {"<code>", "</code>", "<details>", "</details>", "<summary>", "</summary>"}


def test_every_hostile_text_is_posted_once_and_found_again():
    with serving(GitHub()) as github, Client(place_of(github.environ), clock=FakeClock(), report=print) as client:
        for text in HOSTILE.values():
            body = composed(MARK, plan_page(text))
            put_comment(client, 7, body, mark=MARK)
            assert put_comment(client, 7, body, mark=MARK).did == "unchanged"
            put_issue(client, "Drift", composed(MARK, drift_page(text)), mark=MARK)
        assert len(github.comments) == len(github.issues) == 1
