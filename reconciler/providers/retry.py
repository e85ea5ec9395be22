"""Trying again: the only retry policy of the package, as one value and the tally of one request.

What may be tried again follows AIP-194: UNAVAILABLE and lost connections, and only if sending twice does no harm. On
top of that 429 is waited out, which AIP-194 leaves to the caller because quota may take hours. The pauses follow the
service's own advice where it gives any.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import SystemRandom
from typing import TYPE_CHECKING, Final, cast

from reconciler.core.event import Event, Retried
from reconciler.errors import QuotaExhausted, Unavailable
from reconciler.ports.clock import Clock
from reconciler.providers.faults import Answer, Fault

if TYPE_CHECKING:
    import tenacity

__all__ = ["READ", "Patience", "Tally"]

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_random: Final = SystemRandom().random


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one request is worth trying.

    ``tries`` counts requests, ``pauses`` is the sum of seconds between them. ``quota`` is a purse of its own, in
    seconds, for pauses that the service asks for with 429; without it, 429 is paid like any other failure. ``resend``
    is False for a request that might do its work twice: it is sent again only if the service refused or never saw it.
    ``queues`` says that the caller has other things to do until there is quota: 429 is handed on at once.
    """

    tries: int = 5
    pauses: float = 30.0
    quota: float = 0.0
    resend: bool = True
    queues: bool = False


READ: Final = Patience()
"""Reads give up after 5 tries or 30 seconds of pauses."""


@dataclass(slots=True)
class Tally:
    """What one request has cost so far, and whether to go on.

    ``what`` names the request in events. ``random`` returns a number within [0, 1) for the jitter of pauses.
    """

    what: str
    patience: Patience
    clock: Clock
    report: Callable[[Event], None]
    random: Callable[[], float] = _random
    doubtful: bool = field(default=False, init=False)
    """Whether an earlier try may have been carried out although no answer said so."""
    _failures: int = field(default=0, init=False)
    _waits: int = field(default=0, init=False)
    _paused: float = field(default=0.0, init=False)
    _quota: float = field(default=0.0, init=False)
    _cut_short: Fault | None = field(default=None, init=False)

    def run(self, attempt: Callable[[], Answer | Fault]) -> Answer | Fault:
        """Call ``attempt`` until it answers, fails for good, or patience ends; return what it said last."""
        first = attempt()
        if not self._worth_trying(first):
            return first
        import tenacity  # noqa: PLC0415  most requests are answered at once, and it costs as much as all our adapters

        known = [first]
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_result(self._worth_trying),
            wait=self._pause,
            stop=self._spent,
            before_sleep=self._rest,
            sleep=_not_at_all,
            retry_error_callback=_last,
        )
        # A run that is being stopped submits nothing more, so a pause that was cut short is followed by no request.
        outcome: Answer | Fault = retrying(lambda: known.pop() if known else self._cut_short or attempt())
        return outcome

    def _worth_trying(self, outcome: Answer | Fault) -> bool:
        if isinstance(outcome, Answer) or self._cut_short is not None:
            return False
        if isinstance(outcome.error, QuotaExhausted):
            return not self.patience.queues
        if not isinstance(outcome.error, Unavailable) or (outcome.sent and not self.patience.resend):
            return False
        self.doubtful = self.doubtful or outcome.sent
        return True

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """Return the next pause: the service's advice and a little more, or an exponential one with jitter."""
        if patient := self._patient(state):
            self._waits += 1
        else:
            self._failures += 1
        advice = _fault(state).advice
        if advice is not None:
            # Ten workers that were told the same second would come back as one.
            return advice + self.random() * min(1.0, 0.1 * advice + 0.1)
        rank = self._waits if patient else self._failures
        ceiling = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** (rank - 1))
        return ceiling * (0.5 + 0.5 * self.random())

    def _spent(self, state: tenacity.RetryCallState) -> bool:
        pause = state.upcoming_sleep
        if self._patient(state):
            self._quota += pause
            return self._quota > self.patience.quota
        self._paused += pause
        return self._failures >= self.patience.tries or self._paused > self.patience.pauses

    def _patient(self, state: tenacity.RetryCallState) -> bool:
        return self.patience.quota > 0 and isinstance(_fault(state).error, QuotaExhausted)

    def _rest(self, state: tenacity.RetryCallState) -> None:
        """Tell and pause; a clock that comes back early says that the run is being stopped."""
        self._announce(state)
        since = self.clock.now()
        self.clock.sleep(state.upcoming_sleep)
        if self.clock.now() - since < 0.5 * state.upcoming_sleep:
            self._cut_short = _fault(state)

    def _announce(self, state: tenacity.RetryCallState) -> None:
        error = _fault(state).error
        if error.http_status is None:
            reason = "the connection was lost"
        else:
            word = "no quota left, waiting for it" if self._patient(state) else error.status
            reason = f"{word} (HTTP {error.http_status})"
        self.report(Retried(self.what, reason, state.upcoming_sleep, state.attempt_number))


def _fault(state: tenacity.RetryCallState) -> Fault:
    # tenacity asks only about tries that are over, and only about those that are worth another, which are faults.
    return cast("Fault", cast("tenacity.Future", state.outcome).result())


def _last(state: tenacity.RetryCallState) -> Answer | Fault:
    return _fault(state)


def _not_at_all(_seconds: float) -> None:
    """Stand in for tenacity's own sleep, which would come after ours."""
