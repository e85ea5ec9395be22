"""Which requests may be sent now: what depends on another name's model waits for it, and quota is waited for."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.plan import TRAINS, Action, Kind

_REQUESTS = TRAINS | {Kind.UPDATE}


class Schedule:
    """The creates and patches of a plan that are not sent yet. Used from one thread only."""

    def __init__(self, actions: Iterable[Action]) -> None:
        planned = tuple(actions)
        awaited = {action.name for action in planned if action.kind in {Kind.WAIT, Kind.REUSE}}
        self._left: list[tuple[Action, set[str]]] = []
        for action in planned:
            if action.kind in _REQUESTS:
                own = {action.name} & awaited if action.kind is Kind.UPDATE else set()
                self._left.append((action, own | set(action.depends_on)))
        self._deferred: list[tuple[float, Action]] = []

    @property
    def deferred(self) -> bool:
        """Whether something waits for quota."""
        return bool(self._deferred)

    def take(self, now: float) -> list[Action]:
        """Return what may be sent at this time (clock seconds), and hold it no longer."""
        ready = [action for action, needs in self._left if not needs]
        if ready:
            self._left = [(action, needs) for action, needs in self._left if needs]
        due = [action for until, action in self._deferred if until <= now]
        self._deferred = [(until, action) for until, action in self._deferred if until > now]
        return ready + due

    def defer(self, action: Action, *, until: float) -> None:
        """Hold an action back until a time, in clock seconds."""
        self._deferred.append((until, action))

    def hasten(self, now: float) -> None:
        """A running tuning ended, so there may be quota now: hold nothing back for it any longer."""
        self._deferred = [(min(until, now), action) for until, action in self._deferred]

    def succeeded(self, name: str) -> None:
        """A name's model is ready: what depended on it may go."""
        for _, needs in self._left:
            needs.discard(name)

    def failed(self, name: str) -> list[Action]:
        """A name's model will not be ready in this run: return what depends on it, which is held no longer."""
        lost = [action for action, needs in self._left if name in needs]
        self._left = [(action, needs) for action, needs in self._left if name not in needs]
        return lost

    def left(self) -> list[Action]:
        """Return everything that was never sent."""
        return [action for action, _ in self._left] + [action for _, action in self._deferred]
