"""The bucket services: each one started once, on loopback, and ended with the run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_gcs import FakeCloudStorage
from stores_bucket_kit import S3, CloudStorage, Front, serving


@pytest.fixture(scope="session")
def cloud_storage_service() -> Iterator[CloudStorage]:
    fake = FakeCloudStorage()
    front = Front(fake)
    with serving(front) as url:
        yield CloudStorage(url, fake, front)


@pytest.fixture(scope="session")
def s3_service() -> Iterator[S3]:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: PLC0415 (0.5 s)

    app = DomainDispatcherApplication(create_backend_app)
    front = Front(app)
    with serving(front) as url:
        yield S3(url, app, front)


@pytest.fixture(params=["gs", "s3"])
def service(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> CloudStorage | S3:
    """One service after the other, without faults, named by the environment as a user would."""
    found = request.getfixturevalue({"gs": "cloud_storage_service", "s3": "s3_service"}[request.param])
    found.front.faults.clear()
    found.front.log.clear()
    found.front.tokens.clear()
    for name in (
        "STORAGE_EMULATOR_HOST",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in found.environ().items():
        monkeypatch.setenv(name, value)
    return found
