"""Which bucket, at which service, with whose credentials; and what is refused before anything is sent."""

import json
import subprocess
import sys
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from stores_bucket_kit import HASTY, SECRET, Fault, Front, serving

from reconciler.errors import AuthenticationFailed, StoreDenied, StoreError, Unavailable, UsageError
from reconciler.ports.store import ABSENT
from reconciler.stores.bucket_open import open_bucket
from reconciler.stores.bucket_place import find_place

GOOGLE = "https://storage.googleapis.com"
PLACES = [
    ("gs://bucket/key", {}, ("gs", "bucket", "key", GOOGLE, False)),
    ("gs://a.b_c-1/x/y/tunectl.lock", {}, ("gs", "a.b_c-1", "x/y/tunectl.lock", GOOGLE, False)),
    ("gs://b-1/k", {"STORAGE_EMULATOR_HOST": "localhost:4443"}, ("gs", "b-1", "k", "http://localhost:4443", True)),
    ("gs://b-1/k", {"STORAGE_EMULATOR_HOST": "http://[::1]:1/"}, ("gs", "b-1", "k", "http://[::1]:1", True)),
    ("gs://b-1/k", {"STORAGE_EMULATOR_HOST": "https://fake.example"}, ("gs", "b-1", "k", "https://fake.example", True)),
    ("gs://b-1/k", {"AWS_ENDPOINT_URL": "https://s3.example"}, ("gs", "b-1", "k", GOOGLE, False)),
    ("s3://b-1/k", {"STORAGE_EMULATOR_HOST": "localhost:1"}, ("s3", "b-1", "k", None, False)),
    ("s3://b-1/k", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, ("s3", "b-1", "k", "http://127.0.0.1:9", False)),
    (
        "s3://b-1/k",
        {"AWS_ENDPOINT_URL": "https://general.example", "AWS_ENDPOINT_URL_S3": "https://own.example/"},
        ("s3", "b-1", "k", "https://own.example", False),
    ),
    ("s3://b-1/k", {"AWS_ENDPOINT_URL": " "}, ("s3", "b-1", "k", None, False)),
]


@pytest.mark.parametrize(("address", "environ", "expected"), PLACES)
def test_an_address_and_the_variables_name_one_place(address, environ, expected):
    place = find_place(address, environ=environ)
    assert (place.scheme, place.bucket, place.key, place.endpoint, place.emulated) == expected
    assert place.address == address


@pytest.mark.parametrize(
    "address",
    [
        "gs://bucket",
        "gs://bucket/",
        "gs:///key",
        "gs://b/key",
        "gs://Bucket/key",
        "az://bucket/key",
        "gs://bucket//key",
        "gs://bucket/key/",
        "gs://bucket/a//b",
        "gs://bucket/a/../b",
        "gs://bucket/./b",
        "gs://bucket/a b",
        "gs://bucket/a%2Fb",
        "gs://bucket/ä",
        "gs://bucket/key?x=1",
        "gs://bucket/key#1",
        "gs://bucket/key\n",
        "gs://bucket/" + "k" * 901,
        f"s3://user:{SECRET}@bucket/key",
        "https://bucket/key",
    ],
)
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(UsageError) as caught:
        find_place(address, environ={})
    assert caught.value.message.isprintable()
    assert SECRET not in caught.value.message
    assert caught.value.hint


ENDPOINTS = [
    ("http://store.example.com", "would send the lockfile in the clear"),
    ("http://10.0.0.1:9000", "would send the lockfile in the clear"),
    ("http://127.0.0.1.example.com", "would send the lockfile in the clear"),
    (f"https://user:{SECRET}@store.example.com", "carries more than host and path"),
    (f"https://store.example.com/?key={SECRET}", "carries more than host and path"),
    ("ftp://store.example.com", "is no http or https URL"),
    ("https://", "is no http or https URL"),
    ("https://host:port", "is no http or https URL"),
    ("https://ho st", "is no http or https URL"),
    ("https://host\\@other", "is no http or https URL"),
]


