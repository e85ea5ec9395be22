"""``tunectl doctor``."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING

import click

from reconciler.cli.command import Command
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option
from reconciler.cli.streams import columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reconciler.cli.checkup import Finding
    from reconciler.core.canonical import Json

_BROKEN, _DENIED = 1, 3
_WIDEST = 96
_STYLES = {"ok": "green", "fail": "bold red", "skipped": "dim"}
_FORMS = ("text", "json")


@click.command(
    "doctor",
    cls=Command,
    epilog="Example: tunectl doctor --format json\n\nExit codes: 0 all fine, 3 permission, 1 else.",
)
@format_option(*_FORMS)
@click.pass_obj
def command(invocation: Invocation, /, outputs: Outputs) -> int:
    """Check Python, project, credentials and service, one line each, with the command that mends what is wrong."""
    from reconciler.cli.checkup import examine
    from reconciler.views.paint import painter
    from reconciler.views.words import json_text

    invocation.tries = 1  # a service that does not answer is a finding, not something to wait out
    findings = tuple(examine(invocation))
    outputs.write(
        {
            "text": lambda: _text(findings, painter(color=invocation.color(sys.stdout))),
            "json": lambda: json_text(_document(findings)) + "\n",
        }
    )
    failed = [finding for finding in findings if finding.state == "fail"]
    if any(finding.denied for finding in failed):
        return _DENIED
    return _BROKEN if failed else 0


def _text(findings: Sequence[Finding], paint: Callable[[str, str], str]) -> str:
    lines, margin = [], " " * 24
    room = max(len(margin), min(_WIDEST, (columns() or _WIDEST + len(margin)) - len(margin)))
    for finding in findings:
        first, *rest = textwrap.wrap(finding.text, room, break_long_words=False, break_on_hyphens=False) or [""]
        lines.append(f"{paint(f'{finding.state:8}', _STYLES[finding.state])} {finding.check:14} {first}")
        lines += [margin + line for line in rest]
        if finding.mend is not None:
            lines.append(f"{margin}{paint('mend:', 'bold')} {finding.mend}")
    failed = sum(finding.state == "fail" for finding in findings)
    lines.append("\nAll is well." if not failed else f"\n{failed} of {len(findings)} checks failed.")
    return "\n".join(lines) + "\n"


def _document(findings: Sequence[Finding]) -> dict[str, Json]:
    return {
        "format": "tunectl.doctor/v1",
        "ok": not any(finding.state == "fail" for finding in findings),
        "checks": [
            {"check": each.check, "state": each.state, "text": each.text, "mend": each.mend} for each in findings
        ],
    }
