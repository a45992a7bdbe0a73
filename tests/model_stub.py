"""A server on 127.0.0.1 that speaks OpenAI's wire format, for tests of what asks models.

It counts what it was asked, and answers what the test tells it to: for chat a function of the
request's body, for voices a tone as long as the text.
"""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

Chat = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class Reply:
    """Anything but the usual answer: an error, a broken body."""

    status: int
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()
    type: str = "application/json"


@dataclass
class Asked:
    """One request: its path, its headers (small letters) and its body as JSON."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """Everything that the messages of a chat say."""
        return "\n".join(_texts(self.body.get("messages", [])))

    @property
    def pictures(self) -> int:
        parts = [p for m in self.body.get("messages", []) for p in _parts(m)]
        return sum(part.get("type") == "image_url" for part in parts)


@dataclass
class ModelStub:
    """`chat` gives an object (the schema's) or a text for a request; `speech` a Reply or None for
    the tone. `asked` is in the order of arrival."""

    url: str = ""
    chat: Chat = lambda body: "ok"
    speech: Callable[[dict[str, Any]], Reply | None] = lambda body: None
    delay_s: float = 0.0
    asked: list[Asked] = field(default_factory=list)

    def of(self, path: str) -> list[Asked]:
        return [one for one in self.asked if one.path.endswith(path)]

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        time.sleep(self.delay_s)
        if asked.path.endswith("/chat/completions"):
            return self._chat(asked.body)
        if asked.path.endswith("/audio/speech"):
            text = asked.body["input"]
            made = self.speech(asked.body)
            return made or Reply(200, tone(len(text.split()) * 0.3), type="audio/wav")
        return Reply(404, b'{"error": {"message": "no such path"}}')

    def _chat(self, body: dict[str, Any]) -> Reply:
        said = self.chat(body)
        if isinstance(said, Reply):
            return said
        return Reply(200, json.dumps(completion(body, said)).encode())


def completion(body: dict[str, Any], said: Any) -> dict[str, Any]:
    """`said` as the answer of ``/v1/chat/completions``: by the tool that must be called, else as
    the message's content."""
    message: dict[str, Any] = {"role": "assistant", "content": None}
    finish = "stop"
    if body.get("tools") and not isinstance(said, str):
        name = body["tools"][0]["function"]["name"]
        call = {"name": name, "arguments": json.dumps(said)}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": call}]
        finish = "tool_calls"
    else:
        message["content"] = said if isinstance(said, str) else json.dumps(said)
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": body.get("model", "stub"),
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }


def tone(seconds: float, rate_hz: int = 24000, *, streamed: bool = True) -> bytes:
    """A WAV of a tone; `streamed`: with the lengths that a server writes before it knows them."""
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    samples = (np.sin(2 * np.pi * 440 * times) * 12000).astype("<i2").tobytes()
    size = 0xFFFFFFFF if streamed else len(samples)
    form = struct.pack("<HHIIHH", 1, 1, rate_hz, 2 * rate_hz, 2, 16)
    whole = 0xFFFFFFFF if streamed else 36 + len(samples)
    head = b"RIFF" + struct.pack("<I", whole) + b"WAVEfmt " + struct.pack("<I", 16) + form
    return head + b"data" + struct.pack("<I", size) + samples


@contextmanager
def model_stub(**told: Any) -> Iterator[ModelStub]:
    """Its `url` ends in ``/v1``."""
    stub = ModelStub(**told)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            is_json = headers.get("content-type", "").startswith("application/json")
            reply = stub.answer(Asked(self.path, headers, json.loads(raw) if is_json else {}))
            self.send_response(reply.status)
            for name, value in (("content-type", reply.type), *reply.headers):
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    stub.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    return content if isinstance(content, list) else []


def _texts(messages: list[dict[str, Any]]) -> Iterator[str]:
    for message in messages:
        if isinstance(message.get("content"), str):
            yield message["content"]
        for part in _parts(message):
            if part.get("type") == "text":
                yield part["text"]
