"""The bytes of a lease: one small JSON object, read strictly. What cannot be read is never taken for a free lease."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from reconciler.core.lease import Ending, Holder, Lease
from reconciler.core.text import clip, sanitize
from reconciler.errors import LockfileError
from reconciler.stores.holder import holder_json

FORMAT = "tunectl.lease/v1"

_Text = Annotated[str, Field(min_length=1)]
_Time = Annotated[AwareDatetime, Field(strict=False)]


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", alias_generator=to_camel, frozen=True)


class _HolderShape(_Shape):
    host: str
    pid: Annotated[int, Field(ge=0)]
    user: str
    command: str
    run: str | None
    commit: str | None

    def value(self) -> Holder:
        return Holder(self.host, self.pid, self.user, self.command, self.run, self.commit)


class _LeaseShape(_Shape):
    format: Literal["tunectl.lease/v1"]
    id: _Text
    fence: Annotated[int, Field(ge=1)]
    holder: _HolderShape
    since: _Time
    renewed: _Time
    ttl: Annotated[float, Field(gt=0, le=86_400)]
    ended: _Time | None
    broken_by: _HolderShape | None

    def value(self) -> Lease:
        by = None if self.broken_by is None else self.broken_by.value()
        return Lease(
            id=self.id,
            holder=self.holder.value(),
            fence=self.fence,
            since=self.since.timestamp(),
            renewed=self.renewed.timestamp(),
            ttl=self.ttl,
            ended=None if self.ended is None else Ending(self.ended.timestamp(), by),
        )


def encode_lease(lease: Lease) -> bytes:
    """Return a lease as it is stored. Its id is never used again, so the bytes of a former holding never come back."""
    ended = lease.ended
    document: dict[str, Any] = {
        "format": FORMAT,
        "id": lease.id,
        "fence": lease.fence,
        "holder": holder_json(lease.holder),
        "since": _time(lease.since),
        "renewed": _time(lease.renewed),
        "ttl": lease.ttl,
        "ended": None if ended is None else _time(ended.at),
        "brokenBy": None if ended is None or ended.broken_by is None else holder_json(ended.broken_by),
    }
    return f"{json.dumps(document, indent=2)}\n".encode()


def decode_lease(data: bytes, *, address: str) -> Lease:
    """Read a lease; ``address`` is where the bytes came from, for messages.

    Raises:
        LockfileError: this is no lease that we know.
    """
    try:
        return _LeaseShape.model_validate(json.loads(data)).value()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        what, cause = f"{'.'.join(map(str, first['loc']))}: {first['msg']}", error
    except (ValueError, RecursionError, OverflowError) as error:
        raise _unreadable(address, "broken JSON") from error
    raise _unreadable(address, clip(what, 200)) from cause


def _unreadable(address: str, what: str) -> LockfileError:
    return LockfileError(
        f"{sanitize(address)}: no lease that this tunectl can read ({sanitize(what)}); nothing was changed",
        hint="if nobody works on the lockfile, `tunectl lock break` puts a free lease in its place",
    )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
