"""Is there room for a video, and where does it stand?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from reelwright.api import bodies
from reelwright.api.context import app_of, aside, told_of
from reelwright.api.jobs import Who
from reelwright.api.models import ID_PATTERN
from reelwright.api.models_archive import StorageCheck, StoragePath
from reelwright.api.openapi import problems
from reelwright.app.library import storage
from reelwright.app.principal import Scope

router = APIRouter(tags=["assets"])

VideoId = Annotated[
    str,
    Path(
        description="Of an asset, or of an entry of a source.",
        json_schema_extra={"pattern": ID_PATTERN, "maxLength": 17},
    ),
]


@router.get(
    "/v1/storage/check/{video_id}",
    response_model=StorageCheck,
    responses=problems(404),
    summary="Whether there is room for a video",
)
async def check_storage(request: Request, video_id: VideoId, principal: Who) -> Response:
    principal.check(Scope.READ)
    found = await aside(storage.check_storage, app_of(request), video_id, principal.sees)
    return bodies.answer(told_of(request).value(found.to_json()))


@router.post(
    "/v1/storage/prepare/{video_id}",
    response_model=StorageCheck,
    responses=problems(404, 409, 507),
    summary="Make the library ready for a video",
)
async def prepare_storage(request: Request, video_id: VideoId, principal: Who) -> Response:
    """Its folder is made where there is none, and a file is written there and removed: permissions
    alone do not say whether a share takes files."""
    principal.check(Scope.JOBS)
    found = await aside(storage.prepare_storage, app_of(request), video_id, principal.sees)
    return bodies.answer(told_of(request).value(found.to_json()))


@router.get(
    "/v1/storage/path/{video_id}",
    response_model=StoragePath,
    responses=problems(404),
    summary="Where a video stands on the service",
)
async def get_storage_path(request: Request, video_id: VideoId, principal: Who) -> Response:
    """Absolute, for programs that share its file system."""
    principal.check(Scope.READ)
    found = await aside(storage.storage_path, app_of(request), video_id, principal.sees)
    return bodies.answer(found)
