"""What a manifest asks of a service that it cannot do is a problem at its place."""

from dataclasses import replace

import pytest
from core_values import CAPABILITIES, wanted

from reconciler.core.fitting import unfit
from reconciler.core.gate import AbortIf, Gate
from reconciler.errors import Location

HERE = Location("manifests/a.yaml", 7, 3)
TOP = Location("manifests/a.yaml", 1, 1)


@pytest.mark.parametrize(
    ("where", "message", "hint"),
    [
        ({"spec.displayName": HERE}, "spec.displayName: must be at most 40 characters, not 41", None),
        (
            {"": TOP},
            "spec.displayName: defaults to the name, which has 41 characters; at most 40 are allowed",
            "set spec.displayName",
        ),
    ],
)
def test_a_display_name_that_is_too_long(where, message, hint):
    manifest = replace(wanted(displayName="x" * 41), where=where)
    (problem,) = unfit(manifest, CAPABILITIES)
    assert (problem.location, problem.message, problem.hint) == (next(iter(where.values())), message, hint)
    assert list(unfit(manifest, replace(CAPABILITIES, display_name_limit=41))) == []


@pytest.mark.parametrize(
    ("key", "gate"),
    [
        ("maxFinalLoss", Gate(max_final_loss=0.0)),
        ("maxLossIncrease", Gate(max_loss_increase=0.0)),
        ("abortIf", Gate(abort_if=AbortIf(3.0))),
    ],
)
def test_a_gate_on_a_loss_that_nobody_can_read(key, gate):
    path = f"spec.gate.{key}"
    manifest = replace(wanted(), gate=gate, where={path: HERE})
    assert list(unfit(manifest, CAPABILITIES)) == []
    (problem,) = unfit(manifest, replace(CAPABILITIES, losses=False))
    assert problem.location == HERE
    assert problem.message.endswith(f"{path}: the loss of a tuning is not available from this service")
