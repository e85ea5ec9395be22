"""From an address to a store in a bucket: place, client, proof and blob put together. Sends nothing by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reconciler.stores.bucket import BucketBlobStore
from reconciler.stores.bucket_client import BucketClient, Patience
from reconciler.stores.bucket_place import find_place
from reconciler.stores.bucket_probe import Proofs, probe_suffix, prove

__all__ = ["open_bucket"]


def open_bucket(
    address: str, *, credentials: Callable[[], str], proofs: Path | None, patience: Patience | None = None
) -> BucketBlobStore:
    """Open the blob at ``gs://bucket/key`` or ``s3://bucket/key``.

    STORAGE_EMULATOR_HOST, AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL name another service than Google's or Amazon's. S3
    takes its credentials and its region from the AWS_ variables, from the roles of EKS, ECS and EC2, nowhere else.

    Args:
        address: the address.
        credentials: yields a Google access token that is valid now. Asked for ``gs://`` only, and never when an
            emulator is named. It may raise a RemoteError; after ``Unavailable`` it is asked again.
        proofs: the file that remembers which buckets were proved; None proves in every run.
        patience: how long the bucket is asked.

    Raises:
        UsageError: the address or an endpoint cannot be used, or obstore is not installed.
    """
    place = find_place(address)
    patient = patience or Patience()
    client = BucketClient(place, credentials=credentials, patience=patient)
    known = Proofs(proofs, client=client.library)

    def prove_once() -> None:
        if known.knows(place):
            return
        spot = place.beside(probe_suffix())
        probe = BucketBlobStore(spot, client, patience=patient, prove=lambda: None)
        prove(probe, address=place.address, remove=lambda: client.remove(spot))
        known.remember(place)

    return BucketBlobStore(place, client, patience=patient, prove=prove_once)
