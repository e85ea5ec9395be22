"""Measures tunectl beside its peers, whole processes, in one run; prints ratios, writes docs/performance.md and a plot.

``python bench.py [--runs N] [--sizes 1000,5000,10000] [--rows 10,1000] [--terraform 1000] [--no-write]``; see
``make bench``. Terraform takes minutes to apply thousands of resources, so its sizes are named apart.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from measure import Figure, measure
from peers import octodns_plan, terraform
from projects import write_project, write_rows
from report import Row, machine, write_report

HERE = Path(__file__).resolve().parent
PYTHON = sys.executable
TUNECTL = [str(Path(sys.executable).parent / "tunectl")]
ENVIRON = {"TUNECTL_ACCESS_TOKEN": "bench", "NO_COLOR": "1"}
SNAPSHOTS = 188
# terraform 1.11 with terraform_data on two cores of another machine: plan with nothing to do, and apply, in seconds.
RECORDED = {1000: (1.65, 13.9), 5000: (30.2, 335.0)}
TARGETS = {
    ("terraform plan", 1000): 2.0,
    ("terraform plan", 5000): 12.0,
    ("terraform apply", 1000): 4.0,
    ("terraform apply", 5000): 20.0,
    ("octoDNS plan", 5000): 1.5,
}


@dataclass
class Bench:
    """What is asked for, and the rows that were measured so far."""

    folder: Path
    runs: int
    rows: list[Row] = field(default_factory=list)
    plans: dict[str, dict[int, float]] = field(default_factory=dict)

    def add(self, what: str, figure: str, compared: str = "", target: str = "", *, met: bool | None = None) -> None:
        """Note a row and show it."""
        row = Row(what, figure, compared, target, met)
        self.rows.append(row)
        print(row.text(), flush=True)

    def tunectl(self, *arguments: str, cwd: Path, runs: int | None = None, output: Path | None = None) -> Figure:
        """Measure the command."""
        return measure([*TUNECTL, *arguments], cwd=cwd, runs=runs or self.runs, environ=ENVIRON, output=output)


@contextmanager
def service(snapshots: int = 0) -> Iterator[int]:
    """Run the plain HTTP server and give its port."""
    command = [PYTHON, str(HERE / "service.py"), "0", str(snapshots)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def counts(port: int) -> dict[str, int]:
    """Return what the server was asked since the last time."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/counts") as answer:
        found: dict[str, int] = json.load(answer)
    return found


def startup(bench: Bench) -> None:
    """Measure the interpreter alone and the commands that do next to nothing."""
    runs = bench.runs * 3
    bare = measure([PYTHON, "-c", "pass"], cwd=bench.folder, runs=runs)
    project = write_project(bench.folder / "one", 1)
    bench.add("`python -c pass`", f"{bare.milliseconds:.0f} ms")
    for arguments, limit in ((["--version"], 2), (["--help"], 6), (["validate"], 15)):
        found = bench.tunectl(*arguments, cwd=project, runs=runs)
        ratio = found.processor / bare.processor
        bench.add(
            f"`tunectl {arguments[0]}`" + (" of one manifest" if arguments[0] == "validate" else ""),
            f"{found.milliseconds:.0f} ms",
            f"{ratio:.1f} times the bare interpreter",
            f"< {limit} times",
            met=ratio < limit,
        )


def fleets(bench: Bench, sizes: list[int], largest_apply: int) -> None:
    """Measure apply and plan of growing fleets over one HTTP server each, and at once the peers: the load changes."""
    each: dict[int, Figure] = {}
    for size in sizes:
        with service() as port:
            project = write_project(bench.folder / f"fleet{size}", size, f"http://127.0.0.1:{port}")
            events = bench.folder / f"events{size}.jsonl"
            applied = bench.tunectl("apply", "-y", "--format", "jsonl", cwd=project, runs=1, output=events)
            _note_apply(bench, size, applied, events, project)
            counts(port)
            bench.tunectl("plan", cwd=project, runs=1)  # nothing but counted, and the file cache warmed
            _note_requests(bench, size, counts(port))
            each[size] = bench.tunectl("plan", cwd=project)
            _note(bench, "tunectl plan", f"`plan`, nothing to do, {size:,} models", size, each[size])
            cold = bench.tunectl("plan", "--no-cache", cwd=project)
            _note(bench, "tunectl plan --no-cache", f"the same with `--no-cache`, {size:,} models", size, cold)
            if size <= max(RECORDED):
                beside_octodns(bench, size, each[size])
                beside_terraform(bench, size, each[size], applied, apply=size <= largest_apply)
    if len(sizes) > 1:
        _note_growth(bench, each)


