"""Whatever happens to a fleet with its lockfile in a bucket: nothing is lost or paid twice, and it comes to rest."""

from __future__ import annotations

import itertools

import pytest
from engine_fleet import Place
from engine_machine import run_stories
from stores_bucket_kit import HASTY

from reconciler.stores.bucket_open import open_bucket


def no_credentials():
    pytest.fail("an emulator was told credentials")


def test_a_fleet_lives_through_anything_with_its_lockfile_in_a_bucket(service, tmp_path):
    bucket = f"stories-{service.scheme}"
    service.make_bucket(bucket)
    numbers = itertools.count()

    def in_bucket() -> Place:
        key = f"{next(numbers)}/tunectl.lock"

        def connect():
            return open_bucket(
                f"{service.scheme}://{bucket}/{key}",
                credentials=no_credentials,
                proofs=tmp_path / "proofs.json",
                patience=HASTY,
            )

        def lose():
            if connect().read() is not None:
                service.plant(bucket, key, None)

        return Place(connect, lose, lambda: connect().beside(".lease"))

    run_stories(in_bucket, examples=2)
