"""Who runs steps."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from reelwright.api import bodies
from reelwright.api.context import app_of, aside
from reelwright.api.jobs import Who, origin_of
from reelwright.api.models import Worker, Workers
from reelwright.api.openapi import problems
from reelwright.app import registry

router = APIRouter(tags=["workers"])


@router.get("/v1/workers", response_model=Workers, summary="The processes that run steps")
async def list_workers(request: Request, principal: Who) -> Response:
    """Those that went silent stay in the list until their steps were given to others."""
    return bodies.answer({"workers": await aside(registry.listing, app_of(request), principal)})


@router.post(
    "/v1/workers/{worker_id:path}/drain",
    status_code=202,
    response_model=Worker,
    responses=problems(404, 409),
    summary="Let a worker finish and leave",
)
async def drain_worker(
    request: Request,
    worker_id: Annotated[str, Path(max_length=300, description="The worker's id.")],
    principal: Who,
) -> Response:
    """It finishes the steps that it runs, and takes no more. The last worker is not drained."""
    found = await registry.drain(app_of(request), worker_id, origin_of(request, principal))
    return bodies.answer(found, 202)
