"""Two models side by side: as text, as Markdown, and as a document.

Texts of questions and answers are shown in text and Markdown when they are asked for, and never in a document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reconciler.core.canonical import Json
from reconciler.core.showing.compared import Answer, Compared, Fact
from reconciler.core.text import clip, sanitize
from reconciler.views.curve_words import label_text
from reconciler.views.document import counts_document
from reconciler.views.escape import code, prose
from reconciler.views.forecast_words import money_text
from reconciler.views.paint import Paint, painter
from reconciler.views.words import count, data_text, guard, seconds_text, short_digest, value_text

FORMAT = "tunectl.comparison/v1"
_NARROWEST, _SHOWN = 16, 10
_UNKNOWN = "-"


def render_compared(compared: Compared, *, color: bool = False, width: int = 100, texts: bool = False) -> str:
    """Return two models as a table of two columns that ends with a line feed; ``!`` marks what differs.

    Args:
        compared: the two.
        color: whether to use SGR codes.
        width: columns to keep to; values are cut for it.
        texts: whether questions and answers may be shown.
    """
    paint = painter(color=color)
    labels = max((len(fact.label) for fact in compared.facts), default=0)
    room = max(_NARROWEST, (width - labels - 8) // 2)
    heads = [clip(label_text(side), room) for side in (compared.left, compared.right)]
    lines = [paint(f"    {'':<{labels}}  {heads[0]:<{room}}  {heads[1]}".rstrip(), "bold")]
    group = ""
    for fact in compared.facts:
        if fact.group != group:
            group = fact.group
            lines.append(paint(group, "bold"))
        lines.append(_row(fact, labels, room, paint))
    lines += [""] if compared.data is not None or compared.answers is not None else []
    lines += [f"rows     {data_text(compared.data)}"] if compared.data is not None else []
    lines += list(_answer_lines(compared, room, texts=texts))
    lines.append(f"\n{_headline(compared)}")
    return guard("\n".join(lines) + "\n")


def render_compared_markdown(compared: Compared, *, texts: bool = False) -> str:
    """Return the same as GitHub-flavoured Markdown."""
    lines = [
        f"**{code(compared.left.chosen.label)} and {code(compared.right.chosen.label)}: {prose(_headline(compared))}**",
        "",
    ]
    lines += [
        f"| | {code(compared.left.chosen.label)} | {code(compared.right.chosen.label)} | |",
        "| --- | --- | --- | --- |",
    ]
    for fact in compared.facts:
        cells = [
            prose(f"{fact.group}: {fact.label}"),
            *(prose(fact_text(fact, side)) for side in (fact.left, fact.right)),
        ]
        lines.append(f"| {' | '.join(cells)} | {'differs' if fact.differs else ''} |")
    notes = [] if compared.data is None else [f"* rows: {prose(data_text(compared.data))}"]
    notes += [f"* {prose(line.strip())}" for line in _answer_lines(compared, 80, texts=texts)]
    return "\n".join([*lines, *(["", *notes] if notes else [])]) + "\n"


def compared_document(compared: Compared) -> dict[str, Any]:
    """Return the same for programs, without a word of any question or answer."""
    data, answers = compared.data, compared.answers
    return {
        "format": FORMAT,
        "left": _side(compared, "left"),
        "right": _side(compared, "right"),
        "facts": [
            {"group": fact.group, "label": fact.label, "left": fact.left, "right": fact.right, "differs": fact.differs}
            for fact in compared.facts
        ],
        "data": None
        if data is None
        else {**counts_document(data.rows, moved=True), "comparedWith": data.source, "unknown": data.unknown},
        "answers": None
        if answers is None
        else {
            "asked": len(answers),
            "better": compared.better,
            "worse": compared.worse,
            "scores": [
                {"question": each.question, "left": each.left_score, "right": each.right_score} for each in answers
            ],
        },
    }


def fact_text(fact: Fact, value: Json) -> str:
    """Return one side of a fact in words."""
    if value is None:
        return _UNKNOWN
    spelt = _SPELT.get(fact.label)
    if spelt is not None:
        return spelt(value)
    return (
        sanitize(value) if isinstance(value, str) else _number(value) if isinstance(value, float) else value_text(value)
    )


def _side(compared: Compared, side: str) -> dict[str, Any]:
    chosen = (compared.left if side == "left" else compared.right).chosen
    return {"name": chosen.name, "role": chosen.role, "resource": chosen.instance.resource, "label": chosen.label}


def _headline(compared: Compared) -> str:
    differing = [fact for fact in compared.facts if fact.differs and (fact.group, fact.label) not in _IDENTITY]
    if not differing:
        return "They differ in nothing that is known of both."
    groups = ", ".join(dict.fromkeys(fact.group for fact in differing))
    return f"{count(len(differing), 'difference')}, in {groups}."


def _row(fact: Fact, labels: int, room: int, paint: Paint) -> str:
    left, right = (clip(fact_text(fact, side), room) for side in (fact.left, fact.right))
    mark = paint("!", "bold yellow") if fact.differs else " "
    pad = " " * (room - len(left))
    if fact.differs:
        left, right = paint(left, "red"), paint(right, "green")
    return f"  {mark} {sanitize(fact.label):<{labels}}  {left}{pad}  {right}".rstrip()


def _answer_lines(compared: Compared, room: int, *, texts: bool) -> Iterator[str]:
    answers = compared.answers
    if answers is None:
        return
    if not answers:
        yield "answers  no question was asked of both"
        return
    same = len(answers) - compared.better - compared.worse
    told = f"{compared.better:,} better, {compared.worse:,} worse, {same:,} as good"
    yield f"answers  {count(len(answers), 'question')}: {told}"
    moved = [answer for answer in answers if answer.left_score != answer.right_score]
    for answer in moved[:_SHOWN]:
        yield f"  {sanitize(answer.question)}: {answer.left_score:.4g} -> {answer.right_score:.4g}"
        yield from _texts(answer, room) if texts else ()
    if len(moved) > _SHOWN:
        yield f"  and {len(moved) - _SHOWN:,} more"


def _texts(answer: Answer, room: int) -> Iterator[str]:
    for word, said in (
        ("asked", answer.input),
        ("expected", answer.expected),
        ("left", answer.left),
        ("right", answer.right),
    ):
        yield f'    {word:<8}  "{clip(sanitize(said), 2 * room - 14)}"'


def _number(value: float) -> str:
    return f"{value:.4g}"


def _seconds(value: Json) -> str:
    return seconds_text(value) if isinstance(value, int | float) else value_text(value)


def _cost(value: Json) -> str:
    amount = value.get("amount") if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(amount, str):
        return value_text(value)
    try:
        return sanitize(f"{money_text(amount)} {value.get('currency')}")
    except ValueError:
        return value_text(value)


def _digest(value: Json) -> str:
    return short_digest(str(value))


_SPELT: Mapping[str, Callable[[Json], str]] = {
    "seconds": _seconds,
    "cost": _cost,
    "dataset": _digest,
    "revision": _digest,
}
_IDENTITY = frozenset({("model", "resource"), ("model", "role"), ("model", "revision"), ("model", "attempt")})
"""In these two models differ by being two."""
