"""Writes what the commands print today into the pages: ``python tests/docs/docs_rewrite.py [PAGE]...``.

Only outputs that no longer fit are replaced; look at the difference before committing it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from docs_kit import PAGES, ROOT, fits, play, read, steps


def rewrite(page: str) -> bool:
    found = steps(page)
    if not found:
        return False
    with tempfile.TemporaryDirectory() as folder:
        results = play(found, Path(folder))
    lines = read(page).splitlines()
    stale = [
        (step, out) for step, (_, out) in zip(found, results, strict=True) if step.shown and not fits(step.shown, out)
    ]
    for step, output in reversed(stale):
        first = step.line + step.command.count("\n")
        lines[first : first + len(step.shown)] = [line.rstrip() for line in output.rstrip().splitlines()]
    (ROOT / page).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return bool(stale)


if __name__ == "__main__":
    for name in sys.argv[1:] or PAGES:
        print(f"{name}: {'rewritten' if rewrite(name) else 'as it was'}")
