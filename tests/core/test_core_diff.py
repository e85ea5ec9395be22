"""Which fields differ."""

from types import MappingProxyType

import pytest
from core_values import CAPABILITIES, RESOLVED
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.diff import field_changes
from reconciler.core.plan import Change
from reconciler.core.resource import Capabilities, Effect

LISTS = Capabilities(
    effects={"": Effect.UPDATE, "permissions": Effect.UPDATE}, resource_prefix="", display_name_limit=1
)


def changes(before, after, **options):
    return field_changes(before, after, capabilities=options.pop("capabilities", CAPABILITIES), **options)


def hyper(**values):
    return {"hyperparameters": values}


# what is there, what the manifest sets, and (path, before, after, effect) of what differs
DIFFERENCES = {
    "nothing": ({"topK": 1}, {"topK": 1}, []),
    "what the manifest does not set": ({"topK": 1, "description": "x"}, {"topK": 1}, []),
    "a value": ({"topK": 1}, {"topK": 2}, [("topK", 1, 2, "update")]),
    "an added field": ({}, {"topK": 2}, [("topK", None, 2, "update")]),
    "several, sorted": (
        {"topK": 1, "description": "a"},
        {"topK": 2, "description": "b", "baseModel": "x"},
        [("baseModel", None, "x", "replace"), ("description", "a", "b", "update"), ("topK", 1, 2, "update")],
    ),
    "int and float": ({"temperature": 1}, {"temperature": 1.0}, []),
    "int and float beside a difference": ({"topK": 1, "topP": 1}, {"topK": 2, "topP": 1.0}, [("topK", 1, 2, "update")]),
    "very small numbers": ({"topP": 1e-13}, {"topP": 2e-13}, [("topP", 1e-13, 2e-13, "update")]),
    "a nested value": (
        hyper(**RESOLVED),
        hyper(epochCount=3),
        [("hyperparameters.epochCount", 5, 3, "replace")],
    ),
    "an added mapping, field by field": (
        {},
        hyper(epochCount=3, batchSize=2),
        [("hyperparameters.batchSize", None, 2, "replace"), ("hyperparameters.epochCount", None, 3, "replace")],
    ),
    "a mapping in place of a value": (
        {"source": "x"},
        {"source": {"model": "y"}},
        [("source.model", None, "y", "replace")],
    ),
    "a value in place of a mapping": (
        {"source": {"model": "y"}},
        {"source": "x"},
        [("source", {"model": "y"}, "x", "replace")],
    ),
    "an empty text against none": ({}, {"description": ""}, []),
    "an empty mapping against none": ({}, {"hyperparameters": {}}, []),
    "none against an empty text": ({"description": ""}, {"description": "x"}, [("description", "", "x", "update")]),
    "a text made empty": ({"description": "x"}, {"description": ""}, [("description", "x", "", "update")]),
    "zero against none": ({}, {"temperature": 0.0}, [("temperature", None, 0.0, "update")]),
    "a field the provider does not keep": ({"unknown": 1}, {"unknown": 2}, []),
    "an immutable mapping": (MappingProxyType({"topK": 1}), MappingProxyType({"topK": 2}), [("topK", 1, 2, "update")]),
    "nested immutable mappings": (
        {"hyperparameters": MappingProxyType({"epochCount": 3})},
        MappingProxyType({"hyperparameters": MappingProxyType({"epochCount": 3}), "topK": 1}),
        [("topK", None, 1, "update")],
    ),
}


@pytest.mark.parametrize("case", DIFFERENCES)
def test_only_what_the_manifest_sets_differs(case):
    before, after, expected = DIFFERENCES[case]
    assert changes(before, after) == tuple(Change(f"spec.{path}", *rest) for path, *rest in expected)


LIST_DIFFERENCES = [
    ([1, 2], [2, 1], True),
    ([1, 2], [1, 2, 3], True),
    ([{"role": "READER"}], [{"role": "WRITER"}], True),
    ([{"role": "READER", "x": 1}], [{"role": "READER"}], True),
    ((1, 2), [1, 2], False),
    ([1.0], [1], False),
]


@pytest.mark.parametrize(("before", "after", "differ"), LIST_DIFFERENCES)
def test_a_list_is_one_value(before, after, differ):
    found = changes({"permissions": before}, {"permissions": after}, capabilities=LISTS)
    assert found == ((Change("spec.permissions", before, after, "update"),) if differ else ())


@pytest.mark.parametrize(
    ("ignore", "left"),
    [
        ([], ["spec.hyperparameters.epochCount", "spec.topK", "spec.topP"]),
        (["topK"], ["spec.hyperparameters.epochCount", "spec.topP"]),
        (["hyperparameters"], ["spec.topK", "spec.topP"]),
        (["hyperparameters.epochCount", "topP"], ["spec.topK"]),
        (["hyper", "top", "hyperparameters.epoch"], ["spec.hyperparameters.epochCount", "spec.topK", "spec.topP"]),
    ],
)
def test_ignored_paths_and_everything_under_them_are_left_out(ignore, left):
    before, after = {"topK": 1, "topP": 0.1, **hyper(epochCount=3)}, {"topK": 2, "topP": 0.2, **hyper(epochCount=4)}
    assert [change.path for change in changes(before, after, ignore=iter(ignore))] == left


LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-3, 3) | st.text(max_size=2)
SPECS = st.dictionaries(
    st.sampled_from(["topK", "topP", "description", "temperature"]), LEAVES | st.lists(LEAVES, max_size=2)
)


@given(SPECS, SPECS)
def test_every_difference_of_a_set_field_is_found_and_no_other(before, after):
    def empty(value):
        return value is None or value in ("", [])

    expected = {
        f"spec.{key}"
        for key, value in after.items()
        if before.get(key) != value and not (before.get(key) is None and empty(value))
    }
    assert {change.path for change in changes(before, after)} == expected


@given(SPECS)
def test_nothing_differs_from_itself(spec):
    assert changes(spec, dict(reversed(spec.items()))) == ()
