"""dataset check, stats and diff, as people call them, and what they say to mistakes."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from test_cli_dataset_plan import CANARY, DATA, NEW, OLD, commit, git, rows

from reconciler.dataset import leaks

if TYPE_CHECKING:
    from cli_kit import Workshop

EVAL = "manifests/datasets/eval.jsonl"


@pytest.fixture
def shop(workshop: Workshop) -> Workshop:
    workshop.write(DATA, OLD)
    return workshop


def test_check_says_that_all_is_well(shop):
    shop.want("other")
    ended = shop.run("dataset", "check")
    assert (ended.out, ended.err) == ("Good: 2 training datasets, 8 examples.\n", "")
    document = shop.run("dataset", "check", "numbers", "--format", "json").json()
    assert document == {"format": "tunectl.dataset-check/v1", "datasets": 1, "examples": 4, "warnings": []}


def test_check_gives_every_problem_its_place_and_no_row(shop):
    shop.write(DATA, rows(("1", ""), (CANARY, "2"), (CANARY, "3")) + "{")
    shop.want("other", dataset={"path": "datasets/other.csv"})
    shop.write("manifests/datasets/other.csv", "text_input,output\n1,2\n1,3\n")
    error = shop.fails(1, "dataset", "check")
    assert f"{DATA}:1: error: output is empty" in error
    assert f"{DATA}:4:2: error: broken JSON" in error
    assert "manifests/datasets/other.csv:3: warning: 1 row gives an earlier row's input another output" in error
    assert CANARY not in error
    assert "other.csv" not in shop.fails(1, "dataset", "check", "numbers")
    document = shop.run("dataset", "check", "--format", "json", expect=1).json()
    assert {(each["file"], each["line"]) for each in document["problems"] if each["severity"] == "error"} == {
        (DATA, 1),
        (DATA, 4),
    }


def test_check_takes_files_that_no_manifest_names_wherever_they_lie(shop, tmp_path_factory):
    outside = tmp_path_factory.mktemp("elsewhere") / "rows.csv"
    outside.write_text("question,answer\n1,2\n,3\n")
    keys = ("--input-key", "question", "--output-key", "answer")
    assert f"{outside}:3: error: question is empty" in shop.fails(1, "dataset", "check", str(outside), *keys)
    outside.write_text("question,answer\n1,2\n3,4\n")
    assert shop.run("dataset", "check", str(outside), *keys).out == "Good: 1 training dataset, 2 examples.\n"
    shop.write("extra.jsonl", OLD)
    assert "5 examples" not in shop.run("dataset", "check", "./extra.jsonl").out
    assert "missing.jsonl: error: dataset 'missing.jsonl' does not exist" in shop.fails(
        1, "dataset", "check", "missing.jsonl"
    )


@pytest.mark.parametrize("command", ["check", "stats", "diff"])
def test_a_name_that_is_none_is_met_with_the_one_that_was_meant(shop, command):
    assert "did you mean numbers?" in shop.fails(64, "dataset", command, "number")
    assert "name a manifest, or a .jsonl" in shop.fails(64, "dataset", command, "qqqqqq")


def test_a_subcommand_that_is_none_is_met_with_the_one_that_was_meant(shop):
    assert "did you mean stats?" in shop.fails(64, "dataset", "stat")


def judged(shop: Workshop, *, forbid: bool | None = None) -> None:
    """Let the manifest have a gate over rows of which the second and third are trained on."""
    shop.write(EVAL, rows(("9", "10"), ("3", "4"), ("1", "another answer")))
    gate = {"path": "datasets/eval.jsonl", "minScore": 0.5}
    shop.want("numbers", gate={"dataset": gate if forbid is None else {**gate, "forbidLeak": forbid}})


LEAK = f"numbers: 2 inputs of the gate's dataset are trained on, too: line 2 ({DATA}:3), line 3 ({DATA}:1)"


def test_rows_that_judge_and_train_are_a_warning_with_both_places(shop):
    judged(shop)
    for _ in range(2):
        assert f"{EVAL}:2: warning: {LEAK}" in shop.run("dataset", "check").err
    (warning,) = shop.run("dataset", "check", "--format", "json").json()["warnings"]
    assert (warning["file"], warning["line"], warning["message"]) == (EVAL, 2, LEAK)


def test_rows_that_judge_and_train_are_an_error_where_that_is_forbidden(shop):
    judged(shop, forbid=True)
    assert f"{EVAL}:2: error: {LEAK}" in shop.fails(1, "dataset", "check")
    assert LEAK in shop.fails(1, "validate")
    assert LEAK in shop.fails(1, "plan")
    shop.write(EVAL, rows(("9", "10")))
    assert "trained on" not in shop.run("dataset", "check").err


def test_a_validation_dataset_leaks_as_well_and_examples_in_the_manifest_have_places(shop):
    shop.write(EVAL, rows(("1", "2")))
    examples = [{"text_input": "0", "output": "1"}, {"text_input": "1", "output": "2"}]
    shop.want("numbers", dataset={"examples": examples, "validation": "datasets/eval.jsonl"})
    error = shop.run("plan").text
    assert "1 input of the validation dataset is trained on, too: line 1 (manifests/numbers.yaml:" in error
    assert shop.plan()["warnings"][0]["file"] == EVAL


def test_a_leak_is_looked_for_once_while_both_files_stay_as_they_are(shop, monkeypatch):
    judged(shop)
    looked = []
    compare = leaks._compare
    monkeypatch.setattr(leaks, "_compare", lambda *these: looked.append(1) or compare(*these))
    monkeypatch.setattr("reconciler.kept._SETTLED", -(10**15))
    counts = []
    for change in (None, None, (EVAL, rows(("1", "2"), ("7", "8"))), (DATA, rows(("7", "8"))), None):
        if change is not None:
            shop.write(*change)
        said = shop.run("dataset", "check").err
        counts.append((len(looked), "1 input of" in said, "2 inputs of" in said))
    assert counts == [(1, False, True), (1, False, True), (2, True, False), (3, True, False), (3, True, False)]
    assert CANARY not in (shop.root / ".tunectl" / "leaks.json").read_text()
    assert len(looked) == 3
    shop.run("dataset", "check", "--no-cache")
    assert len(looked) == 4


def test_a_gate_of_more_inputs_than_are_held_is_compared_as_far_as_that_and_says_so(shop, monkeypatch):
    judged(shop)
    monkeypatch.setattr(leaks, "REMEMBERED", 2)
    said = shop.run("dataset", "check").err
    assert "1 input of the gate's dataset (of the first 2 inputs) is trained on, too" in said


def test_stats_count_rows_repeats_contradictions_and_lengths(shop):
    lines = [("a" * length, "b" * (2 * length)) for length in range(1, 101)]
    shop.write(DATA, rows(*lines, lines[0], lines[0], ("a", "other"), ("", "")))
    shop.write(EVAL, rows(("é", "ü")))
    shop.want("numbers", dataset={"path": "datasets/numbers.jsonl", "validation": "datasets/eval.jsonl"})
    training, validation = shop.run("dataset", "stats", "--format", "json").json()["datasets"]
    assert (training["title"], training["role"]) == (DATA, "numbers, training")
    assert {key: training[key] for key in ("examples", "wrong", "duplicates", "conflicts")} == {
        "examples": 103,
        "wrong": 1,
        "duplicates": 2,
        "conflicts": 1,
    }
    assert training["input"] == {"least": 1, "median": 49, "p95": 95, "most": 100, "total": 5053, "limit": 40000}
    assert (training["output"]["most"], training["output"]["limit"]) == (200, 5000)
    assert (validation["role"], validation["input"]["most"]) == ("numbers, validation", 1)
    text = shop.run("dataset", "stats", DATA).out
    assert f"{DATA} (file)\n  examples    103, sha256:" in text
    assert "wrong       1, not counted below" in text
    assert "input           1      49    95   100  40,000" in text


def test_stats_of_a_file_that_breaks_off_are_none(shop):
    shop.write(DATA, b'{"text_input": "1", "output": "2"}\n\xff')
    assert f"{DATA}:2:1: error: is not UTF-8" in shop.fails(1, "dataset", "stats")
    assert "./nothing.csv: error: dataset" in shop.fails(1, "dataset", "stats", "./nothing.csv")


def test_diff_since_the_apply_tells_what_the_plan_tells(shop):
    shop.apply()
    assert "rows    no difference" in shop.run("dataset", "diff", "numbers").out
    shop.write(DATA, NEW)
    text = shop.run("dataset", "diff", "numbers").out
    assert "before  4 examples, sha256:" in text
    assert "rows    3 added, 2 removed, 1 changed; 1 duplicate, 0 before" in text
    assert CANARY not in text
    assert CANARY in shop.run("dataset", "diff", "numbers", "--show-rows").out
    document = shop.run("dataset", "diff", "numbers", "--show-rows", "--format", "json").json()
    assert (document["added"], document["removed"], document["changed"]) == (3, 2, 1)
    assert CANARY not in json.dumps(document)
    page = shop.run("dataset", "diff", "numbers", "--format", "markdown").out
    assert "3 added, 2 removed, 1 changed" in page
    assert CANARY not in page
    assert CANARY in shop.run("dataset", "diff", "numbers", "--format", "markdown", "--show-rows").out
    shutil.rmtree(shop.root / ".tunectl" / "rows")
    document = shop.run("dataset", "diff", "numbers", "--format", "json").json()
    assert document["added"] is None
    assert "no cache of its rows here" in document["unknown"]


def test_diff_since_a_commit_takes_tags_names_and_files(shop):
    git(shop, "init", "-q", ".")
    commit(shop)
    git(shop, "tag", "v1")
    shop.write(DATA, NEW)
    for word in ("numbers", DATA):
        text = shop.run("dataset", "diff", word, "--from-commit", "v1", "--show-rows").out
        assert "3 added, 2 removed, 1 changed" in text
        assert 'before "2"' in text
    assert "git knows no commit v2" in shop.fails(1, "dataset", "diff", "numbers", "--from-commit", "v2")
    assert "git knows no commit --all" in shop.fails(1, "dataset", "diff", "numbers", "--from-commit=--all")
    shop.write("fresh.jsonl", OLD)
    assert "there is no fresh.jsonl at commit" in shop.fails(1, "dataset", "diff", "fresh.jsonl", "--from-commit", "v1")
    error = shop.fails(64, "dataset", "diff", "numbers", DATA, "--from-commit", "v1")
    assert "leave NEW out" in error


def test_diff_of_two_files_takes_any_two_formats(shop, tmp_path_factory):
    outside = tmp_path_factory.mktemp("elsewhere") / "old.csv"
    outside.write_text("text_input,output\n1,2\n2,3\n3,4\n4,5\n")
    assert "no difference" in shop.run("dataset", "diff", str(outside), DATA).out
    shop.write("new.jsonl", NEW)
    text = shop.run("dataset", "diff", str(outside), "new.jsonl", "--show-rows").out
    assert "3 added, 2 removed, 1 changed" in text
    assert f'- {outside}:4  "3" -> "4"' in text
    assert not (shop.root / ".tunectl" / "rows").exists()
    shop.write("new.jsonl", "{")
    assert "new.jsonl:1:2: error: broken JSON" in shop.fails(1, "dataset", "diff", str(outside), "new.jsonl")


def test_diff_of_two_files_takes_the_usual_columns_where_a_file_has_not_those_asked_for(shop):
    shop.write("old.csv", "text_input,output\n1,2\n2,3\n")
    shop.write("new.csv", "q,a\n1,2\n2,4\n")
    keys = ("--input-key", "q", "--output-key", "a")
    for pair in (("old.csv", "new.csv"), ("new.csv", "old.csv")):
        assert "1 changed" in shop.run("dataset", "diff", *pair, *keys).out
    shop.write("odd.csv", "frage,antwort\n1,2\n")
    assert "odd.csv:1: error: the header has no column q" in shop.fails(
        1, "dataset", "diff", "odd.csv", "new.csv", *keys
    )


def test_diff_says_what_it_has_nothing_to_compare_with(shop):
    assert "records no dataset of it" in shop.fails(64, "dataset", "diff", "numbers")
    assert "give a second file, or --from-commit" in shop.fails(64, "dataset", "diff", DATA)
    shop.apply()
    shop.write(DATA, "")
    assert "holds no examples" in shop.fails(1, "dataset", "diff", "numbers")
    shop.want("numbers", dataset=None)
    assert "has no dataset" in shop.fails(1, "dataset", "diff", "numbers")
