"""One name in the report: its curves, facts, gate, permissions, drift, other models and past, as HTML.

Whatever somebody else wrote goes through ``markup.text``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.core.address import short
from reconciler.core.canonical import Json
from reconciler.core.lineage import Record
from reconciler.core.permission import Permission
from reconciler.core.showing.overview import NameOverview
from reconciler.core.showing.specimen import Specimen
from reconciler.views.curve_svg import DASHES, render_figure
from reconciler.views.curve_words import label_text, summary_text
from reconciler.views.forecast_words import money_text, predicted_text
from reconciler.views.history import loss_text
from reconciler.views.markup import text
from reconciler.views.plan_text import drift_line
from reconciler.views.rollback import pin_line
from reconciler.views.status_text import progress_text
from reconciler.views.words import count, dataset_text, seconds_text, short_digest, value_text

__all__ = ["badge", "cost_text", "gate_word", "render_name", "settings_text", "state_of"]

_TONES = {"ready": "good", "tuning": "warn", "pending": "warn", "failed": "bad", "rejected": "bad", "missing": "bad"}
_SIGNS = {"good": "✓", "warn": "…", "bad": "✗"}
_WIDE = 600
_CURVES = 6
_POINTS = 120


def state_of(specimen: Specimen) -> str:
    """Return the state of a model as the report tells it: a recorded model that is not there is missing."""
    return "missing" if specimen.missing else specimen.state


def badge(state: str) -> str:
    """Return a state as a badge: a sign and a word, not a colour alone."""
    tone = _TONES.get(state, "faint")
    sign = f"{_SIGNS[tone]} " if tone in _SIGNS else ""
    return f'<span class="badge {tone}">{sign}{text(state)}</span>'


def cost_text(cost: Mapping[str, Any] | None) -> str:
    """Return a recorded cost in words; a lockfile may hold anything."""
    if cost is None or not isinstance(cost.get("amount"), str) or not isinstance(cost.get("currency"), str):
        return ""
    try:
        return f"{money_text(cost['amount'])} {cost['currency']}".strip()
    except ValueError:
        return ""


def plain_text(value: Json) -> str:
    """Return a value in words: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else value_text(value)


def gate_word(specimen: Specimen) -> str:
    """Return what a model's gate came to, in a word."""
    verdict = specimen.verdict
    return "" if verdict is None else "passed" if verdict.get("passed") is True else "not met"


def render_name(found: NameOverview, *, anchor: str, opened: bool) -> str:
    """Return the section of one name: closed, unless ``opened``; a browser opens it for what is looked for in it."""
    current = found.current
    title = plain_text(current.spec.get("displayName", found.name))
    named = "" if title == found.name else f'<span class="faint">{text(title)}</span>'
    drifted = f'<span class="badge warn">! {count(len(found.drift), "drift")}</span>' if found.drift else ""
    body = "".join(
        (
            _figure(found),
            _definitions(_facts(current, found)),
            _gate(current),
            _permissions(found.permissions),
            _list("Drift", (drift_line(drift, width=_WIDE) for drift in found.drift)),
            *(_other(specimen) for specimen in found.specimens[1:]),
            _past(found),
        )
    )
    return (
        f'<details class="model" id="{anchor}"{" open" if opened else ""}>'
        f"<summary><h3>{text(found.name)}</h3> {badge(state_of(current))} {drifted} {named}</summary>\n"
        f"<div>{body}</div></details>\n"
    )


def _figure(found: NameOverview) -> str:
    drawn = [specimen for specimen in found.specimens if specimen.curve.points][:_CURVES]
    if not drawn:
        return f'<p class="faint">No loss curve: {text(summary_text(found.current))}.</p>'
    keys = "".join(
        f'<li><svg viewBox="0 0 34 8" aria-hidden="true"><polyline class="c{place % len(DASHES)}" points="0,4 34,4"/>'
        f"</svg>{text(label_text(specimen))}: {text(summary_text(specimen))}</li>"
        for place, specimen in enumerate(drawn)
    )
    picture = render_figure(drawn, points=_POINTS)
    return f"<figure>{picture}<figcaption><ul>{keys}</ul></figcaption></figure>"


