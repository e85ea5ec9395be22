"""Words of the command line and the recorded models they mean."""

import pytest

from reconciler.core.lockfile import Entry, Instance, InstanceState, Lockfile
from reconciler.core.resource import Remote
from reconciler.core.upkeep.choice import choose
from reconciler.errors import UsageError


def made(number, *, attempt=1, revision=None, state=InstanceState.READY):
    digits = f"{number:02x}" * 32 if revision is None else revision
    return Instance(f"tunedModels/numbers-{number:012x}", f"sha256:{digits}", attempt, state)


CURRENT, CANDIDATE = made(0xAA), made(0xBB, attempt=2, state=InstanceState.TUNING)
FORMER, OLDER = made(0xCC), made(0xCD, revision="cc" * 31 + "dd", attempt=3)
RECORDED = Lockfile(
    Remote("generativelanguage", "emulator"),
    models={"numbers": Entry(CURRENT, candidate=CANDIDATE, retained=(FORMER, OLDER)), "other": Entry(made(1))},
)


@pytest.mark.parametrize(
    ("word", "role", "instance"),
    [
        ("numbers", "current", CURRENT),
        ("numbers@candidate", "candidate", CANDIDATE),
        ("numbers@bbbb", "candidate", CANDIDATE),
        ("numbers@sha256:aaaa", "current", CURRENT),
        ("numbers@3", "retained", OLDER),
        (FORMER.resource, "retained", FORMER),
        (FORMER.resource.rpartition("/")[2], "retained", FORMER),
        ("numbers@" + "cc" * 31 + "dd", "retained", OLDER),
    ],
)
def test_a_word_means_one_recorded_model(word, role, instance):
    chosen = choose(word, RECORDED)
    assert (chosen.name, chosen.role, chosen.instance) == ("numbers", role, instance)


@pytest.mark.parametrize(
    ("word", "message", "hint"),
    [
        ("numbrs", "no model of that name", "did you mean numbers?"),
        ("zzzzzz", "no model of that name", "`tunectl status` lists"),
        ("numbers@", "no such revision", "to choose from: numbers@aaaaaaaaaaaa (current)"),
        ("numbers@abcd", "no such revision", "numbers@bbbbbbbbbbbb-2 (candidate)"),
        ("numbers@candidat", "no such revision", "did you mean numbers@candidate?"),
        ("numbers@cccc", "more than one", "numbers@cccccccccccc (retained), numbers@cccccccccccc-3 (retained)"),
        ("numbers@retained", "more than one", "to choose from"),
        ("tunedModels/none", "no model of that name", "`tunectl status` lists"),
    ],
)
def test_a_word_that_means_none_or_several_says_what_there_is(word, message, hint):
    with pytest.raises(UsageError) as raised:
        choose(word, RECORDED)
    assert message in raised.value.message
    assert hint in (raised.value.hint or "")
