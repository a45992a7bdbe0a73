"""The HTTP/1.1 server of the test site: ranges, validators, and endings of every kind."""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.site_resources import Asked, Delivery, Resource

Answer = Callable[[Asked], Delivery]

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_PAUSE_S = 0.02
_WITHOUT_BODY = (204, 304)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each small answer may wait 40 ms for the client's word
    server: Server

    def do_GET(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        sent = self.rfile.read(size) if size else b""
        asked = Asked(self.command, path, query, headers, time.monotonic(), sent)
        self._deliver(self.server.answer(asked), asked)

    do_HEAD = do_GET  # noqa: N815
    do_POST = do_GET  # noqa: N815

    def _deliver(self, delivery: Delivery, asked: Asked) -> None:
        if delivery.is_silent:
            return self._end("stall")
        start, end = self._begin(delivery.resource, asked)
        if asked.method == "HEAD" or end <= start:
            return None
        cut = delivery.cut_after_bytes
        last = end if cut is None else min(end, start + cut)
        whole = self._send(delivery, start, last)
        if not delivery.resource.states_length and whole and last == end:
            self.wfile.write(b"0\r\n\r\n")
        if not whole or last < end:
            return self._end(delivery.cut if whole else "reset")
        return None

    def _begin(self, resource: Resource, asked: Asked) -> tuple[int, int]:
        """Sends status and headers; gives the bytes of the body that belong to the answer."""
        status, start, end = _span(resource, asked)
        self.send_response(status)
        for name, value in _headers(resource, status, start, end):
            self.send_header(name, value)
        self.end_headers()
        return start, end

    def _send(self, delivery: Delivery, start: int, end: int) -> bool:
        """False where the site went away meanwhile."""
        resource, pace = delivery.resource, delivery.bytes_per_s
        if pace is None and resource.states_length and not isinstance(resource.body, bytes):
            return self._send_fast(resource, start, end)
        slice_bytes = 1 << 18 if pace is None else max(1, int(pace * _PAUSE_S))
        for part in resource.read(start, end, slice_bytes):
            if resource.states_length:
                self.wfile.write(part)
            else:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            if pace is not None and self.server.gone.wait(len(part) / pace):
                return False
        return not self.server.gone.is_set()

    def _send_fast(self, resource: Resource, start: int, end: int) -> bool:
        """A large file costs the machine as little as can be (sendfile)."""
        if hasattr(resource.body, "open"):
            with resource.body.open("rb") as file:
                self.connection.sendfile(file, start, end - start)
            return True
        for part in resource.read(start, end):
            if self.server.gone.is_set():
                return False
            self.wfile.write(part)
        return True

    def _end(self, how: str) -> None:
        self.close_connection = True
        if how == "stall":
            self._wait_for_the_end()
        elif how == "reset":
            _reset_at_close(self.connection)
            self.server.cut.add(self.connection)

    def _wait_for_the_end(self) -> None:
        """Until the client hangs up or the site goes away."""
        self.connection.settimeout(0.1)
        while not self.server.gone.is_set():
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Nothing on the terminal."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, port: int, answer: Answer) -> None:
        self.answer = answer
        self.gone = threading.Event()
        self.cut: set[socket.socket] = set()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        if request in self.cut:
            self.cut.discard(request)
            request.close()  # without the orderly end before it
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what some tests do."""

    def go(self) -> None:
        """No more answers; connections that are open break off."""
        self.gone.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._lock:
            left = list(self._open)
        for connection in left:
            with suppress(OSError):
                _reset_at_close(connection)
                connection.shutdown(socket.SHUT_RDWR)


def _reset_at_close(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _span(resource: Resource, asked: Asked) -> tuple[int, int, int]:
    """Status, first byte and end of what is sent (RFC 9110, 13.2.2 and 14.2)."""
    size = resource.size_bytes
    if resource.status != 200:
        return resource.status, 0, 0 if resource.status in _WITHOUT_BODY else size
    if _is_known(resource, asked):
        return 304, 0, 0
    wanted = _RANGE.fullmatch(asked.headers.get("range", ""))
    if wanted is None or not resource.ranges or not _may_resume(resource, asked):
        return 200, 0, size
    first, last = wanted.groups()
    if not first:
        start, end = (max(0, size - int(last)), size) if last else (0, size)
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    return (206, start, end) if start < end else (416, 0, 0)


def _is_known(resource: Resource, asked: Asked) -> bool:
    """Whether the client has it already."""
    tags = asked.headers.get("if-none-match")
    if tags is not None:
        known = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
        return resource.etag is not None and (resource.etag in known or "*" in known)
    since = asked.headers.get("if-modified-since")
    return since is not None and since == resource.last_modified


def _may_resume(resource: Resource, asked: Asked) -> bool:
    wanted = asked.headers.get("if-range")
    if wanted is None or not resource.obeys_if_range:
        return True
    return wanted in (resource.etag, resource.last_modified)


def _headers(resource: Resource, status: int, start: int, end: int) -> list[tuple[str, str]]:
    found = [("Content-Type", resource.content_type), *resource.headers.items()]
    if resource.etag is not None:
        found.append(("ETag", resource.etag))
    if resource.last_modified is not None:
        found.append(("Last-Modified", resource.last_modified))
    if resource.ranges and resource.status == 200:
        found.append(("Accept-Ranges", "bytes"))
    if status == 206:
        found.append(("Content-Range", f"bytes {start}-{end - 1}/{resource.size_bytes}"))
    if status == 416:
        found.append(("Content-Range", f"bytes */{resource.size_bytes}"))
    if status in _WITHOUT_BODY:
        return found
    if resource.states_length:
        found.append(("Content-Length", str(end - start)))
    else:
        found.append(("Transfer-Encoding", "chunked"))  # word-ok: HTTP's name for it
    return found
