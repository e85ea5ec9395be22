"""Base models that go: what is said of them, when, and of whom."""

from __future__ import annotations

from datetime import date

import pytest

from reconciler.core.lockfile import Entry, Instance, InstanceState, Lockfile
from reconciler.core.observation import ModelState, Observation, Observed
from reconciler.core.planning.shutdowns import KNOWN, Shutdowns, dying, known_days, warnings
from reconciler.core.resource import Desired, Remote
from reconciler.errors import Location

BASE = "models/base"
TODAY = date(2026, 11, 23)
GOOGLE = "https://generativelanguage.googleapis.com"


def until(day, **rest):
    return Shutdowns({BASE: day}, TODAY, **rest)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2026, 11, 22), "was shut down on 2026-11-22"),
        (TODAY, "was shut down on 2026-11-23"),
        (date(2026, 11, 24), "will be shut down on 2026-11-24, in 1 day"),
        (date(2027, 2, 21), "will be shut down on 2027-02-21, in 90 days"),
        (date(2027, 2, 22), None),
    ],
)
def test_ninety_days_before_its_end_a_base_model_is_told_of(day, said):
    fate = until(day).fate(BASE)
    assert fate == (None if said is None else f"base model {BASE} {said}")


def test_the_notice_can_be_another_one():
    day = date(2026, 12, 23)
    assert until(day, notice=29).fate(BASE) is None
    assert until(day, notice=30).fate(BASE).endswith("in 30 days")


def test_what_is_not_listed_is_gone_and_a_listing_without_anything_says_nothing():
    shutdowns = Shutdowns(today=TODAY)
    assert shutdowns.fate(BASE) is None
    assert shutdowns.listing([]).fate(BASE) is None
    assert shutdowns.listing([BASE]).fate(BASE) is None
    assert shutdowns.listing(["models/other"]).fate(BASE) == f"base model {BASE} is not offered by the service any more"


def test_without_a_day_there_is_no_today_and_nothing_to_say():
    assert Shutdowns({BASE: date(2000, 1, 1)}).fate(BASE) is None


def test_known_days_hold_for_the_hosted_service_alone():
    palm = KNOWN["generativelanguage"]
    assert known_days("generativelanguage", GOOGLE, {}) == palm
    for other in ("emulator", "http://127.0.0.1:8080", "https://proxy.example", f"{GOOGLE}.example.com"):
        assert known_days("generativelanguage", other, {}) == {}
    assert known_days("something", GOOGLE, {}) == {}


def test_the_projects_own_days_come_first():
    (base,) = KNOWN["generativelanguage"]
    own = {base: date(2030, 1, 1), BASE: TODAY}
    assert known_days("generativelanguage", GOOGLE, own) == own
    assert known_days("generativelanguage", GOOGLE, {base: None}) == {}
    assert known_days("generativelanguage", "emulator", {BASE: TODAY}) == {BASE: TODAY}


def manifest(name, **spec):
    where = {f"spec.{key}": Location(f"{name}.yaml", 7) for key in spec}
    return Desired(name, spec, where=where)


NOBODY = Observed()
GONE = until(TODAY)


def everybody(_):
    return True


def test_a_manifest_is_warned_of_at_its_base_and_a_child_at_its_source():
    mother, child = manifest("mother", baseModel=BASE), manifest("child", source={"model": "mother"})
    other = manifest("other", baseModel="models/other")
    found = warnings([mother, child, other], everybody, NOBODY, GONE)
    assert [(str(p.location), p.message.partition(":")[0], p.severity) for p in found] == [
        ("mother.yaml:7", "mother", "warning"),
        ("child.yaml:7", "child", "warning"),
    ]


def test_a_parent_that_no_manifest_describes_is_looked_up_in_the_listing():
    child = manifest("child", source={"tunedModel": "tunedModels/x"})
    seen = Observation("tunedModels/x", {}, ModelState.READY, base_model=BASE)
    assert len(warnings([child], everybody, Observed({seen.resource: seen}), GONE)) == 1
    assert warnings([child], everybody, NOBODY, GONE) == ()


def test_only_the_chosen_are_warned_of():
    assert warnings([manifest("a", baseModel=BASE)], lambda name: name != "a", NOBODY, GONE) == ()


def test_many_manifests_on_one_base_are_one_warning():
    (found,) = warnings([manifest(f"m{n}", baseModel=BASE) for n in range(9)], everybody, NOBODY, GONE)
    assert found.message.endswith("(m0, m1, m2, m3, m4 and 4 more)")
    assert str(found.location) == "m0.yaml:7"


def recorded(**states):
    def instance(name, state):
        return Instance(f"tunedModels/{name}", "", state=state, spec={"baseModel": BASE})

    models = {name: Entry(instance(name, state)) for name, state in states.items()}
    return Lockfile(Remote("fake", "https://fake.example"), models=models)


def test_what_serves_dies_with_its_base():
    lockfile = recorded(a=InstanceState.READY, b=InstanceState.TUNING, c=InstanceState.READY)
    (found,) = dying(lockfile, NOBODY, GONE, names={"a", "b", "nobody"})
    assert (found.name, found.kind, found.resource, found.path, found.before, found.after) == (
        "a",
        "dying",
        "tunedModels/a",
        "spec.baseModel",
        BASE,
        BASE,
    )


def test_the_service_knows_best_what_a_model_comes_from():
    seen = Observation("tunedModels/a", {}, ModelState.READY, base_model="models/other")
    lockfile = recorded(a=InstanceState.READY)
    assert list(dying(lockfile, Observed({seen.resource: seen}), GONE, names={"a"})) == []
