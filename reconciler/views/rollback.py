"""A rollback in words: what it changes and what it leaves, before it is done and afterwards."""

from __future__ import annotations

from reconciler.core.address import short
from reconciler.core.lockfile import Entry, Instance
from reconciler.core.plan import Pinned
from reconciler.core.text import sanitize
from reconciler.core.upkeep.rollback import Rollback, short_revision
from reconciler.views.paint import painter
from reconciler.views.words import count, guard, time_text


def render_rollback(rollback: Rollback, *, color: bool = False) -> str:
    """Return what a rollback would do, as text that ends with a line feed."""
    paint = painter(color=color)
    former = "is gone, and its record ends" if rollback.gone else "is kept, so that you can go back again"
    facts = [
        ("from", f"{_model(rollback.source)}; {former}"),
        ("to", _model(rollback.target)),
        ("cost", "0 steps: nothing is trained, and nothing deleted now"),
        ("then", _afterwards(rollback)),
    ]
    lines = [f"      {key:<4}  {sanitize(text)}" for key, text in facts]
    return guard("\n".join([f"  = {paint(sanitize(rollback.name), 'bold')}  roll back", *lines]) + "\n")


def render_done(rollback: Rollback) -> str:
    """Return what a rollback has done, on one line."""
    end = "; pinned" if rollback.pinned else ""
    return sanitize(f"Rolled back: {rollback.name} serves {short(rollback.target.resource)}{end}.")


def render_pin(name: str, entry: Entry) -> str:
    """Return which pin a name has, on one line."""
    return pin_line(Pinned(name, entry.current.resource, entry.pin or "", entry.pin_over or ""))


def render_unpinned(name: str, entry: Entry) -> str:
    """Return what ending a pin comes to, on one line."""
    serving = short(entry.current.resource)
    return sanitize(f"Unpinned: {name} serves {serving} until the next apply, which follows its manifest.")


def pin_line(pin: Pinned) -> str:
    """Return on one line what a rollback keeps, against what, and how that ends."""
    return sanitize(
        f"{pin.name}: stays at {short(pin.resource)} ({short_revision(pin.revision)}) by a rollback, although its "
        f"manifest asks for {short_revision(pin.over)}; a changed manifest ends that, and so does "
        f"`tunectl rollback {pin.name} --unpin`"
    )


def _model(instance: Instance) -> str:
    made = "" if instance.create_time is None else f", made {time_text(instance.create_time)}"
    dataset = instance.dataset
    data = f", {count(dataset.examples, 'example')}" if dataset is not None and dataset.counted else ""
    attempt = f", attempt {instance.attempt}" if instance.attempt > 1 else ""
    return f"{instance.resource} (revision {short_revision(instance.revision)}{attempt}{data}{made})"


def _afterwards(rollback: Rollback) -> str:
    """Return what the next applies make of it."""
    if rollback.pinned:
        return (
            f"pinned: apply leaves it in place while the manifest asks for {short_revision(rollback.asked)}; "
            "fields that can be patched follow the manifest"
        )
    if rollback.replacement is not None:
        return (
            f"not pinned: {short(rollback.replacement.resource)} is in the making for the manifest and takes its place "
            f"when it is ready; `tunectl cancel {rollback.name}` stops that"
        )
    return "not pinned: it is of the very revision that the manifest asks for"