def _note(bench: Bench, line: str, what: str, size: int, found: Figure) -> None:
    bench.add(what, f"{found.wall:.2f} s (processor {found.processor:.2f} s)")
    bench.plans.setdefault(line, {})[size] = found.wall


def _note_growth(bench: Bench, each: dict[int, Figure]) -> None:
    small, large = min(each), max(each)
    growth = each[large].processor / large / (each[small].processor / small)
    bench.add(
        f"plan: time per model at {large:,} over that at {small:,}",
        f"{1e6 * each[large].processor / large:.0f} µs over {1e6 * each[small].processor / small:.0f} µs",
        f"{growth:.2f}",
        "at most 1.2",
        met=growth <= 1.2,  # noqa: PLR2004
    )
    memory = each[large].memory
    bench.add(f"plan: peak memory at {large:,}", f"{memory:.0f} MB", "", "under 250 MB", met=memory < 250)  # noqa: PLR2004


def _note_apply(bench: Bench, size: int, found: Figure, events: Path, project: Path) -> None:
    writes = sum('"saved"' in line for line in events.read_text().splitlines())
    lockfile = (project / "tunectl.lock").stat().st_size / 1e6
    _note(bench, "tunectl apply", f"`apply`, {size:,} creates", size, found)
    bench.add(f"`apply`, {size:,} creates: lockfile", f"{writes} writes, at most {writes * lockfile:.1f} MB in all")


