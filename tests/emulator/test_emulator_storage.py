"""The part of Cloud Storage that datasets need: uploads of every kind, conditions, checksums, listings, errors."""

from __future__ import annotations

import re

import pytest

from reconciler.emulator import Fault
from reconciler.emulator.storage.checksums import crc32c, md5

OBJECTS = "/storage/v1/b/bucket/o"
UPLOAD = "/upload/storage/v1/b/bucket/o"


@pytest.fixture
def put(vertex):
    """Upload some bytes under a name, and return the answer."""

    def upload(name="a.txt", data=b"hello", **query):
        return vertex.send("POST", UPLOAD, data, params={"uploadType": "media", "name": name, **query})

    return upload


def failed(response):
    error = response.json()["error"]
    assert error["code"] == response.status_code
    assert error["errors"][0]["message"] == error["message"]
    return response.status_code, error["errors"][0]["reason"]


def test_crc32c_is_castagnolis():
    """The check value of RFC 3720 and others: 0xE3069283 for the digits one to nine."""
    assert crc32c(b"123456789") == "4waSgw=="
    assert crc32c(b"") == "AAAAAA=="
    assert md5(b"") == "1B2M2Y8AsgTpgAmY7PhCfg=="


def test_an_object_comes_back_as_it_was_stored(vertex, put):
    stored = put("data/ä b.txt", b"hello").json()
    assert (stored["name"], stored["size"], stored["crc32c"]) == ("data/ä b.txt", "5", "mnG7TA==")
    path = f"{OBJECTS}/data%2F%C3%A4%20b.txt"
    assert vertex.ok("GET", path) == stored
    media = vertex.client.get(path, params={"alt": "media"})
    assert (media.content, media.headers["x-goog-generation"]) == (b"hello", stored["generation"])
    assert media.headers["x-goog-hash"] == f"crc32c={stored['crc32c']},md5={stored['md5Hash']}"
    assert vertex.client.get(f"/download{path}").content == b"hello"


@pytest.mark.parametrize(
    ("span", "status", "data"),
    [
        ("bytes=1-2", 206, b"el"),
        ("bytes=3-", 206, b"lo"),
        ("bytes=-2", 206, b"lo"),
        ("bytes=0-99", 206, b"hello"),
        ("bytes=5-", 416, None),
        ("lines=1-2", 200, b"hello"),
        ("bytes=-", 200, b"hello"),
    ],
)
def test_a_part_of_an_object(vertex, put, span, status, data):
    put()
    response = vertex.client.get(f"{OBJECTS}/a.txt", params={"alt": "media"}, headers={"range": span})
    assert response.status_code == status
    if data is not None:
        assert response.content == data


def test_a_condition_decides_whether_an_object_is_written(vertex, put):
    first = put(ifGenerationMatch="0").json()
    assert failed(put(ifGenerationMatch="0")) == (412, "conditionNotMet")
    assert failed(put(ifGenerationNotMatch=first["generation"])) == (412, "conditionNotMet")
    second = put(ifGenerationMatch=first["generation"]).json()
    assert int(second["generation"]) > int(first["generation"])
    assert failed(put(ifGenerationMatch="x")) == (400, "invalid")
    assert failed(put(ifMetagenerationMatch="7")) == (412, "conditionNotMet")


def test_a_condition_decides_whether_an_object_is_read_or_deleted(vertex, put):
    generation = put().json()["generation"]
    path = f"{OBJECTS}/a.txt"
    assert vertex.client.get(path, params={"ifGenerationNotMatch": generation}).status_code == 304
    assert vertex.client.get(path, params={"ifGenerationMatch": "1"}).status_code == 412
    assert vertex.client.get(path, params={"generation": "1"}).status_code == 404
    assert vertex.client.get(path, params={"generation": generation}).status_code == 200
    assert vertex.client.delete(path, params={"ifGenerationMatch": "1"}).status_code == 412
    deleted = vertex.client.delete(path, params={"ifGenerationMatch": generation})
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert failed(vertex.client.delete(path)) == (404, "notFound")


