"""Subscriptions: lists that are asked for what is new, on a schedule."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from reelwright.api import bodies, openapi
from reelwright.api.archive import SourceId, listed, options_of, shown
from reelwright.api.context import app_of, aside
from reelwright.api.jobs import Who, origin_of
from reelwright.api.models import ID_PATTERN
from reelwright.api.models_archive import (
    Source,
    SubscriptionChange,
    SubscriptionRequest,
    Subscriptions,
)
from reelwright.api.openapi import WITH_BODY, problems
from reelwright.app.archive import serving, subscriptions
from reelwright.app.archive.asking import Wanted

router = APIRouter(tags=["archive"])

_EXAMPLE = {"feed": {"value": {"url": "https://example.org/feed.xml", "schedule": "6h"}}}
_CHANGE = {"pause": {"value": {"enabled": False}}, "nightly": {"value": {"schedule": "0 3 * * *"}}}


@router.get("/v1/subscriptions", response_model=Subscriptions, summary="What is followed")
async def list_subscriptions(
    request: Request,
    principal: Who,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[
        str | None, Query(pattern=ID_PATTERN, description="`next` of the page before.")
    ] = None,
) -> Response:
    return await listed(
        request, principal, limit, cursor, name="subscriptions", only_subscriptions=True
    )


@router.post(
    "/v1/subscriptions",
    status_code=201,
    response_model=Source,
    responses={**WITH_BODY, **problems(404)},
    openapi_extra=openapi.model_body(SubscriptionRequest, _EXAMPLE, "What to follow."),
    summary="Follow a list",
)
async def create_subscription(request: Request, principal: Who) -> Response:
    """It is listed at once, and then on its schedule. Of an address there is one: following it
    again changes its schedule."""
    app = app_of(request)
    asked = await bodies.read_model(request, SubscriptionRequest, app.settings.serve.body_bytes)
    wanted = Wanted(urls=[asked.url], options=options_of(asked.options), schedule=asked.schedule)
    taken = await aside(serving.ask, app, wanted, origin_of(request, principal))
    (made,) = taken.shown
    where = {"Location": f"/v1/subscriptions/{made.source.id}"}
    return bodies.answer(shown(request, made), 201, where)


@router.get(
    "/v1/subscriptions/{source_id}",
    response_model=Source,
    responses=problems(404),
    summary="A subscription",
)
async def get_subscription(request: Request, source_id: SourceId, principal: Who) -> Response:
    found = await aside(subscriptions.get, app_of(request), source_id, principal)
    return bodies.answer(shown(request, found))


@router.patch(
    "/v1/subscriptions/{source_id}",
    response_model=Source,
    responses={**WITH_BODY, **problems(404)},
    openapi_extra=openapi.model_body(SubscriptionChange, _CHANGE, "What is to be another."),
    summary="Change, pause or resume a subscription",
)
async def change_subscription(request: Request, source_id: SourceId, principal: Who) -> Response:
    app = app_of(request)
    asked = await bodies.read_model(request, SubscriptionChange, app.settings.serve.body_bytes)
    found = await aside(
        serving.change,
        app,
        source_id,
        origin_of(request, principal),
        schedule=asked.schedule,
        is_enabled=asked.enabled,
    )
    return bodies.answer(shown(request, found))


@router.delete(
    "/v1/subscriptions/{source_id}",
    response_model=Source,
    responses={200: {"description": "The subscription as it was."}, **problems(404)},
    summary="End a subscription",
)
async def end_subscription(request: Request, source_id: SourceId, principal: Who) -> Response:
    """What the library holds stays."""
    was = await serving.end(app_of(request), source_id, origin_of(request, principal))
    return bodies.answer(shown(request, was))
