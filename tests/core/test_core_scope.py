"""Which names a plan looks at, and that it never looks beyond them."""

from dataclasses import replace

import pytest
from core_values import entry_of, instance, live, lockfile, policy, seen, wanted

from reconciler.core.observation import Observed
from reconciler.core.plan import Plan, Scope
from reconciler.core.planning.build import build_plan
from reconciler.core.resource import Remote
from reconciler.core.scope import choose, in_scope, parse_selectors

MATH = {"team": "math", "tier": "gold"}
TERMS = [
    ("team=math", MATH, True),
    ("team==math", MATH, True),
    ("team = math", MATH, True),
    ("team=art", MATH, False),
    ("team!=art", MATH, True),
    ("team!=math", MATH, False),
    ("team", MATH, True),
    ("owner", MATH, False),
    ("owner!=me", MATH, True),
    ("owner=me", MATH, False),
    ("team=math,tier=gold", MATH, True),
    ("team=math,tier=lead", MATH, False),
    ("empty=", {"empty": ""}, True),
    ("empty=", {}, False),
    ("example.com/team=math", {"example.com/team": "math"}, True),
    ("team=math", {}, False),
    ("team", None, False),
    ("team!=math", None, False),
]


@pytest.mark.parametrize(("text", "labels", "expected"), TERMS)
def test_selectors_fit_labels_and_never_a_name_without_a_manifest(text, labels, expected):
    assert in_scope("a", Scope(select=parse_selectors([text])), labels) is expected


def test_selectors_are_one_more_condition_beside_globs():
    scope = Scope(("a*",), ("ab",), ("team=math",))
    manifests = [replace(wanted(name), labels=MATH) for name in ("a", "ab", "b")] + [wanted("ac")]
    assert list(filter(choose(scope, manifests), ("a", "ab", "ac", "b"))) == ["a"]


@pytest.mark.parametrize("text", ["", "=x", "!=x", "a=b=c", "a=b,", "a!b", "!a", "a b"])
def test_what_is_no_selector_is_refused(text):
    with pytest.raises(ValueError, match=r"^[^,]*$"):
        parse_selectors([text])


def test_selectors_are_part_of_the_digest_and_their_order_is_not():
    def digest(*select):
        return Plan("demo", Remote("t", "e"), scope=Scope(select=select)).digest

    assert len({digest(), digest("a"), digest("a", "b")}) == 3
    assert digest("a", "b") == digest("b", "a", "a")


def fleet():
    math, art = replace(wanted("math", epochs=1), labels=MATH), replace(wanted("art", epochs=2), labels={"team": "art"})
    gone = wanted("gone", epochs=3)
    made = [instance(manifest) for manifest in (math, art, gone)]
    recorded = lockfile(math=entry_of(made[0]), art=entry_of(made[1]), gone=entry_of(made[2]))
    return math, art, recorded, seen(*map(live, made))


def selecting(text, **options):
    asked = policy(**options)
    return replace(asked, scope=replace(asked.scope, select=parse_selectors([text])))


@pytest.mark.parametrize("text", ["team=math", "team!=art", "team", "owner!=me"])
def test_a_selection_deletes_nothing_that_has_no_manifest_and_so_no_labels(text):
    math, art, recorded, observed = fleet()
    assert build_plan([math, art], recorded, observed, selecting(text)).actions == ()
    assert [action.name for action in build_plan([math, art], recorded, observed, policy()).actions] == ["gone"]


def test_a_selection_plans_what_it_selects_and_nothing_else():
    math, art, _, _ = fleet()
    plan = build_plan([math, art], lockfile(), Observed(), selecting("team=art"))
    assert [action.name for action in plan.actions] == ["art"]
    assert plan.scope == Scope(select=("team=art",))
    assert plan.scope.partial


def test_destroying_a_selection_deletes_by_the_labels_of_the_manifests():
    math, art, recorded, observed = fleet()
    plan = build_plan([math, art], recorded, observed, selecting("team=art", destroy=True))
    assert [(action.name, action.kind.value) for action in plan.actions] == [("art", "delete")]


def test_a_rename_outside_the_selection_keeps_its_model():
    math, art, recorded, observed = fleet()
    renamed = replace(art, name="painting", previous_names=("art",))
    assert build_plan([math, renamed], recorded, observed, selecting("team=math")).actions == ()
    moved = build_plan([math, renamed], recorded, observed, selecting("team=art"))
    assert [(action.name, action.kind.value) for action in moved.actions] == [("painting", "move")]
