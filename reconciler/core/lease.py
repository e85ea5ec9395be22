"""Who may write the lockfile: a lease that expires, as a value, and every step it may take.

Two things keep a holder that slept from doing harm, and neither trusts a clock: whoever takes a lease writes it by
compare-and-swap, and carries a *fence* that only grows and that the lockfile remembers. Clocks only decide how soon a
silent holder is succeeded. A process lock, which dies with its holder, is shown as a lease that never expires.
Where leases are kept is the business of ``stores/``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from reconciler.core.text import clip, sanitize

TTL = 60.0
"""Seconds for which a lease holds after its last renewal; it is renewed three times as often."""

GRACE = 30.0
"""Seconds that others wait beyond it, for clocks that differ between machines and for a renewal on its way."""

NONE, UNREADABLE = "none", "unreadable"
"""Ids that no lease has: of no lease at all, and of what stands in a lease's place but is none."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0
_WORD = 120
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


class Standing(StrEnum):
    """What a lease means to somebody who wants it."""

    FREE = "free"
    HELD = "held"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who works on a lockfile, for those who have to wait.

    ``pid`` is 0 if it is not known. ``run`` is the URL of a CI run, ``commit`` the commit it works on.
    """

    host: str
    pid: int
    user: str
    command: str
    run: str | None = None
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """When a lease ended, and who ended it if not its holder."""

    at: float
    broken_by: Holder | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """One holder's time with a lockfile. Times are seconds since the epoch, by the holder's clock.

    ``id`` is this holding's own and never used again, so that a write whose answer was lost is recognised. ``ttl`` is
    in seconds, None for a process lock, which lasts as long as its holder lives.
    """

    id: str
    holder: Holder
    fence: int
    since: float
    renewed: float
    ttl: float | None = TTL
    ended: Ending | None = None


def standing(lease: Lease | None, now: float) -> Standing:
    """Tell what a lease means at a time.

    ====================================  =======
    lease                                 means
    ====================================  =======
    none, or ended                        free
    of a process that lives               held
    renewed within ttl and grace          held
    renewed longer ago                    expired
    ====================================  =======
    """
    if lease is None or lease.ended is not None:
        return Standing.FREE
    if lease.ttl is None or now <= lease.renewed + lease.ttl + GRACE:
        return Standing.HELD
    return Standing.EXPIRED


def take(found: Lease | None, *, own_id: str, holder: Holder, now: float, ttl: float, least_fence: int) -> Lease | None:
    """Return the lease that takes the place of the one that was found, or None while that one is held.

    Its fence is beyond the found one's and not below ``least_fence``.
    """
    if standing(found, now) is Standing.HELD:
        return None
    fence = max(least_fence, 1 if found is None else found.fence + 1)
    return Lease(own_id, holder, fence, since=now, renewed=now, ttl=ttl)


def may_still_act(former: Lease | None, recorded_fence: int) -> bool:
    """Tell whether the holder of a former lease may be alive and think that it holds it.

    It may, unless it said itself that it was through. Where no lease is left, the lockfile's fence says whether there
    ever was one.
    """
    if former is None:
        return recorded_fence > 0
    return former.ended is None or former.ended.broken_by is not None


def good_until(lease: Lease) -> float:
    """Return until when its own holder may rely on a lease; others wait longer."""
    return float("inf") if lease.ttl is None else lease.renewed + lease.ttl


def renew(lease: Lease, now: float) -> Lease:
    """Return the lease with a fresh sign of life; a clock that was set back does not age it."""
    return replace(lease, renewed=max(now, lease.renewed))


def release(lease: Lease, now: float) -> Lease:
    """Return the lease as its holder leaves it: ended, its fence kept for the next one."""
    return replace(lease, ended=Ending(now))


def break_off(lease: Lease, now: float, by: Holder) -> Lease:
    """Return the lease as ended by somebody else."""
    return replace(lease, ended=Ending(now, broken_by=by))


def is_ours(found: Lease | None, mine: Lease) -> bool:
    """Tell whether a stored lease is this holding, still going on, whichever of its writes has arrived."""
    return found is not None and found.id == mine.id and found.ended is None


def silent_for(lease: Lease, now: float) -> float:
    """Return for how many seconds nothing was heard of the holder; a process lock is heard of only at its start."""
    return max(0.0, now - lease.renewed)


def pause_before(attempt: int, *, left: float) -> float:
    """Return for how many seconds to wait before looking again, ``left`` seconds at most.

    The pauses double from half a second to five.
    """
    return min(_FIRST_PAUSE * (1 << min(attempt, 10)), _LONGEST_PAUSE, left)


def holder_text(holder: Holder) -> str:
    """Return who a holder is, in one line that is safe to print whatever somebody wrote there."""
    words = f"{_safe(holder.command)} of {_safe(holder.user)} on {_safe(holder.host)}"
    words += f", process {holder.pid}" if holder.pid else ""
    words += "" if holder.run is None else f", run {_safe(holder.run)}"
    return words if holder.commit is None else f"{words}, commit {_safe(holder.commit)}"


def lease_text(lease: Lease, now: float) -> str:
    """Return who holds a lease, since when, and for leases that are renewed when its holder was last heard of."""
    words = f"{holder_text(lease.holder)}, since {stamp(lease.since)}"
    return words if lease.ttl is None else f"{words}, last heard of {ago(silent_for(lease, now))}"


def ago(seconds: float) -> str:
    """Return how long ago something was, in the largest unit that fits."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= 2 * unit:
            return f"{seconds // unit:.0f} {name} ago"
    return f"{seconds:.0f} s ago"


def stamp(seconds: float) -> str:
    """Return a time as RFC 3339 in UTC, to the second; one that no calendar holds is said to be unknown."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return "an unknown time"


def _safe(text: str) -> str:
    return clip(sanitize(text), _WORD)
