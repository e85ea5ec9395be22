"""A plan as text, as JSON and as a file that notices every changed byte."""

import json
from dataclasses import replace

import jsonschema
import pytest
from views_samples import CREATE, DELETE, NOTHING, OLD_DATA, PLAN, REMOTE, REPLACE, UPDATE, WAIT

from reconciler.core.canonical import digest
from reconciler.core.datachange import DataChange, RowCounts, RowSample
from reconciler.core.plan import Action, Change, Kind, Plan, Scope, Unmanaged, action_digest_value
from reconciler.core.resource import Remote
from reconciler.errors import StalePlan
from reconciler.views.document import to_document
from reconciler.views.plan_markdown import render_markdown
from reconciler.views.plan_text import render_plan
from reconciler.views.restore import restored
from reconciler.views.saved import dump_saved, load_saved, what_moved
from reconciler.views.shapes import plan_schema
from reconciler.views.words import json_text


def just(*actions, **more):
    return Plan(project="demo", remote=REMOTE, actions=actions, **more)


def test_a_plan_reads_like_this(golden):
    golden("plan.txt", render_plan(PLAN, width=110))


def test_a_plan_document_looks_like_this(golden):
    golden("plan.json", json_text(to_document(PLAN, tool="0.1.0")) + "\n")


def test_colours_change_nothing_but_colours():
    colored = render_plan(PLAN, color=True, width=110)
    assert "\x1b[32m" in colored
    stripped = colored
    for code in ("1", "2", "31", "32", "33", "34", "35", "1;31", "0"):
        stripped = stripped.replace(f"\x1b[{code}m", "")
    assert stripped == render_plan(PLAN, width=110)


def test_nothing_to_do_is_said_first():
    assert render_plan(NOTHING) == "No changes. 5 models are as the manifests ask.\n"
    assert render_plan(replace(NOTHING, unchanged=1)) == "No changes. 1 model is as the manifests ask.\n"


def test_what_else_is_to_know_follows_when_there_is_nothing_to_do():
    first, *rest = render_plan(replace(PLAN, actions=())).splitlines()
    assert first.startswith("No changes.")
    assert "Warnings:" in rest


def test_a_selection_is_called_one():
    scope = Scope(target=("number-*",))
    assert "(of those selected)" in render_plan(replace(NOTHING, scope=scope)).splitlines()[0]
    assert "a selection: the other models were not looked at" in render_plan(just(CREATE, scope=scope)).splitlines()[0]


LAST = [
    ((CREATE,), "Plan: 1 to create, 0 to update, 0 to replace, 0 to delete."),
    ((CREATE, REPLACE, UPDATE, DELETE), "Plan: 1 to create, 1 to update, 1 to replace, 1 to delete."),
    ((WAIT,), "Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 1 to wait for."),
    (
        (replace(CREATE, kind=Kind.BLOCKED), replace(CREATE, kind=Kind.MOVE)),
        "Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 1 to move, 1 blocked.",
    ),
]


@pytest.mark.parametrize(("actions", "line"), LAST)
def test_the_last_line_counts_what_will_be_done(actions, line):
    assert render_plan(just(*actions)).splitlines()[-1] == line


def test_a_plan_that_trains_nothing_names_no_steps():
    assert "Tuning steps" not in render_plan(just(UPDATE))


def test_a_long_list_of_foreign_models_is_capped_with_its_count_and_orphans_come_first():
    models = tuple(Unmanaged(f"tunedModels/m{number}", "x", "ready") for number in range(40))
    lines = render_plan(replace(NOTHING, unmanaged=(*models, Unmanaged("tunedModels/o", "o", "failed", orphaned=True))))
    block = lines.splitlines()[2:]
    assert block[0] == "41 remote models not managed here, 1 of them with an id like ours; never touched:"
    assert block[1].startswith("  tunedModels/o (o)")
    assert (len(block), block[-1]) == (11, "  and 32 more")


def test_lines_keep_to_the_width_where_values_are_long():
    change = Change("spec.description", "a" * 500, "a" * 499 + "b", "update")
    for width in (80, 120):
        lines = render_plan(just(replace(UPDATE, changes=(change,))), width=width).splitlines()
        (line,) = (line for line in lines if "->" in line)
        assert width - 2 <= len(line) <= width
        assert 'a" -> ' in line
        assert line.endswith('ab"')


def test_the_document_fits_its_schema():
    validator = jsonschema.Draft202012Validator(plan_schema())
    validator.validate(to_document(PLAN, tool="0.1.0"))
    validator.validate(to_document(NOTHING, tool="0.1.0"))
    validator.validate(json.loads(dump_saved(PLAN, tool="0.1.0")))


