"""What a job consists of: its steps, their logs, its plan."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from reelwright.api import bodies
from reelwright.api.auth import gate_of
from reelwright.api.context import app_of, aside, closing_of, told_of
from reelwright.api.files import span_of
from reelwright.api.jobs import JobId, Who
from reelwright.api.models import Plan, Steps
from reelwright.api.openapi import file_responses, problems
from reelwright.app import job_logs, views
from reelwright.app.principal import Principal, Scope

router = APIRouter(tags=["jobs"])

_TEXT = "text/plain; charset=utf-8"


@router.get(
    "/v1/jobs/{job_id}/steps",
    response_model=Steps,
    responses=problems(404),
    summary="The steps of a job's plan, with their states",
)
async def list_steps(request: Request, job_id: JobId, principal: Who) -> Response:
    principal.check(Scope.READ)
    found = await aside(views.steps, app_of(request), job_id, principal)
    return bodies.answer({"steps": list(map(told_of(request).with_error, found))})


@router.get(
    "/v1/jobs/{job_id}/plan",
    response_model=Plan,
    responses=problems(404),
    summary="A job's plan, as it was last revised",
)
async def get_plan(request: Request, job_id: JobId, principal: Who) -> Response:
    """Without steps until a worker has planned the job (`revision` is 0)."""
    principal.check(Scope.READ)
    found = await aside(views.plan, app_of(request), job_id, principal)
    return bodies.answer(told_of(request).value(found))


@router.get(
    "/v1/jobs/{job_id}/logs",
    response_class=Response,
    responses={**file_responses(_TEXT, {"type": "string"}), **problems(404, 416)},
    summary="What a job's commands printed",
)
async def get_logs(
    request: Request,
    job_id: JobId,
    principal: Who,
    step: Annotated[
        str | None, Query(min_length=1, max_length=200, description="Of this step alone.")
    ] = None,
    attempt: Annotated[
        int | None, Query(ge=1, le=1_000_000, description="Of this try at each step alone.")
    ] = None,
    follow: Annotated[
        bool,
        Query(
            description="Go on until the job has ended (or for 5 s, where it is not "
            "begun); `Range` is not looked at then."
        ),
    ] = False,
) -> Response:
    """The tries in the order in which they began, each below a line that names it; of one try
    (`step` and `attempt`) its log as it is. `Range: bytes=N-` gives what is new since N bytes.
    """
    principal.check(Scope.READ)
    app = app_of(request)
    found, _ = await aside(job_logs.pieces, app, job_id, principal, step=step, attempt=attempt)
    if follow:
        stream = _followed(request, principal, job_id, step=step, attempt=attempt)
        return StreamingResponse(stream, media_type=_TEXT)
    size = await aside(lambda: sum(piece.size_bytes() for piece in found))
    span = span_of(request, size) if size else None
    headers = {"Accept-Ranges": "bytes"}
    if span is None:
        return StreamingResponse(
            job_logs.read(found, 0, size), headers={**headers, "Content-Length": str(size)},
            media_type=_TEXT,
        )  # fmt: skip
    headers |= {"Content-Range": span.content_range, "Content-Length": str(span.length)}
    return StreamingResponse(
        job_logs.read(found, span.start, span.end), 206, headers, media_type=_TEXT
    )


async def _followed(
    request: Request, principal: Principal, job_id: str, *, step: str | None, attempt: int | None
) -> AsyncIterator[bytes]:
    """Until the job ends, or the service, or what the client came in with."""
    ending = asyncio.Event()
    closing = asyncio.create_task(closing_of(request).wait())
    closing.add_done_callback(lambda _: ending.set())
    try:
        with gate_of(request.scope).vigil.watch(request.scope, principal, ending.set):
            parts = job_logs.follow(
                app_of(request), job_id, principal, step=step, attempt=attempt, closing=ending
            )
            async for part in parts:
                yield part
    finally:
        closing.cancel()
