"""The audit over what an apply left behind."""

from __future__ import annotations

from reconciler.core.manifests import Manifests
from reconciler.core.planning.build import Policy
from reconciler.engine.looking.audit import take_stock
from reconciler.testing.fake_provider import CAPABILITIES


def found(bench):
    policy = Policy(project="demo", capabilities=CAPABILITIES)
    audit = take_stock(
        lambda: Manifests(tuple(bench.desired)), bench.provider, bench.store(), policy, now=bench.clock.now()
    )
    return [(drift.name, drift.kind) for drift in audit.drift]


def test_nothing_drifts_right_after_an_apply(bench):
    bench.want("numbers", temperature=0.7)
    bench.apply()
    assert found(bench) == []


def test_a_failed_replacement_is_drift_until_the_manifest_goes_back(bench):
    bench.want("numbers", hyperparameters={"epochCount": 3})
    bench.apply()
    bench.want("numbers", hyperparameters={"epochCount": 5})
    bench.provider.doom[bench.plan().actions[0].resource] = "Tuning failed."
    bench.apply()
    assert ("numbers", "failed") in found(bench)
    bench.want("numbers", hyperparameters={"epochCount": 3})
    assert bench.plan().empty
    assert found(bench) == []
