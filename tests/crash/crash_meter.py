"""Runs tunectl and measures what it writes: ``python crash_meter.py RESULT ARGUMENTS…``.

RESULT gets the bytes that went through the store (every ``os.write``: the lockfile and its backup) and, where the
kernel counts them, all bytes that the process passed to write calls.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

stored = 0
really_write = os.write


def write(descriptor: int, data: bytes) -> int:
    global stored  # noqa: PLW0603  # a meter has no other memory
    done = really_write(descriptor, data)
    stored += done
    return done


if __name__ == "__main__":
    result = Path(sys.argv[1])
    sys.argv = ["tunectl", *sys.argv[2:]]
    os.write = write
    from reconciler.__main__ import main

    try:
        main()
    finally:
        counters = Path("/proc/self/io")
        lines = counters.read_text().splitlines() if counters.exists() else []
        everything = next((int(line.split()[1]) for line in lines if line.startswith("wchar")), None)
        result.write_text(json.dumps({"stored": stored, "everything": everything}))
