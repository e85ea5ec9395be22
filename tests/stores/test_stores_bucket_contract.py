"""The bucket store keeps the contract of all blob stores, on both services, over real sockets."""

import uuid

import pytest
from stores_bucket_kit import HASTY

from reconciler.ports.store import ABSENT
from reconciler.stores.bucket_open import open_bucket
from reconciler.testing.store_contract import BlobStoreContract


def no_credentials():
    pytest.fail("an emulator was told credentials")


class TestBucketBlobStore(BlobStoreContract):
    @pytest.fixture
    def connect(self, service, tmp_path):
        bucket = f"contract-{uuid.uuid4().hex[:12]}"
        service.make_bucket(bucket)
        address = f"{service.scheme}://{bucket}/team/tunectl.lock"
        return lambda: open_bucket(address, credentials=no_credentials, proofs=tmp_path / "proofs.json", patience=HASTY)

    def test_more_than_one_part_of_an_upload_is_still_one_conditional_write(self, connect):
        data = bytes(6 * 1024 * 1024)
        connect().write(data, expect=ABSENT)
        assert connect().read().data == data
