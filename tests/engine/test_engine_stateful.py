"""Whatever happens in whatever order: nothing is lost, paid for twice or taken from others, and it comes to rest."""

from __future__ import annotations

import itertools

from engine_fleet import in_folder, in_memory
from engine_machine import run_stories


def test_a_fleet_lives_through_anything_with_its_lockfile_in_memory():
    run_stories(in_memory, examples=100)


def test_a_fleet_lives_through_anything_with_its_lockfile_in_a_folder(tmp_path):
    numbers = itertools.count()
    run_stories(lambda: in_folder(tmp_path / str(next(numbers))), examples=12)
