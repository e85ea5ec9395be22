"""What must hold before a plan may be shown as one that apply can carry out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from reconciler.core.canonical import Json
from reconciler.core.plan import TRAINS, Plan
from reconciler.core.resource import BaseModel, Desired
from reconciler.core.text import did_you_mean, meant
from reconciler.errors import Problem

BASE = "baseModel"


def unmet(
    plan: Plan, desired: Iterable[Desired], bases: Iterable[BaseModel], *, complete: bool = True
) -> tuple[Problem, ...]:
    """Return what stands in the way of the plan's trainings: no dataset, or a base model that cannot be tuned.

    Only actions that train are looked at, since a model that exists needs neither any more. Unless the list of base
    models is ``complete``, one that is not in it is a warning: the service decides.
    """
    tunable = {base.name: base.tunable for base in bases}
    training = {action.name for action in plan.actions if action.kind in TRAINS}
    found = []
    for manifest in desired:
        if manifest.name not in training:
            continue
        if manifest.dataset is None:
            hint = "add spec.dataset.path, or adopt an existing model"
            message = f"{manifest.name}: is to be tuned but has no dataset"
            found.append(Problem(manifest.locate("spec.dataset"), message, hint))
        base = manifest.spec.get(BASE)
        if isinstance(base, str) and not tunable.get(base, False):
            problem = _base_problem(manifest, base, tunable)
            unsure = not complete and base not in tunable
            found.append(replace(problem, severity="warning") if unsure else problem)
    return tuple(found)


def unknown_variants(
    variants: Iterable[Mapping[str, Json]], bases: Iterable[BaseModel], *, complete: bool = True
) -> Iterator[str]:
    """Yield why base models that were asked about cannot be meant, each with what can.

    Unless the list of base models is ``complete``, only one that looks like a slip is: the service decides.
    """
    tunable = {base.name: base.tunable for base in bases}
    choices = sorted(name for name, can_be_tuned in tunable.items() if can_be_tuned)
    for base in dict.fromkeys(str(settings[BASE]) for settings in variants if BASE in settings):
        close = meant(base, choices)
        if not tunable.get(base, False) and (complete or base in tunable):
            what = "cannot be tuned" if base in tunable else "is not known to the service"
            yield f"{base} {what}; {did_you_mean(close, otherwise='tunable here: ' + ', '.join(choices[:5]))}"


def _base_problem(manifest: Desired, base: str, tunable: dict[str, bool]) -> Problem:
    choices = sorted(name for name, can_be_tuned in tunable.items() if can_be_tuned)
    if choices:
        hint = did_you_mean(meant(base, choices), otherwise=f"tunable here: {', '.join(choices[:5])}")
    else:
        hint = "this service offers no base model that can be tuned; see docs/services.md"
    what = "cannot be tuned" if base in tunable else "is not known to the service"
    return Problem(manifest.locate("spec.baseModel"), f"{manifest.name}: base model {base} {what}", hint)