def test_what_is_missing_is_said_in_json_and_in_text_of_a_download(vertex):
    assert failed(vertex.client.get(f"{OBJECTS}/none")) == (404, "notFound")
    media = vertex.client.get(f"{OBJECTS}/none", params={"alt": "media"})
    assert (media.status_code, media.text) == (404, "No such object: bucket/none")


def test_a_checksum_that_is_given_must_be_right(vertex, put):
    def sent(fields, headers=None):
        body = b"--b\r\n\r\n" + fields + b"\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n"
        kind = {"content-type": 'multipart/related; boundary="b"', **(headers or {})}
        return vertex.client.post(UPLOAD, params={"uploadType": "multipart"}, content=body, headers=kind)

    good = sent(b'{"name": "a", "crc32c": "mnG7TA==", "metadata": {"x": "y"}}')
    assert (good.json()["contentType"], good.json()["metadata"]) == ("text/plain", {"x": "y"})
    assert failed(sent(b'{"name": "a", "crc32c": "AAAAAA=="}')) == (400, "invalid")
    assert failed(sent(b'{"name": "a", "md5Hash": "AAAA"}')) == (400, "invalid")
    assert failed(sent(b'{"name": "a"}', {"x-goog-hash": "md5=AAAA, crc32c=mnG7TA=="})) == (400, "invalid")
    assert failed(sent(b"[]")) == (400, "invalid")
    assert failed(sent(b"{")) == (400, "invalid")
    assert failed(sent(rb'{"name": "a", "contentType": "a\r\nx: y"}')) == (400, "invalid")
    assert failed(sent(b'{"name": "a", "metadata": {"x": 1}}')) == (400, "invalid")
    assert failed(sent(b'{"name": ""}')) == (400, "invalid")
    assert failed(vertex.client.post(UPLOAD, params={"uploadType": "multipart"}, content=b"x")) == (400, "invalid")


def begin(vertex, **query):
    response = vertex.client.post(UPLOAD, params={"uploadType": "resumable", "name": "big", **query}, json={})
    return response.headers["location"]


def test_a_resumable_upload_goes_on_where_it_stopped(vertex):
    chunk, rest = b"x" * 262_144, b"end"
    place = begin(vertex)
    first = vertex.client.put(place, content=chunk, headers={"content-range": "bytes 0-262143/*"})
    assert (first.status_code, first.headers["range"]) == (308, "bytes=0-262143")
    asked = vertex.client.put(place, headers={"content-range": "bytes */262147"})
    assert (asked.status_code, asked.headers["range"]) == (308, "bytes=0-262143")
    last = vertex.client.put(place, content=rest, headers={"content-range": "bytes 262144-262146/262147"})
    assert last.json()["size"] == "262147"
    again = vertex.client.put(place, headers={"content-range": "bytes */262147"})
    assert again.json() == last.json()
    assert vertex.client.get(f"{OBJECTS}/big", params={"alt": "media"}).content == chunk + rest


def test_a_resumable_upload_may_come_whole_or_empty(vertex):
    assert vertex.client.put(begin(vertex), content=b"all").json()["size"] == "3"
    assert vertex.client.put(begin(vertex), headers={"content-range": "bytes */0"}).json()["size"] == "0"
    asked = vertex.client.put(begin(vertex), headers={"content-range": "bytes */*"})
    assert (asked.status_code, "range" in asked.headers) == (308, False)


@pytest.mark.parametrize(
    ("said", "data"),
    [("bytes 5-7/9", b"abc"), ("bytes 0-9/20", b"abc"), ("bytes 0-2/9", b"abc"), ("0-2", b"abc")],
)
def test_a_chunk_that_does_not_fit_is_refused(vertex, said, data):
    assert failed(vertex.client.put(begin(vertex), content=data, headers={"content-range": said})) == (400, "invalid")


