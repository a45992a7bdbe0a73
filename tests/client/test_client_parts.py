"""The parts of the client that need no service."""

import asyncio
import json
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.client import ApiError, AsyncClient, Client, Patience, models
from reelwright.client.events import Event, Reader
from reelwright.client.faults import fault_of
from reelwright.client.files import Part
from reelwright.client.patience import Tries
from reelwright.errors import Code, ReelError

STREAM = (
    "retry: 2000\n\n"
    'id: 1\nevent: job\ndata: {"state": "queued"}\n\n'
    ": still here\n\n"
    'event: progress\r\ndata: {"text": "a\u2028b\u0085c"}\r\n\r\n'
    "data: no json\n\n"
    'id: 2\revent: end\rdata: {"a":\rdata: 1}\r\r'
)
EVENTS = [
    Event("job", {"state": "queued"}, 1),
    Event("progress", {"text": "a\u2028b\u0085c"}),
    Event("end", {"a": 1}, 2),
]
PROBLEM = {
    "type": "/v1/errors#field_invalid",
    "title": "Field invalid",
    "status": 422,
    "detail": "'5 parsecs' is not a duration",
    "instance": "/v1/jobs",
    "code": "field_invalid",
    "where": "operations[2].duration",
    "hint": "write 90s",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "line": 7,
}


@given(st.lists(st.integers(0, len(STREAM.encode())), max_size=12))
def test_events_are_the_same_however_their_bytes_come(cuts: list[int]) -> None:
    data, reader, found = STREAM.encode(), Reader(), []
    places = [0, *sorted(cuts), len(data)]
    for start, end in pairwise(places):
        found += list(reader.feed(data[start:end]))
    found += list(reader.feed(b"\n"))

    assert found == EVENTS


def answer(status: int, body: Any = None, **headers: str) -> httpx.Response:
    request = httpx.Request("GET", "http://reel.example/v1/jobs")
    kind = {"content-type": "application/problem+json"} if isinstance(body, dict) else {}
    content = json.dumps(body).encode() if isinstance(body, dict) else b"<html>"
    return httpx.Response(status, headers={**kind, **headers}, content=content, request=request)


def test_a_problem_document_is_an_error_of_ours() -> None:
    error = fault_of(answer(422, PROBLEM))

    assert error.code is Code.FIELD_INVALID
    assert (error.status, error.message) == (422, "'5 parsecs' is not a duration")
    assert (error.where, error.hint) == ("operations[2].duration", "write 90s")
    assert error.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert error.problem.evidence == {"line": 7}
    assert len(error.problems) == 1


def test_what_is_the_services_own_fault_is_found_in_its_log() -> None:
    error = fault_of(answer(500, {**PROBLEM, "code": "internal", "detail": "see the log"}))

    assert error.message == "see the log: 4bf92f3577b34da6a3ce929d0e0e4736"


def test_all_problems_are_told() -> None:
    one = {"code": "field_missing", "detail": "no `to`", "where": "outputs[0].to", "hint": "add"}
    error = fault_of(answer(422, {**PROBLEM, "errors": [{**one, "line": 9}, one]}))

    assert [p.code for p in error.errors] == [Code.FIELD_MISSING] * 2
    assert error.problems[0].evidence == {"line": 9}


def test_a_code_that_is_not_known_here_is_kept_as_a_word() -> None:
    error = fault_of(answer(429, {**PROBLEM, "code": "of_tomorrow"}))

    assert (error.word, error.code) == ("of_tomorrow", Code.RATE_LIMITED)


@pytest.mark.parametrize(
    ("status", "body", "passes"),
    [
        (429, {**PROBLEM, "code": "rate_limited"}, True),
        (429, {**PROBLEM, "code": "quota_exceeded"}, False),
        (503, {**PROBLEM, "code": "store_unavailable"}, True),
        (502, {**PROBLEM, "code": "http_not_found"}, False),
        (502, None, True),
        (404, None, False),
    ],
)
def test_what_may_pass_is_known(status: int, body: Any, passes: bool) -> None:
    assert fault_of(answer(status, body)).is_passing is passes


def test_patience_ends() -> None:
    tries = Tries(Patience(total_s=60.0, first_s=0.5, most_s=4.0))

    waits = [tries.wait_s() for _ in range(6)]

    bounds = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0)
    assert all(b / 2 <= (w or 0.0) <= b for w, b in zip(waits, bounds, strict=True))
    assert tries.wait_s(asked_s=30.0) == 30.0
    assert tries.wait_s(asked_s=61.0) is None


