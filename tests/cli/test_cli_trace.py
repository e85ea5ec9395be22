"""``-vv``: every HTTP request on a line of its own, and nothing of what it carried."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli_kit import Workshop

LINE = re.compile(r"(GET|POST|PATCH|DELETE) \S+ (\d{3}|no answer \(\w+\)) \d+ ms(, try \d+)?")


def traced(text: str) -> list[str]:
    return [line for line in text.splitlines() if LINE.fullmatch(line)]


def test_every_request_is_told_on_standard_error(workshop: Workshop) -> None:
    workshop.emulator.clear_requests()
    ended = workshop.apply("-vv")
    lines = traced(ended.err)
    asked = [(method, re.sub(r"^/v1(beta)?/", "", address)) for method, address, *_ in map(str.split, lines)]
    assert [(method, address.partition("?")[0]) for method, address in asked] == workshop.requests()
    assert traced(ended.out) == []
    assert any(line.startswith("POST /v1beta/tunedModels?tunedModelId=numbers-") for line in lines)


def test_a_single_v_and_none_tell_of_no_request(workshop: Workshop) -> None:
    assert traced(workshop.run("plan", "-v").text) == []
    assert traced(workshop.run("plan").text) == []
    assert traced(workshop.run("plan", "-vv", "-q").text) == []
    assert traced(workshop.run("plan", "-vv").err) != []


def test_of_a_query_only_what_is_ours_has_a_value(workshop: Workshop) -> None:
    (listing,) = traced(workshop.run("status", "-vv").err)
    assert re.fullmatch(r"GET /v1beta/tunedModels\?fields=…&pageSize=1000 200 \d+ ms", listing)


def test_a_request_that_is_sent_again_says_which_try_it_is(workshop: Workshop) -> None:
    workshop.fault("status,code=503,method=GET,count=1")
    first, second = traced(workshop.run("status", "-vv").err)
    assert " 503 " in first
    assert second.endswith(", try 2")


def test_a_request_without_an_answer_says_so(workshop: Workshop) -> None:
    said = workshop.run("doctor", "-vv", "--endpoint", "http://127.0.0.1:1", expect=1).err
    assert [line.partition(" ms")[0].rpartition(" ")[0] for line in traced(said)] == [
        "GET /v1beta/tunedModels?fields=…&pageSize=1000 no answer (ConnectError)"
    ]


def test_programs_get_requests_as_events(workshop: Workshop) -> None:
    ended = workshop.apply("-vv", "--format", "jsonl")
    requests = [event for event in ended.events() if event["type"] == "request"]
    assert {(event["method"], event["status"], event["attempt"]) for event in requests} >= {("POST", 200, 1)}
    assert ended.err == ""
    assert not any(event["type"] == "request" for event in workshop.apply("--format", "jsonl").events())
