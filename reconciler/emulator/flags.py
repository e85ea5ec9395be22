"""What ``tunectl emulator`` and ``python -m reconciler.emulator`` make of their flags, so that both mean the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reconciler.emulator.access import REFUSALS
from reconciler.emulator.emulator import Emulator
from reconciler.emulator.faults import parse_fault
from reconciler.emulator.world import ACCOUNT
from reconciler.errors import UsageError


def open_emulator(
    *, faults: Iterable[str], tokens: Iterable[str], occupied: Iterable[str], **settings: Any
) -> Emulator:
    """Open an emulator as flags describe it.

    Args:
        faults: as ``parse_fault`` reads them.
        tokens: ``TOKEN=EMAIL``; without an address they stand for the default account.
        occupied: ``ID`` or ``ID=409``: ids that somebody else holds, and what a create of one meets (403).
        **settings: the other arguments of ``Emulator``, as they are.

    Raises:
        StoreError: if the data file cannot be used.
        UsageError: if a flag cannot be read.
    """
    held = [_read_occupied(text) for text in occupied]
    accounts = dict(_read_token(text) for text in tokens)
    emulator = Emulator(faults=[parse_fault(text) for text in faults], accounts=accounts, **settings)
    for model_id, refusal in held:
        emulator.occupy(model_id, refusal=refusal)
    return emulator


def _read_token(text: str) -> tuple[str, str]:
    token, _, email = text.partition("=")
    if not token:
        raise UsageError(f"token: {text!r} names no token", hint="TOKEN=somebody@example.com")
    return token, email or ACCOUNT


def _read_occupied(text: str) -> tuple[str, int]:
    model_id, equals, refusal = text.partition("=")
    if not model_id or (equals and refusal not in map(str, REFUSALS)):
        raise UsageError(f"occupied: {text!r} is neither ID nor ID=403 nor ID=409")
    return model_id, int(refusal or REFUSALS[0])