class Flaky:
    """Answers by a list; what is no answer is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        status, body, headers = found
        return httpx.Response(status, json=body, headers=headers)


LIMITED = (429, {**PROBLEM, "code": "rate_limited"}, {"retry-after": "0"})
HEALTHY: Any = (200, {"status": "ok", "version": "1"}, {})
QUICK = Patience(total_s=20.0, first_s=0.001, most_s=0.01)


def plain(flaky: Flaky, patience: Patience = QUICK) -> Client:
    transport = httpx.MockTransport(flaky)
    return Client("http://reel.example", "t", patience=patience, transport=transport)


def test_reading_is_tried_again_after_whatever_may_pass() -> None:
    flaky = Flaky(httpx.ReadError("gone"), LIMITED, httpx.ConnectError("no"), HEALTHY)
    waits: list[str] = []
    with plain(flaky) as client:
        client.on_wait = lambda error, wait_s: waits.append(error.code.text)

        assert client.get_health().status == "ok"

    assert waits == ["server_unreachable", "rate_limited", "server_unreachable"]
    assert flaky.asked[0].headers["authorization"] == "Bearer t"


def test_the_client_of_asyncio_does_so_too() -> None:
    flaky = Flaky(httpx.ReadError("gone"), LIMITED, HEALTHY)

    async def ask() -> models.Health:
        transport = httpx.MockTransport(flaky)
        async with AsyncClient("http://r.example", patience=QUICK, transport=transport) as client:
            return await client.get_health()

    assert asyncio.run(ask()).status == "ok"


def test_a_new_job_carries_the_same_key_each_time() -> None:
    flaky = Flaky(httpx.ReadError("gone"), (422, PROBLEM, {}))

    with plain(flaky) as client, pytest.raises(ApiError) as caught:
        client.create_job("inputs: {}")

    keys = [request.headers["idempotency-key"] for request in flaky.asked]
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert flaky.asked[0].headers["content-type"] == "application/yaml"
    assert caught.value.code is Code.FIELD_INVALID


def test_what_may_have_been_done_is_not_done_again() -> None:
    flaky = Flaky(httpx.ReadError("gone"))

    with plain(flaky) as client, pytest.raises(ReelError) as caught:
        client.retry_job("0k8v2b3c4d5e6f7g8")

    assert caught.value.code is Code.SERVER_UNREACHABLE
    assert len(flaky.asked) == 1


def test_impatience_gives_up() -> None:
    flaky = Flaky(httpx.ConnectError("no"))

    with plain(flaky, Patience(total_s=0.0)) as client, pytest.raises(ReelError) as caught:
        client.get_health()

    assert caught.value.code is Code.SERVER_UNREACHABLE
    assert "http://reel.example" in str(caught.value)


def test_waiting_has_an_end() -> None:
    def beats() -> Iterator[bytes]:
        while True:
            time.sleep(0.01)
            yield b": still here\n\n"

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=beats())

    transport = httpx.MockTransport(answer)
    with (
        Client("http://reel.example", transport=transport) as client,
        pytest.raises(ReelError) as caught,
    ):
        client.wait("0k8v2b3c4d5e6f7g8", timeout_s=0.05)

    assert caught.value.code is Code.TIMEOUT


def test_an_answer_of_somebody_else_is_refused() -> None:
    flaky = Flaky((200, {"hello": "world"}, {}))

    with plain(flaky) as client, pytest.raises(ReelError) as caught:
        client.get_health()

    assert caught.value.code is Code.HTTP_STATUS


@pytest.mark.parametrize("url", ["", "reel.example", "ftp://reel.example", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ReelError) as caught:
        Client(url)

    assert caught.value.code is Code.USAGE


def test_a_part_becomes_the_file_whole(tmp_path: Path) -> None:
    digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    part = Part(tmp_path / "deep" / "a.txt", digest)
    part.begin(0)
    part.append(b"hel")
    assert Part(tmp_path / "deep" / "a.txt", digest).size() == 3
    part.append(b"lo")

    assert part.is_right()
    assert part.place(overwrite=False).read_bytes() == b"hello"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.txt"]


def test_a_part_replaces_nothing_unasked(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("mine")
    part = Part(target, "0" * 64)
    part.begin(0)
    part.append(b"other")

    with pytest.raises(ReelError) as caught:
        part.place(overwrite=False)
    assert caught.value.code is Code.OUTPUT_EXISTS
    assert target.read_text() == "mine"
    assert part.place(overwrite=True).read_text() == "other"
