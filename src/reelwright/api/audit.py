"""`/v1/audit`: who changed what, when, from where; for admins."""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from reelwright.api import bodies
from reelwright.api.auth import current_principal
from reelwright.api.context import app_of, aside
from reelwright.api.models import Model, Time
from reelwright.app import audit
from reelwright.app.audit import Wanted
from reelwright.app.principal import Principal
from reelwright.store.audit import Entry

router = APIRouter(tags=["keys"])

LINES = "application/x-ndjson"
_GREATEST = 2**53 - 1
Word = Annotated[str | None, Query(min_length=1, max_length=200)]


class AuditEntry(Model):
    seq: int = Field(description="In the order of the log; numbers may be missing.")
    at: Time
    actor: str = Field(description="`local`, `key:ID`, `user:NAME`.")
    role: str
    action: str = Field(examples=["job.submit"])
    target: str | None = Field(description="The id of what was changed.")
    address: str | None = Field(description="The client's.")
    trace: str | None = Field(description="The request's trace id.")
    detail: dict[str, Any]


class AuditEntries(Model):
    entries: list[AuditEntry] = Field(description="The newest first.")
    next: int | None = Field(description="`cursor` of the next page; null on the last.")


@router.get(
    "/v1/audit",
    response_model=AuditEntries,
    responses={200: {"content": {LINES: {"schema": {"type": "string"}}}}},
)
async def list_audit(
    request: Request,
    principal: Annotated[Principal, Depends(current_principal)],
    since: Annotated[float | None, Query(ge=0, le=1e11, description="Seconds since 1970.")] = None,
    actor: Word = None,
    action: Annotated[
        str | None,
        Query(min_length=1, max_length=64, description="`job.submit`; `job.` for all of jobs."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[int | None, Query(ge=1, le=_GREATEST)] = None,
) -> Response:
    """The audit log: a page, the newest first; all of it, the oldest first, one object a line, for
    those who accept `application/x-ndjson`."""
    app = app_of(request)
    wanted = Wanted(since=since, actor=actor, action=action)
    if LINES in request.headers.get("accept", ""):
        parts = audit.export(app, principal, wanted)
        first = await aside(next, parts, None)  # what is wrong is told before the answer begins
        return StreamingResponse(_lines(first, parts), media_type=LINES)
    found = await aside(audit.page, app, principal, wanted, limit=limit + 1, before=cursor)
    is_more = len(found) > limit
    page = [audit.to_json(entry) for entry in found[:limit]]
    return bodies.answer({"entries": page, "next": page[-1]["seq"] if is_more else None})


async def _lines(part: list[Entry] | None, rest: Iterator[list[Entry]]) -> AsyncIterator[bytes]:
    while part is not None:
        yield b"".join(orjson.dumps(audit.to_json(entry)) + b"\n" for entry in part)
        part = await aside(next, rest, None)
