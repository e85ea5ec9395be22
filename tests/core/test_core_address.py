"""Names and ids."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.address import MAX_ATTEMPT, NAME, looks_like_ours, remote_id, short, split_attempt

SERVICE_ID = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
NAMES = st.from_regex(NAME, fullmatch=True)

# Written down once. If one of these changes, every model that anybody ever tuned is bought again: never edit them.
GOLDEN = [
    (("my-project", "demo", "number-generator", "sha256:00", 1), "number-generator-68635f02b347"),
    (("my-project", "demo", "number-generator", "sha256:00", 2), "number-generator-68635f02b347-2"),
    (("my-project", "demo", "number-generator", "sha256:01", 1), "number-generator-5bbd30f5193d"),
    ((None, "demo", "number-generator", "sha256:00", 1), "number-generator-e32c9b34b856"),
    (("my-project", "other", "number-generator", "sha256:00", 1), "number-generator-faf37afe594b"),
    (("my-project", "demo", "a", "sha256:00", 99), "a-3126954bc937-99"),
    (
        ("my-project", "demo", "a-name-cut-right-behind--the-dashes", "sha256:00", 1),
        "a-name-cut-right-behind-c1e5d80b1546",
    ),
]


def made(project, tunectl, name, revision, attempt):
    return remote_id(remote_project=project, project=tunectl, name=name, revision=revision, attempt=attempt)


@pytest.mark.parametrize(("given_values", "expected"), GOLDEN)
def test_ids_never_change_from_one_version_to_the_next(given_values, expected):
    assert made(*given_values) == expected


@given(name=NAMES, revision=st.text(), project=st.none() | st.text(), attempt=st.integers(1, MAX_ATTEMPT))
def test_every_id_is_one_the_service_accepts_and_we_recognise(name, revision, project, attempt):
    result = made(project, "demo", name, revision, attempt)
    assert len(result) <= 40
    assert SERVICE_ID.fullmatch(result)
    assert looks_like_ours(f"tunedModels/{result}")
    first = made(project, "demo", name, revision, 1)
    assert split_attempt(f"tunedModels/{result}") == (f"tunedModels/{first}", attempt)


@given(name=NAMES, other=NAMES)
def test_names_that_are_cut_to_the_same_stem_get_different_ids(name, other):
    ids = {made("p", "demo", each, "sha256:00", 1) for each in (name, other)}
    assert len(ids) == len({name, other})


@pytest.mark.parametrize("attempt", [0, -1, MAX_ATTEMPT + 1])
def test_attempts_out_of_range_have_no_id(attempt):
    with pytest.raises(ValueError, match=f"attempt {attempt} is not within 1..99"):
        made("p", "demo", "a", "sha256:00", attempt)


NOT_OURS = [
    "testnumbergenerator-fvitocr834l6",
    "my-display-name-81-9wpmc1m920vq",
    "generatenum2528-394ofcsjtbyv7yeo7rzk9pj3",
    "0a-0123456789ab",
    "a-0123456789ab-1",
    "a-0123456789ab-100",
    "a-0123456789ab-02",
    "a--0123456789ab",
    "a-0123456789AB",
    "-0123456789ab",
    "0123456789ab",
]


@pytest.mark.parametrize("resource", NOT_OURS)
def test_ids_that_we_never_make_do_not_look_like_ours(resource):
    assert not looks_like_ours(f"tunedModels/{resource}")
    with pytest.raises(ValueError, match="does not have the shape of our ids"):
        split_attempt(resource)


@pytest.mark.parametrize("name", ["a", "a1", "a-b", "a" * 63, "a--b"])
def test_names_that_a_manifest_may_have(name):
    assert NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["", "A", "1a", "-a", "a-", "a_b", "a.b", "a" * 64, "ä", "a\n"])
def test_names_that_a_manifest_may_not_have(name):
    assert not NAME.fullmatch(name)


def test_the_short_name_is_the_last_segment():
    assert short("projects/p/locations/l/tuningJobs/1") == "1"
    assert short("plain") == "plain"
