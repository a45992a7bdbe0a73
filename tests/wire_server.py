"""A server on 127.0.0.1 that speaks the wire formats of hosted models, with all that can go wrong.

OpenAI's chat completions (streamed too) and embeddings, Anthropic's messages, Google's
generateContent. A test says what is answered by a list of `Turn`s, one a request; when they are
used up the last one stays.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One answer. `data`: an object, by the tool that must be called or as JSON text. `is_cut`: the
    connection breaks off in the middle. `raw`: these bytes, as they are. `until`: the answer waits
    for it."""

    text: str = "well"
    data: Any = None
    status: int = 200
    message: str = "it went wrong"
    headers: tuple[tuple[str, str], ...] = ()
    finish: str | None = None
    refusal: str | None = None
    model: str | None = None
    tokens: tuple[int, int] | None = (100, 20)
    is_cut: bool = False
    raw: bytes | None = None
    until: threading.Event | None = None

    @property
    def said(self) -> str:
        return self.text if self.data is None else json.dumps(self.data)


@dataclass
class Asked:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class WireServer:
    """`asked` in the order of arrival; `came` is set by each. `most_at_once`: so many waited for
    their answers at a time."""

    url: str = ""
    turns: list[Turn] = field(default_factory=lambda: [Turn()])
    asked: list[Asked] = field(default_factory=list)
    came: threading.Event = field(default_factory=threading.Event)
    most_at_once: int = 0
    _open: int = 0
    _lock: threading.Condition = field(default_factory=threading.Condition)

    def turn(self, asked: Asked) -> Turn:
        with self._lock:
            self.asked.append(asked)
            self.came.set()
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
            self._lock.notify_all()
            return self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]

    def answered(self) -> None:
        with self._lock:
            self._open -= 1

    def wait_for(self, count: int, timeout_s: float = 120.0) -> None:
        """Until so many requests have come."""
        with self._lock:
            assert self._lock.wait_for(lambda: len(self.asked) >= count, timeout_s)


def openai_chat(turn: Turn, body: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": turn.said, "refusal": turn.refusal}
    finish = turn.finish or "stop"
    if turn.refusal:
        message["content"] = None
    elif turn.data is not None and body.get("tools"):
        name = body["tools"][0]["function"]["name"]
        function = {"name": name, "arguments": json.dumps(turn.data)}
        message["content"] = None
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
    made: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": turn.model or body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }
    if turn.tokens:
        made["usage"] = _openai_usage(turn.tokens)
    return made


def openai_events(turn: Turn, body: dict[str, Any]) -> Iterator[bytes]:
    def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        part = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",  # word-ok: OpenAI's
            "created": 1_700_000_000,
            "model": turn.model or body["model"],
            "choices": [choice],
        }
        return f"data: {json.dumps(part)}\n\n".encode()

    yield event({"role": "assistant", "content": ""})
    for word in turn.said.split(" "):
        yield event({"content": word + " "})
    if turn.is_cut:
        return
    yield event({}, turn.finish or "stop")
    if turn.tokens:
        last: dict[str, Any] = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",  # word-ok: OpenAI's
            "created": 1_700_000_000,
            "model": turn.model or body["model"],
            "choices": [],
            "usage": _openai_usage(turn.tokens),
        }
        yield f"data: {json.dumps(last)}\n\n".encode()
    yield b"data: [DONE]\n\n"


def embeddings(turn: Turn, body: dict[str, Any]) -> dict[str, Any]:
    """Of three dimensions, by the length of the text; last first, for the order may be any."""
    data = [
        {"object": "embedding", "index": n, "embedding": [1.0, float(len(text)), 0.5]}
        for n, text in enumerate(body["input"])
    ]
    used = {"prompt_tokens": 7, "total_tokens": 7}
    return {"object": "list", "data": data[::-1], "model": body["model"], "usage": used}


def anthropic(turn: Turn, body: dict[str, Any]) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": turn.said}]
    stop = turn.finish or "end_turn"
    if turn.data is not None and body.get("tools"):
        tool = body["tools"][0]["name"]
        content = [{"type": "tool_use", "id": "toolu_1", "name": tool, "input": turn.data}]
        stop = "tool_use"
    tokens = turn.tokens or (0, 0)
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": turn.model or body["model"],
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": tokens[0], "output_tokens": tokens[1]},
    }


