"""What is refused of a request for its size or its origin, before anybody looks at it.

All of it is pure ASGI: a `BaseHTTPMiddleware` would cost a task and a queue a request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelwright.api.origins import ANY, header, listed_origins
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from reelwright.app.settings import Serve
    from reelwright.app.wiring import App

_UPLOADS = "/v1/uploads"
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
    """ASGI layer: no body but the parts of an upload is larger than `serve.body_bytes`.

    Raises BODY_TOO_LARGE: before a byte is read where the length is told, else where the body grows
    beyond it.
    """

    def __init__(self, app: ASGIApp, reel: App) -> None:
        self._app = app
        self._limit = reel.settings.serve.body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"} or _is_upload(scope):
            await self._app(scope, receive, send)
            return
        told = header(scope, b"content-length")
        if told is None:
            await self._counted(scope, receive, send)
            return
        # The server hands on no more than was told.
        if told.isdecimal() and int(told) > self._limit:
            raise self._refusal()
        await self._app(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = 0
        is_started = False

        async def count() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._limit:
                raise self._refusal()
            return message

        async def answer(message: Message) -> None:
            # Frameworks turn what fails while a body is read into an answer of their own: dropped.
            nonlocal is_started
            if size <= self._limit or is_started:
                is_started = True
                await send(message)

        try:
            await self._app(scope, count, answer)
        except Exception:
            if size <= self._limit or is_started:
                raise
        if size > self._limit and not is_started:
            raise self._refusal()

    def _refusal(self) -> ReelError:
        return ReelError(
            Code.BODY_TOO_LARGE,
            f"the body is larger than {self._limit} bytes",
            where="body",
            hint="send less, or raise `serve.body_bytes`",
            evidence={"limit_bytes": self._limit},
        )


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
