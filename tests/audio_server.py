"""A server on 127.0.0.1 that speaks OpenAI's ``/v1/audio/transcriptions``, and counts.

A test says what it answers: a function of what it was asked. Whoever asks with an Idempotency-Key
that was answered before gets that answer again, and is not counted a second time.
"""

from __future__ import annotations

import email
import email.policy
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import av


@dataclass(frozen=True)
class Asked:
    """One request: its form's fields (several values with their names repeated), its sound."""

    fields: dict[str, list[str]]
    sound: bytes
    duration_s: float
    headers: dict[str, str]


Reply = Callable[[Asked], tuple[int, Any]]


def words_of(asked: Asked) -> dict[str, Any]:
    """A word a second, as whisper-1 answers: words bare, the text with its punctuation."""
    count = max(1, int(asked.duration_s))
    words = [{"word": f"w{n}", "start": n + 0.1, "end": n + 0.6} for n in range(count)]
    text = " ".join(f"W{n}," for n in range(count))
    return {
        "task": "transcribe",
        "language": "english",
        "duration": asked.duration_s,
        "text": text,
        "words": words,
        "segments": [
            {
                "id": 0, "seek": 0, "start": 0.0, "end": asked.duration_s, "text": text,
                "tokens": [1], "temperature": 0.0, "avg_logprob": -0.1,
                "compression_ratio": 1.0, "no_speech_prob": 0.01,
            }
        ],
        "usage": {"type": "duration", "seconds": round(asked.duration_s)},
    }  # fmt: skip


def plainly(asked: Asked) -> tuple[int, Any]:
    return 200, words_of(asked)


@dataclass
class AudioServer:
    """`asked` are all requests in the order of arrival, `paid` the sounds that were answered with
    success, each by its key once."""

    reply: Reply = plainly
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    paid: list[bytes] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)
    _known: dict[str, tuple[int, Any]] = field(default_factory=dict)

    def answer(self, asked: Asked) -> tuple[int, Any]:
        with self.came:
            self.asked.append(asked)
            self.came.notify_all()
        key = asked.headers.get("idempotency-key")
        if key in self._known:
            return self._known[key]
        status, body = self.reply(asked)
        with self.came:
            if status == 200:
                self.paid.append(asked.sound)
                if key is not None:
                    self._known[key] = (status, body)
        return status, body

    def wait_for(self, requests: int) -> None:
        with self.came:
            assert self.came.wait_for(lambda: len(self.asked) >= requests, timeout=240)


class _Handler(BaseHTTPRequestHandler):
    told: AudioServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not self.path.endswith("/audio/transcriptions"):
            return self._send(404, {"error": {"message": f"there is no {self.path}"}})
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, body = self.told.answer(_read(headers, raw))
        try:
            self._send(status, body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _send(self, status: int, body: Any) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        return


def _read(headers: dict[str, str], raw: bytes) -> Asked:
    head = f"content-type: {headers['content-type']}\r\n\r\n".encode()
    form: Any = email.message_from_bytes(head + raw, policy=email.policy.HTTP)
    fields: dict[str, list[str]] = {}
    sound = b""
    for part in form.iter_parts():
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        if part.get_filename():
            sound = data
        else:
            fields.setdefault(name, []).append(data.decode())
    return Asked(fields, sound, _duration_s(sound), headers)


def _duration_s(sound: bytes) -> float:
    with av.open(io.BytesIO(sound), "r") as container:
        rate_hz = container.streams.audio[0].rate
        return sum(frame.samples for frame in container.decode(audio=0)) / rate_hz


@contextmanager
def audio_server(reply: Reply = plainly) -> Iterator[AudioServer]:
    """`url` ends in ``/v1``."""
    told = AudioServer(reply)
    handler = type("Handler", (_Handler,), {"told": told})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
