"""How many steps a tuning takes."""

import pytest
from core_values import CAPABILITIES, wanted

from reconciler.core.forecast import tuning_steps
from reconciler.core.plan import Steps
from reconciler.core.resource import Capabilities, Dataset

# examples, epochs, batch: the first six are what the real service has answered.
STEPS = [
    (15, 3, 2, Steps(23, 23)),
    (15, 3, 4, Steps(12, 12)),
    (15, 50, 4, Steps(188, 188)),
    (25, 10, 16, Steps(16, 16)),
    (15, 5, 2, Steps(38, 38)),
    (15, 100, 4, Steps(375, 375)),
    (1, 1, 64, Steps(1, 1)),
    (15, 3, None, Steps(3, 12)),
    (15, None, 2, Steps(38, 38)),
    (15, None, None, Steps(5, 19)),
]


@pytest.mark.parametrize(("examples", "epochs", "batch", "steps"), STEPS)
def test_batches_run_across_epochs_and_the_last_one_may_be_short(examples, epochs, batch, steps):
    spec = wanted(epochs=epochs, batch=batch).spec
    assert tuning_steps(spec, Dataset("sha256:x", examples), CAPABILITIES) == steps


def test_a_range_is_no_exact_number():
    assert Steps(3, 12).exact is None
    assert Steps(3, 3).exact == 3


def test_nothing_can_be_told_without_a_dataset():
    assert tuning_steps(wanted(epochs=3, batch=2).spec, None, CAPABILITIES) is None


@pytest.mark.parametrize(("epochs", "batch"), [(3, None), (None, 2)])
def test_nothing_can_be_told_when_the_provider_publishes_no_default(epochs, batch):
    silent = Capabilities(effects={}, resource_prefix="x/", display_name_limit=40)
    assert tuning_steps(wanted(epochs=epochs, batch=batch).spec, Dataset("sha256:x", 15), silent) is None
