"""The library: lists, one asset, its files, and what is said in all of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from reelwright.api import bodies, files
from reelwright.api.context import app_of, aside, told_of
from reelwright.api.jobs import Who, origin_of
from reelwright.api.models import ID_PATTERN
from reelwright.api.models_archive import (
    AssetDetails,
    Assets,
    AssetState,
    CaptionHits,
    Day,
    Library,
    OriginState,
    RemovedAsset,
    SortBy,
    Word,
)
from reelwright.api.openapi import file_responses, problems
from reelwright.app.library import looking, searching, serving
from reelwright.app.principal import Scope
from reelwright.errors import Code, Problem, ReelError
from reelwright.store.assets import Sort, Wanted

router = APIRouter(tags=["assets"])

AssetId = Annotated[
    str,
    Path(description="The asset's id.", json_schema_extra={"pattern": ID_PATTERN, "maxLength": 17}),
]
FilePath = Annotated[
    str, Path(description="In the asset's folder, as its `files` name it.", max_length=4096)
]
_FILE = {"type": "string", "format": "binary"}


@router.get(
    "/v1/assets",
    response_model=Assets,
    responses=problems(404),
    summary="What the library holds",
)
async def list_assets(  # size: one line a parameter
    request: Request,
    principal: Who,
    q: Annotated[
        str | None,
        Query(max_length=200, description="What title or channel contain."),
    ] = None,
    channel: Annotated[Word | None, Query(description="Of this channel.")] = None,
    host: Annotated[Word | None, Query(description="From this site.")] = None,
    state: Annotated[AssetState | None, Query()] = None,
    origin: Annotated[OriginState | None, Query(description="What its origin said last.")] = None,
    after: Annotated[Day | None, Query(description="Published on that day (UTC) or later.")] = None,
    before: Annotated[Day | None, Query(description="Published before that day (UTC).")] = None,
    sort: Annotated[SortBy, Query()] = "added",
    reverse: Annotated[bool, Query(description="The other way round.")] = False,
    named: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=2048,
            description="The beginning of an id, an address, or an id at the origin: a few that"
            " fit, whatever else is asked.",
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[
        str | None, Query(pattern=ID_PATTERN, description="`next` of the page before.")
    ] = None,
) -> Response:
    principal.check(Scope.READ)
    if named is not None:
        fits = await aside(looking.named, app_of(request), named, principal.sees)
        shown = [one.to_json() for one in fits]
        return bodies.answer({"assets": told_of(request).value(shown), "next": None})
    wanted = Wanted(
        owner=principal.sees,
        text=q,
        channel=channel,
        host=host,
        state=state,
        origin_state=origin,
        after=_moment(after, "query.after"),
        before=_moment(before, "query.before"),
    )
    try:
        found = await aside(
            looking.listing,
            app_of(request),
            wanted,
            sort=Sort(sort),
            reverse=reverse,
            limit=limit + 1,
            after=cursor,
        )
    except ReelError as error:
        if error.code is Code.ASSET_UNKNOWN:  # it was removed since
            raise _no_page() from error
        raise
    page = [one.to_json() for one in found[:limit]]
    following = page[-1]["id"] if len(found) > limit else None
    return bodies.answer({"assets": told_of(request).value(page), "next": following})


@router.get("/v1/library", response_model=Library, summary="How much the library holds")
async def get_library(request: Request, principal: Who) -> Response:
    principal.check(Scope.READ)
    return bodies.answer(await aside(looking.head, app_of(request), principal.sees))


@router.get(
    "/v1/captions",
    response_model=CaptionHits,
    summary="Find what is said, by the captions",
)
async def search_captions(
    request: Request,
    principal: Who,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=500,
            description='Words that are all said; "in quotes": together; transl*: begun so.',
        ),
    ],
    language: Annotated[Word | None, Query(description="Of the captions.")] = None,
    asset: Annotated[str | None, Query(pattern=ID_PATTERN, description="In this one.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Response:
    """The best passages first."""
    principal.check(Scope.READ)
    try:
        hits = await aside(
            searching.search,
            app_of(request),
            q,
            owner=principal.sees,
            language=language,
            asset_id=asset,
            limit=limit,
        )
    except ReelError as error:
        if error.code is not Code.USAGE:
            raise
        hits = []  # signs without a word in them: nobody says them
    return bodies.answer({"words": q, "hits": [hit.to_json() for hit in hits]})


@router.get(
    "/v1/assets/{asset_id}",
    response_model=AssetDetails,
    responses=problems(404),
    summary="An asset: its files, chapters, captions and checks",
)
async def get_asset(request: Request, asset_id: AssetId, principal: Who) -> Response:
    found = await aside(serving.details, app_of(request), asset_id, principal)
    return bodies.answer(told_of(request).value(found))


@router.delete(
    "/v1/assets/{asset_id}",
    response_model=RemovedAsset,
    responses=problems(404),
    summary="Delete an asset with its files",
)
async def delete_asset(
    request: Request,
    asset_id: AssetId,
    principal: Who,
    keep_files: Annotated[bool, Query(description="Forget it, and leave its files.")] = False,
) -> Response:
    """Subscriptions do not fetch it again."""
    origin = origin_of(request, principal)
    done = await aside(serving.remove, app_of(request), asset_id, origin, keep_files=keep_files)
    return bodies.answer(done)


@router.get(
    "/v1/assets/{asset_id}/files/{path:path}",
    response_class=Response,
    responses={
        **file_responses("application/octet-stream", _FILE),
        **problems(404, 412, 416),
    },
    summary="Download a file of an asset",
)
async def get_asset_file(
    request: Request,
    asset_id: AssetId,
    path: FilePath,
    principal: Who,
    inline: Annotated[bool, Query(description="To be shown by a browser, not saved.")] = False,
) -> Response:
    """The ETag is its SHA-256, unless somebody has changed it since it was kept: a part that was
    downloaded before is gone on with by `If-Range`."""
    return await _file(request, asset_id, path, principal, is_inline=inline)


@router.head(
    "/v1/assets/{asset_id}/files/{path:path}",
    response_class=Response,
    responses={
        200: {"description": "The headers of the file."},
        304: {"description": "The client has it: If-None-Match names its ETag."},
        **problems(404, 412),
    },
    summary="Size, type and digest of a file of an asset",
)
async def head_asset_file(
    request: Request, asset_id: AssetId, path: FilePath, principal: Who
) -> Response:
    return await _file(request, asset_id, path, principal, is_inline=False)


async def _file(
    request: Request, asset_id: str, path: str, principal: Who, *, is_inline: bool
) -> Response:
    found = await aside(serving.opened, app_of(request), asset_id, path, principal)
    headers = {
        "Content-Disposition": files.disposition(found.name, is_inline=is_inline),
        "Last-Modified": files.http_date(found.modified_s),
        "Cache-Control": "private, no-cache",
        # As for artifacts: nothing in it may run or load more.
        "Content-Security-Policy": "default-src 'none'; media-src 'self'; img-src 'self'; "
        "style-src 'unsafe-inline'; sandbox",
    }
    return files.answer(
        request,
        found.file,
        found.size_bytes,
        kind=found.media_type,
        headers=headers,
        etag=found.etag,
    )


def _moment(day: str | None, where: str) -> float | None:
    """The first of a day, in seconds since 1970. Raises FIELD_INVALID."""
    if day is None:
        return None
    try:
        return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        message, hint = f"{where}: there is no such day", "write it as 2026-11-21"
        raise ReelError(Code.FIELD_INVALID, message, where=where, hint=hint) from error


def _no_page() -> ReelError:
    said = "no page gave this cursor, or what it names was removed since"
    return ReelError.of(Problem(Code.NOT_FOUND, said, "query.cursor", "begin anew"))
