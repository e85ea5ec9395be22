"""Write schemas/*.json from the code, or with --check say which ones are not fresh.

What has a schema, and what makes it, is the table of ``tunectl schema``; the files are what that command prints.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "schemas"
sys.path.insert(0, str(ROOT))

from reconciler.cli.commands.schema import KINDS, render  # noqa: E402 (the checkout comes before what is installed)


def main(arguments: list[str]) -> int:
    """Write or check every schema; 1 if one was not fresh in a check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if a file is not fresh")
    check = parser.parse_args(arguments).check
    stale = []
    for kind in KINDS:
        path, text = FOLDER / f"{kind}.schema.json", render(kind)
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.name)
        if not check:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"{name} {'is not fresh; run make schemas' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
