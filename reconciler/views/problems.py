"""What is wrong, for people: one line each that an editor can jump to, the line of the manifest, the way past.

Lines of datasets are never shown, nor lines of a manifest that may hold inline examples: training rows stay out of
terminals and logs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from reconciler.core.text import clip, sanitize
from reconciler.errors import Problem, ProblemsError, Refused, StalePlan, TunectlError
from reconciler.views.paint import Paint, painter
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


def render_problems(problems: Sequence[Problem], *, read_lines: ReadLines | None = None, color: bool = False) -> str:
    """Return problems as text that ends with a count of them all.

    Args:
        problems: what was found, in the order to show it.
        read_lines: how to get at the source for excerpts; None shows none.
        color: whether to use SGR codes.
    """
    paint = painter(color=color)
    blocks = ["\n".join(_problem(problem, read_lines, paint)) for problem in islice(problems, SHOWN)]
    if len(problems) > SHOWN:
        blocks.append(f"and {len(problems) - SHOWN:,} more")
    return guard("\n".join((*blocks, counted(problems))) + "\n")


def render_error(error: TunectlError, *, read_lines: ReadLines | None = None, color: bool = False) -> str:
    """Return the end of a failed command: what went wrong, every reason, and the way past."""
    if isinstance(error, ProblemsError):
        return render_problems(error.problems, read_lines=read_lines, color=color)
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


def _problem(problem: Problem, read_lines: ReadLines | None, paint: Paint) -> Iterator[str]:
    place = "" if problem.location is None else f"{sanitize(str(problem.location))}: "
    severity = sanitize(problem.severity)
    yield f"{place}{paint(f'{severity}:', _STYLES.get(severity, 'bold'))} {sanitize(problem.message)}"
    yield from _excerpt(problem, read_lines, paint)
    if problem.hint is not None:
        yield f"  {paint('hint:', 'bold')} {sanitize(problem.hint)}"


def _excerpt(problem: Problem, read_lines: ReadLines | None, paint: Paint) -> Iterator[str]:
    place = problem.location
    if read_lines is None or place is None or place.line is None or not place.file.endswith(_MANIFESTS):
        return
    lines = read_lines(place.file)
    if lines is None or not 0 < place.line <= len(lines) or _may_hold_examples(lines, place.line - 1):
        return
    source = lines[place.line - 1].rstrip("\r\n")
    yield f"{paint(f'{place.line:>5} |', 'dim')} {clip(sanitize(source), _EXCERPT)}".rstrip()
    column = place.column
    if column is not None and 0 < column <= len(source) + 1:
        before = len(sanitize(source[: _pointed(problem.message, source, column - 1)]))
        if before < _EXCERPT:
            yield f"{paint('      |', 'dim')} {' ' * before}{paint('^', 'bold red')}"


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
