"""The report: one page that is whole, harmless, readable and the same for the same project."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from views_samples import REMOTE

from reconciler.core.lineage import Event, Loss, Record
from reconciler.core.lockfile import Instance, InstanceState
from reconciler.core.observation import ModelState, Observation, Progress, Snapshot
from reconciler.core.permission import Permission
from reconciler.core.plan import Drift, Pinned, Unmanaged
from reconciler.core.provenance import Provenance
from reconciler.core.resource import Dataset
from reconciler.core.showing.overview import NameOverview, Overview
from reconciler.core.showing.specimen import Specimen
from reconciler.core.upkeep.choice import Chosen
from reconciler.core.verdict import Check, Verdict
from reconciler.views.curve_svg import PALETTE
from reconciler.views.report_html import render_report
from reconciler.views.report_style import DARK, LIGHT, SHEET

HOSTILE = "</title></style><script>alert(1)</script><img src=x onerror=alert(1)>\" ' & \x1b[31m \u202e \ufffe"
VOID = {"meta", "br", "circle", "line", "polyline", "rect"}


def specimen(name, role="current", *, losses=(), state=InstanceState.READY, spec=None, seen=True, **more):
    resource = f"tunedModels/{name}-{role}"
    settings = {"displayName": name, "baseModel": "models/text-bison-001", "hyperparameters": {"epochCount": 3}}
    instance = Instance(resource, "sha256:" + "ab" * 32, state=state, spec={**settings, **(spec or {})}, **more)
    curve = tuple(Snapshot(step, 0, loss) for step, loss in enumerate(losses, 1))
    resolved = {"hyperparameters": {"epochCount": 3, "batchSize": 4}}
    observation = Observation(
        resource, resolved, ModelState(state.value if state.value in {"ready", "tuning"} else "ready"),
        create_time="2026-03-01T10:00:00Z", snapshots=curve, tuning_seconds=61.0 if losses else None,
        progress=Progress(12, 23, 52.2) if state is InstanceState.TUNING else None,
    )  # fmt: skip
    return Specimen(Chosen(name, role, instance), observation if seen else None)


def record(name, number):
    return Record(
        "demo", name, Event.PROMOTED, "2026-03-01T10:00:00Z", f"tunedModels/{name}-{number}", number=number,
        dataset=Dataset("sha256:1", 15), loss=Loss(23, 2.3, 0.4, 0.39, 21), replaced="tunedModels/old-1",
        provenance=Provenance(commit="c" * 40, clean=False, actor="ann"),
    )  # fmt: skip


VERDICT = Verdict(
    False, "sha256:1", (Check("maxFinalLoss", True, 0.4, 1.5), Check("prompts", False, 3.0, 4.0, "prompts[2]"))
)
COST = {"steps": 23, "seconds": 6.0, "cost": {"amount": "0.46", "amountAtMost": "0.46", "currency": "USD"}}
NUMBERS = NameOverview(
    "numbers",
    (
        specimen(
            "numbers", losses=[2.3, 1.2, 0.4], dataset=Dataset("sha256:" + "d" * 64, 15), total_steps=23, forecast=COST
        ),
        specimen(
            "numbers",
            "rejected",
            losses=[2.0, 1.9],
            state=InstanceState.REJECTED,
            verdict=VERDICT,
            error="maxFinalLoss",
        ),
    ),
    records=(record("numbers", 2), record("numbers", 1)),
    more=3,
    drift=(Drift("numbers", "changed", "spec.temperature changed remotely", None, "spec.temperature", 0.7, 0.9),),
    permissions=(Permission("OWNER", "user", "ann@example.com"), Permission("READER", "everyone")),
    pin=Pinned("numbers", "tunedModels/numbers-current", "sha256:" + "ab" * 32, "sha256:" + "cd" * 32),
)
TUNING = NameOverview("tuning", (specimen("tuning", state=InstanceState.TUNING),))
MISSING = NameOverview("missing", (specimen("missing", seen=False),))
ODD = NameOverview(
    "odd",
    (
        specimen(
            "odd", losses=[2.0, float("nan")], spec={"displayName": HOSTILE, "description": HOSTILE}, error=HOSTILE
        ),
    ),
    drift=(Drift("odd", "changed", HOSTILE, None, "spec.description", HOSTILE, HOSTILE),),
)
PROJECT = Overview(
    "demo", REMOTE, "2026-03-02T00:00:00Z", names=(MISSING, NUMBERS, ODD, TUNING), coverage=80.0,
    unmanaged=(Unmanaged("tunedModels/other", HOSTILE, "ready"),),
)  # fmt: skip


class Tree(HTMLParser):
    """Collects what a page is made of, and fails on what is not closed."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.attributes, self.ids, self.texts = [], [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, key, value) for key, value in attrs]
        self.ids += [value for key, value in attrs if key == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, key, value) for key, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_reads_like_this(golden):
    golden("report.html", render_report(PROJECT, version="0.1.0"))


