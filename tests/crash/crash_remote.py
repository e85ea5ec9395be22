"""The remote of the sweep: an emulator whose world can be put back, and which watches what it is asked to do.

A model that serves may not be deleted before its successor is ready and the lockfile on disk says so, and what is not
ours may not be changed at all. Such offences are noted as they happen, whatever the end looks like.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crash_project import FOREIGN, LOCKFILE

from reconciler.emulator import Emulator

TRAIN_SECONDS = 3.0
"""Every GET moves the remote's clock by a second, so that a training is over after three looks, on any machine."""
ACCOUNT = "user@example.com"
OTHERS = frozenset({"tunedModels/not-yours-at-all", *(str(model["name"]) for model in FOREIGN["tunedModels"])})
_IDLE_SECONDS = 20.0
_EPOCH = 1_800_000_000.0


@dataclass
class Remote:
    """One world after another, each in the same file. ``wanted`` are the names that are to go on serving."""

    folder: Path
    wanted: frozenset[str]
    offences: list[str] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._emulator: Emulator | None = None
        self._root: Path | None = None
        self._busy = self._ticks = self._kept_ticks = 0
        self._calm = threading.Condition()

    @property
    def emulator(self) -> Emulator:
        """The world of now."""
        assert self._emulator is not None
        return self._emulator

    @property
    def app(self) -> Callable[..., Iterable[bytes]]:
        """The WSGI application; it may be kept while worlds come and go."""
        return self._answer

    def new_world(self) -> None:
        """Begin with nothing but models of others."""
        self._enter(None)
        self.emulator.import_models(FOREIGN)
        self.emulator.occupy("not-yours-at-all", visible=True)

    def save_world(self, path: Path) -> None:
        """Keep the world in a file; it is left, since the file is only whole once it is closed."""
        self.leave()
        self._kept_ticks = self._ticks
        shutil.copyfile(self._file, path)

    def put_back(self, path: Path, root: Path | None) -> None:
        """Bring a kept world back, for the project at ``root``; without one, deletions are not watched."""
        self._enter(path)
        self._ticks = self._kept_ticks
        self._root = root

    def leave(self) -> None:
        """Close the world."""
        self.wait_until_idle()
        if self._emulator is not None:
            self._emulator.close()
            self._emulator = None

    def bought(self) -> int:
        """Count every create that was ever accepted in this world, models of others included."""
        return self.emulator.world.store.last_number()

    def models(self) -> dict[str, dict[str, Any]]:
        """Return all models by resource name: what they are, and whether they are ready."""
        now = self.emulator.world.now()
        with self.emulator.world.store.reading():
            found = list(self.emulator.world.store.models(after=0, account=ACCOUNT))
        return {
            f"tunedModels/{model.id}": {
                "fields": model.fields,
                "version": model.version,
                "patched": model.patched,
                "ready": model.training is None or model.training.ends <= now,
            }
            for model, _, _ in found
        }

    def wait_until_idle(self) -> None:
        """Return as soon as no request is in hand: what a killed client sent last may still be on its way."""
        with self._calm:
            assert self._calm.wait_for(lambda: self._busy == 0, timeout=_IDLE_SECONDS), "a request never ended"

    @property
    def _file(self) -> Path:
        return self.folder / "world.db"

    def _enter(self, path: Path | None) -> None:
        self.leave()
        for leftover in self.folder.glob("world.db*"):
            leftover.unlink()
        if path is not None:
            shutil.copyfile(path, self._file)
        self.offences.clear()
        self._emulator = Emulator(self._file, clock=lambda: _EPOCH + self._ticks, train_seconds=TRAIN_SECONDS)

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self._calm:
            self._busy += 1
            self._ticks += environ["REQUEST_METHOD"] == "GET"
        try:
            return self._handle(environ, start_response)
        finally:
            with self._calm:
                self._busy -= 1
                self._calm.notify_all()

    def _handle(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self._watch(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        return self.emulator.app(environ, start_response)

    def _watch(self, method: str, path: str) -> None:
        """Note what may never be asked for, whatever happened before."""
        if method not in {"DELETE", "PATCH"}:
            return
        resource = f"tunedModels/{path.partition('/tunedModels/')[2]}"
        if resource in OTHERS:
            self.offences.append(f"foreign: {method} of {resource}")
        elif method == "DELETE" and self._root is not None:
            self._watch_deletion(resource, json.loads((self._root / LOCKFILE).read_text())["models"])

    def _watch_deletion(self, resource: str, recorded: dict[str, Any]) -> None:
        models = self.models()
        for name in sorted(self.wanted & recorded.keys()):
            serving = recorded[name]["resource"]
            if serving == resource:
                self.offences.append(f"gap: DELETE of {resource}, which serves {name} as the lockfile has it")
            listed = {item["resource"] for item in (*recorded[name]["deposed"], *recorded[name]["failed"])}
            if resource in listed and not models.get(serving, {}).get("ready"):
                self.offences.append(f"gap: DELETE of {resource} before {serving} is ready")
