"""Uploads by tus 1.0, to a real service."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.served import Served, serving, until

_TUS = {"Tus-Resumable": "1.0.0"}
_PART = {**_TUS, "Content-Type": "application/offset+octet-stream"}
_UNKNOWN = "0" * 17
_MANY = 3 << 20


def _bytes(count: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(count)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("uploads") / "home"
    with serving(home, "--no-worker", REEL_SERVE__UPLOAD_BYTES="100000000") as running:
        yield running


@pytest.fixture
def api(place: Served) -> httpx.Client:
    return place.client


def _begin(api: httpx.Client, size: int, **headers: str) -> str:
    answer = api.post("/v1/uploads", headers={**_TUS, "Upload-Length": str(size), **headers})
    assert answer.status_code == 201, answer.text
    assert answer.headers["tus-resumable"] == "1.0.0"
    return str(answer.headers["location"])


def _send(
    api: httpx.Client, place: str, data: Any, offset: int = 0, checksum: str | None = None
) -> httpx.Response:
    sent = {**_PART, "Upload-Offset": str(offset)}
    if checksum is not None:
        sent["Upload-Checksum"] = checksum
    return api.patch(place, content=data, headers=sent)


def _offset(api: httpx.Client, place: str) -> int:
    answer = api.head(place, headers=_TUS)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return int(answer.headers["upload-offset"])


def _problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["code"] == code
    return found


def _file(running: Served, place: str) -> bytes:
    return (running.home / "uploads" / place.rpartition("/")[2]).read_bytes()


def test_it_says_what_it_speaks(api: httpx.Client) -> None:
    answer = api.options("/v1/uploads")

    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert set(answer.headers["tus-extension"].split(",")) == {
        "creation", "creation-with-upload", "termination", "expiration", "checksum",
    }  # fmt: skip
    assert answer.headers["tus-checksum-algorithm"] == "sha1,sha256,sha512"
    assert answer.headers["tus-max-size"] == "100000000"


def test_a_file_comes_in_in_parts(api: httpx.Client, place: Served) -> None:
    data = _bytes(_MANY + 17)
    metadata = f"filename {_encoded('../wörk/täg 1.mp4')},private"
    at = _begin(api, len(data), **{"Upload-Metadata": metadata})

    assert _offset(api, at) == 0
    for begin in range(0, len(data), 1_000_000):
        answer = _send(api, at, data[begin : begin + 1_000_000], begin)
        assert answer.status_code == 204, answer.text
        assert int(answer.headers["upload-offset"]) == min(begin + 1_000_000, len(data))
        assert answer.headers["upload-expires"].endswith("GMT")

    head = api.head(at, headers=_TUS)
    assert head.headers["upload-length"] == head.headers["upload-offset"] == str(len(data))
    assert head.headers["upload-metadata"] == metadata
    found = api.get(at).json()
    assert found["state"] == "finished"
    assert found["name"] == "täg 1.mp4"
    assert found["sha256"] == hashlib.sha256(data).hexdigest()
    assert _file(place, at) == data
    kept = place.home / "uploads" / found["id"]
    assert kept.stat().st_mode & 0o777 == 0o600
    assert found in api.get("/v1/uploads", params={"limit": 500}).json()["uploads"]


def test_the_first_part_may_come_with_the_request(api: httpx.Client, place: Served) -> None:
    data = _bytes(2_000_000)
    sent = {**_PART, "Upload-Length": str(len(data))}
    whole = api.post("/v1/uploads", content=data, headers=sent)
    half = api.post("/v1/uploads", content=data[:999], headers=sent)

    assert (whole.status_code, whole.headers["upload-offset"]) == (201, "2000000")
    assert (half.status_code, half.headers["upload-offset"]) == (201, "999")
    assert api.get(whole.headers["location"]).json()["state"] == "finished"
    assert _send(api, half.headers["location"], data[999:], 999).status_code == 204
    assert _file(place, half.headers["location"]) == data


def test_an_empty_file_is_finished_at_once(api: httpx.Client) -> None:
    found = api.get(_begin(api, 0)).json()

    assert (found["state"], found["sha256"]) == ("finished", hashlib.sha256(b"").hexdigest())


def test_a_part_at_the_wrong_place_is_refused_and_the_right_one_is_told(api: httpx.Client) -> None:
    at = _begin(api, 10)
    assert _send(api, at, b"12345").status_code == 204

    for offset in (0, 4, 6, 10):
        answer = _send(api, at, b"67890", offset)
        assert _problem(answer, 409, "upload_offset")["offset"] == 5
        assert answer.headers["upload-offset"] == "5"
    assert _send(api, at, b"67890", 5).status_code == 204
    assert _send(api, at, b"", 10).status_code == 204


@pytest.mark.parametrize("is_told", [True, False])
def test_more_than_was_announced_is_refused(api: httpx.Client, is_told: bool) -> None:
    at = _begin(api, 2_000_000)
    data = _bytes(2_000_001)

    def parts() -> Iterator[bytes]:
        for begin in range(0, len(data), 300_000):
            yield data[begin : begin + 300_000]

    answer = _send(api, at, data if is_told else parts())

    _problem(answer, 409, "upload_offset")
    assert _offset(api, at) < 2_000_000
    assert api.get(at).json()["state"] == "unfinished"
    begin = _offset(api, at)
    assert _send(api, at, data[begin:2_000_000], begin).status_code == 204
    assert api.get(at).json()["sha256"] == hashlib.sha256(data[:2_000_000]).hexdigest()


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_a_part_with_a_checksum_counts_as_a_whole(api: httpx.Client, algorithm: str) -> None:
    data = _bytes(1_500_000)
    at = _begin(api, len(data))
    good = base64.b64encode(hashlib.new(algorithm, data).digest()).decode()

    wrong = _send(api, at, data[:-1] + b"!", checksum=f"{algorithm} {good}")
    _problem(wrong, 460, "upload_checksum")
    assert _offset(api, at) == 0
    right = _send(api, at, data, checksum=f"{algorithm} {good}")
    assert right.status_code == 204
    assert api.get(at).json()["sha256"] == hashlib.sha256(data).hexdigest()


def test_what_the_whole_file_is_to_be_is_checked(api: httpx.Client, place: Served) -> None:
    data = _bytes(5000, seed=7)
    said = hashlib.sha256(data).hexdigest()
    named = {"Upload-Metadata": f"sha256 {_encoded(said)}"}
    at = _begin(api, len(data), **named)

    _problem(_send(api, at, b"x" * len(data)), 460, "upload_checksum")
    assert _offset(api, at) == 0
    assert _send(api, at, data).status_code == 204

    again = _begin(api, len(data), **named)
    assert _offset(api, again) == len(data)
    assert api.get(again).json()["state"] == "finished"
    assert api.delete(at, headers=_TUS).status_code == 204
    assert _file(place, again) == data


def test_a_connection_that_breaks_keeps_what_came(api: httpx.Client, place: Served) -> None:
    data = _bytes(_MANY)
    at = _begin(api, len(data))
    _cut(place, at, data[: _MANY // 2], len(data))

    came = until(lambda: _offset(api, at))

    assert came <= _MANY // 2
    assert until(lambda: _send(api, at, data[came:], came).status_code == 204)
    assert _file(place, at) == data
    assert api.get(at).json()["sha256"] == hashlib.sha256(data).hexdigest()


def test_of_two_that_write_at_once_one_wins(api: httpx.Client, place: Served) -> None:
    data = _bytes(400_000)
    at = _begin(api, len(data))
    has_begun, may_go_on = threading.Event(), threading.Event()

    def slow() -> Iterator[bytes]:
        yield data[:100_000]
        has_begun.set()
        may_go_on.wait(60)
        yield data[100_000:]

    answers: list[httpx.Response] = []

    def send() -> None:
        with httpx.Client(base_url=place.url, headers=place.headers, timeout=60) as other:
            answers.append(_send(other, at, slow()))

    thread = threading.Thread(target=send)
    thread.start()
    assert has_begun.wait(60)
    # The first one has the lock as soon as its headers were read.
    until(lambda: _send(api, at, b"").status_code == 423)
    _problem(_send(api, at, data), 423, "upload_busy")
    may_go_on.set()
    thread.join()

    assert answers[0].status_code == 204
    assert _file(place, at) == data


def test_what_was_deleted_is_gone(api: httpx.Client, place: Served) -> None:
    at = _begin(api, 10)
    assert api.delete(at, headers=_TUS).status_code == 204

    assert api.head(at, headers=_TUS).status_code == 404
    _problem(api.get(at), 404, "upload_unknown")
    _problem(_send(api, at, b"1"), 404, "upload_unknown")
    _problem(api.delete(at, headers=_TUS), 404, "upload_unknown")
    assert not (place.home / "uploads" / at.rpartition("/")[2]).exists()


def test_wrong_requests_are_problems(api: httpx.Client) -> None:
    at = _begin(api, 10)
    length = {**_TUS, "Upload-Length": "5"}
    for headers, status, code in (
        ({"Tus-Resumable": "0.2.2", "Upload-Length": "5"}, 412, "condition_failed"),
        (_TUS, 422, "field_missing"),
        ({**_TUS, "Upload-Length": "-1"}, 422, "field_invalid"),
        ({**_TUS, "Upload-Length": "100000001"}, 413, "body_too_large"),
        ({**length, "Upload-Metadata": "filename !!"}, 400, "field_invalid"),
        ({**length, "Upload-Metadata": "a YQ==,a YQ=="}, 400, "field_invalid"),
        ({**length, "Upload-Metadata": f"sha256 {_encoded('abc')}"}, 400, "field_invalid"),
    ):
        answer = api.post("/v1/uploads", headers=headers)
        _problem(answer, status, code)
        if status == 412:
            assert answer.headers["tus-version"] == "1.0.0"
    _problem(api.post("/v1/uploads", json={}, headers=length), 415, "media_type")
    typed = {**_TUS, "Upload-Offset": "0", "Content-Type": "text/plain"}
    _problem(api.patch(at, content=b"1", headers=typed), 415, "media_type")
    _problem(api.patch(at, content=b"1", headers=_PART), 422, "field_missing")
    _problem(_send(api, at, b"1", checksum="md5 YQ=="), 400, "field_invalid")
    _problem(_send(api, f"/v1/uploads/{_UNKNOWN}", b"1"), 404, "upload_unknown")
    assert httpx.post(f"{api.base_url}/v1/uploads", headers=length).status_code == 401
    assert _offset(api, at) == 0


def test_killed_at_any_moment_it_goes_on_with_what_is_durable(tmp_path: Any) -> None:
    data = _bytes(2 * _MANY)
    home = tmp_path / "home"
    with serving(home, "--no-worker") as running:
        at = _begin(running.client, len(data))
        assert _send(running.client, at, data[:1_000_000]).status_code == 204
        _cut(running, at, data[1_000_000:_MANY], len(data), offset=1_000_000, is_abrupt=False)
        file = home / at.removeprefix("/v1/")
        until(lambda: file.stat().st_size > 1_000_000)
        running.process.kill()
        running.process.wait()
    # What was written and not yet told of counts for nothing, whatever it is.
    with file.open("r+b") as opened:
        opened.seek(1_000_000)
        opened.write(b"x" * 4096)
    with serving(home, "--no-worker") as running:
        assert _offset(running.client, at) == 1_000_000
        answer = _send(running.client, at, data[1_000_000:], 1_000_000)
        assert answer.status_code == 204, answer.text
        assert running.client.get(at).json()["sha256"] == hashlib.sha256(data).hexdigest()
        assert _file(running, at) == data


def test_a_file_that_lost_its_end_is_sent_again_from_there(
    api: httpx.Client, place: Served
) -> None:
    data = _bytes(1000)
    at = _begin(api, len(data))
    assert _send(api, at, data[:600]).status_code == 204
    os.truncate(place.home / "uploads" / at.rpartition("/")[2], 250)

    assert _offset(api, at) == 250
    assert _send(api, at, data[250:], 250).status_code == 204
    assert api.get(at).json()["sha256"] == hashlib.sha256(data).hexdigest()


_open: list[socket.socket] = []


def _cut(
    running: Served, place: str, data: bytes, size: int, offset: int = 0, is_abrupt: bool = True
) -> None:
    """Sends a part of what was announced, then says nothing more, or hangs up."""
    parts = urlsplit(running.url)
    assert parts.hostname is not None
    assert parts.port is not None
    link = socket.create_connection((parts.hostname, parts.port))
    headers = {
        **running.headers, **_PART, "Host": parts.netloc, "Upload-Offset": str(offset),
        "Content-Length": str(size - offset),
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    link.sendall(f"PATCH {place} HTTP/1.1\r\n{head}\r\n".encode() + data)
    if is_abrupt:
        link.close()
    else:
        _open.append(link)  # stays open as long as the tests
