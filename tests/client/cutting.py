"""A way to a service that breaks: connections are cut after so many bytes."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_READ_BYTES = 16 << 10
# SO_LINGER of 0 seconds: the other side hears of a reset, as of a cable that was pulled.
_RESET = struct.pack("ii", 1, 0)


@dataclass
class Cutting:
    """`up` and `down`: bytes after which the next connections are cut, one number for each cut."""

    url: str
    up: list[int] = field(default_factory=list)
    down: list[int] = field(default_factory=list)
    cuts: int = 0
    sent_up: int = 0
    sent_down: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def passed(self, count: int, *, is_up: bool) -> bool:
        """Whether the connection may live on after these bytes."""
        with self._lock:
            if is_up:
                self.sent_up += count
            else:
                self.sent_down += count
            limits, sent = (self.up, self.sent_up) if is_up else (self.down, self.sent_down)
            if limits and sent >= limits[0]:
                limits.pop(0)
                self.cuts += 1
                self.sent_up = self.sent_down = 0
                return False
            return True

    def begin(self) -> None:
        """Bytes are counted from here on."""
        with self._lock:
            self.sent_up = self.sent_down = 0


@contextmanager
def cutting(url: str) -> Iterator[Cutting]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    target = (parts.hostname, parts.port)
    listener = socket.create_server(("127.0.0.1", 0))
    made = Cutting(f"http://127.0.0.1:{listener.getsockname()[1]}")
    threading.Thread(target=_accept, args=(listener, target, made), daemon=True).start()
    try:
        yield made
    finally:
        listener.close()


def _accept(listener: socket.socket, target: tuple[str, int], made: Cutting) -> None:
    while True:
        try:
            near, _ = listener.accept()
            far = socket.create_connection(target)
        except OSError:
            return
        pair = (near, far)
        for source, sink, is_up in ((near, far, True), (far, near, False)):
            threading.Thread(target=_pump, args=(source, sink, pair, made, is_up)).start()


def _pump(
    source: socket.socket,
    sink: socket.socket,
    pair: tuple[socket.socket, socket.socket],
    made: Cutting,
    is_up: bool,
) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_READ_BYTES):
            if not made.passed(len(data), is_up=is_up):
                for one in pair:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                break
            sink.sendall(data)
    for one in pair:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
