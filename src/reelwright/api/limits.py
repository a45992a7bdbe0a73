"""What is refused of a request for its size, its pace or its origin, before anybody looks at it.

All of it is pure ASGI: a `BaseHTTPMiddleware` would cost a task and a queue a request.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from reelwright.api.origins import ANY, header, listed_origins
from reelwright.api.problems import Answered
from reelwright.errors import Code, Problem, ReelError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from reelwright.app.settings_sections import Serve
    from reelwright.app.wiring import App

_UPLOADS = "/v1/uploads"
_SLOWEST_BPS = 1000  # bytes a second; a modem of 1995 is faster
_PART = "application/offset+octet-stream"
# What a browser may send to and read from another origin, beside what it always may.
_SENT = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "Range",
    "Traceparent",
    "Tus-Resumable",
    "Upload-Checksum",
    "Upload-Defer-Length",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
    "X-CSRF-Token",
    "X-HTTP-Method-Override",
)
_READ = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Range",
    "ETag",
    "Idempotent-Replayed",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Tus-Checksum-Algorithm",
    "Tus-Extension",
    "Tus-Max-Size",
    "Tus-Resumable",
    "Tus-Version",
    "Upload-Expires",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
    "X-Trace-Id",
)


class BodyLimit:
    """ASGI layer: no body but the parts of an upload is larger than `serve.body_bytes`, or silent
    for `serve.idle_s`, or on average slower than 1000 bytes a second after that.

    Raises BODY_TOO_LARGE: before a byte is read where the length is told, else where the body grows
    beyond it; NETWORK_TIMEOUT, answered with 408.
    """

    def __init__(self, app: ASGIApp, reel: App) -> None:
        self._app = app
        self._limit = reel.settings.serve.body_bytes
        self._idle_s = reel.settings.serve.idle_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"} or _is_upload(scope):
            await self._app(scope, receive, send)
            return
        told = header(scope, b"content-length")
        # The server hands on no more than was told.
        if told is not None and told.isdecimal() and int(told) > self._limit:
            raise self._refusal()
        await self._watched(scope, receive, send)

    async def _watched(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused: ReelError | None = None
        is_started = False
        pace = _Pace(self._idle_s)

        async def watch() -> Message:
            nonlocal refused
            if pace.is_over:  # whoever asks now waits for the client to go away
                return await receive()
            try:
                async with asyncio.timeout_at(pace.deadline):
                    message = await receive()
            except TimeoutError:
                refused = self._too_slow()
                raise refused from None
            pace.took(message)
            if pace.size_bytes > self._limit:
                refused = self._refusal()
                raise refused
            return message

        async def answer(message: Message) -> None:
            # Frameworks turn what fails while a body is read into an answer of their own: dropped.
            nonlocal is_started
            if refused is None or is_started:
                is_started = True
                await send(message)

        try:
            await self._app(scope, watch, answer)
        except Exception:
            if refused is None or is_started:
                raise
        if refused is not None and not is_started:
            raise refused

    def _too_slow(self) -> ReelError:
        said = f"the body did not go on for {self._idle_s:g} s, or came too slowly"
        problem = Problem(Code.NETWORK_TIMEOUT, said, "body", "send it again, at once")
        return Answered(problem, 408, {"Connection": "close"})

    def _refusal(self) -> ReelError:
        return ReelError(
            Code.BODY_TOO_LARGE,
            f"the body is larger than {self._limit} bytes",
            where="body",
            hint="send less, or raise `serve.body_bytes`",
            evidence={"limit_bytes": self._limit},
        )


class _Pace:
    """How a body comes. `deadline`: on the event loop's clock, by when something more must come."""

    def __init__(self, idle_s: float) -> None:
        self._clock = asyncio.get_running_loop().time
        self._idle_s = idle_s
        self._begun = self._clock()
        self.size_bytes = 0
        self.is_over = False
        self.deadline = self._begun + idle_s

    def took(self, message: Message) -> None:
        self.size_bytes += len(message.get("body", b""))
        self.is_over = not message.get("more_body", False)
        slowest = self._begun + self.size_bytes / _SLOWEST_BPS
        self.deadline = min(self._clock(), slowest) + self._idle_s


def _is_upload(scope: Scope) -> bool:
    """A part of a file; it has a limit of its own (`serve.upload_bytes`)."""
    if not scope["path"].startswith(_UPLOADS):
        return False
    return scope["method"] in {"PATCH", "PUT"} or header(scope, b"content-type") == _PART


def cors(serve: Serve) -> dict[str, Any] | None:
    """Options of Starlette's `CORSMiddleware` (outermost, so that refusals can be read too);
    None where no other origin may ask. ``*`` may, but without cookies."""
    origins = listed_origins(serve.origins)
    if not origins:
        return None
    return {
        "allow_origins": origins,
        "allow_credentials": ANY not in origins,
        "allow_methods": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        "allow_headers": list(_SENT),
        "expose_headers": list(_READ),
        "max_age": 600,
    }
