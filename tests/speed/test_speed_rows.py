"""The quick way through JSON Lines and the thorough one say the same of every line."""

from __future__ import annotations

import io
import json

from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.dataset import rows

COLUMNS = rows.Columns()
TEXTS = st.text(alphabet='ab"\\\n\t {}[]:,\u2028é', max_size=6)
KEYS = st.sampled_from(["text_input", "textInput", "output", "other"])
PAIRS = st.lists(
    st.tuples(KEYS, st.one_of(TEXTS, st.integers(0, 9), st.none(), st.lists(TEXTS, max_size=1))), max_size=4
)
ENDS = st.sampled_from(["", "\n", "\r\n", " \n", "\x0b\n", "\u2028\n", " x\n", "}\n", ",\n"])


def spelt(pairs) -> str:
    return "{" + ", ".join(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in pairs) + "}"


def told(line: str) -> list[object]:
    return list(rows.read_jsonl(io.BytesIO(line.encode()), COLUMNS))


@given(PAIRS.map(spelt), ENDS)
@example('{"text_input": 1, "text_input": 2, "output": 3, "output": 4}', "\n")
@example('{"output": "1", "output": "2"}', "\n")
@example('{"text_input": "", "output": "2"}', "\n")
@example('{"text_input": "1", "textInput": "2"}', "\n")
@example('["text_input", "1", "output", "2"]', "\n")
@example('{"text_input": "1", "output": "2"}"\n', "")
def test_both_ways_agree(line, end):
    quick = told(line + end)
    former, rows._QUOTES = rows._QUOTES, -1  # no line has so many quotes: the thorough way for all
    try:
        assert quick == told(line + end)
    finally:
        rows._QUOTES = former


def test_plain_rows_take_the_quick_way(monkeypatch):
    def refuse(_line):
        raise AssertionError("the thorough way was taken")

    monkeypatch.setattr(rows, "_JSON", type("Thorough", (), {"decode": staticmethod(refuse)}))
    assert told('{"text_input": "1", "output": "2"}\n{"output":"é","textInput":"x"}\r\n') == [
        (1, "1", "2", None),
        (2, "x", "é", None),
    ]
