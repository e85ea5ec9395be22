"""The report: a project as one HTML page that needs nothing else.

No script, no font, no request: the page says so itself (Content-Security-Policy). Whatever somebody else wrote goes
through ``markup.text``. Equal values give equal bytes.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from hashlib import sha256

from reconciler.core.showing.overview import NameOverview, Overview
from reconciler.core.showing.specimen import Specimen
from reconciler.views.markup import text
from reconciler.views.plan_text import drift_line, unmanaged_line
from reconciler.views.report_model import badge, cost_text, gate_word, render_name, state_of
from reconciler.views.report_style import SHEET
from reconciler.views.status_text import coverage_line
from reconciler.views.words import count, remote_text, seconds_text

_OPENED = 3
"""With at most so many names every section is open from the start."""
_SHOWN_UNMANAGED = 200
_WIDE = 600
_HEADS = ("Model", "State", "Loss", "Steps", "Took", "Cost", "Gate", "Drift")
_NUMBERS = frozenset({"Loss", "Steps", "Took", "Cost"})


def render_report(overview: Overview, *, version: str) -> str:
    """Return the page; ``version`` is that of the tool, for the footer."""
    title = f"{overview.project}: tuned models"
    digest = b64encode(sha256(SHEET.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return "".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="referrer" content="no-referrer">\n<meta name="color-scheme" content="light dark">\n',
            f"<title>{text(title)}</title>\n<style>{SHEET}</style>\n</head>\n<body>\n",
            '<a class="skip" href="#models">Skip to the models</a>\n',
            *_head(overview),
            "<main>\n",
            *_attention(overview),
            *_index(overview),
            *_sections(overview),
            *_unmanaged(overview),
            "</main>\n",
            _foot(version),
            "</body>\n</html>\n",
        )
    )


def _foot(version: str) -> str:
    made = f"Made by tunectl {text(version)} from manifests, lockfile, lineage and what the service reports."
    return f"<footer><p>{made} This page is whole: it loads nothing and runs nothing.</p></footer>\n"


def _head(overview: Overview) -> Iterator[str]:
    states = Counter(state_of(name.current) for name in overview.names)
    figure, word = count(len(overview.names), "model").split()
    tiles = [(figure, word, "")]
    tones = (("ready", "good"), ("tuning", "warn"), ("pending", "warn"), *((bad, "bad") for bad in _BAD))
    tiles += [(f"{states[state]:,}", state, tone) for state, tone in tones if states[state]]
    drift = "?" if overview.unread is not None else f"{len(overview.drift):,}"
    tiles.append((drift, "drift", "warn" if overview.drift else ""))
    tiles += [(f"{len(overview.unmanaged):,}", "not managed", "")] if overview.unmanaged else []
    tiles += [(total, "spent", "") for total in _spent(overview)]
    listed = "".join(f'<li><b class="{tone}">{text(figure)}</b>{text(word)}</li>' for figure, word, tone in tiles)
    yield f"<header>\n<h1>{text(overview.project)}</h1>\n"
    yield f'<p class="faint">{text(remote_text(overview.remote))}, <time>{text(overview.time)}</time></p>\n'
    yield f'<ul class="tiles">{listed}</ul>\n'
    yield f"<p>{text(coverage_line(overview.coverage))}</p>\n" if overview.coverage is not None else ""
    yield "</header>\n"


def _spent(overview: Overview) -> list[str]:
    """Return what the recorded trainings of the models that are there came to, a sum a currency."""
    sums: dict[str, Decimal] = {}
    for specimen in (specimen for name in overview.names for specimen in name.specimens):
        cost = specimen.cost
        if cost is None or not cost_text(cost):
            continue
        try:
            amount = Decimal(str(cost["amount"]))
        except InvalidOperation:
            continue
        currency = str(cost["currency"])
        sums[currency] = sums.get(currency, Decimal(0)) + amount
    return [cost_text({"amount": f"{amount:f}", "currency": currency}) for currency, amount in sorted(sums.items())]


def _attention(overview: Overview) -> Iterator[str]:
    lines = [f"Drift is not known: {overview.unread}; see `tunectl validate`"] if overview.unread is not None else []
    for name in overview.names:
        for specimen in name.specimens:
            if state_of(specimen) in _BAD:
                why = specimen.instance.error or (specimen.seen.error if specimen.seen else None)
                lines.append(f"{specimen.chosen.label}: {state_of(specimen)}{f': {why}' if why else ''}")
        lines += [drift_line(drift, width=_WIDE) for drift in name.drift]
    if lines:
        items = "".join(f"<li>{text(line)}</li>" for line in lines)
        yield '<section aria-labelledby="attention"><h2 id="attention">What needs a look</h2>'
        yield f'<ul class="plain">{items}</ul></section>\n'
    for item in overview.tolerated:
        said = f"Ignored drift: {drift_line(item.drift, width=_WIDE)}; {item.tolerance.reason}"
        yield f'<p class="faint">{text(said)}</p>\n'


def _index(overview: Overview) -> Iterator[str]:
    yield '<section aria-labelledby="models"><h2 id="models" tabindex="-1">Models</h2>\n'
    if not overview.names:
        yield "<p>No models are managed here yet.</p></section>\n"
        return
    if not overview.losses:
        yield '<p class="faint">This service reports no losses, so there are no curves.</p>\n'
    heads = "".join(f"<th{_numeric(head)}>{head}</th>" for head in _HEADS)
    yield f"<table><thead><tr>{heads}</tr></thead><tbody>\n"
    for number, name in enumerate(overview.names, 1):
        cells = (f'<a href="#m{number}">{text(name.name)}</a>', badge(state_of(name.current)), *_cells(name))
        row = "".join(
            f'<td{_numeric(head)} data-head="{head.lower()}">{cell}</td>'
            for head, cell in zip(_HEADS, cells, strict=True)
        )
        yield f"<tr>{row}</tr>\n"
    yield "</tbody></table></section>\n"


def _cells(name: NameOverview) -> tuple[str, ...]:
    current: Specimen = name.current
    loss = current.loss
    return (
        "" if loss is None or loss.last is None else f"{loss.last:.4g}",
        "" if current.steps is None else f"{current.steps:,}",
        "" if current.seconds is None else seconds_text(current.seconds),
        text(cost_text(current.cost)),
        text(gate_word(current)),
        f"{len(name.drift):,}" if name.drift else "",
    )


def _numeric(head: str) -> str:
    return ' class="n"' if head in _NUMBERS else ""


def _sections(overview: Overview) -> Iterator[str]:
    if overview.names:
        yield '<section aria-labelledby="each"><h2 id="each">Each model</h2>\n'
        few = len(overview.names) <= _OPENED
        for number, name in enumerate(overview.names, 1):
            yield render_name(name, anchor=f"m{number}", opened=few or name.troubled)
        yield "</section>\n"


def _unmanaged(overview: Overview) -> Iterator[str]:
    if overview.unmanaged:
        shown = overview.unmanaged[:_SHOWN_UNMANAGED]
        items = "".join(f"<li>{text(unmanaged_line(model))}</li>" for model in shown)
        more = len(overview.unmanaged) - len(shown)
        yield '<section aria-labelledby="unmanaged"><h2 id="unmanaged">Not managed here</h2>'
        total = count(len(overview.unmanaged), "remote model")
        yield f"<p>{total} that no manifest or lockfile knows; never touched.</p>"
        yield f'<ul class="plain">{items}</ul>{f"<p>and {more:,} more</p>" if more else ""}</section>\n'


_BAD = ("failed", "rejected", "missing")
