"""What is wrong, for people: one line each that an editor can jump to, the line of the manifest, the way past.

Lines of datasets, and lines of a manifest that may hold inline examples, are shown to somebody at a terminal only:
training rows stay out of pipes, logs and files.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from reconciler.core.text import clip, sanitize
from reconciler.errors import Problem, ProblemsError, Refused, StalePlan, TunectlError
from reconciler.views.paint import Paint, painter
from reconciler.views.row_excerpt import FORMATS, excerpt_row
from reconciler.views.words import count, guard

ReadLines = Callable[[str], list[str] | None]
"""Gives the lines of a file the user wrote, or None for what must not be shown."""

SHOWN = 200
_MANIFESTS = (".yaml", ".yml")
_EXCERPT = 160
_QUOTED = re.compile("'([^']*)'")
_SLASH = re.compile("/")
_KEY = re.compile(r"""["']?[\w.-]+["']?\s*:\s+[^\s#,]*""")
"""What may stand between the place of a problem and the value that it is about: a key, and how the value begins."""
_EXAMPLES = re.compile(r"""(^|[\s{,\-"'])examples["']?\s*:""")
_STYLES = {"error": "bold red", "warning": "bold yellow"}


def render_problems(
    problems: Sequence[Problem], *, read_lines: ReadLines | None = None, color: bool = False, rows: bool = False
) -> str:
    """Return problems as text that ends with a count of them all.

    Args:
        problems: what was found, in the order to show it.
        read_lines: how to get at the source for excerpts; None shows none.
        color: whether to use SGR codes.
        rows: whether lines that may hold training data are shown as well, which only a terminal may get.
    """
    paint = painter(color=color)
    blocks = ["\n".join(_problem(problem, read_lines, paint, rows)) for problem in islice(problems, SHOWN)]
    if len(problems) > SHOWN:
        blocks.append(f"and {len(problems) - SHOWN:,} more")
    return guard("\n".join((*blocks, counted(problems))) + "\n")


def render_error(
    error: TunectlError, *, read_lines: ReadLines | None = None, color: bool = False, rows: bool = False
) -> str:
    """Return the end of a failed command: what went wrong, every reason, and the way past."""
    if isinstance(error, ProblemsError):
        return render_problems(error.problems, read_lines=read_lines, color=color, rows=rows)
    paint = painter(color=color)
    lines = [f"{paint('error:', 'bold red')} {sanitize(error.message)}"]
    reasons = tuple(map(str, error.violations)) if isinstance(error, Refused) else ()
    reasons = error.details if isinstance(error, StalePlan) else reasons
    lines += [f"  {sanitize(reason)}" for reason in reasons]
    if error.hint is not None:
        lines.append(f"  {paint('hint:', 'bold')} {sanitize(error.hint)}")
    return guard("\n".join(lines) + "\n")


def counted(problems: Iterable[Problem]) -> str:
    """Return how many errors and warnings there are."""
    severities = [problem.severity for problem in problems]
    numbers = ((severities.count(severity), severity) for severity in ("error", "warning"))
    return ", ".join(count(number, severity) for number, severity in numbers if number) or "no problems"


def _problem(problem: Problem, read_lines: ReadLines | None, paint: Paint, rows: bool) -> Iterator[str]:
    place = "" if problem.location is None else f"{sanitize(str(problem.location))}: "
    severity = sanitize(problem.severity)
    yield f"{place}{paint(f'{severity}:', _STYLES.get(severity, 'bold'))} {sanitize(problem.message)}"
    yield from _excerpt(problem, read_lines, paint, rows)
    if problem.hint is not None:
        yield f"  {paint('hint:', 'bold')} {sanitize(problem.hint)}"


def _excerpt(problem: Problem, read_lines: ReadLines | None, paint: Paint, rows: bool) -> Iterator[str]:
    place = problem.location
    if read_lines is None or place is None or place.line is None:
        return
    of_rows = place.file.lower().endswith(tuple(FORMATS))
    if not (place.file.endswith(_MANIFESTS) or (rows and of_rows)):
        return
    lines = read_lines(place.file)
    if lines is None or not 0 < place.line <= len(lines):
        return
    if of_rows:
        part = excerpt_row(lines, place, problem.message)
        text, before = part.text, part.before
    elif rows or not _may_hold_examples(lines, place.line - 1):
        text, before = _of_manifest(problem, lines[place.line - 1].rstrip("\r\n"), place.column)
    else:
        return
    yield f"{paint(f'{place.line:>5} |', 'dim')} {text}".rstrip()
    if before is not None:
        yield f"{paint('      |', 'dim')} {' ' * _columns(before)}{paint('^', 'bold red')}"


def _of_manifest(problem: Problem, source: str, column: int | None) -> tuple[str, str | None]:
    """Return a line of a manifest as it prints, and how what stands before the place prints if the line has it."""
    text = clip(sanitize(source), _EXCERPT)
    if column is None or not 0 < column <= len(source) + 1:
        return text, None
    before = sanitize(source[: _pointed(problem.message, source, column - 1)])
    return text, before if len(before) < _EXCERPT else None


def _columns(text: str) -> int:
    """Return how many columns of a terminal a text takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )


def _pointed(message: str, source: str, start: int) -> int:
    """Return where the caret belongs: at the value that the message quotes, if it stands behind its key, else there.

    A path is quoted from the project's folder and written from the manifest's, so its end is what is looked for.
    """
    for quoted in _QUOTED.findall(message):
        for at in (0, *(slash.end() for slash in _SLASH.finditer(quoted))):
            found = source.find(quoted[at:], start) if quoted[at:] else -1
            if found >= 0 and _KEY.fullmatch(source[start:found]):
                return found
    return start


def _may_hold_examples(lines: Sequence[str], index: int) -> bool:
    """Tell whether a line of YAML may lie within ``examples:``, erring on the side of silence.

    Climbs to the lines that this one is nested in; siblings on the same level count as well, since YAML lets a list
    stand as far left as its key.
    """
    level = len(lines[index]) + 1
    for line in reversed(lines[: index + 1]):
        text = line.lstrip(" ")
        indent = len(line) - len(text)
        if not text.strip() or text.startswith("#") or indent > level:
            continue
        level = indent
        if _EXAMPLES.search(line):
            return True
        if text.startswith("---"):
            return False
    return False