def anthropic_events(turn: Turn, body: dict[str, Any]) -> Iterator[bytes]:
    def event(kind: str, **more: Any) -> bytes:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()

    start = anthropic(Turn(text="", tokens=turn.tokens), body)
    yield event("message_start", message={**start, "content": [], "stop_reason": None})
    yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for word in turn.said.split(" "):
        delta = {"type": "text_delta", "text": word + " "}
        yield event("content_block_delta", index=0, delta=delta)
    if turn.is_cut:
        return
    yield event("content_block_stop", index=0)
    used = {"output_tokens": (turn.tokens or (0, 0))[1]}
    stop = {"stop_reason": turn.finish or "end_turn", "stop_sequence": None}
    yield event("message_delta", delta=stop, usage=used)
    yield event("message_stop")


def gemini(turn: Turn, model: str) -> dict[str, Any]:
    candidate = {
        "content": {"role": "model", "parts": [{"text": turn.said}]},
        "finishReason": turn.finish or "STOP",
        "index": 0,
    }
    tokens = turn.tokens or (0, 0)
    return {
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": tokens[0],
            "candidatesTokenCount": tokens[1],
            "totalTokenCount": sum(tokens),
        },
        "modelVersion": turn.model or model,
        "responseId": "r1",
    }


def gemini_events(turn: Turn, model: str) -> Iterator[bytes]:
    words = turn.said.split(" ")
    for number, word in enumerate(words):
        part = gemini(Turn(text=word + " ", tokens=turn.tokens), model)
        if number < len(words) - 1 or turn.is_cut:
            del part["candidates"][0]["finishReason"]
        yield f"data: {json.dumps(part)}\r\n\r\n".encode()


def _openai_usage(tokens: tuple[int, int]) -> dict[str, int]:
    return {
        "prompt_tokens": tokens[0],
        "completion_tokens": tokens[1],
        "total_tokens": sum(tokens),
    }


class _Handler(BaseHTTPRequestHandler):
    told: WireServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        is_json = "json" in headers.get("content-type", "")
        asked = Asked(self.path, headers, json.loads(raw) if is_json else {})
        turn = self.told.turn(asked)
        if turn.until is not None:
            turn.until.wait(120)
        self.told.answered()
        try:
            self._reply(asked, turn)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _reply(self, asked: Asked, turn: Turn) -> None:
        if turn.status != 200:
            error = {"message": turn.message, "type": "api_error", "code": turn.status}
            body = json.dumps({"type": "error", "error": error}).encode()
            return self._send(turn.status, body, turn.headers)
        if turn.raw is not None:
            return self._send(200, turn.raw, turn.headers)
        events = self._events(asked, turn)
        if events is not None:
            return self._stream(events, is_cut=turn.is_cut)
        body = json.dumps(self._answer(asked, turn)).encode()
        return self._send(200, body, turn.headers, is_cut=turn.is_cut)

    def _answer(self, asked: Asked, turn: Turn) -> dict[str, Any]:
        if "/embeddings" in asked.path:
            return embeddings(turn, asked.body)
        if "/messages" in asked.path:
            return anthropic(turn, asked.body)
        if ":generateContent" in asked.path:
            return gemini(turn, _gemini_model(asked.path))
        return openai_chat(turn, asked.body)

    def _events(self, asked: Asked, turn: Turn) -> Iterator[bytes] | None:
        if ":streamGenerateContent" in asked.path:
            return gemini_events(turn, _gemini_model(asked.path))
        if not asked.body.get("stream"):
            return None
        if "/messages" in asked.path:
            return anthropic_events(turn, asked.body)
        return openai_events(turn, asked.body)

    def _send(
        self,
        status: int,
        body: bytes,
        headers: tuple[tuple[str, str], ...],
        *,
        is_cut: bool = False,
    ) -> None:
        self.send_response(status)
        for name, value in (("content-type", "application/json"), *headers):
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if is_cut else body)
        self.close_connection = is_cut

    def _stream(self, events: Iterator[bytes], *, is_cut: bool) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")  # word-ok: HTTP's
        self.end_headers()
        for event in events:
            self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            self.wfile.flush()
        if not is_cut:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = is_cut

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        return


@contextmanager
def wire_server(*turns: Turn) -> Iterator[WireServer]:
    """`url` is the root: OpenAI's clients want ``/v1`` behind it."""
    told = WireServer()
    if turns:
        told.turns = list(turns)

    handler = type("Handler", (_Handler,), {"told": told})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()


def _gemini_model(path: str) -> str:
    return path.rpartition("/models/")[2].partition(":")[0]
