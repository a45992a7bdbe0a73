"""Many machines."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from reelwright.api import bodies
from reelwright.api.context import app_of, aside
from reelwright.api.jobs import Who
from reelwright.api.models_cluster import Cluster
from reelwright.app.cluster.status import status_for

router = APIRouter(tags=["workers"])


@router.get("/v1/cluster", response_model=Cluster, summary="The nodes of the cluster")
async def show_cluster(request: Request, principal: Who) -> Response:
    """As `reel cluster status --json`: nodes, what they run, models, what waits and why."""
    return bodies.answer(await aside(status_for, app_of(request), principal))
