"""What breaks the rules of a project: which manifests may be planned at all, and which trainings may be bought.

Names and labels are judged for every manifest in scope, since mending them costs nothing. Base models, hyperparameters
and datasets are judged where a plan trains: what exists was bought already, and only another training would change it.
Deciding needs nothing but values; running programs is no business of this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from reconciler.core.descent import base_model_of
from reconciler.core.observation import Observed
from reconciler.core.plan import TRAINS, Action
from reconciler.core.resource import Desired
from reconciler.core.rules import Rules, number_text
from reconciler.errors import Violation

_RATES = ("learningRate", "learningRateMultiplier")


def broken(
    rules: Rules,
    manifests: Iterable[Desired],
    actions: Iterable[Action],
    observed: Observed,
    *,
    defaults: Mapping[str, tuple[int, ...]],
    chosen: Callable[[str], bool],
) -> Iterator[Violation]:
    """Yield what manifests in scope do against the rules, each with the place in the manifest.

    Args:
        rules: what the project allows.
        manifests: all manifests; those out of scope are asked only which base model others descend from.
        actions: what is planned; says which names train.
        observed: says which base model a tuned model that nobody manages here was made of.
        defaults: every value the service may choose for a hyperparameter that is left out.
        chosen: whether a name is in scope.
    """
    if rules == Rules():
        return
    by_name = {manifest.name: manifest for manifest in manifests}
    training = {action.name for action in actions if action.kind in TRAINS}
    for name, manifest in sorted(by_name.items()):
        if not chosen(name):
            continue
        yield from _names(rules, manifest)
        if name in training:
            yield from _base_model(rules, manifest, by_name, observed)
            yield from _hyperparameters(rules, manifest, defaults)
            yield from _examples(rules, manifest)


def _names(rules: Rules, manifest: Desired) -> Iterator[Violation]:
    if rules.name_pattern is not None and re.fullmatch(rules.name_pattern, manifest.name) is None:
        message = f"{manifest.name}: the name does not match policy.namePattern = {rules.name_pattern}"
        yield Violation(message, manifest.locate("metadata.name"), "policy.namePattern")
    for key in rules.labels:
        if not manifest.labels.get(key):
            message = f"{manifest.name}: the label {key} is required (policy.requiredLabels) and missing or empty"
            yield Violation(message, manifest.locate(f"metadata.labels.{key}"), "policy.requiredLabels")


def _base_model(
    rules: Rules, manifest: Desired, by_name: Mapping[str, Desired], observed: Observed
) -> Iterator[Violation]:
    if rules.base_models is None:
        return
    base = base_model_of(manifest, by_name, observed)
    path = "spec.baseModel" if "baseModel" in manifest.spec else "spec.source"
    allowed = ", ".join(rules.base_models) or "none"
    if base is None:
        message = (
            f"{manifest.name}: which base model it descends from cannot be told; policy.allowedBaseModels: {allowed}"
        )
    elif not any(fnmatchcase(base, pattern) for pattern in rules.base_models):
        message = f"{manifest.name}: base model {base} is not among policy.allowedBaseModels: {allowed}"
    else:
        return
    yield Violation(message, manifest.locate(path), "policy.allowedBaseModels")


def _hyperparameters(rules: Rules, manifest: Desired, defaults: Mapping[str, tuple[int, ...]]) -> Iterator[Violation]:
    written = manifest.spec.get("hyperparameters")
    values = written if isinstance(written, Mapping) else {}
    for key, bounds in rules.hyperparameters.items():
        rule, given = f"policy.hyperparameters.{key}", values.get(key)
        place = manifest.locate(f"spec.hyperparameters.{key}")
        if isinstance(given, int | float):
            if not bounds.hold(given):
                message = f"{manifest.name}: {key} is {number_text(given)} and must be {bounds} ({rule})"
                yield Violation(message, place, rule)
        elif key in _RATES and any(other in values and other in rules.hyperparameters for other in _RATES):
            continue  # the other way to say how large a step is has bounds of its own
        elif not defaults.get(key):
            message = (
                f"{manifest.name}: {key} is not set and must be {bounds} ({rule}); what the service picks is unknown"
            )
            yield Violation(message, place, rule)
        elif not all(bounds.hold(value) for value in defaults[key]):
            picks = " or ".join(map(str, defaults[key]))
            message = f"{manifest.name}: {key} is not set and must be {bounds} ({rule}); the service picks {picks}"
            yield Violation(message, place, rule)


def _examples(rules: Rules, manifest: Desired) -> Iterator[Violation]:
    if manifest.dataset is not None and not rules.examples.hold(manifest.dataset.examples):
        number = f"{manifest.dataset.examples:,} examples"
        if not manifest.dataset.counted:
            number = "examples that nobody here counts (dataset.uri)"
        message = f"{manifest.name}: the dataset has {number} and must have {rules.examples} (policy.dataset)"
        yield Violation(message, manifest.locate("spec.dataset"), "policy.dataset")
