"""Keeping videos of the web: what was asked for, and what became of it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from reelwright.api import bodies, openapi
from reelwright.api.context import app_of, aside, told_of
from reelwright.api.jobs import IdempotencyKey, Who, origin_of
from reelwright.api.models import ID_PATTERN
from reelwright.api.models_archive import (
    ArchiveRequest,
    Asked,
    Entries,
    EntryState,
    Options,
    Source,
    Sources,
)
from reelwright.api.openapi import WITH_BODY, problems
from reelwright.app import intake
from reelwright.app.archive import serving, subscriptions
from reelwright.app.archive.asking import Wanted
from reelwright.app.archive.options import ArchiveOptions
from reelwright.app.archive.subscriptions import Shown
from reelwright.app.intake import Key

router = APIRouter(tags=["archive"])

SourceId = Annotated[
    str,
    Path(
        description="The source's id.", json_schema_extra={"pattern": ID_PATTERN, "maxLength": 17}
    ),
]
_EXAMPLE = {
    "feed": {
        "summary": "The newest of a feed, with captions",
        "value": {
            "urls": ["https://example.org/feed.xml"],
            "options": {"profile": "1080p", "languages": ["en"], "limit": 20},
        },
    }
}


@router.post(
    "/v1/archive",
    status_code=202,
    response_model=Asked,
    responses={
        202: {
            "description": "It is stored, and will be listed and fetched.",
            "headers": {
                "Idempotent-Replayed": {
                    "description": "`true`: a request before this one has asked for it.",
                    "schema": {"type": "string", "enum": ["true"]},
                },
            },
        },
        **WITH_BODY,
        **problems(404, 409),
    },
    openapi_extra=openapi.model_body(ArchiveRequest, _EXAMPLE, "What is to be kept, and how."),
    summary="Keep what is behind addresses",
)
async def archive(
    request: Request, principal: Who, idempotency_key: IdempotencyKey = None
) -> Response:
    """Each address becomes a source: the list behind it (or the one video) is read, and each of its
    entries is fetched by a job of its own, if the library does not hold it. One that is asked for
    again is listed again, and what failed of it is tried again.

    Addresses obey the same rules as other downloads of the service; what they lead to is looked at
    later. `Idempotency-Key`: the same request with the same key is done once.
    """
    limit_bytes = app_of(request).settings.serve.body_bytes
    asked = await bodies.read_model(request, ArchiveRequest, limit_bytes)
    wanted = Wanted(urls=asked.urls, options=options_of(asked.options), retry_gone=asked.retry_gone)
    key = None
    if idempotency_key is not None:
        key = Key(idempotency_key, intake.digest("archive", asked.model_dump_json()))
    found = await aside(serving.ask, app_of(request), wanted, origin_of(request, principal), key)
    headers = {"Idempotent-Replayed": "true"} if found.is_replay else {}
    body = {"sources": [shown(request, one) for one in found.shown], "at": found.at}
    return bodies.answer(body, 202, headers)


@router.get("/v1/archive", response_model=Sources, summary="What was asked for, the newest first")
async def list_sources(
    request: Request,
    principal: Who,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[
        str | None, Query(pattern=ID_PATTERN, description="`next` of the page before.")
    ] = None,
) -> Response:
    """With what is followed."""
    return await listed(request, principal, limit, cursor, name="sources", only_subscriptions=False)


@router.get(
    "/v1/archive/{source_id}",
    response_model=Source,
    responses=problems(404),
    summary="How far a source is",
)
async def get_source(request: Request, source_id: SourceId, principal: Who) -> Response:
    found = await aside(subscriptions.get, app_of(request), source_id, principal)
    return bodies.answer(shown(request, found))


@router.get(
    "/v1/archive/{source_id}/entries",
    response_model=Entries,
    responses=problems(404),
    summary="The videos of a source",
)
async def list_entries(
    request: Request,
    source_id: SourceId,
    principal: Who,
    state: Annotated[list[EntryState] | None, Query(description="One of these.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[
        str | None,
        Query(
            pattern=r"^[0-9]{1,10}(\.[0-9]{1,9})?\.[0-9a-hjkmnp-tv-z]{17}$",
            description="`next` of the page before.",
        ),
    ] = None,
    changes: Annotated[
        bool,
        Query(
            description="In the order of their changes; `next` leads to what changes later. `state`"
            " is not looked at."
        ),
    ] = False,
) -> Response:
    app = app_of(request)
    if changes:
        found, following = await aside(
            serving.changes_of, app, source_id, principal, limit=limit, cursor=cursor
        )
    else:
        found, following = await aside(
            serving.entries_of,
            app,
            source_id,
            principal,
            states=tuple(state or ()),
            limit=limit,
            cursor=cursor,
        )
    told = told_of(request)
    body = {"entries": [told.with_error(one) for one in found], "next": following}
    return bodies.answer(body)


@router.post(
    "/v1/archive/{source_id}/list",
    status_code=202,
    response_model=Source,
    responses=problems(404),
    summary="List a source now",
)
async def list_source_now(request: Request, source_id: SourceId, principal: Who) -> Response:
    """What is new of it is fetched, and what failed is tried again."""
    origin = origin_of(request, principal)
    found = await aside(serving.ask_now, app_of(request), source_id, origin)
    return bodies.answer(shown(request, found), 202)


@router.delete(
    "/v1/archive/{source_id}",
    response_model=Source,
    responses={200: {"description": "The source as it was."}, **problems(404)},
    summary="End a source",
)
async def end_source(request: Request, source_id: SourceId, principal: Who) -> Response:
    """It and its entries are forgotten, and what is being fetched for it is cancelled. What the
    library holds stays."""
    was = await serving.end(app_of(request), source_id, origin_of(request, principal))
    return bodies.answer(shown(request, was))


async def listed(
    request: Request,
    principal: Who,
    limit: int,
    cursor: str | None,
    *,
    name: str,
    only_subscriptions: bool,
) -> Response:
    found = await aside(
        subscriptions.listing,
        app_of(request),
        principal,
        limit=limit + 1,
        before=cursor,
        only_subscriptions=only_subscriptions,
    )
    page = [shown(request, one) for one in found[:limit]]
    following = page[-1]["id"] if len(found) > limit else None
    return bodies.answer({name: page, "next": following})


def shown(request: Request, one: Shown) -> dict[str, Any]:
    body = told_of(request).with_error(one.to_json())
    if body["error"] is not None:
        # Who took it off the work plan is told there.
        body["error"].pop("skipped", None)
    return body


def options_of(asked: Options) -> ArchiveOptions:
    """Raises FIELD_INVALID, TEMPLATE_INVALID."""
    return ArchiveOptions.from_json(asked.model_dump(exclude_none=True))