def test_one_model_is_not_counted_as_several():
    alone = Overview("demo", REMOTE, "2026-03-02T00:00:00Z", names=(NUMBERS,))
    assert '<b class="">1</b>model</li>' in render_report(alone, version="1")


def test_equal_projects_are_equal_bytes():
    assert render_report(PROJECT, version="1") == render_report(PROJECT, version="1")


def test_whatever_others_wrote_stays_text():
    page = render_report(PROJECT, version="0.1.0")
    tree = Tree(page)
    assert not {"script", "img", "iframe", "object", "link", "base", "form"} & set(tree.tags)
    assert not any(key.startswith("on") or key in {"src", "style"} for _, key, _ in tree.attributes)
    assert all(value.startswith("#") for _, key, value in tree.attributes if key == "href")
    assert not set("\x1b\u202e\ufffe") & set(page)
    assert "alert(1)" in "".join(tree.texts)


def test_the_page_forbids_itself_every_request_and_its_style_is_the_one_that_is_allowed():
    page = render_report(PROJECT, version="0.1.0")
    policy = next(value for _, key, value in Tree(page).attributes if key == "content" and "default-src" in value)
    digest = base64.b64encode(hashlib.sha256(SHEET.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert f"<style>{SHEET}</style>" in page
    assert not any(word in SHEET for word in ("url(", "@import", "</"))


def test_headings_labels_and_links_lead_through_the_page():
    tree = Tree(render_report(PROJECT, version="0.1.0"))
    targets = {value[1:] for _, key, value in tree.attributes if key == "href"}
    assert targets <= set(tree.ids)
    assert len(tree.ids) == len(set(tree.ids))
    assert ("html", "lang", "en") in tree.attributes
    assert ("meta", "content", "width=device-width, initial-scale=1") in tree.attributes
    pictures = [value for tag, key, value in tree.attributes if tag == "svg" and key == "aria-label"]
    assert any("23 points" in said or "3 points, loss 2.3" in said for said in pictures)
    assert tree.tags.count("h1") == 1


def test_what_is_wrong_stands_first_and_is_open():
    page = render_report(PROJECT, version="0.1.0")
    assert page.index("What needs a look") < page.index('id="models"')
    opened = re.findall(r'<details class="model" id="(m\d)"( open)?>', page)
    assert opened == [("m1", " open"), ("m2", " open"), ("m3", " open"), ("m4", "")]
    few = Overview("demo", REMOTE, "2026-03-02T00:00:00Z", names=(TUNING,))
    assert '<details class="model" id="m1" open>' in render_report(few, version="0.1.0")


def test_states_have_words_and_signs_beside_their_colours():
    page = render_report(PROJECT, version="0.1.0")
    for said in ("✓ ready", "… tuning", "✗ missing", "✗ rejected", "! 1 drift", "✗ not met"):
        assert said in page


def test_an_empty_project_and_unread_manifests_are_said():
    page = render_report(
        Overview("demo", REMOTE, "t", unread="the manifests have 2 problems", losses=False), version="1"
    )
    assert "No models are managed here yet." in page
    assert "Drift is not known: the manifests have 2 problems" in page
    assert '<b class="">?</b>drift' in page


def test_a_hundred_models_are_a_page_of_half_a_megabyte_at_most():
    losses = [5.0 / step + 0.1 * (step % 3) for step in range(1, 1001)]
    names = tuple(
        NameOverview(f"n{number}", (specimen(f"n{number}", losses=losses),), records=(record("n", 1),) * 12)
        for number in range(100)
    )
    assert len(render_report(Overview("demo", REMOTE, "t", names=names), version="1").encode()) < 1_000_000


def _luminance(color):
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("side", [PALETTE[0] + LIGHT, PALETTE[1] + DARK])
@pytest.mark.parametrize("ink", ["ink", "faint", "link", "good", "warn", "bad", "c0", "c1", "c2", "c3", "c4", "c5"])
@pytest.mark.parametrize("paper", ["paper", "card"])
def test_every_colour_can_be_read_on_paper_and_on_cards(side, ink, paper):
    colors = dict(re.findall(r"--(\w+):(#\w{6});", side))
    assert contrast(colors[ink], colors[paper]) >= 4.5
