"""Which requests may be sent now: what depends on another name's model waits for it, and quota is waited for."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.plan import TRAINS, Action, Kind

_LONGEST = 10.0
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
        self._probes: set[str] = set()
        self._width = 1
        self._refusals = 0

    @property
    def pause(self) -> float:
        """How many times the usual pause to wait for quota: twice as long after each refusal in a row, up to ten."""
        return min(_LONGEST, 2.0**self._refusals)

    @property
    def deferred(self) -> bool:
        """Whether something waits for quota."""
        return bool(self._deferred)

    def take(self, now: float) -> list[Action]:
        """Return what may be sent at this time (clock seconds), and hold it no longer."""
        ready = [action for action, needs in self._left if not needs]
        if ready:
            self._left = [(action, needs) for action, needs in self._left if needs]
        return ready + self._probe(now)

    def _probe(self, now: float) -> list[Action]:
        """Return what is to try whether there is quota again: one, and twice as many as each that found some.

        Quota is often for one tuning at a time. If all that wait tried whenever one ends, the refused requests would
        grow with the square of the models.
        """
        due = [action for until, action in self._deferred if until <= now]
        chosen = due[: max(0, self._width - len(self._probes))]
        self._probes.update(action.name for action in chosen)
        self._deferred = [(until, action) for until, action in self._deferred if action not in chosen]
        return chosen

    def landed(self, action: Action) -> bool:
        """An action that was taken has been answered; return whether it was one that had waited for quota."""
        probed = action.name in self._probes
        self._probes.discard(action.name)
        return probed

    def defer(self, action: Action, *, until: float, again: bool = False) -> None:
        """Hold an action back until a time, in clock seconds; who is refused ``again`` stays the first of the queue."""
        self._width = 1
        self._deferred.insert(0 if again else len(self._deferred), (until, action))
        if again:
            self._refusals += 1
            self._deferred = [(max(until, other), waiting) for other, waiting in self._deferred]

    def widen(self, now: float) -> None:
        """Who had waited for quota has found some, so there may be more: twice as many may try, and at once."""
        self._width *= 2
        self.hasten(now)

    def hasten(self, now: float) -> None:
        """A running tuning ended, so there may be quota now: the next may try at once."""
        self._refusals = 0
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
