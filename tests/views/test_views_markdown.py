"""A plan in a pull request: readable, whole where it matters, never over the limit."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from views_samples import CREATE, DELETE, NOTHING, PLAN, REMOTE, REPLACE, UPDATE

from reconciler.core.plan import Kind, Plan, Scope, Unmanaged
from reconciler.errors import Violation
from reconciler.views.plan_markdown import LIMIT, render_markdown


def many(number, *samples):
    actions = tuple(
        replace(sample, name=f"{sample.kind.value}-{index}", resource=f"tunedModels/{sample.kind.value}-{index}")
        for sample in samples
        for index in range(number)
    )
    return Plan("demo", REMOTE, actions, violations=(Violation("limits.maxDeletes"),))


def text_of(markdown):
    """Return what a reader sees of a page."""
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
    plain = re.sub(r"<[^>]*>", "", html)
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")


def test_a_plan_looks_like_this_in_a_comment(golden):
    golden("plan.md", render_markdown(PLAN))


def test_nothing_to_do_is_the_first_line():
    assert render_markdown(NOTHING).splitlines()[0] == "**No changes. 5 models are as the manifests ask.**"
    assert "| Model |" not in render_markdown(NOTHING)


def test_the_summary_line_comes_first_and_the_digest_before_the_table():
    page = render_markdown(PLAN)
    assert page.startswith("**Plan: 1 to create, 1 to update, 1 to replace, 2 to delete,")
    assert page.index(PLAN.digest) < page.index("| Model |")


def test_a_reader_sees_names_values_and_reasons_as_they_are():
    seen = text_of(render_markdown(PLAN))
    for words in (
        "tunedModels/number-generator-1a2b3c4d5e6f",
        "the dataset and hyperparameters.epochCount cannot change in place",
        "spec.hyperparameters.epochCount",
        "15 -> 18 examples: 4 added, 1 removed, 2 changed; 1 duplicate, 0 before (sha256:0123456789ab… -> ",
        "manifests/models.yaml:12:5: temperature has no effect here (remove it)",
        "1 delete, but limits.maxDeletes is 0; allow it with --allow-deletes 1",
    ):
        assert words in seen


def test_a_selection_is_called_one():
    assert "A selection" in render_markdown(replace(PLAN, scope=Scope(target=("a",))))


def test_when_it_is_too_much_the_foreign_models_go_first():
    foreign = tuple(Unmanaged(f"tunedModels/{'m' * 60}{number}", "n" * 60, "ready") for number in range(100))
    plan = replace(PLAN, unmanaged=foreign)
    whole = render_markdown(plan)
    cut = render_markdown(plan, limit=12_000)
    assert "not managed here, and never touched" in whole
    assert "not managed here, and never touched" not in cut
    assert cut.count("<details>") == whole.count("<details>") - 1
    assert "Left out to keep this short: 1 section." in cut


def test_then_the_details_of_cheap_actions_and_then_their_rows():
    page = render_markdown(many(120, UPDATE, CREATE), limit=40_000)
    left_out = re.search(r"Left out to keep this short: (\d+) details, (\d+) rows\.", page)
    assert left_out is not None
    assert page.count("| create: ") == 120
    assert page.count("| update: ") == 120 - int(left_out[2])


@pytest.mark.parametrize("number", [30, 100, 250])
def test_no_row_that_creates_replaces_or_deletes_is_ever_left_out(number):
    plan = many(number, UPDATE, CREATE, REPLACE, DELETE)
    page = render_markdown(plan)
    assert len(page.encode()) <= LIMIT
    for action in plan.actions:
        if action.kind is not Kind.UPDATE:
            assert f"<code>{action.name}</code>" in page


def test_thousands_of_creates_are_named_as_far_as_they_go_and_counted():
    page = render_markdown(many(5_000, CREATE, DELETE))
    assert len(page.encode()) <= LIMIT
    named = len(re.findall(r"<code>(create|delete)-\d+</code>", page))
    more = sum(int(number.replace(",", "")) for number in re.findall(r" and ([\d,]+) more\n", page))
    assert named + more == 10_000
    assert page.index("delete:") < page.index("create:")
    assert "limits&#46;maxDeletes" in page


def test_many_reasons_to_refuse_stay_within_the_limit_too():
    page = render_markdown(replace(PLAN, violations=tuple(Violation("*" * 1_000) for _ in range(500))))
    assert len(page.encode()) <= LIMIT
    assert "and 491 more" in text_of(page)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([CREATE, REPLACE, UPDATE, DELETE]), max_size=40), st.integers(4_000, 30_000))
def test_any_plan_fits_any_limit_with_its_folds_closed(samples, limit):
    actions = tuple(replace(sample, name=f"{sample.kind.value}-{index}") for index, sample in enumerate(samples))
    plan = Plan("demo", REMOTE, actions)
    page = render_markdown(plan, limit=limit)
    assert len(page.encode()) <= limit
    assert page.count("<details>") == page.count("</details>")
    assert plan.digest in page
    for action in actions:
        assert action.kind is Kind.UPDATE or f"<code>{action.name}</code>" in page
