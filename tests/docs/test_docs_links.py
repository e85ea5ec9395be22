"""Every link inside the repository leads somewhere, anchors included, and every page can be reached."""

from __future__ import annotations

import posixpath
from urllib.parse import urlsplit

import pytest
from docs_kit import PAGES, ROOT, anchors, links, read


def _inside(page):
    """Yield the links of a page that stay in the repository, as path and anchor."""
    for target in links(read(page)):
        url = urlsplit(target)
        if not url.scheme:
            path = posixpath.normpath(posixpath.join(posixpath.dirname(page), url.path)) if url.path else page
            yield target, path, url.fragment


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_and_anchor_leads_somewhere(page):
    lost = []
    for target, path, fragment in _inside(page):
        if not (ROOT / path).exists() or (fragment and path.endswith(".md") and fragment not in anchors(read(path))):
            lost.append(target)
    assert not lost


@pytest.mark.parametrize("page", PAGES)
def test_links_out_of_the_repository_are_encrypted(page):
    assert [target for target in links(read(page)) if target.startswith("http:")] == []


def test_every_page_of_the_documentation_can_be_reached_from_the_readme():
    reached, ahead = set(), ["README.md"]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        ahead.extend(path for _, path, _ in _inside(page) if path in PAGES and path not in reached)
    assert {page for page in PAGES if page.startswith("docs/")} <= reached


def test_a_lost_anchor_is_noticed():
    page = "# One & two\n\n## `code` here\n\n## Again\n\n## Again\n\n```sh\n# no heading\n```\n"
    assert anchors(page) == {"one--two", "code-here", "again", "again-1"}
    assert links("[a](b.md#c) `[no](link)` ![x](y.png)\n\n```\n[no](link)\n```\n") == ["b.md#c"]
