"""Outermost layer of every request: its trace id, headers that guard a browser, and the last catch.

Pure ASGI: a `BaseHTTPMiddleware` would cost a task and a queue a request.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from reelwright.api import problems
from reelwright.errors import Code, Problem, ReelError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from reelwright.app.told import Told

# W3C Trace Context, level 1: version, trace, parent, flags.
_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_KEY = "reel.trace"
_GUARDS: dict[bytes, bytes] = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}


@dataclass(frozen=True, slots=True)
class Trace:
    """`trace_id` and `span_id` in hexadecimal digits, 32 and 16 of them."""

    trace_id: str
    span_id: str
    flags: str = "01"

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def trace_of(scope: Scope) -> Trace:
    """The request's trace; a new one where nobody began it."""
    found = scope.get(_KEY)
    if isinstance(found, Trace):
        return found
    made = begin(scope)
    scope[_KEY] = made
    return made


def begin(scope: Scope) -> Trace:
    """The caller's trace with a span of our own, or a new one where it sent none that is valid."""
    for name, value in scope.get("headers", ()):
        if name == b"traceparent":
            found = _TRACEPARENT.fullmatch(value.strip())
            if found and found[1].strip(b"0") and found[2].strip(b"0"):
                return Trace(found[1].decode(), secrets.token_hex(8), found[3].decode())
            break
    return Trace(secrets.token_hex(16), secrets.token_hex(8))


class Traced:
    """ASGI layer; `told` says what is kept out of answers."""

    def __init__(self, app: ASGIApp, told: Told) -> None:
        self._app = app
        self._told = told
        self._log = structlog.get_logger("reelwright.api")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace = trace_of(scope)
        is_started = False

        async def answer(message: Message) -> None:
            nonlocal is_started
            if message["type"] == "http.response.start":
                is_started = True
                _put_headers(message, trace)
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except ReelError as error:
            if is_started:
                raise
            await self._answer(scope, answer, error)
        except Exception as error:
            self._log.exception("request failed", path=scope["path"], trace_id=trace.trace_id)
            if is_started:
                raise
            told = ReelError(Code.INTERNAL, type(error).__name__)
            await self._answer(scope, answer, told)

    async def _answer(self, scope: Scope, send: Send, error: ReelError) -> None:
        status, headers, body = rendered(scope, error, self._told)
        raw = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


def rendered(scope: Scope, error: ReelError, told: Told) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to a request that failed."""
    found: tuple[Problem, ...] = error.problems
    status = (
        error.status if isinstance(error, problems.Answered) else problems.status_of(error.code)
    )
    trace = trace_of(scope)
    if status >= 500:
        structlog.get_logger("reelwright.api").error(
            "request refused",
            path=scope["path"],
            code=error.code.text,
            message=error.problem.message,
            trace_id=trace.trace_id,
        )
    body = problems.encode(
        problems.document(found, status, path=scope["path"], trace_id=trace.trace_id, told=told)
    )
    headers = {
        "Content-Type": problems.MEDIA_TYPE,
        "Content-Length": str(len(body)),
        **problems.headers_of(error, status),
    }
    return status, headers, body


def _put_headers(message: Any, trace: Trace) -> None:
    headers = list(message.get("headers", ()))
    have = {name for name, _ in headers}
    headers += [(name, value) for name, value in _GUARDS.items() if name not in have]
    headers.append((b"x-trace-id", trace.trace_id.encode()))
    headers.append((b"traceparent", trace.traceparent.encode()))
    message["headers"] = headers
