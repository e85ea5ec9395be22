"""One spelling per value."""

import json
import math
import struct
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.canonical import canonical_json, digest, float32, same_number

FLOAT32_MAX = 3.4028234663852886e38
NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)
DOUBLES = st.floats(-FLOAT32_MAX, FLOAT32_MAX, allow_nan=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def packed(number):
    return struct.pack("<f", number)


CANONICAL = [
    ({"b": 1, "a": [True, None, "x"]}, '{"a":[true,null,"x"],"b":1}'),
    (3.0, "3"),
    (-0.0, "0"),
    (0.001, "0.001"),
    ("ü\u2028\n", '"ü\u2028\\n"'),
    ((1, 2), "[1,2]"),
    (MappingProxyType({"a": MappingProxyType({})}), '{"a":{}}'),
    (1e22, "10000000000000000000000"),
]


@pytest.mark.parametrize(("value", "text"), CANONICAL)
def test_a_value_has_one_spelling(value, text):
    assert canonical_json(value) == text.encode()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, [math.nan]])
def test_what_json_cannot_say_has_no_spelling(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(value)


@given(VALUES)
def test_the_spelling_reads_back_as_the_same_value(value):
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(), st.integers()))
def test_the_order_of_keys_does_not_count(value):
    backwards = dict(reversed(value.items()))
    assert canonical_json(value) == canonical_json(backwards)
    assert digest(value) == digest(backwards)


def test_a_digest_is_sha256_of_the_spelling():
    assert digest({}) == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


FLOATS = [
    (0.95, 0.95),
    (0.949999988079071, 0.95),
    (0.001, 0.001),
    (0.1 + 0.2, 0.3),
    (3, 3.0),
    (1e38, 1e38),
    (-1.1145603e-06, -1.1145603e-06),
    (FLOAT32_MAX, 3.4028235e38),
    (1e-45, 1e-45),
    (1.401298464324817e-45, 1e-45),
    (1e-46, 0.0),
    (16777217, 16777216.0),
    (1.36441695e-05, 1.36441695e-05),
    (math.inf, math.inf),
]


@pytest.mark.parametrize(("number", "shown"), FLOATS)
def test_numbers_are_shown_as_the_service_shows_them(number, shown):
    assert float32(number) == shown


def test_negative_zero_keeps_its_sign_and_is_zero():
    assert math.copysign(1, float32(-0.0)) == -1
    assert same_number(-0.0, 0.0)


def test_what_is_no_number_stays_none():
    assert math.isnan(float32(math.nan))


@pytest.mark.parametrize("number", [3.5e38, -1e39, 10**400], ids=["float", "negative", "integer"])
def test_numbers_beyond_float32_are_refused(number):
    with pytest.raises(OverflowError):
        float32(number)


@given(NUMBERS)
def test_a_float32_keeps_its_value_in_the_shortest_spelling_that_does(number):
    shown = float32(number)
    assert packed(shown) == packed(number)
    digits = len(f"{shown:.9e}".split("e")[0].replace(".", "").lstrip("-").rstrip("0"))
    for fewer in range(1, digits):
        assert not same_number(float(f"{number:.{fewer}g}"), number)


@given(DOUBLES)
def test_doubles_that_are_one_float32_are_shown_as_one(number):
    rounded = struct.unpack("<f", packed(number))[0]
    assert float32(number) == float32(rounded) == float32(float32(number))


def test_a_double_is_shown_by_its_float32_and_not_by_its_own_digits():
    one, other = 8589935000.0, 8589935100.0
    assert packed(one) == packed(other)
    assert float32(one) == float32(other)


@given(DOUBLES, DOUBLES)
def test_numbers_are_the_same_if_they_are_one_float32(left, right):
    assert same_number(left, right) == (packed(left) == packed(right) or left == right == 0)


SAME = [
    (0.95, 0.949999988079071, True),
    (0.95, 0.9500002, False),
    (3, 3.0, True),
    (1e39, 1e39, True),
    (1e39, 2e39, False),
    (1e39, 1.0, False),
    (10**400, 1, False),
]


@pytest.mark.parametrize(("left", "right", "same"), SAME, ids=range(len(SAME)))
def test_sameness_of_numbers(left, right, same):
    assert same_number(left, right) is same