def test_a_resumable_upload_is_held_to_its_condition_at_the_end_and_may_be_given_up(vertex, put):
    place = begin(vertex, ifGenerationMatch="0")
    put("big")
    assert failed(vertex.client.put(place, content=b"x")) == (412, "conditionNotMet")
    assert vertex.client.delete(place).status_code == 499
    assert failed(vertex.client.put(place, content=b"x")) == (404, "notFound")
    assert failed(vertex.client.post(UPLOAD, params={"uploadType": "resumable"}, json={})) == (400, "invalid")
    assert failed(vertex.client.post(UPLOAD, params={"uploadType": "smoke"}, content=b"")) == (400, "invalid")
    assert failed(vertex.client.post(OBJECTS, json={"name": "x"})) == (400, "invalid")


def test_objects_are_listed_by_prefix_in_pages(vertex, put):
    for name in ("a/1", "a/2", "a/b/3", "c", "d/4"):
        put(name)

    def listed(**query):
        page = vertex.ok("GET", OBJECTS, params=query)
        return [item["name"] for item in page.get("items", [])], page.get("prefixes", []), page.get("nextPageToken")

    assert listed() == (["a/1", "a/2", "a/b/3", "c", "d/4"], [], None)
    assert listed(prefix="a/") == (["a/1", "a/2", "a/b/3"], [], None)
    assert listed(prefix="a/", delimiter="/") == (["a/1", "a/2"], ["a/b/"], None)
    assert listed(delimiter="/") == (["c"], ["a/", "d/"], None)
    first = listed(delimiter="/", maxResults="1")
    second = listed(delimiter="/", maxResults="1", pageToken=first[2])
    third = listed(delimiter="/", maxResults="1", pageToken=second[2])
    assert (first[:2], second[:2], third) == (([], ["a/"]), (["c"], []), ([], ["d/"], None))
    assert failed(vertex.client.get(OBJECTS, params={"pageToken": "ä"})) == (400, "invalid")


def test_every_bucket_exists_unless_they_are_named(vertex, emulator, put):
    assert vertex.ok("GET", "/storage/v1/b/bucket")["name"] == "bucket"
    assert vertex.client.get("/storage/v1/b/B").status_code == 404
    emulator.settings.buckets = frozenset({"known"})
    assert failed(put()) == (404, "notFound")
    assert vertex.ok("GET", "/storage/v1/b/known/o")["kind"] == "storage#objects"
    assert failed(vertex.client.post("/storage/v1/b", json={"name": "known"})) == (409, "conflict")
    made = vertex.ok("POST", "/storage/v1/b?project=p", {"name": "bucket", "location": "europe-west4"})
    assert (made["location"], made["locationType"]) == ("EUROPE-WEST4", "region")
    assert put().status_code == 200
    assert failed(vertex.client.post("/storage/v1/b", json={"name": "No"})) == (400, "invalid")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/storage/v1/b", 405),
        ("DELETE", "/storage/v1/b/bucket", 405),
        ("PATCH", f"{OBJECTS}/a.txt", 405),
        ("GET", "/storage/v1/b/bucket/iam", 404),
    ],
)
def test_what_is_not_emulated_is_said_to_be(vertex, put, method, path, status):
    put()
    assert vertex.client.request(method, path).status_code == status


def test_faults_strike_here_as_well(vertex, put, emulator):
    emulator.faults.add(Fault("status", code=503, path="/upload/"))
    assert put().status_code == 503
    assert put().status_code == 200
    assert [(request.method, request.status) for request in emulator.requests] == [("POST", 503), ("POST", 200)]


def test_an_upload_that_is_too_large_is_refused(vertex, monkeypatch, put):
    monkeypatch.setattr("reconciler.emulator.app.MAX_OBJECT", 4)
    assert put(data=b"hello").status_code == 400


def test_links_lead_to_where_the_caller_found_us(vertex, put):
    stored = put("x y").json()
    assert re.fullmatch(r"http://emulator/storage/v1/b/bucket/o/x%20y", stored["selfLink"])
    assert vertex.client.get(stored["mediaLink"]).content == b"hello"
