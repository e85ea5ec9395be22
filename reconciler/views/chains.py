"""What a look at the chains of lineage came to, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.core.past.chain import Break, Findings
from reconciler.core.past.forks import Fork
from reconciler.core.text import sanitize
from reconciler.views.words import count, guard, short_digest

FORMAT = "tunectl.verification/v1"


def render_findings(findings: Findings, breaks: Sequence[Break], *, address: str) -> str:
    """Return what was found, the first break of each name on top; ``breaks`` are those that were asked about."""
    where = sanitize(address)
    lines = [f"{_place(found, where)}: {_said(found)}" for found in breaks]
    if lines:
        lines.append("")
    total = count(sum(findings.records.values()), "record")
    names = {found.name for found in breaks} - {None}
    if names:
        lines.append(f"{where}: {count(len(names), 'chain')} of {findings.chains} not whole.")
    elif breaks:
        lines.append(f"{where}: {count(len(breaks), 'line')} that no chain of this lockfile accounts for.")
    else:
        several = f" in {findings.chains} chains" if findings.chains > len(findings.records) else ""
        lines.append(f"{where}: {total} of {count(len(findings.records), 'name')}{several}, every chain is whole.")
    if findings.unwritten:
        many = count(findings.unwritten, "record")
        lines.append(f"{many} still in the lockfile alone: the next apply adds what is missing.")
    return guard("\n".join(lines) + "\n")


def findings_document(findings: Findings, breaks: Sequence[Break], *, address: str) -> dict[str, Any]:
    """Return the same for programs."""
    return {
        "format": FORMAT,
        "log": address,
        "whole": not breaks,
        "names": dict(findings.records),
        "chains": findings.chains,
        "unwritten": findings.unwritten,
        "breaks": [
            {"fault": found.fault.value, "name": found.name, "line": found.line, "message": found.message}
            for found in breaks
        ],
    }


def fork_line(fork: Fork) -> str:
    """Return what is joined to what, on one line."""
    ends = ", ".join(f"{short_digest(branch.head)} ({branch.records})" for branch in fork.branches)
    ours = f"{short_digest(fork.end.head)} ({fork.end.records})"
    return f"{sanitize(fork.name)}: joins the records that end with {ends} to those that end with {ours}"


def _place(found: Break, where: str) -> str:
    return where if found.line is None else f"{where}:{found.line}"


def _said(found: Break) -> str:
    name = "" if found.name is None else f"{sanitize(found.name)}: "
    return f"{found.fault.value}: {name}{found.message}"
