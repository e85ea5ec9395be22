"""Loss curves: drawn in characters, as a picture, and as numbers."""

import io
import json
import math
import xml.etree.ElementTree as ET

import pytest

from reconciler.core.lockfile import Instance, InstanceState
from reconciler.core.observation import ModelState, Observation, Snapshot
from reconciler.core.showing.specimen import Specimen
from reconciler.core.upkeep.choice import Chosen
from reconciler.views.canvas import speaks_unicode
from reconciler.views.curve_svg import DARK, LIGHT, render_figure, render_svg
from reconciler.views.curve_text import number_text, render_curves, sparkline
from reconciler.views.curve_words import curves_document
from reconciler.views.words import json_text

HOSTILE = '</text><script>alert(1)</script>"\x1b[31m\u202e\ufffe'


def specimen(name, losses, *, state=InstanceState.READY, role="current", there=True):
    instance = Instance(f"tunedModels/{name}", "sha256:" + "ab" * 32, state=state, operation="operations/1")
    curve = tuple(Snapshot(step, 0, loss) for step, loss in enumerate(losses, 1))
    seen = Observation(instance.resource, {}, ModelState.READY, snapshots=curve) if there else None
    return Specimen(Chosen(name, role, instance), seen)


FALLING = specimen("numbers", [4 / step + 0.2 for step in range(1, 24)])
OTHER = specimen("sentiment", [3 - step / 12 for step in range(1, 31)], role="candidate")
BROKEN = specimen("broken", [2.0, 1.5, math.nan, math.nan, 1.2, math.inf, None])
EMPTY = specimen("empty", [], state=InstanceState.TUNING)
ABSENT = specimen("absent", [], state=InstanceState.PENDING, there=False)
ALL = [FALLING, OTHER, BROKEN, EMPTY, ABSENT]


def test_one_curve_reads_like_this(golden):
    golden("curve.txt", render_curves([FALLING], width=72, height=10))


def test_several_curves_without_colours_have_a_sign_each(golden):
    golden("curves.txt", render_curves(ALL, width=72, height=12))


def test_a_stream_that_knows_only_ascii_gets_nothing_else(golden):
    text = render_curves(ALL, width=60, height=8, unicode=False)
    golden("curves_ascii.txt", text)
    assert text.isascii()


def test_colours_are_one_a_curve_and_change_nothing_else():
    plain = render_curves([FALLING], width=60, height=8)
    painted = render_curves([FALLING], width=60, height=8, color=True)
    assert "\x1b[36m" in painted
    assert painted.replace("\x1b[36m", "").replace("\x1b[0m", "") == plain
    assert {"\x1b[36m", "\x1b[33m"} <= {code + "m" for code in painted_codes(render_curves(ALL, color=True))}


def painted_codes(text):
    return {part.partition("m")[0].join(("\x1b[", "")) for part in text.split("\x1b[")[1:]}


@pytest.mark.parametrize("width", [20, 40, 60, 100])
def test_no_line_of_the_drawing_is_wider_than_it_may_be(width):
    lines = render_curves([FALLING, OTHER], width=width, height=8).splitlines()
    assert max(map(len, lines[:-4])) <= width


def test_nothing_to_draw_is_said_with_the_reason():
    text = render_curves([EMPTY, ABSENT, specimen("silent", [None, None])])
    assert text.startswith("There is nothing to draw yet.\n")
    assert "no loss reported yet" in text
    assert "not there yet" in text
    assert "not drawn: 2 without a loss, from step 1 on" in text


def test_a_single_point_is_drawn():
    field = render_curves([specimen("one", [1.0])], height=5).splitlines()[:5]
    assert sum(0x2800 < ord(sign) <= 0x28FF for line in field for sign in line) == 1


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (0.5, 0.25, "0.50"),
        (2, 2, "2"),
        (1500, 500, "1,500"),
        (1e9, 5e8, "1e+09"),
        (2e-6, 1e-6, "2e-06"),
        (-0.0, 1, "0"),
    ],
)
def test_ticks_have_as_many_decimals_as_they_need(value, step, text):
    assert number_text(value, step) == text


@pytest.mark.parametrize(
    ("losses", "shown"), [([], ""), ([1.0], ""), ([2, 1], "█▁"), ([1, 1, 1], "▁▁▁"), ([9, 3, 2, 1], "█▅▁")]
)
def test_a_sparkline_shows_the_newest_losses(losses, shown):
    assert sparkline(losses, 3) == shown


@pytest.mark.parametrize(
    ("encoding", "answer"), [("utf-8", True), ("ascii", False), ("latin-1", False), ("cp437", False)]
)
def test_a_stream_says_whether_it_can_show_braille(encoding, answer, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    assert speaks_unicode(io.TextIOWrapper(io.BytesIO(), encoding=encoding)) is answer
    monkeypatch.setenv("TERM", "linux")
    assert not speaks_unicode(io.TextIOWrapper(io.BytesIO(), encoding=encoding))


def test_the_picture_reads_like_this(golden):
    golden("curves.svg", render_svg(ALL, width=600, height=300))


def test_the_picture_is_whole_xml_with_a_title_a_description_and_no_way_out():
    text = render_svg([FALLING, specimen(HOSTILE, [2.0, 1.0])])
    root = ET.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{space}title").text.startswith("Loss curves: numbers@abababababab, ")
    assert "23 points, loss 4.2 -> 0.3739" in root.find(f"{space}desc").text
    assert {element.tag.removeprefix(space) for element in root.iter()} == {
        *("svg", "title", "desc", "style", "rect", "line", "text", "polyline")
    }
    assert "prefers-color-scheme:dark" in text
    assert text.count("http") == 1  # the name space of SVG itself
    assert not any(word in text for word in ("url(", "@import", "href", "<script"))


def test_a_long_training_makes_a_small_picture():
    long = specimen("long", [1 / step for step in range(1, 20_001)])
    assert len(render_svg([long]).encode()) < 12_000
    assert render_figure([EMPTY]) == ""


def _luminance(color):
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(("paper", "colors"), [("#ffffff", LIGHT), ("#12161c", DARK)])
def test_every_curve_stands_out_from_its_background(paper, colors):
    for color in colors:
        light, dark = sorted((_luminance(paper), _luminance(color)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, color


def test_programs_get_every_point_and_words_for_what_is_no_number():
    document = json.loads(json_text(curves_document([BROKEN, ABSENT])))
    assert document["format"] == "tunectl.curves/v1"
    broken, absent = document["curves"]
    assert [point["loss"] for point in broken["points"]] == [2.0, 1.5, "NaN", "NaN", 1.2, "Infinity", None]
    assert (broken["found"], broken["least"], broken["leastStep"]) == (True, 1.2, 5)
    assert (absent["found"], absent["points"], absent["least"]) == (False, [], None)
