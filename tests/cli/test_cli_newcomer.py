"""What somebody meets who does not know the tool yet: words from elsewhere, half a name, a folder with no project."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cli_kit import Workshop


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("delete", "numbers"), "did you mean destroy?"),
        (("plan", "--json"), "Did you mean --format json?"),
        (("apply", "--yes"), "Did you mean -y?"),
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
    monkeypatch.setattr("sys.stdin", io.StringIO("My Models!\nmine\nUpper\nnumbers\n\nftp://x\n\n\n"))
    workshop.root = folder
    said = workshop.run("init").err
    assert said.count("a project's name has letters") == 1
    assert said.count("a model's name has lower-case") == 1
    assert said.count("--endpoint: must be") == 1
    assert "name: mine #" in (folder / "tunectl.yaml").read_text()


def test_init_for_a_hosted_service_says_nothing_of_the_emulators_models(workshop: Workshop) -> None:
    workshop.run("init", "new", "-y", "--endpoint", "https://generativelanguage.googleapis.com")
    lines = (workshop.root / "new" / "tunectl.yaml").read_text().splitlines()
    (lockfile,) = [line for line in lines if "lockfile: " in line and not line.lstrip().startswith("#")]
    assert lockfile.strip() == "lockfile: tunectl.lock # what was made, and of what: commit it"
