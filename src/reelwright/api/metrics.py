"""What is told of every request, to logs, metrics and traces; and ``GET /metrics``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from reelwright.api.auth import address_of, known_principal, principal_of
from reelwright.api.context import app_of, aside
from reelwright.api.trace import Trace, trace_of
from reelwright.app.observe import logs, tracing
from reelwright.app.observe.http_stats import UNMATCHED
from reelwright.app.principal import Scope as Permission

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from reelwright.app.wiring import App

router = APIRouter(tags=["service"])

_TEXT = "text/plain"
_NO_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
# Asked every few seconds by machines: worth a line only to whoever looks for them.
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
# The client went away before there was an answer (nginx's number for it).
_GONE = 499


@router.get(
    "/metrics",
    response_class=Response,
    summary="Metrics for Prometheus",
    responses={200: {"content": {_TEXT: {"schema": {"type": "string"}}}}},
)
async def get_metrics(request: Request) -> Response:
    """In Prometheus' text format, of the whole service: for admins, and keys with the scope
    `metrics`. Needs no token where the setting serve.public_metrics is on."""
    from reelwright.app.observe.metrics import MEDIA_TYPE

    reel = app_of(request)
    if not reel.settings.serve.public_metrics:
        (await principal_of(request.scope)).check(Permission.METRICS)
    body = await aside(reel.metrics.text)
    return Response(body, headers={"Content-Type": MEDIA_TYPE})


class Recorded:
    """Outermost ASGI layer. Told of a request: method, the route's template (never the path or
    the query, which hold names and secrets), status, time, bytes, and who asked from where."""

    def __init__(self, app: ASGIApp, reel: App) -> None:
        self._app = app
        self._http = reel.metrics.http
        observed = reel.observed
        self._logs = observed.logs if observed and observed.logs.level <= logs.INFO else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = _Seen(scope, receive, send, self._http)
        leave_log = logs.enter({"trace_id": seen.trace.trace_id})
        leave_trace = seen.trace_in() if tracing.is_on() else None
        try:
            receiving = receive if scope["method"] in _NO_BODY else seen.receive
            await self._app(scope, receiving, seen.send)
        except BaseException:
            seen.status = seen.status or 500
            raise
        finally:
            leave_log()
            if leave_trace is not None:
                leave_trace()
            self._tell(seen)

    def _tell(self, seen: _Seen) -> None:
        seconds = time.perf_counter() - seen.began
        scope = seen.scope
        route = seen.route
        status = seen.status or _GONE
        if seen.is_stream:
            self._http.streams -= 1
        method = scope["method"]
        self._http.add(route, method, status, seconds, seen.received_bytes, seen.sent_bytes)
        if self._logs is not None:
            self._logs.put(_line(seen, status, seconds))
        if tracing.is_on():
            seen.trace_out(status)


class _Seen:
    """One request on its way."""

    __slots__ = (
        "_http",
        "_receive",
        "_send",
        "above",
        "began",
        "is_stream",
        "received_bytes",
        "scope",
        "sent_bytes",
        "start_ns",
        "status",
        "trace",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, http: Any) -> None:
        self.scope = scope
        self.trace: Trace = trace_of(scope)
        self.status = self.received_bytes = self.sent_bytes = self.start_ns = 0
        self.is_stream = False
        self.above: tracing.Ref | None = None
        self._http = http
        self._receive = receive
        self._send = send
        self.began = time.perf_counter()

    @property
    def route(self) -> str:
        found = self.scope.get("route")
        return UNMATCHED if found is None else str(found.path)

    async def receive(self) -> Message:
        message = await self._receive()
        self.received_bytes += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self.sent_bytes += len(message.get("body", b""))
        elif message["type"] == "http.response.start":
            self.status = message["status"]
            if self.status == 200 and self.route.endswith("/events"):
                self.is_stream = True
                self._http.streams += 1
        await self._send(message)

    def trace_in(self) -> Any:
        """Whatever is recorded inside belongs to this request."""
        self.start_ns = time.time_ns()
        given = next((v for k, v in self.scope["headers"] if k == b"traceparent"), b"")
        self.above = tracing.parse(given.decode("latin-1"))
        ref = tracing.parse(self.trace.traceparent)
        assert ref is not None
        return tracing.enter(ref)

    def trace_out(self, status: int) -> None:
        ref = tracing.parse(self.trace.traceparent)
        assert ref is not None
        tracing.finish(
            tracing.Span(
                name=f"{self.scope['method']} {self.route}",
                ref=ref,
                parent=None if self.above is None else self.above.span_id,
                kind="server",
                start_ns=self.start_ns or time.time_ns(),
                end_ns=time.time_ns(),
                attributes={
                    "http.request.method": self.scope["method"],
                    "http.route": self.route,
                    "http.response.status_code": status,
                    "client.address": address_of(self.scope),
                },
                error=str(status) if status >= 500 else None,
            )
        )


def _line(seen: _Seen, status: int, seconds: float) -> dict[str, Any]:
    scope, route = seen.scope, seen.route
    level = "error" if status >= 500 else "debug" if route in _PROBES else "info"
    line: dict[str, Any] = {
        "level": level,
        "event": "request",
        "method": scope["method"],
        "route": route,
        "status": status,
        "ms": round(seconds * 1000, 3),
        "in_bytes": seen.received_bytes,
        "out_bytes": seen.sent_bytes,
        "address": address_of(scope),
        "trace_id": seen.trace.trace_id,
    }
    if route == UNMATCHED:
        line["path"] = scope["path"][:200]
    principal = known_principal(scope)
    if principal is not None:
        line["actor"] = principal.actor
        line["owner"] = principal.owner
    return line
