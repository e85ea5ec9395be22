"""What a run does grows with the models at most: imports, documents read, lockfile bytes, copies."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter

import pytest
from cli_kit import Workshop, clean_environment

from reconciler import kept
from reconciler.core.lockfile import Entry, Instance, Lockfile
from reconciler.core.resource import Dataset, Remote
from reconciler.dataset import shelf
from reconciler.engine import checkpoint
from reconciler.manifest import compile as compiling
from reconciler.manifest import parsed as parsing
from reconciler.manifest.places import Places
from reconciler.ports.store import ABSENT, Loaded
from reconciler.stores.local import LocalBlobStore
from reconciler.testing.fakes import FakeClock

LAZY = {
    "asyncio",
    "deepdiff",
    "filelock",
    "google",
    "httpx",
    "obstore",
    "reconciler.emulator",
    "reconciler.engine.looking.preview",
    "reconciler.core.planning.build",
    "reconciler.providers.http",
    "reconciler.stores",
    "rich",
    "sqlite3",
    "ssl",
    "tenacity",
    "waitress",
}


def imported(*arguments: str, cwd: str = ".") -> set[str]:
    """Every module that a command line imports."""
    environ = {key: value for key, value in clean_environment().items() if not key.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "reconciler", *arguments],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(re.findall(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", done.stderr, re.MULTILINE))


def test_the_version_imports_one_module_of_ours():
    assert {name for name in imported("--version") if name.startswith("reconciler.")} == {"reconciler._version"}


def test_validate_imports_nothing_that_only_services_and_lockfiles_need(fleet):
    fleet.want("numbers")
    found = imported("validate", cwd=str(fleet.root))
    assert {"pydantic", "yaml", "reconciler.project.reading"} <= found
    assert found & LAZY == set()


def test_each_document_is_parsed_once_and_validated_once(fleet, monkeypatch):
    counts: Counter[str] = Counter()
    parse, validate = parsing.parse, compiling.TunedModelDocument.model_validate

    def parsed(data, file):
        counts["parsed"] += 1
        return parse(data, file)

    def validated(value):
        counts["validated"] += 1
        return validate(value)

    monkeypatch.setattr(parsing, "parse", parsed)
    monkeypatch.setattr(compiling.TunedModelDocument, "model_validate", validated)
    for number in range(7):
        fleet.want(f"model-{number}")
    fleet.run("plan")
    assert counts == {"parsed": 7, "validated": 7}


def test_a_second_plan_parses_only_what_has_changed(fleet, monkeypatch):
    """Files younger than two seconds are not remembered, so their times are put back, long before they are read."""
    read: list[str] = []
    parse = parsing.parse

    def parsed(data, file):
        read.append(file)
        return parse(data, file)

    monkeypatch.setattr(parsing, "parse", parsed)
    monkeypatch.setattr(kept, "_SETTLED", -(10**12))
    for number in range(3):
        fleet.want(f"model-{number}")
    fleet.run("plan")
    read.clear()
    fleet.run("plan")
    assert read == []
    fleet.want("model-1", temperature=0.1)
    fleet.run("plan")
    assert read == ["manifests/model-1.yaml"]
    read.clear()
    fleet.run("plan", "--no-cache")
    assert len(read) == 3


def lockfile_bytes(fleet: Workshop, monkeypatch: pytest.MonkeyPatch, count: int) -> tuple[int, int]:
    """Apply creates; return all bytes written to the lockfile, and its size in the end."""
    written = [0]
    write = LocalBlobStore.write

    def counted(self, data, **options):
        written[0] += len(data)
        return write(self, data, **options)

    with monkeypatch.context() as patch:
        patch.setattr(LocalBlobStore, "write", counted)
        for number in range(count):
            fleet.want(f"model-{number:03d}")
        fleet.apply("-q")
    return written[0], len((fleet.root / "tunectl.lock").read_bytes())


@pytest.mark.parametrize("count", [40, 200])
def test_the_bytes_of_the_lockfile_stay_linear(fleet, monkeypatch, count):
    written, size = lockfile_bytes(fleet, monkeypatch, count)
    assert written <= 16 * size


class Shelf:
    """A store that keeps everything and counts the writes."""

    def __init__(self) -> None:
        self.writes = 0

    def save(self, lockfile: Lockfile, *, expect: object) -> Loaded:
        self.writes += 1
        return Loaded(lockfile, ABSENT)


def test_changes_copy_the_lockfile_once_for_each_write_and_not_for_each_change(monkeypatch):
    copies = [0]
    replace = checkpoint.replace

    def counted(value, **changes):
        copies[0] += 1
        return replace(value, **changes)

    monkeypatch.setattr(checkpoint, "replace", counted)
    entries = {f"m{number}": Entry(Instance(f"tunedModels/m{number}", "sha256:0")) for number in range(1000)}
    before = Lockfile(Remote("generativelanguage", "emulator"), models=entries)
    shelf = Shelf()
    book = checkpoint.Checkpoint(shelf, Loaded(before, ABSENT), clock=FakeClock(), report=lambda _: None)
    for name in entries:
        book.change_entry(name, lambda entry: replace(entry, protect=True))
    assert (copies[0], shelf.writes) == (4, 4)
    assert all(entry.protect for entry in book.lockfile.models.values())
    assert not any(entry.protect for entry in before.models.values()), "the value it began with is still the same"


def test_nobody_counts_the_places_of_a_project_file_to_read_a_manifest(fleet, monkeypatch):
    counted = [0]

    def count(self):
        counted[0] += 1
        return 1

    monkeypatch.setattr(Places, "__len__", count)
    fleet.want("numbers")
    fleet.run("validate")
    assert counted == [0]


def test_the_shelf_of_row_prints_is_not_looked_through_for_every_model(tmp_path, monkeypatch):
    looks = []
    monkeypatch.setattr(shelf, "_make_room", lambda *given, **named: looks.append(given))
    kept = shelf.RowShelf(tmp_path, ".tunectl/rows")
    for number in range(50):
        kept.keep(Dataset(f"sha256:{number:064x}", 1), [bytes(16)])
    assert len(looks) == 1
