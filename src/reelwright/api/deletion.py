"""Deleting old jobs, many at a time; a single one is deleted by `DELETE /v1/jobs/{job_id}`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from reelwright.api import bodies
from reelwright.api.context import app_of, aside
from reelwright.api.jobs import Pair, Who, origin_of, pairs
from reelwright.api.models import DeletedJobs, FinalState
from reelwright.app import deletion
from reelwright.store.deletion import Old

router = APIRouter(tags=["jobs"])


@router.delete("/v1/jobs", response_model=DeletedJobs, summary="Delete old jobs")
async def delete_jobs(
    request: Request,
    principal: Who,
    finished_before: Annotated[
        float, Query(ge=0, le=1e11, description="Seconds since 1970; those that ended earlier.")
    ],
    state: Annotated[
        list[FinalState] | None, Query(description="One of these; default: however they ended.")
    ] = None,
    label: Annotated[
        list[Pair] | None, Query(description="name=value; all of these.", max_length=8)
    ] = None,
    limit: Annotated[int, Query(ge=1, le=deletion.MOST, description="So many at the most.")] = 100,
    dry_run: Annotated[bool, Query(description="Say which, and delete nothing.")] = False,
) -> Response:
    """With their events, their logs and their own folders; those that ended first go first. What
    has not ended is never deleted. `more`: ask again for the rest."""
    wanted = Old(
        before=finished_before,
        owner=principal.sees,
        states=tuple(state or ()),
        labels=tuple(pairs(label).items()),
    )
    origin = origin_of(request, principal)
    gone, more = await aside(
        deletion.delete_old, app_of(request), wanted, origin, limit=limit, dry_run=dry_run
    )
    return bodies.answer({"deleted": gone, "more": more})
