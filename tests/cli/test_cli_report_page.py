"""``tunectl report``: one page about a project, whole even where something cannot be read."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cli_kit import HYPERPARAMETERS, Workshop

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def page(workshop: Workshop, *arguments: str) -> str:
    return workshop.run("report", "--out", "-", *arguments).out


def test_a_page_about_every_model_is_written(workshop: Workshop) -> None:
    workshop.want("other", description="counts", lifecycle={"retain": 1})
    workshop.apply()
    workshop.want("other", lifecycle={"retain": 1}, hyperparameters={**HYPERPARAMETERS, "epochCount": 2})
    workshop.apply()
    ended = workshop.run("report")
    assert "tunectl-report.html: 2 models, " in ended.err
    text = (workshop.root / "tunectl-report.html").read_text()
    assert text.count('<details class="model"') == 2
    assert workshop.serving("other") in text
    assert "<h3>Retained " in text
    assert "<polyline" in text
    assert "<b>promoted</b>" in text
    assert page(workshop) == text


def test_one_listing_is_all_the_service_is_asked_for_with_base_models(workshop: Workshop) -> None:
    workshop.want("other")
    workshop.apply()
    workshop.emulator.clear_requests()
    page(workshop)
    assert sorted(workshop.requests()) == [("GET", "models"), ("GET", "tunedModels")]


def test_drift_and_trouble_stand_on_the_page(workshop: Workshop) -> None:
    workshop.want("other")
    workshop.apply()
    workshop.vanish(workshop.serving("other"))
    workshop.want("numbers", temperature=0.9)
    text = page(workshop)
    assert "What needs a look" in text
    assert "✗ missing" in text
    assert "spec.temperature" in text


def test_manifests_that_cannot_be_read_leave_drift_unknown_and_the_rest_shown(workshop: Workshop) -> None:
    workshop.apply()
    workshop.write("manifests/broken.yaml", "kind: [")
    text = page(workshop)
    assert "Drift is not known: the manifests have 1 problem" in text
    assert "<polyline" in text


def test_a_log_that_cannot_be_read_is_warned_of_and_left_out(workshop: Workshop) -> None:
    workshop.apply()
    log = next(workshop.root.glob("*lineage.jsonl"))
    log.unlink()
    log.mkdir()
    ended = workshop.run("report", "--out", "-")
    assert "the past cannot be read" in ended.err
    assert "<polyline" in ended.out
    assert "<b>promoted</b>" not in ended.out


def test_a_service_without_losses_has_a_page_without_curves(workshop: Workshop) -> None:
    workshop.project(provider={"type": "vertex", "endpoint": "emulator", "project": "p", "location": "us-central1"})
    assert "This service reports no losses" not in page(workshop)  # nothing is managed, so nothing lacks a curve


def test_a_page_that_cannot_be_written_is_an_error(workshop: Workshop) -> None:
    workshop.apply()
    assert "no/folder.html" in workshop.fails(1, "report", "--out", "no/folder.html")


def framed(text: str, width: int) -> str:
    """A page that shows the report as a window of some width would, and says how wide its content came out."""
    measure = "o.textContent='width '+f.contentDocument.documentElement.scrollWidth+' scripts '+(window.hit||0)"
    return (
        f'<!doctype html><meta charset="utf-8"><iframe id="f" width="{width}" height="900" style="border:0" '
        f'srcdoc="{html.escape(text)}"></iframe><pre id="o"></pre><script>onload=()=>{{{measure}}}</script>'
    )


@pytest.mark.system
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_in_a_browser_nothing_scrolls_sideways_and_nothing_runs(workshop: Workshop, tmp_path: Path, width: int) -> None:
    if CHROMIUM is None:
        pytest.skip("no Chromium here")
    attack = "<img src=x onerror=parent.hit=1>"
    workshop.want("numbers", displayName=attack, description=attack + "x" * 300)
    workshop.want("a-name-that-is-just-as-long-as-the-name-of-a-model-ever-may-be", displayName="w" * 40)
    workshop.apply()
    workshop.want("numbers", displayName=attack, description="y" * 300)
    (tmp_path / "frame.html").write_text(framed(page(workshop), width))
    flags = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom")
    shown = subprocess.run(
        [CHROMIUM, *flags, (tmp_path / "frame.html").as_uri()], capture_output=True, text=True, timeout=120, check=True
    ).stdout
    found = re.search(r"width (\d+) scripts (\d+)", shown.rpartition("</iframe>")[2])
    assert found is not None, shown[-300:]
    assert int(found[1]) <= width
    assert found[2] == "0"
