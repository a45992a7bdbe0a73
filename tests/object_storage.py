"""Object storage on the loopback: S3 as moto serves it, behind a door that can be told to fail."""

from __future__ import annotations

import http.client
import logging
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

BUCKET = "films"
KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",
}


@dataclass(frozen=True, slots=True)
class Request:
    """`n` counts all requests from 1."""

    n: int
    method: str
    path: str


# What goes wrong with a request: "503", "429", "reset" (before an answer), "stall" (no answer at
# all), "cut" (half of the body, then the end), "flip" (one byte of the body is another), "slow"
# (the body in small pieces); None: nothing.
Fault = Callable[[Request], str | None]


def nothing(_request: Request) -> str | None:
    return None


@dataclass
class Door:
    """A proxy before the store. `fault` may be changed at any time; `seen`: what was asked for."""

    upstream: tuple[str, int]
    fault: Fault = nothing
    seen: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    closing: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def count(self, method: str, part: str = "") -> int:
        return sum(r.method == method and part in r.path for r in list(self.seen))

    def ask(self, method: str, path: str) -> str | None:
        with self.lock:
            request = Request(len(self.seen) + 1, method, path)
            self.seen.append(request)
        return self.fault(request)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.door.ask(self.command, self.path)
        if fault in {"503", "429"}:
            self.send_response(int(fault))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if fault == "stall":
            self.server.door.closing.wait()
        if fault in {"reset", "stall"}:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            self.connection.close()
            return
        self._answer(body, fault)

    def _answer(self, body: bytes, fault: str | None) -> None:
        upstream = http.client.HTTPConnection(*self.server.door.upstream, timeout=60)
        try:
            upstream.request(self.command, self.path, body, dict(self.headers.items()))
            answer = upstream.getresponse()
            data = answer.read()
        finally:
            upstream.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else len(data)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        self._send(data, fault)

    def _send(self, data: bytes, fault: str | None) -> None:
        if fault == "flip" and data:
            data = bytes([data[0] ^ 1]) + data[1:]
        if fault == "cut":
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
        elif fault == "slow":
            for start in range(0, len(data), 64 << 10):
                self.wfile.write(data[start : start + (64 << 10)])
                time.sleep(0.01)
        else:
            self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass  # noqa: N815 - the names it looks for


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    door: Door
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """A client that went away is what these tests are about."""


@contextmanager
def object_storage() -> Iterator[tuple[Door, Any]]:
    """The door, and a client that does not go through it. The bucket is there."""
    boto3 = pytest.importorskip("boto3")
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    door = Door((host, port))
    server = _Server(("127.0.0.1", 0), _Handler)
    server.door = door
    door.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # secret-ok: moto takes any
    )
    client.create_bucket(Bucket=BUCKET)
    try:
        yield door, client
    finally:
        door.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
        moto.stop()
