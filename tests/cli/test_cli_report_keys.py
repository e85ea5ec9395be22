"""The report in a browser, by keyboard alone: real Tab and Enter keys, and pictures to look at.

``TUNECTL_PICTURES=FOLDER`` keeps the pictures.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from browser_kit import CHROMIUM, Browser, browser
from cli_kit import HYPERPARAMETERS, Workshop

FOCUSED = """(() => {
  const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
  return {tag: e.tagName, to: e.getAttribute('href'), text: e.textContent.trim().slice(0, 40),
    ring: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0,
    seen: r.width > 0 && r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth,
    open: e.parentElement.open ?? null};
})()"""
MODELS = 5


def focused(page: Browser, key: str = "Tab", *, shift: bool = False) -> dict[str, object]:
    page.press(key, shift=shift)
    found: dict[str, object] = page.evaluate(FOCUSED)
    return found


def around(page: Browser) -> list[dict[str, object]]:
    """What Tab comes to, from the start of the page until it leaves it."""
    stops = []
    while len(stops) < 20 * MODELS:
        stop = focused(page)
        if stop["tag"] == "BODY" or stop in stops:
            return stops
        stops.append(stop)
    raise AssertionError("Tab never comes to an end")


@pytest.mark.system
def test_the_report_is_read_by_keyboard_alone(workshop: Workshop, tmp_path: Path) -> None:
    if CHROMIUM is None:
        pytest.skip("no Chromium here")
    names = ["numbers", *(f"model-{number}" for number in range(1, MODELS))]
    for name in names:
        workshop.want(name, lifecycle={"retain": 1})
    workshop.apply()
    workshop.want("model-1", lifecycle={"retain": 1}, hyperparameters={**HYPERPARAMETERS, "epochCount": 2})
    workshop.apply()
    workshop.want("model-2", lifecycle={"retain": 1}, temperature=0.4)
    workshop.run("report", "--out", "page.html")
    pictures = Path(os.environ.get("TUNECTL_PICTURES", tmp_path))
    with browser(tmp_path / "profile") as page:
        page.open(workshop.root / "page.html")
        first = focused(page)
        assert (first["tag"], first["to"], first["seen"], first["ring"]) == ("A", "#models", True, True)
        focused(page, "Enter")
        assert page.evaluate("location.hash") == "#models"
        assert page.evaluate("document.activeElement.id") == "models", "the link takes the focus along"
        link = focused(page)
        assert (link["tag"], link["text"]) == ("A", min(names)), "what was skipped is not come to again"

        page.open(workshop.root / "page.html")
        stops = around(page)
        assert all(stop["seen"] for stop in stops), "nothing has the focus out of sight"
        assert all(stop["ring"] for stop in stops), "and the eye can find it"
        summaries = [stop for stop in stops if stop["tag"] == "SUMMARY"]
        assert len(summaries) >= MODELS
        assert [stop["text"] for stop in stops if stop["tag"] == "A"][1:] == sorted(names)

        page.open(workshop.root / "page.html")
        closed = next(stop for stop in iter(lambda: focused(page), None) if stop["tag"] in {"SUMMARY", "BODY"})
        assert (closed["tag"], closed["open"]) == ("SUMMARY", False)
        assert focused(page, "Enter")["open"] is True, "Enter opens what is closed"
        assert focused(page, "Enter")["open"] is False
        back = focused(page, shift=True)
        assert back["seen"], "and Tab goes back as well"

        for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")):
            picture = pictures / f"report-{width}-{scheme}.png"
            page.look(picture, width=width, scheme=scheme)
            assert picture.stat().st_size > 10_000, "a page of one colour would be smaller"
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        dark, light = ((pictures / f"report-1280-{scheme}.png").read_bytes() for scheme in ("dark", "light"))
        assert dark != light
