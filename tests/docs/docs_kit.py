"""Reads the Markdown of the repository: pages, blocks, links, tables, and the sessions in ``console`` blocks.

A ``console`` block is a terminal session that is run: lines that begin with ``$ `` are commands (``> `` continues one),
what follows is what they print, both streams together. A line that is just ``…`` stands for any number of lines. The
blocks of one page are one session in one copy of the example. A command has to succeed unless the next one is
``echo $?``. A command with nothing shown under it may print anything. ``sh`` blocks have runners of their
own (``test_docs_blocks`` says which).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.md"))
)
HOME = "/home/you/demo"
ANY_LINES = "…"

_FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,})(?P<info>[^`\n]*)$")
_HEADING = re.compile(r"^#{1,6} +(?P<text>.+?) *#*$")
_LINK = re.compile(r"(?<!!)\[(?:[^\]\[]|\[[^\]]*\])*\]\((?P<target>[^()\s]+)\)")
_MARK = "::docs-session::"
_MOVING = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\bin \d+s\b"), "in <n>s"),
    (re.compile(r"\b\d+ ms\b"), "<n> ms"),
    (re.compile(r"\babout \d+s +"), "about <n>s "),
    (re.compile(r"\babout \d+s$", re.MULTILINE), "about <n>s"),
    (re.compile(r"\bTIME +COST\b"), "TIME COST"),
    (re.compile(r"\b[0-9.]+s a step\b"), "<n>s a step"),
    (re.compile(r"(took|foreseen were) (\d+ steps), \d+s"), r"\1 \2, <n>s"),
    (re.compile(r'"(seconds|secondsAtMost|secondsPerStep)": [0-9.]+'), r'"\1": <n>'),
    (re.compile(r'"serial": \d+'), '"serial": <n>'),
    (re.compile(r'"(head|hash|prev)": ?"sha256:[0-9a-f]{64}"'), r'"\1": "<hash>"'),
)


@dataclass(frozen=True)
class Block:
    """A fenced block: the info string, the text, and the line it begins on, from 1."""

    info: str
    text: str
    line: int


@dataclass(frozen=True)
class Step:
    """One command of a session, what the page shows under it, and the line it stands on."""

    command: str
    shown: tuple[str, ...]
    line: int


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page."""
    found, open_fence, inside, start = [], None, [], 0
    for number, line in enumerate(text.splitlines(), 1):
        fence = _FENCE.match(line)
        if open_fence is None:
            if fence:
                open_fence, inside, start = fence, [], number
        elif fence and not fence["info"].strip() and len(fence["ticks"]) >= len(open_fence["ticks"]):
            found.append(Block(open_fence["info"].strip(), "\n".join(inside), start))
            open_fence = None
        else:
            inside.append(line.removeprefix(open_fence["indent"]))
    assert open_fence is None, f"the fence opened on line {start} is never closed"
    return found


def prose(text: str) -> str:
    """Return a page without its fenced blocks and inline code, line for line."""
    lines, ticks = [], ""
    for line in text.splitlines():
        fence = _FENCE.match(line)
        if ticks:
            lines.append("")
            if fence and not fence["info"].strip() and len(fence["ticks"]) >= len(ticks):
                ticks = ""
        elif fence:
            ticks = fence["ticks"]
            lines.append("")
        else:
            lines.append(line)
    return "\n".join(lines)


def links(text: str) -> list[str]:
    """Return the targets of a page's links, images left out."""
    plain = re.sub(r"`+[^`\n]*`+", lambda match: "x" * len(match.group()), prose(text))
    return [match["target"] for match in _LINK.finditer(plain)]


def anchors(text: str) -> set[str]:
    """Return the anchors GitHub gives a page's headings; equal ones are numbered."""
    seen: dict[str, int] = {}
    found = set()
    for line in prose(text).splitlines():
        heading = _HEADING.match(line)
        if heading:
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading["text"])
            slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            number = seen.get(slug, 0)
            seen[slug] = number + 1
            found.add(f"{slug}-{number}" if number else slug)
    return found


def tables(text: str, *, head: str) -> list[list[str]]:
    """Return the rows of every table whose first heading is ``head``; cells without their backticks."""
    rows: list[list[str]] = []
    state = "outside"
    for line in prose(text).splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))] if "|" in line else []
        if not line.lstrip().startswith("|"):
            state = "outside"
        elif state == "outside":
            state = "ruled" if cells[0] == head else "other"
        elif state == "ruled":
            state = "inside"
        elif state == "inside":
            rows.append([cell.replace("\\|", "|").strip() for cell in cells])
    return rows


def code(cell: str) -> str:
    """Return a table's cell without backticks."""
    return cell.replace("`", "")


def steps(page: str) -> list[Step]:
    """Return the commands of a page's ``console`` blocks, in order."""
    found = []
    for block in blocks(read(page)):
        if block.info == "console":
            found.extend(_steps(block))
    return found


def _steps(block: Block) -> Iterator[Step]:
    command, shown, line = "", [], 0
    for number, text in enumerate(block.text.splitlines(), block.line + 1):
        if text.startswith("$ "):
            if command:
                yield Step(command, tuple(shown), line)
            command, shown, line = text[2:], [], number
        elif text.startswith("> ") and not shown:
            command += "\n" + text[2:]
        else:
            assert command, f"line {number}: a console block begins with a command"
            shown.append(text)
    if command:
        yield Step(command, tuple(shown), line)


def play(found: list[Step], folder: Path) -> list[tuple[int, str]]:
    """Run a session in a fresh copy of the example; return exit code and output of each command."""
    for name in ("tunectl.yaml", "manifests", "schemas"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    script = ["s=0"]
    for step in found:
        script += ["{ (exit $s)", step.command, "} 2>&1", f"s=$?; printf '%s%d\\n' '{_MARK}' $s"]
    ended = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    text = ended.stdout.decode().replace(str(folder.resolve()), HOME).replace(str(folder), HOME)
    results, rest = [], text
    for _ in found:
        output, mark, rest = rest.partition(_MARK)
        assert mark, f"the session ended early:\n{text}"
        status, _, rest = rest.partition("\n")
        results.append((int(status), output))
    return results


def _environment(folder: Path) -> dict[str, str]:
    ours = ("TUNECTL_", "GOOGLE_", "CLOUDSDK_", "GCE_", "GITHUB_", "CI", "NO_COLOR")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "COLUMNS": "100",
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
        "NO_GCE_CHECK": "true",
        "TUNECTL_EMULATOR_TRAIN_SECONDS": "0.2",
        "TUNECTL_POLL_INTERVAL": "0.05",
        "TUNECTL_ACTOR": "you",
    }


def fits(shown: tuple[str, ...], output: str) -> bool:
    """Tell whether an output is what a page shows, times and the like apart."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == ANY_LINES else re.escape(still(line.rstrip())) + "\n" for line in _trimmed(shown)
    )
    actual = "".join(f"{line.rstrip()}\n" for line in _trimmed(tuple(still(output).splitlines())))
    return re.fullmatch(pattern, actual) is not None


def _trimmed(lines: tuple[str, ...]) -> list[str]:
    kept = list(lines)
    while kept and not kept[-1].strip():
        kept.pop()
    return kept


def still(text: str) -> str:
    """Return a text without what differs from run to run."""
    for pattern, word in _MOVING:
        text = pattern.sub(word, text)
    return text
