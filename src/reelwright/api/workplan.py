"""The work plan: what is missing, why, and what is done about it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from reelwright.api import bodies, openapi
from reelwright.api.context import app_of, aside, told_of
from reelwright.api.jobs import Who, origin_of
from reelwright.api.models import ID_PATTERN
from reelwright.api.models_archive import (
    CURSOR,
    CauseName,
    Changed,
    RunAnswer,
    RunRequest,
    SkipRequest,
    Word,
    WorkPlan,
)
from reelwright.api.openapi import WITH_BODY, problems
from reelwright.app.workplan import reading, running, skipping
from reelwright.app.workplan.items import Item
from reelwright.app.workplan.reading import Asked
from reelwright.app.workplan.running import Act

router = APIRouter(tags=["workplan"])

_SHOWN = 1000
_RUN = {"all": {"value": {}}, "login": {"value": {"causes": ["login"]}}}
_SKIP = {"one": {"value": {"ids": ["0k8v2b3c4d5e6f7g8"], "because": "a trailer"}}}


@router.get("/v1/workplan", response_model=WorkPlan, summary="What is missing, by cause")
async def get_workplan(
    request: Request,
    principal: Who,
    cause: Annotated[
        list[CauseName] | None, Query(max_length=32, description="One of these.")
    ] = None,
    source: Annotated[str | None, Query(pattern=ID_PATTERN, description="Of this one.")] = None,
    host: Annotated[Word | None, Query(description="At this site.")] = None,
    skipped: Annotated[bool, Query(description="What was taken off the plan.")] = False,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[
        str | None,
        Query(pattern=CURSOR, description="`next` of the page before."),
    ] = None,
) -> Response:
    """What failed, is gone, waits or is damaged, read when it is asked for."""
    asked = Asked(causes=tuple(cause or ()), source_id=source, host=host, is_skipped=skipped)
    page = await aside(reading.page, app_of(request), asked, principal, limit=limit, cursor=cursor)
    told = told_of(request)
    body = {
        "made_at": page.at,
        "total": sum(number for _, number in page.causes),
        "causes": [reading.cause_json(one, number) for one, number in page.causes],
        "items": [told.value(item.to_json()) for item in page.items],
        "next": page.following,
    }
    return bodies.answer(body)


@router.post(
    "/v1/workplan/run",
    status_code=202,
    response_model=RunAnswer,
    responses=WITH_BODY,
    openapi_extra=openapi.model_body(RunRequest, _RUN, "Which part of it; nothing: all."),
    summary="Carry the work plan out",
)
async def run_workplan(request: Request, principal: Who) -> Response:
    """What can be tried now is tried; what waits for a person, for its time, or is gone is left
    unless its cause or its id is named."""
    app = app_of(request)
    asked = await bodies.read_model(request, RunRequest, app.settings.serve.body_bytes)
    shown: list[dict[str, Any]] = []

    def hear(item: Item, act: Act, why: str) -> None:
        if len(shown) < _SHOWN:
            names = {"id": item.id, "kind": item.kind, "cause": item.cause.name, "url": item.url}
            shown.append({**names, "title": item.title, "act": act.value, "because": why})

    def work() -> running.Outcome:
        wanted = Asked(
            causes=tuple(asked.causes),
            source_id=asked.source,
            host=asked.host,
            ids=asked.ids,
        )
        return running.carry_out(
            app,
            wanted,
            principal,
            dry_run=asked.dry_run,
            on_item=hear,
            origin=origin_of(request, principal),
        )

    with app.store.read() as tx:
        at = tx.now()
    done = await aside(work)
    body = {"at": at, **done.to_json(), "sources": list(done.sources)[:_SHOWN], "items": shown}
    return bodies.answer(told_of(request).value(body), 202)


@router.post(
    "/v1/workplan/skip",
    response_model=Changed,
    responses={**WITH_BODY, **problems(404, 409)},
    openapi_extra=openapi.model_body(SkipRequest, _SKIP, "Which, and why."),
    summary="Take items off the work plan",
)
async def skip_items(request: Request, principal: Who) -> Response:
    """Videos and lists that failed: they are not wanted any more."""
    app = app_of(request)
    asked = await bodies.read_model(request, SkipRequest, app.settings.serve.body_bytes)
    origin = origin_of(request, principal)
    done = await aside(skipping.skip, app, asked.ids, asked.because, principal, origin)
    return bodies.answer({"changed": done})


@router.post(
    "/v1/workplan/unskip",
    response_model=Changed,
    responses={**WITH_BODY, **problems(404, 409)},
    openapi_extra=openapi.model_body(SkipRequest, _SKIP, "Which; `because` is not looked at."),
    summary="Put items back on the work plan",
)
async def unskip_items(request: Request, principal: Who) -> Response:
    app = app_of(request)
    asked = await bodies.read_model(request, SkipRequest, app.settings.serve.body_bytes)
    origin = origin_of(request, principal)
    done = await aside(skipping.unskip, app, asked.ids, principal, origin)
    return bodies.answer({"changed": done})
