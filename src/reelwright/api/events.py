"""Server-sent events of a job: what the table of events holds, and how far the job is."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any, cast

import orjson
from fastapi import APIRouter, Header, Query, Request, Response

from reelwright.api.auth import gate_of
from reelwright.api.context import told_of
from reelwright.api.jobs import JobId, Who
from reelwright.api.openapi import problems
from reelwright.app.hub import End, Item, Progress, Silence, to_json
from reelwright.app.principal import Principal, Scope

if TYPE_CHECKING:
    from starlette.types import Receive, Send
    from starlette.types import Scope as Connection

    from reelwright.app.hub import Hub, Reading
    from reelwright.app.told import Told

router = APIRouter(tags=["jobs"])

MEDIA_TYPE = "text/event-stream"
# Proxies take a connection that says nothing for so long (30 to 60 s) for dead.
KEEP_ALIVE_S = 15.0
# A stream ends then without `end`, and its client comes back and says again who it is.
LIFE_S = 3600.0
RETRY_MS = 2000
_MOST_SEQ = (1 << 31) - 1
_ABOUT = (
    "Each message has a name: `job`, `step`, `plan` and `output` are changes, numbered without "
    "gaps by their `id`; `progress` has no `id` and is not repeated; `end` comes after the final "
    "state. Their `data` is JSON."
)
_EXAMPLE = (
    'id: 1\nevent: job\ndata: {"job_id":"0k8v2b3c4d5e6f7g8","at":1767225600.0,'
    '"state":"queued","error":null}\n\n'
)
# By hand: a header is text, and never null, as FastAPI says of one that may be left out.
_LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "As `after`, and goes before it: browsers send it.",
    "schema": {"type": "string", "pattern": "^(0|[1-9][0-9]{0,8})$"},
}


class EventStream(Response):
    """Writes what a reader reads, until it ends or the client goes away.

    Not a `StreamingResponse`: that takes three tasks a stream, this one two.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self,
        reading: Reading,
        *,
        follow: bool,
        principal: Principal,
        told: Told,
        keep_alive_s: float = KEEP_ALIVE_S,
        life_s: float = LIFE_S,
    ) -> None:
        super().__init__(None)
        del self.headers["content-length"]
        self.headers["cache-control"] = "no-store"
        self.headers["x-accel-buffering"] = "no"  # nginx would keep events back
        self._reading = reading
        self._follow = follow
        self._principal = principal
        self._told = told
        self._keep_alive_s = keep_alive_s
        self._life_s = life_s

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        leaving = asyncio.create_task(self._leave_with(receive))
        life = asyncio.get_running_loop().call_later(self._life_s, self._reading.leave)
        vigil = gate_of(scope).vigil
        try:
            with vigil.watch(scope, self._principal, self._reading.leave):
                await self._write(send)
        finally:
            life.cancel()
            leaving.cancel()
            self._reading.close()

    async def _write(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        text = b"retry: %d\n\n" % RETRY_MS
        items = self._reading.items(follow=self._follow, silence_s=self._keep_alive_s)
        async for some in items:
            text += b"".join(rendered(item, self._told) for item in some)
            # Waits where the client does not read: the cursor waits with it.
            await send({"type": "http.response.body", "body": text, "more_body": True})
            text = b""
        await send({"type": "http.response.body", "body": text})

    async def _leave_with(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._reading.leave()


@router.get(
    "/v1/jobs/{job_id}/events",
    response_class=Response,
    responses={
        200: {
            "description": _ABOUT,
            "content": {MEDIA_TYPE: {"schema": {}, "example": _EXAMPLE}},
        },
        **problems(404),
    },
    openapi_extra={"parameters": [_LAST_EVENT_ID]},
    summary="Watch a job (server-sent events)",
)
async def get_events(
    request: Request,
    job_id: JobId,
    principal: Who,
    after: Annotated[
        int | None, Query(ge=0, le=_MOST_SEQ, description="Go on after this `id`.")
    ] = None,
    follow: Annotated[bool, Query(description="false: tell what there is, and end.")] = True,
    last_event_id: Annotated[
        int | None,
        Header(ge=0, le=_MOST_SEQ, include_in_schema=False),
    ] = None,
) -> Response:
    """All events of the job from the beginning, or after `Last-Event-ID`; then what happens, as
    it happens. Whoever comes back with the last `id` misses nothing and gets nothing twice."""
    principal.check(Scope.READ)
    cursor = after if last_event_id is None else last_event_id
    hub = cast("Hub", request.app.state.hub)
    reading = await hub.open(job_id, principal, cursor or 0)
    return EventStream(reading, follow=follow, principal=principal, told=told_of(request))


def rendered(item: Item, told: Told) -> bytes:
    """A message, or a comment, as the HTML standard has it (9.2.5)."""
    if isinstance(item, Silence):
        return b": still here\n\n"
    if isinstance(item, End):
        return _message("end", {"state": item.state})
    if isinstance(item, Progress):
        return _message("progress", _progress(item))
    return b"id: %d\n" % item.seq + _message(item.kind, told.with_error(to_json(item)))


def _message(name: str, body: dict[str, Any]) -> bytes:
    try:
        data = orjson.dumps(body, default=str)
    except TypeError:  # a file's name may hold bytes that are no UTF-8: this escapes them
        data = json.dumps(body, default=str).encode()
    # JSON has no line breaks of its own, so one `data:` line holds it.
    return b"event: %s\ndata: %s\n\n" % (name.encode(), data)


def _progress(item: Progress) -> dict[str, Any]:
    return {
        "fraction": round(item.fraction, 4),
        "eta_seconds": item.eta_s,
        "steps": [
            {
                "key": step.key,
                "attempt": step.attempt,
                "fraction": round(step.fraction, 4),
                "progress": step.progress or {},
            }
            for step in item.steps
        ],
    }
