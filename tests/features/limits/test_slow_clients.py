"""Clients that open connections and send little or nothing do not keep others from being served."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.served import Served, serving, until

IDLE_S = 2.0
MOST = 6
# Until a busy machine does it: what matters is that the end comes.
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("strict") / "home"
    with serving(home, "--no-worker", REEL_SERVE__IDLE_S=str(IDLE_S)) as running:
        yield running


def _connected(served: Served) -> socket.socket:
    where = urlsplit(served.url)
    assert where.hostname is not None
    return socket.create_connection((where.hostname, where.port or 0), timeout=PATIENCE_S)


def _head(served: Served, length: int, path: str = "/v1/jobs") -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {urlsplit(served.url).netloc}",
        f"Authorization: Bearer {served.token}",
        "Content-Type: application/json",
        f"Content-Length: {length}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _rest(client: socket.socket) -> bytes:
    """Until the server closes the connection."""
    found = b""
    while part := client.recv(65536):
        found += part
    return found


def _answer(said: bytes) -> tuple[int, dict[str, object]]:
    head, _, body = said.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/keys", "/v1/session"])
def test_a_body_that_does_not_go_on_is_cut_off(strict: Served, path: str) -> None:
    with _connected(strict) as stalled:
        stalled.sendall(_head(strict, 1000, path) + b'{"inputs"')
        for _ in range(5):  # others are served meanwhile
            assert strict.client.get("/v1/jobs").status_code == 200

        status, problem = _answer(_rest(stalled))

    assert (status, problem["code"]) == (408, "network_timeout")
    assert problem["where"] == "body"


def test_a_body_that_drips_is_cut_off(strict: Served) -> None:
    with _connected(strict) as dripping:
        dripping.sendall(_head(strict, 100_000))
        dripping.settimeout(IDLE_S / 8)  # it is never silent for as long as it may be
        said, deadline = b"", time.monotonic() + PATIENCE_S
        while not said:
            assert time.monotonic() < deadline, "nobody cut it off"
            try:
                dripping.sendall(b" ")
                said = dripping.recv(65536)
            except TimeoutError:
                continue
        dripping.settimeout(PATIENCE_S)
        said += _rest(dripping)
    assert _answer(said)[0] == 408


def test_a_slow_body_that_goes_on_is_taken(strict: Served) -> None:
    body = json.dumps({"name": "slow"}).encode()
    parts = [b" " * 3000] * 6

    def drip() -> Iterator[bytes]:
        yield body
        for part in parts:
            time.sleep(IDLE_S / 4)
            yield part

    began = time.monotonic()
    kind = {"Content-Type": "application/json"}
    answer = strict.client.post("/v1/keys", content=drip(), headers=kind)

    assert answer.status_code == 201, answer.text
    assert time.monotonic() - began > IDLE_S, "it took longer than the silence that is allowed"


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow:"])
def test_a_head_that_does_not_come_is_cut_off(strict: Served, sent: bytes) -> None:
    with _connected(strict) as stalled:
        stalled.sendall(sent)
        said = _rest(stalled)
    assert said == b"" if not sent else said.startswith(b"HTTP/1.1 408 ")


def test_a_second_request_has_to_come_in_time_too(strict: Served) -> None:
    with _connected(strict) as kept:
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert kept.recv(65536).startswith(b"HTTP/1.1 200")
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHo")
        assert b"HTTP/1.1 408 " in _rest(kept)  # after what is left of the first answer


def test_a_head_has_a_size(strict: Served) -> None:
    with _connected(strict) as endless:
        endless.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ")
        said = b""
        try:
            for _ in range(1000):
                endless.sendall(b"x" * 1000)
            said = _rest(endless)
        except OSError:  # it is closed already
            pass
    assert said == b"" or said.startswith(b"HTTP/1.1 431 ")
    with _connected(strict) as within:
        long = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"x" * 30_000 + b"\r\n\r\n"
        within.sendall(long)
        assert within.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_stream_may_be_silent_for_longer(strict: Served) -> None:
    """Its request is whole; it is the service that has nothing to say."""
    spec = {"inputs": {"a": "missing.mp4"}, "outputs": [{"from": "a", "to": "b.mkv"}]}
    job_id = strict.submit(spec)
    with strict.client.stream("GET", f"/v1/jobs/{job_id}/events") as stream:
        assert stream.status_code == 200
        time.sleep(2 * IDLE_S)
        assert strict.client.delete(f"/v1/jobs/{job_id}").status_code == 202
        assert any("cancelled" in line for line in stream.iter_lines())


def test_too_many_connections_are_told_so(tmp_path: Path) -> None:
    with (
        serving(tmp_path / "home", "--no-worker", REEL_SERVE__CONNECTIONS=str(MOST)) as running,
        ExitStack() as open_ones,
    ):

        def look(path: str = "/v1/jobs") -> httpx.Response:
            return httpx.get(running.url + path, headers=running.headers)

        assert look().status_code == 200
        for _ in range(MOST):
            open_ones.enter_context(_connected(running))
        refused = until(lambda: found if (found := look()).status_code == 503 else None)
        assert refused.json()["code"] == "rate_limited"
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.headers["connection"] == "close"
        assert look("/healthz").status_code == 200, "it is busy, not ill"
        open_ones.close()
        until(lambda: look().status_code == 200 or None)
