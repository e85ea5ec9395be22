"""A lost lockfile made anew: everything that the manifests lead to, and a word on everything that they do not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core.gate import Gate
from reconciler.core.lockfile import InstanceState, Lockfile
from reconciler.core.observation import Observed
from reconciler.core.resource import Lifecycle
from reconciler.core.upkeep.rebuild import Identity, rebuild
from reconciler.engine.looking.observe import observe
from reconciler.engine.looking.preview import Manifests
from reconciler.engine.looking.rebuild import survey
from reconciler.errors import PermissionDenied, ProblemsError, Unavailable
from reconciler.stores.memory import MemoryBlobStore
from reconciler.testing.fake_provider import CAPABILITIES, REMOTE

IDENTITY = Identity(REMOTE, "demo", CAPABILITIES)


@pytest.fixture
def lose(bench):
    """Lose the lockfile, rebuild it, and put it in its place; return what the rebuilding said."""

    def lose(*, write=True):
        before = bench.lockfile
        bench.blob = MemoryBlobStore()
        rebuilt = survey(lambda: Manifests(tuple(bench.desired)), bench.provider, IDENTITY)
        if write:
            store = bench.store()
            store.start_over(rebuilt.lockfile, former=store.former(replace_existing=False))
        return before, rebuilt

    return lose


def known(lockfile: Lockfile):
    """What of a lockfile can be known again."""
    return {
        name: replace(entry, current=replace(entry.current, operation=None, total_steps=None))
        for name, entry in lockfile.models.items()
    }


def test_an_unchanged_project_is_whole_again_and_has_nothing_to_do(bench, lose):
    for name in ("numbers", "words", "protected"):
        bench.want(name, lifecycle=Lifecycle(protect=name == "protected", deletion="retain"))
    bench.want("child", source={"model": "words"})
    bench.want("grandchild", source={"model": "child"})
    bench.apply()

    before, rebuilt = lose()

    assert known(rebuilt.lockfile) == known(before)
    assert (rebuilt.missing, rebuilt.doubts, rebuilt.orphaned) == ((), (), ())
    assert bench.plan().empty
    bench.apply()
    assert bench.provider.paid() == 5


def test_nothing_is_written_to_the_remote(bench, lose):
    bench.want("numbers")
    bench.apply()
    bench.provider.calls.clear()
    lose()
    assert {method for method, _ in bench.provider.calls} == {"observe"}


def test_a_training_that_goes_on_is_waited_for_and_not_bought_again(bench, lose):
    bench.want("numbers")
    bench.apply(options=bench.options(wait=False))

    _, rebuilt = lose()

    assert rebuilt.lockfile.models["numbers"].current.state is InstanceState.TUNING
    assert bench.kinds() == [("numbers", "wait")]
    bench.apply()
    assert bench.provider.paid() == 1
    assert bench.plan().empty


def test_a_failed_training_is_recorded_as_such_and_not_bought_again(bench, lose):
    bench.want("numbers")
    bench.provider.doom = {bench.plan().actions[0].resource: "diverged"}
    bench.apply()

    before, rebuilt = lose()

    current = rebuilt.lockfile.models["numbers"].current
    assert (current.state, current.error) == (InstanceState.FAILED, "diverged")
    assert current == replace(before.models["numbers"].current, create_time=current.create_time, total_steps=None)
    assert bench.kinds() == [("numbers", "blocked")]


def rename(bench, old, new, **fields):
    (manifest,) = [m for m in bench.desired if m.name == old]
    bench.data[new] = bench.data[old]
    bench.desired = [*(m for m in bench.desired if m.name != old), replace(manifest, name=new, **fields)]


def test_a_rename_that_only_the_lockfile_knew_is_found_by_the_name_in_the_id(bench, lose):
    bench.want("numbers")
    bench.want("child", source={"model": "numbers"})
    bench.apply()
    model = bench.lockfile.models["numbers"].current.resource
    rename(bench, "numbers", "digits")
    (child,) = [m for m in bench.desired if m.name == "child"]
    bench.desired = [
        m if m is not child else replace(m, spec={**m.spec, "source": {"model": "digits"}}) for m in bench.desired
    ]

    _, rebuilt = lose()

    assert bench.lockfile.models["digits"].current.resource == model
    assert (rebuilt.missing, rebuilt.orphaned) == ((), ())
    (doubt,) = rebuilt.doubts
    assert doubt.startswith(f"digits: {model.removeprefix('tunedModels/')} is of this very revision and was made under")
    assert doubt.endswith("metadata.previousNames: [numbers] says so for good")
    bench.apply()
    assert bench.provider.paid() == 2
    assert bench.plan().empty


def test_a_renamed_model_that_two_manifests_may_have_had_is_given_to_none(bench, lose):
    bench.want("numbers")
    bench.apply()
    rename(bench, "numbers", "digits")
    bench.desired.append(replace(bench.desired[0], name="ciphers"))
    bench.data["ciphers"] = bench.data["digits"]

    _, rebuilt = lose(write=False)

    assert (rebuilt.missing, len(rebuilt.orphaned)) == (("ciphers", "digits"), 1)
    (doubt,) = rebuilt.doubts
    assert doubt.startswith("ciphers, digits: numbers-")
    assert "which was renamed to which cannot be known" in doubt


def test_of_two_models_that_one_manifest_may_have_been_renamed_from_none_is_taken(bench, lose):
    bench.want("numbers")
    bench.want("digits", displayName="numbers")
    bench.apply()
    rename(bench, "numbers", "ciphers")
    bench.drop("digits")

    _, rebuilt = lose(write=False)

    assert (rebuilt.missing, len(rebuilt.orphaned), len(rebuilt.doubts)) == (("ciphers",), 2, 2)


@pytest.mark.parametrize("change", ["another manifest has the name", "another revision", "something else in its place"])
def test_what_does_not_prove_a_rename_stays_orphaned(bench, lose, change):
    bench.want("numbers")
    bench.apply()
    model = bench.lockfile.models["numbers"].current.resource
    rename(bench, "numbers", "digits")
    if change == "another manifest has the name":
        bench.want("numbers", hyperparameters={"epochCount": 9})
    elif change == "another revision":
        bench.want("digits", hyperparameters={"epochCount": 9})
    else:
        bench.provider.models[model].spec = {"displayName": "theirs", "baseModel": "models/another"}

    _, rebuilt = lose(write=False)

    assert rebuilt.orphaned == (model,)
    assert "digits" in rebuilt.missing
    assert not any("rename" in doubt for doubt in rebuilt.doubts)


def test_of_two_attempts_the_newer_one_serves_and_the_older_one_is_kept(bench, lose):
    bench.want("numbers", lifecycle=Lifecycle(retain=1))
    bench.apply()
    first = bench.lockfile.models["numbers"].current.resource
    bench.apply(replaced=("numbers",))

    before, rebuilt = lose()

    entry = rebuilt.lockfile.models["numbers"]
    assert entry.current.resource == f"{first}-2"
    assert (entry.current.attempt, entry.retained[0].resource) == (2, first)
    assert entry.current.resource == before.models["numbers"].current.resource
    short = first.removeprefix("tunedModels/")
    (doubt,) = rebuilt.doubts
    assert "2 models of this revision are ready, and which of them served cannot be known" in doubt
    assert doubt.endswith(f"{short}-2 is the newest and serves, {short} retained")
    assert bench.plan().empty


def test_an_attempt_in_the_making_is_the_candidate_of_the_one_that_serves(bench, lose):
    bench.want("numbers")
    bench.apply()
    first = bench.lockfile.models["numbers"].current.resource
    bench.apply(replaced=("numbers",), options=bench.options(wait=False))

    _, rebuilt = lose()

    entry = rebuilt.lockfile.models["numbers"]
    assert (entry.current.resource, entry.candidate.resource) == (first, f"{first}-2")
    assert entry.candidate.state is InstanceState.TUNING
    assert bench.kinds() == [("numbers", "wait")]
    bench.apply()
    assert bench.lockfile.models["numbers"].current.resource == f"{first}-2"
    assert bench.provider.paid() == 2


def test_a_failed_attempt_does_not_hide_the_one_that_serves(bench, lose):
    bench.want("numbers")
    bench.apply()
    first = bench.lockfile.models["numbers"].current.resource
    bench.provider.doom = {f"{first}-2": "diverged"}
    bench.apply(replaced=("numbers",))

    _, rebuilt = lose()

    entry = rebuilt.lockfile.models["numbers"]
    assert (entry.current.resource, [i.resource for i in entry.failed]) == (first, [f"{first}-2"])
    assert entry.failed[0].error == "diverged"
    assert bench.plan().empty


def test_attempts_behind_a_gap_are_found(bench, lose):
    bench.want("numbers")
    bench.apply()
    first = bench.lockfile.models["numbers"].current.resource
    for _ in range(2):
        bench.apply(replaced=("numbers",))
    assert list(bench.provider.models) == [f"{first}-3"]

    lose()

    assert bench.lockfile.models["numbers"].current.attempt == 3
    assert bench.plan().empty


def test_an_older_attempt_that_still_trains_is_said_and_left_alone(bench, lose):
    bench.want("numbers")
    bench.apply()
    first = bench.lockfile.models["numbers"].current.resource
    bench.apply(replaced=("numbers",), options=bench.options(wait=False))
    second = bench.provider.models[f"{first}-2"]
    second.created, second.ends = 0.0, float("inf")

    _, rebuilt = lose()

    assert rebuilt.lockfile.models["numbers"].candidate is None
    assert rebuilt.orphaned == (f"{first}-2",)
    assert any("still being tuned although a newer one is there; it is not recorded" in d for d in rebuilt.doubts)
    assert bench.plan().empty


def test_a_model_made_under_a_former_name_is_found_by_previous_names(bench, lose):
    bench.want("numbers")
    bench.apply()
    old = bench.lockfile.models["numbers"].current.resource
    bench.drop("numbers")
    renamed = bench.want("counting", displayName="numbers")
    bench.desired = [replace(renamed, previous_names=("elsewhere", "numbers"))]
    bench.data["counting"] = bench.data["numbers"]

    _, rebuilt = lose()

    assert rebuilt.lockfile.models["counting"].current.resource == old
    assert rebuilt.doubts == ()
    assert bench.plan().empty


def test_two_manifests_that_claim_the_same_former_name_both_get_nothing(bench, lose):
    bench.want("numbers")
    bench.apply()
    old = bench.lockfile.models["numbers"].current.resource
    bench.drop("numbers")
    for name in ("one", "two"):
        bench.want(name)
        bench.desired[-1] = replace(bench.desired[-1], previous_names=("numbers",))

    _, rebuilt = lose(write=False)

    assert rebuilt.lockfile.models == {}
    assert rebuilt.missing == ("one", "two")
    assert rebuilt.orphaned == (old,)
    assert "one, two: numbers-" in rebuilt.doubts[0]
    assert "leave it in one metadata.previousNames" in rebuilt.doubts[0]


def test_a_name_of_its_own_beats_a_former_one(bench, lose):
    bench.want("numbers")
    bench.apply()
    bench.want("greedy")
    bench.desired[-1] = replace(bench.desired[-1], previous_names=("numbers",))

    _, rebuilt = lose(write=False)

    assert list(rebuilt.lockfile.models) == ["numbers"]
    assert rebuilt.missing == ("greedy",)


def test_another_revision_is_not_guessed_at_but_listed(bench, lose):
    bench.want("numbers", hyperparameters={"epochCount": 3})
    bench.apply()
    old = bench.lockfile.models["numbers"].current.resource
    bench.want("numbers", hyperparameters={"epochCount": 5})

    _, rebuilt = lose(write=False)

    assert (rebuilt.missing, rebuilt.orphaned) == (("numbers",), (old,))
    (doubt,) = rebuilt.doubts
    assert f"{old.removeprefix('tunedModels/')} (ready) may be of another revision" in doubt
    assert "nor whether it served" in doubt


def test_what_has_no_id_of_ours_is_neither_recorded_nor_listed(bench, lose):
    bench.want("numbers")
    bench.apply()
    bench.provider.models["tunedModels/handmade"] = next(iter(bench.provider.models.values()))
    _, rebuilt = lose()
    assert rebuilt.orphaned == ()
    assert "tunedModels/handmade" not in rebuilt.lockfile.resources()


def test_another_model_under_our_id_is_not_ours(bench, lose):
    bench.want("numbers", hyperparameters={"epochCount": 3})
    bench.apply()
    resource = bench.lockfile.models["numbers"].current.resource
    bench.provider.models[resource].spec = {"displayName": "x", "baseModel": "models/other"}
    _, rebuilt = lose()
    assert (rebuilt.lockfile.models, rebuilt.orphaned) == ({}, (resource,))


def test_a_child_of_another_attempt_of_its_parent_is_still_its_child(bench, lose):
    bench.want("words", lifecycle=Lifecycle(retain=3))
    bench.want("child", source={"model": "words"})
    bench.apply()
    bench.apply(replaced=("words",))

    lose()

    assert set(bench.lockfile.models) == {"words", "child"}
    assert bench.plan().empty


def test_a_listing_that_lags_is_completed_by_a_look_at_each_id(bench, lose):
    bench.want("numbers")
    bench.want("fresh")
    bench.desired.pop()
    bench.apply()
    bench.want("fresh")
    real = bench.provider.observe
    bench.provider.observe = lambda *, snapshots=False: [o for o in real(snapshots=snapshots) if False]

    _, rebuilt = lose(write=False)

    assert list(rebuilt.lockfile.models) == ["numbers"]
    assert rebuilt.missing == ("fresh",)


def test_an_id_that_may_not_be_read_is_a_doubt(bench, lose):
    bench.want("numbers")

    def deny(method, _):
        if method == "get":
            raise PermissionDenied("no permission", status="PERMISSION_DENIED", http_status=403)

    bench.provider.before = deny
    _, rebuilt = lose(write=False)
    assert rebuilt.missing == ("numbers",)
    assert "may not be read with these credentials, if it exists (no permission)" in rebuilt.doubts[0]


def test_a_remote_that_cannot_be_read_is_an_error(bench, lose):
    bench.want("numbers")

    def away(*_):
        raise Unavailable("away")

    bench.provider.before = away
    with pytest.raises(Unavailable):
        lose()


def test_whether_a_gate_was_passed_cannot_be_known(bench):
    bench.want("numbers")
    bench.apply()
    gated = [replace(manifest, gate=Gate(max_final_loss=1.0)) for manifest in bench.desired]
    rebuilt = rebuild(gated, observe(bench.provider, Lockfile(remote=REMOTE)), IDENTITY)
    assert "had passed its gate cannot be known" in rebuilt.doubts[0]
    assert rebuilt.lockfile.models["numbers"].current.gate == gated[0].gate.canonical


def test_what_this_version_cannot_carry_out_is_refused_here_too(bench):
    bench.want("numbers", permissions=[{"role": "READER", "everyone": True}])
    unable = replace(IDENTITY, capabilities=replace(CAPABILITIES, permissions=False))
    with pytest.raises(ProblemsError):
        survey(lambda: Manifests(tuple(bench.desired)), bench.provider, unable)


def test_a_model_of_an_unknown_time_is_the_oldest(bench):
    bench.want("numbers", lifecycle=Lifecycle(retain=1))
    bench.apply()
    bench.apply(replaced=("numbers",))
    seen = observe(bench.provider, Lockfile(remote=REMOTE)).models
    timeless = {r: replace(o, create_time=None if r.endswith("-2") else o.create_time) for r, o in seen.items()}
    rebuilt = rebuild(bench.desired, Observed(models=timeless), IDENTITY)
    assert rebuilt.lockfile.models["numbers"].current.attempt == 1