def _facts(specimen: Specimen, found: NameOverview | None = None) -> Iterator[tuple[str, str]]:
    instance, dataset = specimen.instance, specimen.dataset
    progress = None if specimen.seen is None else specimen.seen.progress
    yield "model", instance.resource
    yield "revision", f"{short_digest(instance.revision)}, attempt {instance.attempt}"
    yield "made", instance.create_time or (specimen.seen.create_time if specimen.seen else None) or ""
    yield "error", instance.error or (specimen.seen.error if specimen.seen else None) or ""
    yield "progress", progress_text(progress) if specimen.state == "tuning" else ""
    yield "base model", specimen.base_model or ""
    yield "tuned from", specimen.source or ""
    yield "dataset", "" if dataset is None else dataset_text(dataset, None)
    yield "file", "" if dataset is None else dataset.path or ""
    yield "hyperparameters", settings_text(specimen)
    yield "steps", "" if specimen.steps is None else f"{specimen.steps:,}"
    yield "loss", loss_text(specimen.loss)
    yield "took", "" if specimen.seconds is None else seconds_text(specimen.seconds)
    yield "cost", cost_text(specimen.cost)
    yield "foreseen", "" if specimen.foreseen is None else predicted_text(specimen.foreseen)
    for key in ("description", "temperature", "topP", "topK"):
        if key in specimen.spec:
            yield key, plain_text(specimen.spec[key])
    if found is not None and found.pin is not None:
        yield "pinned", pin_line(found.pin)


def settings_text(specimen: Specimen) -> str:
    """Return the hyperparameters in use; a star marks what the service chose."""
    asked, used = specimen.spec.get("hyperparameters"), specimen.resolved.get("hyperparameters")
    mine = asked if isinstance(asked, Mapping) else {}
    known = {**mine, **(used if isinstance(used, Mapping) else {})}
    return ", ".join(f"{key} {value_text(known[key])}{'' if key in mine else '*'}" for key in sorted(known))


def _definitions(facts: Iterable[tuple[str, str]]) -> str:
    return f"<dl>{''.join(f'<dt>{text(key)}</dt><dd>{text(said)}</dd>' for key, said in facts if said)}</dl>\n"


def _gate(specimen: Specimen) -> str:
    verdict = specimen.verdict
    if verdict is None:
        return ""
    listed = verdict.get("checks")
    checks = [check for check in listed if isinstance(check, Mapping)] if isinstance(listed, list | tuple) else []
    rows = "".join(_check(check) for check in checks)
    head = '<thead><tr><th>Check</th><th>Result</th><th class="n">Measured</th><th class="n">Limit</th></tr></thead>'
    result = badge("ready").replace("ready", "passed") if verdict.get("passed") is True else badge("rejected")
    return f"<h3>Gate {result}</h3><table>{head}<tbody>{rows}</tbody></table>\n"


def _check(check: Mapping[str, Any]) -> str:
    good = check.get("passed") is True
    note = f"; {check['note']}" if check.get("note") else ""
    return (
        f'<tr><td data-head="check">{text(str(check.get("check")))}</td>'
        f'<td class="{"good" if good else "bad"}">{"✓ passed" if good else "✗ not met"}{text(note)}</td>'
        f'<td class="n" data-head="measured">{_figured(check.get("measured"))}</td>'
        f'<td class="n" data-head="limit">{_figured(check.get("limit"))}</td></tr>'
    )


def _figured(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else ""


def _permissions(permissions: tuple[Permission, ...] | None) -> str:
    if permissions is None:
        return ""
    said = (f"{permission.role.lower()}: {permission.email or permission.kind}" for permission in permissions)
    return _list("Permissions", sorted(said))


def _list(title: str, lines: Iterable[str]) -> str:
    items = "".join(f"<li>{text(line)}</li>" for line in lines)
    return f'<h3>{text(title)}</h3><ul class="plain">{items}</ul>\n' if items else ""


def _other(specimen: Specimen) -> str:
    head = f"<h3>{text(specimen.chosen.role.capitalize())} {badge(state_of(specimen))}</h3>"
    return f"{head}{_definitions(_facts(specimen))}{_gate(specimen)}"


def _past(found: NameOverview) -> str:
    items = "".join(f"<li>{_record(record)}</li>" for record in found.records)
    if not items:
        return ""
    more = f"{count(found.more, 'older record')}: tunectl history {found.name}" if found.more else ""
    rest = f'<p class="faint">{text(more)}</p>' if more else ""
    return f'<h3>Lineage</h3><ol class="past">{items}</ol>{rest}\n'


def _record(record: Record) -> str:
    made = record.provenance
    parts = [
        short(record.resource),
        "" if record.dataset is None else f"{count(record.dataset.examples, 'example')}",
        "" if record.loss is None else f"loss {loss_text(record.loss)}",
        "" if record.replaced is None else f"in place of {short(record.replaced)}",
        "" if record.former_name is None else f"was called {record.former_name}",
        ""
        if made is None or made.commit is None
        else f"commit {made.commit[:12]}{'' if made.clean else ' (not clean)'}",
        "" if made is None or made.actor is None else f"by {made.actor}",
        record.error or "",
    ]
    said = ", ".join(part for part in parts if part)
    return f"<b>{text(record.event.value)}</b> <time>{text(record.time)}</time><br>{text(said)}"
