"""Forecasts on the command line: what trainings take, what they may cost, what they took, and what others would."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cli_kit import HYPERPARAMETERS, TRAIN_SECONDS

if TYPE_CHECKING:
    from cli_kit import Workshop

STEP = {"baseModel": "models/text-*", "currency": "USD", "perStep": 0.02}
TOKENS = {"baseModel": "models/text-*", "currency": "USD", "perMillionTokens": 8, "charactersPerToken": 4}
CEILING = {"maxCost": {"amount": 0.3, "currency": "USD"}}


@pytest.fixture
def priced(workshop: Workshop) -> Workshop:
    """A project that says what a step costs."""
    workshop.project(prices=[STEP])
    return workshop


def forecasts(workshop: Workshop, *arguments: str) -> dict[str, Any]:
    return {action["name"]: action["forecast"] for action in workshop.plan(*arguments)["actions"]}


@pytest.mark.parametrize("applied", [False, True])
def test_a_base_model_that_is_misspelt_on_the_command_line_is_refused_with_the_one_meant(
    workshop: Workshop, applied: bool
) -> None:
    if applied:
        workshop.apply()
    said = workshop.fails(64, "plan", "--what-if", "baseModel=models/text-bison-001,models/gemini-1.5-flsh-001-tuning")
    assert "--what-if baseModel: models/gemini-1.5-flsh-001-tuning is not known to the service" in said
    assert "did you mean models/gemini-1.5-flash-001-tuning?" in said
    workshop.run("plan", "--what-if", "baseModel=models/gemini-1.5-flash-001-tuning")


def test_nothing_is_said_without_prices_and_without_a_past(workshop: Workshop) -> None:
    plan = workshop.plan()
    assert forecasts(workshop) == {"numbers": None}
    assert plan["forecast"] == {"seconds": None, "secondsAtMost": None, "costs": [], "unpriced": []}
    assert "cost" not in workshop.run("plan").out
    workshop.apply()
    assert "forecast" not in workshop.entry("numbers")


def test_cost_stands_in_every_form_of_a_plan_and_in_a_saved_one_but_not_in_its_digest(priced: Workshop) -> None:
    plan = priced.plan("--out", "plan.json")
    assert plan["actions"][0]["forecast"]["cost"] == {
        "amount": "0.46",
        "amountAtMost": "0.46",
        "currency": "USD",
        "estimate": False,
        "perStep": "0.02",
    }
    assert plan["forecast"]["costs"][0]["amount"] == "0.46"
    text = priced.run("plan").out
    assert "      cost     0.46 USD\n" in text
    assert "\nTraining cost: 0.46 USD\n" in text
    markdown = priced.run("plan", "--format", "markdown").out
    assert "Training cost: **0&#46;46 USD**" in markdown
    assert "* cost: 0&#46;46 USD" in markdown
    assert "Training cost: 0.46 USD" in priced.run("show", "plan.json").out
    priced.project(prices=[{**STEP, "perStep": 3}])
    assert priced.plan()["digest"] == plan["digest"]
    priced.apply("plan.json")


def test_characters_are_counted_in_every_epoch_and_tokens_are_an_estimate(workshop: Workshop) -> None:
    rows = [{"text_input": "a" * 60, "output": "é模😀" * 10 + "\n" * 10}] * 10
    workshop.write("manifests/datasets/numbers.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    workshop.project(prices=[{"baseModel": "*", "currency": "EUR", "perThousandCharacters": 0.5}])
    cost = forecasts(workshop)["numbers"]["cost"]
    assert (cost["amount"], cost["currency"], cost["estimate"]) == ("1.50", "EUR", False)
    workshop.project(prices=[TOKENS])
    cost = forecasts(workshop)["numbers"]["cost"]
    assert (cost["amount"], cost["estimate"]) == ("0.006", True)
    assert "about 0.006 USD (an estimate: tokens are counted as characters)" in workshop.run("plan").out


def test_what_the_service_chooses_makes_a_range(priced: Workshop) -> None:
    priced.want("numbers", hyperparameters={"epochCount": 3})
    forecast = forecasts(priced)["numbers"]
    assert (forecast["steps"], forecast["stepsAtMost"]) == (3, 12)
    assert (forecast["cost"]["amount"], forecast["cost"]["amountAtMost"]) == ("0.06", "0.24")
    assert "0.06 to 0.24 USD" in priced.run("plan").out


def test_what_has_no_price_is_named_and_never_free(priced: Workshop) -> None:
    priced.want("flash", baseModel="models/gemini-1.5-flash-001-tuning")
    said = priced.run("plan").out
    assert "cost     no price for models/gemini-1.5-flash-001-tuning" in said
    assert "Training cost: 0.46 USD; no price for 1 model: flash" in said
    assert priced.plan()["forecast"]["unpriced"] == ["flash"]


class TestLimit:
    """``limits.maxCost`` and the flag that overrides it."""

    @pytest.fixture
    def limited(self, workshop: Workshop) -> Workshop:
        workshop.project(prices=[STEP], limits=CEILING)
        return workshop

    def test_a_plan_that_costs_more_is_refused_at_its_place_and_the_exact_amount_lets_it_pass(
        self, limited: Workshop
    ) -> None:
        (violation,) = limited.plan()["violations"]
        message = "0.46 USD of training is over limits.maxCost = 0.30 USD; --allow-cost 0.46 allows exactly this plan"
        assert (violation["message"], violation["rule"]) == (message, "limits.maxCost")
        assert (violation["file"], violation["line"]) == ("tunectl.yaml", 1)
        limited.run("plan", expect=5)
        limited.apply(expect=5)
        limited.apply("--allow-cost", "0.4599", expect=5)
        assert limited.bought() == 0
        limited.run("plan", "--allow-cost", "0.46")
        limited.apply("--allow-cost", "0.46 USD")
        assert limited.bought() == 1

    def test_what_has_no_price_is_refused_whatever_the_limit(self, limited: Workshop) -> None:
        limited.want("flash", baseModel="models/gemini-1.5-flash-001-tuning")
        said = limited.run("plan", "--allow-cost", "999999", expect=5).out
        assert "flash: what it costs is not known (no price for models/gemini-1.5-flash-001-tuning)" in said

    def test_a_price_in_another_currency_is_refused(self, limited: Workshop) -> None:
        limited.project(prices=[{**STEP, "currency": "EUR"}], limits=CEILING)
        assert "numbers: is priced in EUR, and limits.maxCost = 0.30 USD" in limited.run("plan", expect=5).out

    def test_what_trains_nothing_costs_nothing(self, limited: Workshop) -> None:
        limited.apply("--allow-cost", "1")
        limited.want("numbers", temperature=0.5)
        limited.apply()
        assert limited.kinds() == []

    @pytest.mark.parametrize(
        ("amount", "message"),
        [
            ("dear", "is no amount; write 12.50 or '12.50 USD'"),
            ("-1", "is no amount"),
            ("1e9", "is no amount"),
            ("1 EUR", "limits.maxCost is in USD"),
        ],
    )
    def test_an_amount_must_be_one_in_the_currency_of_the_limit(
        self, limited: Workshop, amount: str, message: str
    ) -> None:
        assert message in limited.fails(64, "plan", f"--allow-cost={amount}")

    def test_without_a_limit_the_flag_is_one_in_the_currency_of_the_prices(self, priced: Workshop) -> None:
        assert (
            "0.46 USD of training is over limits.maxCost = 0.20 USD"
            in priced.run("plan", "--allow-cost", "0.2", expect=5).out
        )
        priced.project(prices=[STEP, {**STEP, "currency": "EUR"}])
        assert "prices are in EUR and USD" in priced.fails(64, "plan", "--allow-cost", "0.2")
        priced.run("plan", "--allow-cost", "0.46 USD")
        priced.project()
        assert "the project has neither prices nor a limit" in priced.fails(64, "plan", "--allow-cost", "0.2")


WRONG = [
    ({"currency": "USD"}, "spec.prices[0]: needs one of perStep, perThousandCharacters, perMillionTokens, perModel"),
    ({"currency": "USD", "perStep": -1}, "spec.prices[0].perStep: must be a number of at least 0"),
    ({"currency": "dollars", "perStep": 1}, "spec.prices[0].currency: must be a currency of three capital letters"),
    ({"perStep": 1}, "spec.prices[0].currency"),
    ({"currency": "USD", "perMillionTokens": 1}, "perMillionTokens needs charactersPerToken"),
    ({"currency": "USD", "perStep": 1, "charactersPerToken": 4}, "charactersPerToken: goes with perMillionTokens only"),
    ({"currency": "USD", "perStep": 1, "perThousandCharacters": 1}, "exclude each other"),
    (
        {"currency": "USD", "perMillionTokens": 1, "charactersPerToken": 0},
        "charactersPerToken: must be a number above 0",
    ),
    ({"currency": "USD", "perSteps": 1}, "did you mean perStep?"),
]


@pytest.mark.parametrize(("entry", "message"), WRONG, ids=range(len(WRONG)))
def test_a_price_that_makes_no_sense_is_an_error_with_its_place(
    workshop: Workshop, entry: dict[str, Any], message: str
) -> None:
    workshop.project(prices=[{"baseModel": "*", **entry}])
    said = workshop.fails(1, "plan")
    assert message in said
    assert "tunectl.yaml:1:" in said


@pytest.mark.parametrize("limit", [{"amount": 1}, {"currency": "USD"}, {"amount": "1", "currency": "USD"}, 5])
def test_a_limit_that_makes_no_sense_is_an_error(workshop: Workshop, limit: Any) -> None:
    workshop.project(limits={"maxCost": limit})
    assert "spec.limits.maxCost" in workshop.fails(1, "plan")


class TestTime:
    """Time by what was, and what was foreseen beside what it came to."""

    def test_the_past_of_the_project_says_how_long_it_will_take(self, priced: Workshop) -> None:
        priced.apply()
        priced.want("more", hyperparameters={**HYPERPARAMETERS, "epochCount": 6})
        forecast = forecasts(priced)["more"]
        assert forecast["pace"]["runs"] == 1
        assert forecast["pace"]["baseModel"] == "models/text-bison-001"
        assert forecast["seconds"] == pytest.approx(45 * TRAIN_SECONDS / 23, rel=0.1)
        assert "the median of 1 training from models/text-bison-001" in priced.run("plan").out
        priced.want("flash", baseModel="models/gemini-1.5-flash-001-tuning")
        assert forecasts(priced)["flash"]["pace"]["baseModel"] is None

    def test_what_was_foreseen_is_told_beside_what_it_came_to(self, priced: Workshop) -> None:
        priced.apply()
        priced.want("more", hyperparameters={**HYPERPARAMETERS, "epochCount": 6})
        said = priced.apply().out.splitlines()
        assert said[-2].startswith("more: took 45 steps, 10s, 0.90 USD; foreseen were 45 steps, ")
        assert said[-1].startswith("Applied: 1 created")
        assert "more: took" not in priced.run("-q", "plan").out
        kept = priced.entry("more")["forecast"]
        assert (kept["steps"], kept["cost"]["amount"]) == (45, "0.90")
        status = {row["name"]: row for row in priced.run("status", "--format", "json").json()["models"]}
        assert status["more"]["forecast"] == kept
        assert status["more"]["actual"]["steps"] == 45
        assert status["more"]["actual"]["cost"]["amount"] == "0.90"
        assert status["more"]["actual"]["seconds"] == pytest.approx(TRAIN_SECONDS, rel=0.1)
        assert "took 45 steps, 10s, 0.90 USD; foreseen were 45 steps" in priced.run("status").out
        shown = priced.run("show", "more").out
        assert "  foreseen" in shown
        assert "  took" in shown

    def test_a_stream_and_a_report_tell_it_too(self, priced: Workshop) -> None:
        events = priced.apply("--format", "jsonl", "--format", "markdown=run.md").events()
        (measured,) = (event for event in events if event["type"] == "measured")
        assert (measured["name"], measured["resource"]) == ("numbers", priced.serving("numbers"))
        assert (measured["forecast"]["steps"], measured["actual"]["steps"]) == (23, 23)
        assert measured["actual"]["cost"]["amount"] == "0.46"
        report = (priced.root / "run.md").read_text()
        assert ", took 23 steps, 10s, 0&#46;46 USD" in report
        assert "foreseen were 23 steps, 0&#46;46 USD |" in report

    def test_steps_that_could_not_be_foreseen_are_priced_when_they_are_known(self, priced: Workshop) -> None:
        priced.want("numbers", hyperparameters={"epochCount": 3})
        said = priced.apply().out
        assert "numbers: took 12 steps, 10s, 0.24 USD; foreseen were 3 steps to 12 steps, 0.06 to 0.24 USD" in said

    def test_the_lineage_remembers_models_that_are_gone(self, priced: Workshop) -> None:
        priced.apply()
        priced.want("more", hyperparameters={**HYPERPARAMETERS, "epochCount": 6})
        priced.apply()
        record = json.loads((priced.root / "tunectl.lineage.jsonl").read_text().splitlines()[-1])
        assert (record["steps"], record["predicted"]["steps"], record["cost"]["amount"]) == (45, 45, "0.90")
        priced.run("destroy", "-y")
        assert forecasts(priced)["numbers"]["pace"]["runs"] == 2
        (priced.root / "tunectl.lineage.jsonl").unlink()
        assert forecasts(priced)["numbers"]["pace"] is None

    def test_a_past_that_cannot_be_read_is_a_warning(self, priced: Workshop) -> None:
        priced.apply()
        priced.want("more", hyperparameters={**HYPERPARAMETERS, "epochCount": 6})
        log = priced.root / "tunectl.lineage.jsonl"
        log.unlink()
        log.mkdir()
        ended = priced.run("plan")
        assert "warning: the past cannot be read, so forecasts of time may be missing" in ended.err
        assert "the median of 1 training" in ended.out

    def test_nothing_is_said_to_have_been_taken_while_it_runs(self, priced: Workshop) -> None:
        priced.apply("--no-wait")
        (row,) = priced.run("status", "--format", "json").json()["models"]
        assert row["forecast"]["steps"] == 23
        assert row["actual"] is None
        priced.clock.advance(60)
        assert "numbers: took 23 steps" in priced.apply().out


class TestWhatIf:
    """``plan --what-if``."""

    def test_every_value_gets_a_row_and_the_plan_stays_what_it_is(self, priced: Workshop) -> None:
        before = priced.plan()
        after = priced.plan("--what-if", "hyperparameters.epochCount=3,5,8")
        assert [(row["name"], row["set"], row["steps"], row["cost"]["amount"]) for row in after["whatIf"]] == [
            ("numbers", {"hyperparameters.epochCount": 3}, 23, "0.46"),
            ("numbers", {"hyperparameters.epochCount": 5}, 38, "0.76"),
            ("numbers", {"hyperparameters.epochCount": 8}, 60, "1.20"),
        ]
        assert {key: value for key, value in after.items() if key != "whatIf"} == before

    def test_combinations_are_the_product(self, priced: Workshop) -> None:
        asked = ("--what-if", "spec.hyperparameters.epochCount=3,5", "--what-if", "hyperparameters.batchSize=4,8")
        rows = priced.plan(*asked)["whatIf"]
        assert [tuple(row["set"].values()) for row in rows] == [(3, 4), (3, 8), (5, 4), (5, 8)]

    def test_it_is_told_as_text_and_markdown_of_models_that_need_nothing_too(self, priced: Workshop) -> None:
        priced.apply()
        priced.want("bare", dataset=None)
        said = priced.run(
            "plan", "--target", "numbers", "--what-if", "hyperparameters.epochCount=5", "--detailed-exitcode"
        )
        assert said.out.startswith("No changes.")
        assert "  MODEL    WHAT IF                         STEPS  TIME       COST\n" in said.out
        markdown = priced.run(
            "plan", "--target", "numbers", "--what-if", "baseModel=models/gemini-1.0-pro-001", "--format", "markdown"
        ).out
        assert "What if each were tuned anew (1)" in markdown
        assert "no price for models/gemini-1&#46;0-pro-001" in markdown

    def test_a_saved_plan_shows_it_and_is_applied_all_the_same(self, priced: Workshop) -> None:
        priced.run("plan", "--what-if", "hyperparameters.epochCount=5", "--out", "plan.json")
        assert "hyperparameters.epochCount = 5  38" in priced.run("show", "plan.json").out
        priced.apply("plan.json")

    @pytest.mark.parametrize(
        ("asked", "message"),
        [
            (["hyperparameters.epochCount"], "must be PATH=VALUE,VALUE"),
            (["hyperparameters.epochCount="], "'' is no whole number from 1"),
            (["hyperparameters.epochCount=0"], "'0' is no whole number from 1"),
            (["hyperparameters.epochCount=three"], "'three' is no whole number"),
            (["hyperparameters.epochCount=99999999999"], "is no whole number"),
            (["hyperparameters.epochCount=3,3"], "a value is given twice"),
            (["hyperparameters.epochCounts=3"], "did you mean hyperparameters.epochCount?"),
            (["epochcount=3"], "did you mean hyperparameters.epochCount?"),
            (["temperature=3"], "neither steps nor time nor cost depend on it"),
            (["baseModel=a b"], "'a b' is no name of a model"),
            (["hyperparameters.epochCount=3", "spec.hyperparameters.epochCount=5"], "is given twice"),
            (
                [
                    f"hyperparameters.epochCount={','.join(map(str, range(1, 12)))}",
                    f"hyperparameters.batchSize={','.join(map(str, range(1, 11)))}",
                ],
                "11 x 10 = 110 combinations; at most 100 at a time",
            ),
        ],
    )
    def test_what_cannot_be_asked_is_a_usage_error(self, priced: Workshop, asked: list[str], message: str) -> None:
        words = [word for each in asked for word in ("--what-if", each)]
        assert message in priced.fails(64, "plan", *words)
