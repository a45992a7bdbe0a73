"""What jobs have made: lists, and the files themselves."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from reelwright.api import bodies, files
from reelwright.api.context import app_of, aside, told_of
from reelwright.api.jobs import JobId, Who
from reelwright.api.models import Artifacts
from reelwright.api.openapi import file_responses, problems
from reelwright.app import artifacts
from reelwright.app.principal import Scope

router = APIRouter(tags=["artifacts"])


@router.get(
    "/v1/jobs/{job_id}/artifacts",
    response_model=Artifacts,
    responses=problems(404),
    summary="The files that a job has delivered so far",
)
async def list_artifacts(request: Request, job_id: JobId, principal: Who) -> Response:
    principal.check(Scope.READ)
    found = await aside(artifacts.artifacts, app_of(request), job_id, principal)
    return bodies.answer({"artifacts": told_of(request).value([one.to_json() for one in found])})


@router.get(
    "/v1/jobs/{job_id}/artifacts/{n}",
    response_class=Response,
    responses={
        **file_responses("application/octet-stream", {"type": "string", "format": "binary"}),
        **problems(404, 412, 416),
    },
    summary="Download a file",
)
async def get_artifact(
    request: Request,
    job_id: JobId,
    n: Annotated[int, Path(ge=0, le=9_999_999, description="Its `n` in the list.")],
    principal: Who,
    inline: Annotated[bool, Query(description="To be shown by a browser, not saved.")] = False,
) -> Response:
    """From where it was delivered to if nobody changed it since, else from the store of contents.
    The ETag is its SHA-256: a part that was downloaded before is gone on with by `If-Range`.
    """
    return await _file(request, job_id, n, principal, is_inline=inline)


@router.head(
    "/v1/jobs/{job_id}/artifacts/{n}",
    response_class=Response,
    responses={
        200: {"description": "The headers of the file."},
        304: {"description": "The client has it: If-None-Match names its ETag."},
        **problems(404, 412),
    },
    summary="Size, type and digest of a file",
)
async def head_artifact(
    request: Request,
    job_id: JobId,
    n: Annotated[int, Path(ge=0, le=9_999_999, description="Its `n` in the list.")],
    principal: Who,
) -> Response:
    return await _file(request, job_id, n, principal, is_inline=False)


async def _file(
    request: Request, job_id: str, n: int, principal: Who, *, is_inline: bool
) -> Response:
    principal.check(Scope.READ)
    app = app_of(request)
    found = await aside(artifacts.artifact, app, job_id, n, principal)
    file = await aside(artifacts.opened, app, found)
    headers = {
        "Content-Disposition": files.disposition(found.name, is_inline=is_inline),
        # Of a content the bytes never change; who may see it is asked each time.
        "Cache-Control": "private, no-cache",
        # A browser may show it, but nothing in it may run or load more.
        "Content-Security-Policy": "default-src 'none'; media-src 'self'; img-src 'self'; "
        "style-src 'unsafe-inline'; sandbox",
    }
    return files.answer(
        request,
        file,
        found.file.size_bytes,
        kind=found.media_type,
        headers=headers,
        etag=f'"{found.file.sha256}"',
    )