def _note_requests(bench: Bench, size: int, asked: dict[str, int]) -> None:
    requests = sum(value for key, value in asked.items() if key != "bytes")
    most = -(-size // 1000) + 1
    bench.add(
        f"`plan`, {size:,} models: requests",
        f"{requests}, {asked['bytes'] / 1e3:,.0f} kB compressed",
        "",
        f"at most {most}",
        met=requests <= most,
    )


def beside_octodns(bench: Bench, size: int, ours: Figure) -> None:
    """Measure octoDNS, if it is here, on as many records."""
    found = octodns_plan(bench.folder / f"octodns{size}", size, bench.runs)
    if found is not None:
        _note_peer(bench, "octoDNS plan", f"octoDNS, nothing to do, {size:,} records", size, found, ours)


def beside_terraform(bench: Bench, size: int, ours: Figure, applied: Figure, *, apply: bool) -> None:
    """Measure terraform, if it is here, on as many resources; else compare with what was recorded."""
    found = terraform(bench.folder / f"terraform{size}", size, bench.runs, apply=apply)
    recorded = RECORDED.get(size)
    if found is not None:
        _note_peer(bench, "terraform plan", f"terraform, nothing to do, `count = {size}`", size, found.planned, ours)
        blocks = terraform(bench.folder / f"blocks{size}", size, bench.runs, apply=False, shape="blocks")
        if blocks is not None:
            what = f"terraform, nothing to do, {size:,} blocks"
            _note_peer(bench, "terraform plan, blocks", what, size, blocks.planned, ours)
    elif recorded is not None:
        _note_recorded(bench, "terraform plan", size, recorded[0], ours)
    if found is not None and found.applied is not None:
        _note_peer(bench, "terraform apply", f"terraform, {size:,} creates", size, found.applied, applied)
    elif recorded is not None:
        _note_recorded(bench, "terraform apply", size, recorded[1], applied)


def _note_peer(bench: Bench, line: str, what: str, size: int, found: Figure, ours: Figure) -> None:
    ratio, wanted = found.wall / ours.wall, TARGETS.get((line, size))
    bench.add(
        what,
        f"{found.wall:.2f} s (processor {found.processor:.2f} s)",
        f"tunectl is {ratio:.1f} times as fast, by processor time {found.processor / ours.processor:.1f}",
        "" if wanted is None else f"{wanted:g} times",
        met=None if wanted is None else ratio >= wanted,
    )
    bench.plans.setdefault(line, {})[size] = found.wall


def _note_recorded(bench: Bench, line: str, size: int, seconds: float, ours: Figure) -> None:
    ratio, wanted = seconds / ours.wall, TARGETS[line, size]
    bench.add(
        f"{line}, {size:,} resources, recorded elsewhere",
        f"{seconds:g} s",
        f"tunectl is {ratio:.1f} times as fast, by processor time {seconds / ours.processor:.1f}",
        f"{wanted:g} times",
        met=ratio >= wanted,
    )
    bench.plans.setdefault(f"{line} (recorded)", {})[size] = seconds


def curves(bench: Bench, size: int) -> None:
    """Measure a listing whose models have loss curves that nobody asked for."""
    with service(SNAPSHOTS) as port:
        project = write_project(bench.folder / "curves", size, f"http://127.0.0.1:{port}")
        bench.tunectl("apply", "-y", "-q", cwd=project, runs=1)
        counts(port)
        found = bench.tunectl("plan", cwd=project, runs=1)
        asked = counts(port)["bytes"]
        address = f"http://127.0.0.1:{port}/v1beta/tunedModels?pageSize=1000"
        request = urllib.request.Request(address, headers={"accept-encoding": "gzip"})
        with urllib.request.urlopen(request) as answer:
            whole = len(answer.read())
    bench.add(
        f"`plan`, {size:,} models with {SNAPSHOTS} snapshots each",
        f"{found.wall:.2f} s, {asked / 1e3:,.0f} kB",
        f"{whole / asked:.0f} times fewer bytes than the whole listing ({whole / 1e3:,.0f} kB compressed)",
        "snapshots are not transferred",
        met=asked * 5 < whole,
    )


def datasets(bench: Bench, megabytes: list[int]) -> None:
    """Measure reading, checking and digesting JSON Lines, and what a second look costs."""
    project = write_project(bench.folder / "data", 1)
    path = project / "manifests" / "data" / "00000.jsonl"
    idle = bench.tunectl("validate", cwd=project)
    for size, row in [*((size, 500) for size in megabytes), (megabytes[0], 100)]:
        written = write_rows(path, megabytes=size, row=row) / 1e6
        found = bench.tunectl("validate", "--no-cache", cwd=project, runs=1 if size > 100 else bench.runs)  # noqa: PLR2004
        rate = written / (found.processor - idle.processor)
        bench.add(
            f"JSONL, {written:,.0f} MB, rows of about {row} bytes",
            f"{rate:.0f} MB/s, peak memory {found.memory:.0f} MB",
            "",
            "60 MB/s, memory flat",
            met=rate >= 60,  # noqa: PLR2004
        )
        if size == max(megabytes) and row > 100:  # noqa: PLR2004
            time.sleep(2.5)  # a file is remembered from two seconds of age on
            bench.tunectl("validate", cwd=project, runs=1)
            again = bench.tunectl("validate", cwd=project, runs=1)
            bench.add(
                f"the same {written:,.0f} MB once more, unchanged",
                f"processor {again.processor:.2f} s, after {found.processor:.2f} s",
                "digest from the cache",
            )


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sizes", default="1000,5000,10000")
    parser.add_argument("--rows", default="10,1000")
    parser.add_argument("--terraform", type=int, default=1000, metavar="LARGEST")
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    with tempfile.TemporaryDirectory(prefix="tunectl-bench-") as folder:
        bench = Bench(Path(folder), options.runs)
        print(machine(), flush=True)
        startup(bench)
        fleets(bench, sizes, options.terraform)
        curves(bench, sizes[0])
        datasets(bench, [int(size) for size in options.rows.split(",")])
    if not options.no_write:
        write_report(HERE.parent / "docs", bench.rows, bench.plans, options.runs)


if __name__ == "__main__":
    main()
