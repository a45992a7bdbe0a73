"""Connections that take without giving: heads that never end, and too many of all kinds.

uvicorn waits for the first request of a connection as long as it takes, and keeps of its headers
what comes. Bodies are `limits.BodyLimit`'s.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from reelwright.api.problems import Answered
from reelwright.errors import Code, Problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from reelwright.app.settings_sections import Serve
    from reelwright.app.wiring import App

# Of a request line with all headers; browsers' cookies and the longest URL are well below it.
_HEAD_BYTES = 64 << 10
# So many connections above the limit hear that there are too many; those beyond are closed unheard.
_SPARE = 256
# In the scope of a request that came when there were too many.
_MARK = "reelwright.crowded"
# Whoever restarts what does not answer must not be told to do so by a crowd.
_ALWAYS = "/healthz"
_TIMEOUT = (408, "Request Timeout")
_TOO_LARGE = (431, "Request Header Fields Too Large")


class PatientProtocol(HttpToolsProtocol):
    """A request's head has `idle_s` seconds to come, and 64 KiB. Of more than `most` connections
    the later ones are marked for `Crowd`."""

    idle_s = 30.0
    most = 8000

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        super().connection_made(transport)
        if len(self.connections) > self.most + _SPARE:
            transport.abort()
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # What comes between two requests ends uvicorn's own patience (timeout_keep_alive).
        if self._timer is None and self._is_between():
            self._await_head()
        super().data_received(data)
        if self._timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_BYTES:
                self._refuse(*_TOO_LARGE)

    def on_headers_complete(self) -> None:
        self._head_came()
        if len(self.connections) > self.most:
            cast("dict[str, Any]", self.scope)[_MARK] = True
        super().on_headers_complete()

    def _is_between(self) -> bool:
        """No request is being answered."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._timer = self.loop.call_later(self.idle_s, self._is_late)

    def _head_came(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_late(self) -> None:
        self._timer = None
        if self._head_bytes:
            self._refuse(*_TIMEOUT)
        else:
            self.transport.close()

    def _refuse(self, status: int, reason: str) -> None:
        """In words of HTTP alone: whom it is for has not said what it wants."""
        self._head_came()
        if self.transport.is_closing():
            return
        if self._is_between():
            head = f"HTTP/1.1 {status} {reason}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            self.transport.write(head.encode())
        self.transport.close()


def protocol(serve: Serve) -> type[PatientProtocol]:
    values: dict[str, Any] = {"idle_s": serve.idle_s, "most": serve.connections}
    return type("Protocol", (PatientProtocol,), values)


class Crowd:
    """ASGI layer: requests of connections above `serve.connections` are refused with 503."""

    def __init__(self, app: ASGIApp, reel: App) -> None:
        self._app = app
        self._most = reel.settings.serve.connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get(_MARK) and scope["path"] != _ALWAYS:
            said = f"more than {self._most} connections are open"
            problem = Problem(Code.RATE_LIMITED, said)
            raise Answered(problem, 503, {"Connection": "close"})
        await self._app(scope, receive, send)