def test_the_schema_refuses_another_format():
    document = to_document(PLAN, tool="0.1.0") | {"format": "tunectl.plan/v2"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(plan_schema()).validate(document)


def test_the_document_has_the_published_keys_and_values():
    document = to_document(just(CREATE, unchanged=4, lineage="uuid", serial=3), tool="0.1.0")
    assert document["digest"] == just(CREATE).digest
    assert document["lockfile"] == {"lineage": "uuid", "serial": 3}
    assert document["summary"]["create"] == 1
    assert document["summary"]["unchanged"] == 4
    action = document["actions"][0]
    assert (action["name"], action["action"], action["steps"]) == ("number-generator", "create", 23)
    assert action["dataset"] == {
        "digest": OLD_DATA.digest,
        "examples": 15,
        "added": 0,
        "removed": 0,
        "changed": 0,
        "reordered": False,
        "duplicates": None,
        "duplicatesBefore": None,
        "comparedWith": None,
        "unknown": None,
        "before": None,
    }


def test_rows_that_moved_are_not_guessed_from_their_number():
    dataset = to_document(just(replace(REPLACE, data=None)), tool="0.1.0")["actions"][0]["dataset"]
    assert (dataset["added"], dataset["removed"], dataset["before"]["examples"]) == (None, None, 15)


CHANGES = {
    "counts": (DataChange(RowCounts(4, 1, 2, 1, 0), "cache"), "4 added, 1 removed, 2 changed; 1 duplicate, 0 before"),
    "one sort": (DataChange(RowCounts(0, 1200, 0), "cache"), "1,200 removed"),
    "order": (DataChange(RowCounts(0, 0, 0), f"git:{'a' * 40}"), "the same rows in another order"),
    "nothing": (DataChange(None, unknown="no \x1b git"), "what changed is not known: no \\x1b git"),
}


@pytest.mark.parametrize(("change", "words"), CHANGES.values(), ids=CHANGES.keys())
def test_what_changed_in_the_data_is_told_and_comes_back_and_no_digest_covers_it(change, words):
    plan = just(replace(REPLACE, data=change))
    assert plan.digest == just(replace(REPLACE, data=None)).digest
    said = render_plan(plan)
    mark = ":" if change.rows is not None else ";"
    digests = "(sha256:0123456789ab… -> sha256:fedcba987654…)"
    assert f"dataset  15 -> 18 examples{mark} {words} {digests}\n" in said
    assert said.count("sha256:fedcba987654") == 1, "one change is shown once"
    assert "spec.dataset" not in said
    again = restored(load_saved(dump_saved(plan, tool="0.1.0")).document)
    assert again.actions[0].data == change


SAMPLES = {
    REPLACE.name: (
        RowSample("added", "rows.jsonl:3", "ask \x1b[2J", "x" * 400),
        RowSample("changed", "rows.jsonl:4", "b", "new", "old"),
        RowSample("removed", "a1b2:rows.jsonl:5", "::error::b", "</td>"),
    )
}


def test_rows_are_shown_cut_and_tamed_where_they_are_given_and_nowhere_else():
    text = render_plan(just(REPLACE), samples=SAMPLES)
    assert '      + rows.jsonl:3  "ask \\x1b[2J" -> "xxxx' in text
    assert '      ~ rows.jsonl:4  "b" -> "new", before "old"\n' in text
    assert '      - a1b2:rows.jsonl:5  "::error::b" -> "</td>"\n' in text
    assert max(len(line) for line in text.splitlines() if "rows.jsonl" in line) <= 100
    page = render_markdown(just(REPLACE), samples=SAMPLES)
    assert "<code>old</code>" in page
    assert "</td>" not in page
    saved = dump_saved(just(REPLACE), tool="0.1.0").decode() + json_text(to_document(just(REPLACE), tool="0.1.0"))
    for quiet in (render_plan(just(REPLACE)), render_markdown(just(REPLACE)), saved):
        assert "rows.jsonl" not in quiet


def test_a_saved_plan_comes_back():
    plan = replace(PLAN, scope=Scope(("a*",), ("b*",)))
    saved = load_saved(dump_saved(plan, tool="0.1.0", replace=["tone"]))
    assert (saved.digest, saved.project, saved.remote) == (plan.digest, "demo", REMOTE)
    assert (saved.lineage, saved.serial) == (plan.lineage, 3)
    assert (saved.scope, saved.replace) == (plan.scope, ("tone",))
    assert [action.name for action in saved.actions.values()] == [action.name for action in plan.actions]
    assert saved.document["actions"] == json.loads(json_text(to_document(plan, tool="0.1.0")))["actions"]
    assert what_moved(saved, plan) == ()


@pytest.mark.parametrize("plan", [PLAN, NOTHING, replace(PLAN, scope=Scope(("a*",), ("b*",)))])
def test_a_saved_plan_is_shown_as_it_was(plan):
    again = restored(load_saved(dump_saved(plan, tool="0.1.0")).document)
    assert again == plan
    assert again.digest == plan.digest


def test_every_bit_of_a_saved_plan_counts():
    data = dump_saved(just(CREATE, UPDATE), tool="0.1.0")
    for index in range(len(data)):
        for bit in (0, 2, 5, 7):
            flipped = bytearray(data)
            flipped[index] ^= 1 << bit
            with pytest.raises(StalePlan):
                load_saved(bytes(flipped))


def test_a_saved_plan_cut_anywhere_is_refused():
    data = dump_saved(just(CREATE), tool="0.1.0")
    for end in range(len(data)):
        with pytest.raises(StalePlan):
            load_saved(data[:end])


def resealed(**changes):
    """Return a plan file forged by somebody who knows how the seal is made."""
    document = json.loads(dump_saved(just(CREATE), tool="0.1.0")) | changes
    del document["checksum"]
    return (json_text(document | {"checksum": digest(document)}) + "\n").encode()


NO_PLANS = [
    (b"", "it is no JSON, or was cut short"),
    (b"\xff", "it is no JSON"),
    (b"[" * 100_000, "it is no JSON"),
    (b"{}", "it is no plan of tunectl"),
    (b"[]", "it is no plan of tunectl"),
    (b'{"format": "tunectl.lock/v1"}', "it is no plan of tunectl"),
    (b'{"format": "tunectl.plan/v2"}', "its format is tunectl.plan/v2, this tunectl reads tunectl.plan/v1"),
    (b'{"format": "tunectl.plan/v1"}', "tool: Field required"),
    (resealed(digest="sha256:1"), "digest: String should match pattern"),
    (resealed(actions=[{"name": "x"}]), "actions.0.action: Field required"),
    (resealed(later=True).replace(b"true", b"NaN"), "it was changed after it was saved"),
    (resealed(later=True).replace(b"true", b"1e999"), "it was changed after it was saved"),
    (resealed(later=True).replace(b"true", b"true "), "it was changed after it was saved"),
]


@pytest.mark.parametrize(("data", "words"), NO_PLANS)
def test_what_is_no_whole_plan_is_refused_with_the_way_past(data, words):
    with pytest.raises(StalePlan) as caught:
        load_saved(data, address="plan\x1b.json")
    assert caught.value.message.startswith(f"plan\\x1b.json: {words}")
    assert caught.value.hint == "make a new plan with tunectl plan --out"


CLEANUP = Action("number-generator", Kind.DELETE, "was replaced", resource="tunedModels/old", cleanup=True)
SHORT = digest(action_digest_value(CREATE)).removeprefix("sha256:")[:8]
NAMED = (
    "number-generator: approved create of tunedModels/number-generator-1a2b3c4d5e6f "
    "with 15 examples (sha256:0123456789ab…)"
)
MOVED = [
    (just(CREATE, unchanged=7, serial=9), ()),
    (just(CREATE, WAIT), ()),
    (just(), (f"{NAMED} [{SHORT}], now nothing else",)),
    (just(CREATE, DELETE), ("abandoned: approved nothing else, now delete of tunedModels/abandoned-3c4d5e6f1a2b [",)),
    (just(CREATE, CLEANUP), ("number-generator: approved nothing else, now delete of tunedModels/old [",)),
    (just(replace(CREATE, revision="sha256:2"), CLEANUP), (" and delete of tunedModels/old [",)),
    (replace(just(CREATE), project="other"), ("project: approved demo, now other",)),
    (replace(just(CREATE), remote=Remote("vertex", "https://x")), ("remote: approved generativelanguage",)),
    (replace(just(CREATE), scope=Scope(("x",))), ("selection: --target, --exclude, --select or --only are not those",)),
]


@pytest.mark.parametrize(("now", "expected"), MOVED)
def test_what_moved_since_the_approval_is_said_line_by_line(now, expected):
    moved = what_moved(load_saved(dump_saved(just(CREATE, WAIT), tool="0.1.0")), now)
    assert len(moved) == len(expected)
    assert all(words in line for words, line in zip(expected, moved, strict=True))
