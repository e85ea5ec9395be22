"""Rows that are conversations: what they come to, that a pair stays a pair, and what is refused at its place."""

from __future__ import annotations

import json

import pytest

from reconciler.core.canonical import canonical_json
from reconciler.core.examples import asked_line, digest_line, digest_of
from reconciler.core.resource import Context, DatasetSource, Example, ExampleLimits
from reconciler.dataset import check_dataset, read_examples
from reconciler.errors import Location

CANARY = "canary-c0ffee"
PLACE = Location("manifests/a.yaml", 7, 5)
TAKEN = ExampleLimits(conversations=True)


def said(role, *texts):
    return {"role": role, "parts": [{"text": text} for text in texts]}


def chat(*pairs):
    return {"messages": [{"role": role, "content": content} for role, content in pairs]}


@pytest.fixture
def check(tmp_path):
    def run(*rows, limits=TAKEN, **source):
        (tmp_path / "a.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        wanted = DatasetSource(location=PLACE, path="a.jsonl", **source)
        report = check_dataset(tmp_path, wanted, limits)
        assert CANARY not in "".join(map(str, report.problems))
        if report.dataset is None:
            return [str(problem) for problem in report.problems]
        examples = list(read_examples(tmp_path, wanted))
        assert report.dataset.digest == digest_of(examples)
        return examples

    return run


def test_a_question_and_its_answer_is_the_pair_it_always_was(check):
    assert (
        check(
            {"text_input": "1", "output": "2"},
            chat(("user", "1"), ("assistant", "2")),
            chat(("user", "1"), ("model", "2")),
            {"contents": [said("user", "1"), said("model", "2")]},
        )
        == [Example("1", "2")] * 4
    )


def test_what_was_said_before_is_the_context(check):
    turns = (("user", "six"), ("model", "seven"))
    told = Example("and then?", "eight", Context("Count.", turns))
    assert check(
        chat(("system", "Count."), *turns, ("user", "and then?"), ("assistant", "eight")),
        {
            "systemInstruction": said("system", "Count."),
            "contents": [
                said("user", "si", "x"),
                said("model", "seven"),
                said("user", "and then?"),
                said("model", "eight"),
            ],
        },
        {
            "system_instruction": {"parts": [{"text": "Count."}]},
            "contents": [*(said(*turn) for turn in turns), said("user", "and then?"), said("model", "eight")],
        },
    ) == [told, told, told]


def test_the_better_of_two_completions_is_the_output(check):
    row = {
        "contents": [said("user", "one")],
        "completions": [
            {"score": score, "completion": said("model", text)} for score, text in ((0, "uno"), (1, "two"))
        ],
    }
    compared = Context(completions=((0.0, "uno"), (1.0, "two")))
    limits = ExampleLimits(conversations=True, completions=True)
    assert check(row, limits=limits) == [Example("one", "two", compared)]
    assert check({"text_input": "1", "output": "2"}, row, limits=limits)[0].startswith("a.jsonl:1: has no comple")
    (told,) = check(row)
    assert told.startswith("a.jsonl:1: holds completions to compare")


def test_the_canonical_form_is_that_of_json_and_a_pairs_is_untouched():
    context = Context('Say "é".', (("user", "a"), ("model", "b\n")), ((1.0, "y"), (0.5, "z")))
    written = {
        "system": 'Say "é".',
        "turns": [["user", "a"], ["model", "b\n"]],
        "completions": [[1, "y"], [0.5, "z"]],
    }
    assert digest_line("x", "y", context) == canonical_json(["x", "y", written]) + b"\n"
    assert digest_line("x", "y") == b'["x","y"]\n'
    assert asked_line("x", Context(completions=((1.0, "y"), (0.0, "z")))) == asked_line("x") == b'"x"'
    assert asked_line("x", Context("s")) != asked_line("x")


def test_one_last_question_after_two_conversations_is_no_contradiction(check):
    rows = [chat(("user", text), ("assistant", "ok"), ("user", "and?"), ("assistant", text)) for text in ("one", "two")]
    assert len(check(*rows)) == 2
    again = [*rows, chat(("user", "one"), ("assistant", "ok"), ("user", "and?"), ("assistant", "else"))]
    assert len(check(*again)) == 3


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (chat(), "messages must be a list that is not empty"),
        ({"messages": CANARY}, "messages must be a list that is not empty"),
        ({"messages": [CANARY]}, "messages[0] must be an object"),
        (chat(("user", CANARY)), "messages must end with a message of the user and the model's answer to it"),
        (chat(("user", "1"), ("assistant", "2"), ("assistant", "3")), "messages must end with a message of the user"),
        (chat(("assistant", "1"), ("user", "2"), ("assistant", "3")), "messages must begin with a message of the user"),
        (
            chat(("user", "1"), ("system", "2"), ("assistant", "3")),
            "messages[1] is a system instruction, which can only",
        ),
        (chat(("user", "1"), ("tool", CANARY)), "messages[1].role must be one of user, assistant, model"),
        (chat(("user", "1"), ("assistant", None)), "messages[1].content must be text"),
        (chat(("user", " "), ("assistant", CANARY)), "messages[0].content is empty"),
        ({**chat(("user", "1"), ("assistant", "2")), "tools": [CANARY]}, "tools is not understood"),
        ({"messages": [{"role": "user", "content": "1", "name": CANARY}]}, "messages[0].name is not understood"),
        ({**chat(("user", "1"), ("assistant", "2")), "contents": []}, "has both messages and contents"),
        ({**chat(("user", "1"), ("assistant", "2")), "text_input": CANARY}, "has text_input and is a conversation"),
        ({"contents": [said("user", "1"), said("model", "2")], "tools": []}, "tools is not understood"),
        ({"contents": [said("user", "1"), said("assistant", "2")]}, "contents[1].role must be one of user, model"),
        (
            {"contents": [{"role": "user", "parts": [{"fileData": CANARY}]}]},
            "contents[0].parts[0].fileData is not under",
        ),
        ({"contents": [{"role": "user"}]}, "contents[0].parts must be a list that is not empty"),
        (
            {"contents": [said("user", "1"), said("model", "2")], "systemInstruction": said("system", "")},
            "systemInstruction.parts[0].text is empty",
        ),
        ({"contents": [said("user", "1"), said("model", "2")], "completions": [1]}, "contents must begin and, before"),
        ({"contents": [said("user", "1")], "completions": [1]}, "completions must be two, not 1"),
        (
            {"contents": [said("user", "1")], "completions": [{"score": 1, "completion": said("model", CANARY)}] * 2},
            "the two completions have the same score",
        ),
        (
            {"contents": [said("user", "1")], "completions": [{"score": True, "completion": said("model", "2")}] * 2},
            "completions[0].score must be a number",
        ),
        (chat(("user", "1"), ("assistant", "\ud800")), "holds half of a surrogate pair"),
        (chat(("system", "\ud800"), ("user", "1"), ("assistant", "2")), "holds half of a surrogate pair"),
    ],
)
def test_a_row_that_cannot_be_taken_is_told_by_its_line_and_place(check, row, problem):
    (told,) = check({"text_input": "1", "output": "2"}, row)
    assert told.startswith(f"a.jsonl:2: {problem}"), told


