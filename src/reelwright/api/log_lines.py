"""The log: what the archive did, and the lines that clients add to it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from reelwright.api import bodies, openapi
from reelwright.api.context import app_of, aside, told_of
from reelwright.api.jobs import Who
from reelwright.api.models import ID_PATTERN, Model, Time
from reelwright.api.openapi import WITH_BODY
from reelwright.app import log_lines
from reelwright.app.log_lines import MOST_LINES, MOST_MESSAGE_CHARS, MOST_PAGE, Wanted

router = APIRouter(tags=["logs"])

Level = Literal["debug", "info", "warning", "error", "critical"]
_GREATEST = 2**53 - 1
_EXAMPLE = {
    "one": {
        "value": {
            "lines": [
                {"level": "warning", "component": "backup", "message": "the disk is nearly full"}
            ]
        }
    }
}


class NewLine(Model):
    message: str = Field(min_length=1, max_length=MOST_MESSAGE_CHARS)
    level: Level = "info"
    component: str = Field(
        "client", pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,63}$", description="Who says it."
    )
    job_id: str | None = Field(None, min_length=1, max_length=17)
    at: float | str | None = Field(
        None, description="Seconds since 1970, or ISO 8601; null: now. Not in the future."
    )
    fields: dict[str, Any] | None = Field(None, description="More that is known; 16 KiB.")


class LogRequest(Model):
    lines: list[NewLine] = Field(min_length=1, max_length=MOST_LINES)


class Stored(Model):
    seq: list[int] = Field(description="The lines' numbers.")


class LogLine(Model):
    seq: int
    at: Time
    owner: str | None = Field(description="Who handed it in; null: the service itself.")
    level: Level
    component: str
    job_id: str | None
    message: str
    fields: dict[str, Any]


class LogLines(Model):
    lines: list[LogLine]
    next: int | None = Field(description="`cursor` of the next page; null on the last.")


@router.post(
    "/v1/logs",
    status_code=201,
    response_model=Stored,
    responses=WITH_BODY,
    openapi_extra=openapi.model_body(LogRequest, _EXAMPLE, "Up to a thousand lines."),
    summary="Hand in log lines",
)
async def add_log_lines(request: Request, principal: Who) -> Response:
    """All of them or none. What looks like a secret is blotted out; `logs.keep_days` and
    `logs.keep_lines` of the service say how long they stay."""
    app = app_of(request)
    asked = await bodies.read_model(request, LogRequest, app.settings.serve.body_bytes)
    lines = [line.model_dump(exclude_none=True) for line in asked.lines]
    return bodies.answer({"seq": await aside(log_lines.add, app, lines, principal)}, 201)


@router.get("/v1/logs", response_model=LogLines, summary="Log lines, the newest first")
async def list_log_lines(
    request: Request,
    principal: Who,
    level: Annotated[Level | None, Query(description="This one and those above it.")] = None,
    job: Annotated[str | None, Query(pattern=ID_PATTERN, description="Of this job.")] = None,
    component: Annotated[
        str | None,
        Query(min_length=1, max_length=64, description="`archive`; `archive.`: all below it."),
    ] = None,
    since: Annotated[float | None, Query(ge=0, le=1e11, description="Seconds since 1970.")] = None,
    until: Annotated[float | None, Query(ge=0, le=1e11, description="Earlier than this.")] = None,
    text: Annotated[
        str | None, Query(min_length=1, max_length=200, description="What the message has.")
    ] = None,
    after: Annotated[
        int | None,
        Query(
            ge=0,
            le=_GREATEST,
            description="Those after this number, the oldest first: what came since.",
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_PAGE)] = 100,
    cursor: Annotated[int | None, Query(ge=1, le=_GREATEST)] = None,
) -> Response:
    """Who is no admin sees their own lines and none of the service's."""
    wanted = Wanted(
        level=level, job_id=job, component=component, since=since, until=until, text=text
    )
    found = await aside(
        log_lines.find,
        app_of(request),
        wanted,
        principal,
        limit=limit,
        after=after,
        before=cursor,
    )
    lines = told_of(request).value([log_lines.to_json(line) for line in found])
    is_more = len(found) == limit and after is None
    return bodies.answer({"lines": lines, "next": lines[-1]["seq"] if is_more else None})
