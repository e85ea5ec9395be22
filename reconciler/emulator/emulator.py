"""The emulator as an object: a world, the WSGI application over it, and what a test does to both."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack

from reconciler.emulator import access
from reconciler.emulator import seed as seeds
from reconciler.emulator.app import App
from reconciler.emulator.control import change_settings
from reconciler.emulator.faults import Fault, Faults
from reconciler.emulator.problems import ApiError
from reconciler.emulator.store import Store
from reconciler.emulator.world import Request, Settings, SettingValues, World
from reconciler.errors import UsageError

if TYPE_CHECKING:
    import httpx


class Emulator:
    """Google's tuning services, tunedModels and Vertex AI with its Cloud Storage, without any training.

    Args:
        data: the file the models live in, in a folder that exists; None keeps them in memory.
        clock: seconds since the epoch; a test may give its own.
        sleep: how a ``delay`` fault waits.
        seed: a recorded answer of tunedModels.list to start from; loaded once per data file.
        faults: what is to go wrong, see ``Fault``.
        settings: see ``Settings``: train_seconds (20), listing_lag, operation_ttl, concurrent_tunings, require_auth,
            require_quota_project, accounts, retired, record_bodies, over_quota, operation_seconds, undeploy_lag,
            buckets.

    ``app`` is the WSGI callable, ``faults`` the faults that wait, ``settings`` may be changed at any time. Safe to use
    from several threads; several processes may share a data file.

    Raises:
        StoreError: if the data file cannot be used.
        UsageError: if the seed is no listing or a setting is unknown.
    """

    def __init__(
        self,
        data: Path | None = None,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        seed: Path | None = None,
        faults: Iterable[Fault] = (),
        **settings: Unpack[SettingValues],
    ) -> None:
        chosen = Settings()
        change_settings(chosen, settings)
        self.faults = Faults(faults)
        self.world = World(store=Store(data), clock=clock, settings=chosen, faults=self.faults)
        self.app = App(self.world, sleep=sleep)
        try:
            if seed is not None:
                seeds.load_seed(self.world, seed)
        except UsageError:
            self.close()
            raise

    @property
    def settings(self) -> Settings:
        """What may be changed while the emulator runs."""
        return self.world.settings

    @property
    def requests(self) -> tuple[Request, ...]:
        """The log of API requests so far, oldest first; control requests are not in it."""
        return tuple(self.world.log)

    def clear_requests(self) -> None:
        """Empty the log."""
        self.world.log.clear()

    def advance(self, seconds: float) -> None:
        """Turn the clock forward, on top of what ``clock`` says. A data file remembers it.

        Raises:
            UsageError: if the number is negative, or they are more than 1e9 in all.
        """
        self.world.turn(seconds)

    def transport(self) -> httpx.BaseTransport:
        """Return an httpx transport to the application, on which faults look as they do over a port."""
        from reconciler.emulator.transport import EmulatorTransport  # noqa: PLC0415 - httpx is heavy, and a server needs none

        return EmulatorTransport(self.app)

    def import_models(self, listing: Mapping[str, Any]) -> int:
        """Load the models of a tunedModels.list answer; taken ids are left alone. Return how many came in.

        Raises:
            UsageError: if it is no listing.
        """
        try:
            return seeds.import_listing(self.world, listing)
        except ApiError as error:
            raise UsageError(f"no listing of tuned models: {error.message}") from error

    def occupy(self, model_id: str, *, refusal: int = 403, visible: bool = False) -> None:
        """Let somebody else hold an id: a create meets 403 or 409, a get 403 (or the model, if it is visible)."""
        access.occupy(self.world, model_id, refusal=refusal, visible=visible)

    def remove(self, model_id: str) -> bool:
        """Let somebody delete a model behind everybody's back; False if there is none.

        A model or an endpoint of Vertex AI goes by its resource name, ``projects/…``.
        """
        return access.remove(self.world, model_id)

    def close(self) -> None:
        """Close the data file."""
        self.world.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
