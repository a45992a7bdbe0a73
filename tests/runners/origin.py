"""A web server on the loopback that behaves, and misbehaves, as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Handler"], None]


@dataclass(slots=True)
class Served:
    """A file as a good server serves it; the fields change what it does wrong."""

    body: bytes
    etag: str | None = '"one"'
    content_type: str = "video/mp4"
    last_modified: str | None = None
    ranges: bool = True
    obeys_if_range: bool = True
    states_length: bool = True
    cut_after: int | None = None  # break off after so many bytes of each answer
    pause: threading.Event | None = None  # after half of the answer, wait for this
    half_sent: threading.Event = field(default_factory=threading.Event)

    def __call__(self, handler: Handler) -> None:
        start = self._start(handler)
        handler.send_response(200 if start is None else 206)
        body = self.body[start or 0 :]
        if start is not None:
            last = len(self.body) - 1
            handler.send_header("Content-Range", f"bytes {start}-{last}/{len(self.body)}")
        if self.states_length:
            handler.send_header("Content-Length", str(len(body)))
        for name, value in (("ETag", self.etag), ("Last-Modified", self.last_modified)):
            if value:
                handler.send_header(name, value)
        handler.send_header("Content-Type", self.content_type)
        handler.end_headers()
        self._send(handler, body)

    def _start(self, handler: Handler) -> int | None:
        asked = handler.headers.get("Range")
        if not asked or not self.ranges:
            return None
        wanted = handler.headers.get("If-Range")
        if self.obeys_if_range and wanted and wanted not in (self.etag, self.last_modified):
            return None
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def _send(self, handler: Handler, body: bytes) -> None:
        if self.pause is not None:
            half = len(body) // 2
            handler.wfile.write(body[:half])
            handler.wfile.flush()
            self.half_sent.set()
            self.pause.wait(60)
            body = body[half:]
        handler.wfile.write(body[: self.cut_after])
        if self.cut_after is not None:
            handler.close_connection = True


def refusal(status: int, **headers: str) -> Answer:
    def answer(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def in_turn(*answers: Answer) -> Answer:
    """The first answer for the first request, and so on; the last one stays."""
    left = list(answers)

    def answer(handler: Handler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler)

    return answer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Origin

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))
        answer = self.server.answers.get(self.path.partition("?")[0])
        (answer or refusal(404))(self)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Nothing on the terminal."""


class Origin(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what some tests do."""


@contextmanager
def serving() -> Iterator[Origin]:
    origin = Origin()
    thread = threading.Thread(target=origin.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield origin
    finally:
        origin.shutdown()
        thread.join()
        origin.server_close()