@pytest.mark.parametrize("variable", ["STORAGE_EMULATOR_HOST", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
@pytest.mark.parametrize(("url", "words"), ENDPOINTS)
def test_an_endpoint_that_would_leak_or_makes_no_sense_is_refused(variable, url, words):
    address = "gs://bucket/key" if variable.startswith("STORAGE") else "s3://bucket/key"
    with pytest.raises(UsageError, match=words) as caught:
        find_place(address, environ={variable: url})
    assert caught.value.message.startswith(f"{variable}: ")
    assert SECRET not in f"{caught.value} {caught.value.hint}"


def test_without_the_extra_the_message_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(UsageError) as caught:
        open_bucket("gs://bucket/key", credentials=lambda: "", proofs=None)
    assert caught.value.hint == "pip install 'tunectl[bucket]'"
    assert caught.value.exit_code == 64


def test_obstore_is_imported_by_nobody_who_keeps_the_lockfile_in_a_file():
    modules = "reconciler.wiring, reconciler.stores.lockfile, reconciler.stores.bucket_open"
    program = f"import sys, {modules}; print('obstore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"


# --- credentials for Cloud Storage ---------------------------------------------------------------------------------


@pytest.fixture
def google(cloud_storage_service, monkeypatch):
    """The fake service in the place of Google's own: it is told credentials."""
    fake, front = cloud_storage_service.fake, cloud_storage_service.front
    front.faults.clear()
    front.tokens.clear()
    fake.buckets["ours"] = {}
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setattr("reconciler.stores.bucket_place._GOOGLE", cloud_storage_service.url)
    yield cloud_storage_service
    fake.token = None


def open_google(credentials):
    return open_bucket("gs://ours/tunectl.lock", credentials=credentials, proofs=None, patience=HASTY)


def test_the_service_gets_the_token_it_asks_for(google):
    google.fake.token = SECRET
    store = open_google(lambda: SECRET)
    version = store.write(b"one", expect=ABSENT)
    assert store.read().version == version
    assert google.front.tokens == {f"Bearer {SECRET}"}


def test_a_token_that_was_renewed_meanwhile_is_handed_on_and_asked_for_again_within_a_minute(google):
    tokens = iter(("first", "second"))
    store = open_google(lambda: next(tokens))
    for expected in ("first", "second"):
        store.read()
        credential = store._client._google_credential()
        assert credential["token"] == expected
        assert timedelta(0) < credential["expires_at"] - datetime.now(UTC) <= timedelta(minutes=1)


def test_an_emulator_is_never_told_credentials(google, monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", google.url)
    open_google(lambda: pytest.fail("asked for credentials")).write(b"one", expect=ABSENT)
    assert google.front.tokens == {"Bearer anonymous"}


def test_no_variable_takes_the_token_elsewhere(google, monkeypatch, tmp_path):
    """The client library reads more variables than we name, and a key file may name an endpoint of its own."""
    elsewhere = Front(google.fake)
    key_file = tmp_path / "key.json"
    with serving(elsewhere) as url:
        key_file.write_text(json.dumps({"type": "external_account", "gcs_base_url": url, "disable_oauth": True}))
        monkeypatch.setenv("GOOGLE_BASE_URL", url)
        monkeypatch.setenv("GOOGLE_BUCKET", "theirs")
        monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
        monkeypatch.setenv("GOOGLE_BEARER_TOKEN", "theirs")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
        google.fake.token = SECRET
        open_google(lambda: SECRET).write(b"one", expect=ABSENT)
    assert elsewhere.log == []
    assert "tunectl.lock" in google.fake.buckets["ours"]


def test_a_key_file_that_obstore_cannot_read_is_a_usage_error_without_its_content(google, monkeypatch, tmp_path):
    key_file = tmp_path / "key.json"
    key_file.write_text(json.dumps({"private_key": SECRET}))
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", str(key_file))
    with pytest.raises(UsageError, match="cannot be set up") as caught:
        open_google(lambda: SECRET)
    assert SECRET not in caught.value.message


def test_credentials_that_are_refused_end_with_their_own_words(google):
    def refuse():
        raise AuthenticationFailed("the credentials could not be exchanged (invalid_grant)", hint="log in again")

    with pytest.raises(StoreDenied) as caught:
        open_google(refuse).read()
    assert caught.value.message == "gs://ours/tunectl.lock: the credentials could not be exchanged (invalid_grant)"
    assert (caught.value.hint, caught.value.exit_code) == ("log in again", 3)


def test_a_token_service_that_is_away_for_a_moment_is_asked_again(google):
    answers = iter([Unavailable("away"), Unavailable("away"), SECRET])

    def fetch():
        answer = next(answers, SECRET)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert open_google(fetch).read() is None


def test_a_token_service_that_stays_away_is_given_up(google):
    asked = []

    def fetch():
        asked.append(True)
        raise Unavailable("the token service cannot be reached", hint="check the network")

    with pytest.raises(StoreError, match="the token service cannot be reached"):
        open_google(fetch).read()
    assert len(asked) == HASTY.tries


@pytest.mark.parametrize("token", ["", f"{SECRET}\n", f"{SECRET} x", "ä"])
def test_a_token_that_is_none_is_refused_without_being_quoted(google, token):
    with pytest.raises(StoreDenied, match="without a usable token") as caught:
        open_google(lambda: token).read()
    assert SECRET not in caught.value.message


def test_a_token_that_the_service_does_not_accept_is_told_without_it(google):
    google.fake.token = "another"
    with pytest.raises(StoreDenied, match="HTTP 401 AuthenticationRequired") as caught:
        open_google(lambda: SECRET).read()
    assert SECRET not in f"{caught.value} {caught.value.hint}"


def test_a_redirect_to_another_host_takes_no_token_along(google):
    elsewhere = Front(google.fake)
    with serving(elsewhere) as url:
        port = url.rpartition(":")[2]
        google.front.faults.append(Fault("GET", 307, times=9, location=f"http://localhost:{port}/ours/tunectl.lock"))
        with suppress(StoreError):
            open_google(lambda: SECRET).read()
    assert not any(SECRET in header for header in elsewhere.tokens)


# --- credentials for S3 --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"])
def test_a_variable_that_cannot_be_a_credential_is_refused_without_being_quoted(monkeypatch, name):
    monkeypatch.setenv(name, f"{SECRET}\n")
    with pytest.raises(UsageError, match=f"^{name}: 41 characters") as caught:
        open_bucket("s3://bucket/key", credentials=lambda: "", proofs=None)
    assert SECRET not in caught.value.message


def test_s3_without_credentials_says_where_they_come_from(monkeypatch, s3_service):
    front = Front(lambda _environ, start: start("404 Not Found", [("Content-Length", "0")]) and [])
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with serving(front) as url:
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", url)
        monkeypatch.setenv("AWS_ENDPOINT_URL", s3_service.url)
        store = open_bucket("s3://bucket/key", credentials=lambda: "", proofs=None, patience=HASTY)
        with pytest.raises(StoreError) as caught:
            store.read()
    assert front.of("PUT", "api/token") == [404]
    assert "AWS_ACCESS_KEY_ID" in caught.value.hint
    assert caught.value.exit_code == 3


def test_a_bucket_that_cannot_be_reached_is_no_matter_of_credentials(monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:1")
    store = open_bucket("gs://b-u.c/credentials/latest", credentials=lambda: "", proofs=None, patience=HASTY)
    with pytest.raises(StoreError, match="the connection failed") as caught:
        store.read()
    assert caught.value.exit_code == 1


def test_a_variable_of_obstore_does_not_switch_conditions_off(monkeypatch, s3_service):
    for name, value in s3_service.environ().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONDITIONAL_PUT", "disabled")
    monkeypatch.setenv("AWS_BUCKET", "theirs")
    bucket = f"vars-{uuid.uuid4().hex[:8]}"
    s3_service.make_bucket(bucket)
    s3_service.front.faults.clear()
    open_bucket(f"s3://{bucket}/key", credentials=lambda: "", proofs=None, patience=HASTY).write(b"1", expect=ABSENT)
    assert s3_service.stored(bucket) == {"key": b"1"}
