"""What somebody meets who does not know the tool yet: words from elsewhere, half a name, a folder with no project."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cli_kit import Workshop


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("delete", "numbers"), "did you mean destroy?"),
        (("plan", "--json"), "Did you mean --format json?"),
        (("apply", "--assume-yes"), "Did you mean -y?"),
        (("fmt", "--json"), "No such option '--json'"),
    ],
)
def test_words_of_other_tools_lead_to_ours(workshop: Workshop, arguments: tuple[str, ...], expected: str) -> None:
    said = workshop.fails(64, *arguments)
    assert expected in said
    assert ("--format" in said) is ("--format" in expected)


@pytest.mark.parametrize("arguments", [("show", "num"), ("history", "num"), ("plan", "--target", "num")])
def test_half_a_name_finds_the_only_one_that_has_it(workshop: Workshop, arguments: tuple[str, ...]) -> None:
    workshop.apply()
    if arguments[0] == "history":
        assert "num: no model of that name" in workshop.fails(64, *arguments)
    else:
        assert "did you mean numbers?" in workshop.fails(64, *arguments)


def test_a_name_that_nothing_is_like_is_told_where_the_names_are(workshop: Workshop) -> None:
    assert "`tunectl status` lists" in workshop.fails(64, "plan", "--target", "zzz")


def test_a_folder_without_a_project_says_that_it_is_none(
    workshop: Workshop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert "there is no tunectl.yaml here" in workshop.fails(1, "-C", str(elsewhere), "validate")
    shown = workshop.run("-C", str(elsewhere), "status")
    assert "there is no tunectl.yaml here" in shown.err, "that nothing is managed is not the whole answer"


def test_a_wrong_field_is_not_lost_among_the_errors_of_the_manifests(workshop: Workshop) -> None:
    workshop.want("numbers", temprature=1)
    said = workshop.fails(64, "explain", "stagingBucket")
    assert "is neither a field nor a model" in said
    assert "temprature" not in said


def test_permissions_are_explained_as_what_the_provider_does_with_them(workshop: Workshop) -> None:
    assert "granted and revoked" in workshop.run("explain", "permissions").out
    assert "granted and revoked" in workshop.run("explain", "permissions.role").out


def test_eval_of_a_resource_that_is_not_there_says_so(workshop: Workshop) -> None:
    workshop.want("numbers", gate={"prompts": [{"input": "4", "contains": "5"}]})
    workshop.apply()
    said = workshop.fails(64, "eval", "numbers", "--resource", "nowhere")
    assert "--resource nowhere: there is no model of that name" in said


def test_what_a_gate_refused_is_seen_in_the_status_and_named_in_the_hint(workshop: Workshop) -> None:
    workshop.apply()
    changed = {"epochCount": 5, "batchSize": 2, "learningRate": 0.001}
    workshop.want("numbers", hyperparameters=changed, gate={"prompts": [{"input": "4", "equals": "no"}]})
    assert "`tunectl show numbers` has the verdict" in workshop.apply(expect=7).err
    assert "1 rejected beside it; `tunectl show numbers` says why" in workshop.run("status").out


def test_a_gate_added_to_a_model_that_serves_claims_no_exam(workshop: Workshop) -> None:
    workshop.apply()
    workshop.want("numbers", gate={"prompts": [{"input": "4", "contains": "5"}]})
    said = workshop.run("plan").out
    assert "must pass" not in said
    assert "spec.gate: (not set) -> sha256:" in said


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("nope.json", "nope.json: there is no such file; `tunectl plan --out FILE` saves a plan"),
        ("pln.json", "pln.json: there is no such file; did you mean plan.json?"),
        ("tunectl.yaml", "tunectl.yaml: is no saved plan; `tunectl plan --out FILE` saves a plan"),
        ("manifests/", "manifests: is a folder; `tunectl plan --out FILE` saves a plan"),
        ("Numbers", "did you mean numbers?"),
    ],
)
def test_what_can_be_shown_is_said_with_the_way_past(workshop: Workshop, word: str, expected: str) -> None:
    workshop.apply()
    workshop.run("plan", "--out", "plan.json")
    assert expected in workshop.fails(64, "show", word)


def test_a_file_that_is_no_plan_is_not_said_to_have_been_applied(workshop: Workshop) -> None:
    workshop.write("list.json", "[]")
    said = workshop.fails(6, "show", "list.json")
    assert said.startswith(
        "error: list.json: it is no plan of tunectl\n  hint: make a new plan with tunectl plan --out"
    )


def test_a_dataset_that_is_not_there_is_pointed_at_with_the_name_that_was_meant(workshop: Workshop) -> None:
    workshop.want("numbers", dataset={"path": "datasets/nubers.jsonl", "validation": "datasets/evla.jsonl"})
    workshop.dataset(path="manifests/datasets/eval.jsonl")
    lines = workshop.fails(1, "validate").splitlines()
    for wrong, right in (("nubers", "numbers"), ("evla", "eval")):
        (at,) = [number for number, line in enumerate(lines) if f"'manifests/datasets/{wrong}.jsonl' does not" in line]
        source, caret, hint = lines[at + 1 : at + 4]
        assert caret.index("^") == source.index(f"datasets/{wrong}")
        assert hint == f"  hint: did you mean {right}.jsonl?"


def test_a_folder_that_is_misspelt_is_named_too(workshop: Workshop) -> None:
    workshop.want("numbers", dataset={"path": "dataset/numbers.jsonl"})
    assert "hint: did you mean datasets?" in workshop.fails(1, "validate")


def test_the_caret_of_a_wrong_value_stands_under_the_value(workshop: Workshop) -> None:
    workshop.want("numbers", temperature="hot", lifecycle={"retian": 1})
    lines = workshop.fails(1, "validate").splitlines()
    carets = [(source, caret.index("^")) for source, caret in pairwise(lines) if "^" in caret]
    assert [source[at:] for source, at in carets] == ['hot",', '"retian": 1']


@pytest.mark.parametrize("word", ["nmbers", "numb", "numbres"])
def test_the_beginning_of_a_long_name_finds_it_though_misspelt(workshop: Workshop, word: str) -> None:
    workshop.drop("numbers")
    workshop.want("numbers-of-all-kinds-in-words")
    assert "did you mean numbers-of-all-kinds-in-words?" in workshop.fails(64, "plan", "--target", word)
    assert "did you mean" not in workshop.fails(64, "plan", "--target", "sentiment")


def test_a_folder_of_manifests_that_is_misspelt_is_named(workshop: Workshop) -> None:
    said = workshop.fails(1, "validate", "manifest")
    assert "no manifests found in manifest" in said
    assert "hint: did you mean manifests?" in said


def test_init_where_a_project_stands_says_so_before_it_asks(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.cli.commands.init.interactive", lambda: True)
    said = workshop.fails(1, "init")
    assert "tunectl.yaml: exists; init overwrites nothing" in said
    assert "Enter takes" not in said


@pytest.mark.parametrize(
    ("command", "code"), [("drift", 2), ("doctor --endpoint http://127.0.0.1:1", 1)], ids=["drift", "doctor"]
)
def test_on_a_narrow_terminal_no_word_is_cut_by_the_edge(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, command: str, code: int
) -> None:
    workshop.apply()
    workshop.want("numbers", description="a text of many words that goes on for quite a while")
    monkeypatch.setattr(f"reconciler.cli.commands.{command.split(maxsplit=1)[0]}.columns", lambda: 60)
    lines = workshop.run(*command.split(), expect=code).out.splitlines()
    assert len(lines) > 3
    assert all(len(line) <= 60 for line in lines if "mend:" not in line), "what is to be copied stays whole"


def test_on_a_narrow_terminal_an_error_breaks_between_words_and_a_source_does_not(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.want("numbers", description="y" * 60, temprature=0.5)
    monkeypatch.setattr("reconciler.cli.failure.columns", lambda _: 40)
    lines = workshop.fails(1, "validate").splitlines()
    assert [line for line in lines if len(line) > 40 and "|" not in line] == []
    (caret,) = [index for index, line in enumerate(lines) if "^" in line]
    assert lines[caret - 1][lines[caret].index("^") :].startswith('"temprature"')
    workshop.want("numbers")
    said = workshop.fails(64, "plan", "--target", "sentiment").splitlines()
    assert len(said) > 2
    assert max(map(len, said)) <= 40


@pytest.mark.parametrize("consent", ["-y", "--yes", "--auto-approve"])
def test_consent_has_one_meaning_and_every_usual_spelling(workshop: Workshop, consent: str) -> None:
    workshop.run("init", "new", consent)
    workshop.run("apply", consent)
    workshop.run("destroy", consent)
    assert workshop.lockfile["models"] == {}


def test_status_says_that_the_newest_attempt_failed_though_an_older_one_serves(workshop: Workshop) -> None:
    workshop.apply()
    workshop.want("numbers", hyperparameters={"epochCount": 5, "batchSize": 2, "learningRate": 0.001})
    workshop.fault("fail,model=numbers.*,count=1")
    workshop.apply(expect=4)
    assert "numbers  ready, newest failed" in workshop.run("status").out
    (model,) = workshop.run("status", "--format", "json").json()["models"]
    assert (model["state"], model["newest"]) == ("ready", "failed")
    assert "ready, newest failed" in workshop.run("status", "--format", "markdown").out
    workshop.apply("--replace", "numbers")
    assert "numbers  ready  " in workshop.run("status").out


def test_status_says_that_the_newest_attempt_was_rejected_until_a_newer_one_serves(workshop: Workshop) -> None:
    workshop.apply()
    changed = {"epochCount": 5, "batchSize": 2, "learningRate": 0.001}
    workshop.want("numbers", hyperparameters=changed, gate={"prompts": [{"input": "4", "equals": "no"}]})
    workshop.apply(expect=7)
    assert "numbers  ready, newest rejected" in workshop.run("status").out
    workshop.clock.advance(60)
    workshop.want("numbers", hyperparameters={**changed, "epochCount": 4})
    workshop.apply()
    assert "numbers  ready  " in workshop.run("status").out
    assert "1 rejected beside it" in workshop.run("status").out


def test_times_are_told_to_the_second(workshop: Workshop) -> None:
    workshop.apply()
    created = next(line for line in workshop.run("show", "numbers").out.splitlines() if "created" in line)
    assert "." not in created
    assert created.endswith("Z")


def test_init_asks_again_where_the_answer_was_no_good(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("asked")
    monkeypatch.chdir(folder)
    monkeypatch.setattr("reconciler.cli.commands.init.interactive", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO("My Models!\nmine\nUpper\nnumbers\nvertx\n\n\nftp://x\n\n\n"))
    workshop.root = folder
    said = workshop.run("init").err
    assert said.count("a project's name has letters") == 1
    assert said.count("a model's name has lower-case") == 1
    assert said.count("init knows no such service; did you mean vertex?") == 1
    assert said.count("--endpoint: must be") == 1
    assert "name: mine #" in (folder / "tunectl.yaml").read_text()


def test_init_for_a_hosted_service_says_nothing_of_the_emulators_models(workshop: Workshop) -> None:
    workshop.run("init", "new", "-y", "--endpoint", "https://generativelanguage.googleapis.com")
    lines = (workshop.root / "new" / "tunectl.yaml").read_text().splitlines()
    (lockfile,) = [line for line in lines if "lockfile: " in line and not line.lstrip().startswith("#")]
    assert lockfile.strip() == "lockfile: tunectl.lock # what was made, and of what: commit it"