@pytest.mark.parametrize(
    ("context", "what"),
    [
        ((("system", CANARY),), "a system instruction"),
        ((("user", CANARY), ("assistant", "1")), "earlier turns"),
    ],
)
def test_where_only_pairs_are_taken_a_conversation_is_an_error(check, context, what):
    row = chat(*context, ("user", "2"), ("assistant", "3"))
    told = check(row, limits=ExampleLimits())
    assert told == [f"a.jsonl:1: is a conversation with {what}; only pairs of an input and an output are taken here"]


def test_named_columns_count_whatever_else_a_row_holds(check):
    row = {"q": "1", "a": "2", **chat(("user", CANARY), ("assistant", CANARY))}
    assert check(row, input_key="q", output_key="a") == [Example("1", "2")]


def test_rows_that_are_likely_too_long_are_a_warning_and_datasets_that_are_too_large_an_error(tmp_path):
    (tmp_path / "a.jsonl").write_text("".join(f'{{"text_input": "{"x" * n}", "output": "y"}}\n' for n in (5, 400, 900)))
    (tmp_path / "b.jsonl").write_text('{"text_input": "1", "output": "2"}\n' * 2)
    source = DatasetSource(location=PLACE, path="a.jsonl", validation="b.jsonl")

    def told(**limits):
        return [str(each) for each in check_dataset(tmp_path, source, ExampleLimits(**limits)).problems]

    (long, *_) = told(tokens=100)
    assert long.startswith("a.jsonl:2: 2 rows have more tokens (at 4 characters each) than the 100")
    assert "line 2 (about 101), line 3 (about 226)" in long
    assert "dataset 'a.jsonl' has 3 examples; the service takes 2" in told(examples=2)[0]
    assert "1,308 characters, and as a file more bytes; the service takes 1,000" in told(bytes=1000)[0]
    assert any(
        "validation dataset 'b.jsonl' has 2 examples; the service takes 1" in each
        for each in told(validation_examples=1)
    )
