"""Finding moments of videos and places in texts, and answers that say where they are from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Query, Request, Response
from starlette.responses import StreamingResponse

from reelwright.api import bodies, openapi
from reelwright.api.context import app_of, aside, told_of
from reelwright.api.jobs import Who
from reelwright.api.models import ID_PATTERN
from reelwright.api.models_archive import Day, Word
from reelwright.api.models_understand import (
    Answer,
    AskRequest,
    Hits,
    PassageKind,
    Tag,
)
from reelwright.api.openapi import WITH_BODY, problems
from reelwright.app.ask.asking import Answer as Given
from reelwright.app.ask.asking import Question
from reelwright.app.ask.asking import ask as answered
from reelwright.app.principal import Principal, Scope
from reelwright.app.search.pictures import Picture
from reelwright.app.search.searching import Asked, page_json
from reelwright.app.search.searching import search as found_by
from reelwright.errors import Code, ReelError
from reelwright.search.bounds import day
from reelwright.search.query import Filters

router = APIRouter(tags=["search"])

_EVENTS, _LINES = "text/event-stream", "application/x-ndjson"
Source = Literal["video", "document"]
_EXAMPLE = {
    "question": {
        "summary": "Of the whole library",
        "value": {"question": "What did Kennedy ask the nation?"},
    }
}


@router.get(
    "/v1/search",
    response_model=Hits,
    responses=problems(409),
    summary="Find moments of videos and places in texts",
)
async def search(  # size: one line a parameter
    request: Request,
    principal: Who,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=2000,
            description='Words, "a phrase", begun*, -without, channel:NAME, kind:speech, '
            "after:2026-01-31.",
        ),
    ],
    limit: Annotated[int, Query(ge=1, le=200)] = 10,
    offset: Annotated[int, Query(ge=0, le=10_000, description="Pass over so many.")] = 0,
    channel: Annotated[list[Word] | None, Query(max_length=50)] = None,
    language: Annotated[list[Tag] | None, Query(max_length=50)] = None,
    kind: Annotated[list[PassageKind] | None, Query(description="Of passages.")] = None,
    speaker: Annotated[list[Word] | None, Query(max_length=50)] = None,
    asset: Annotated[
        list[Annotated[str, Query(pattern=ID_PATTERN)]] | None,
        Query(max_length=100, description="In these alone."),
    ] = None,
    source: Annotated[list[Source] | None, Query(description="In videos, or in texts.")] = None,
    after: Annotated[Day | None, Query(description="Published on that day (UTC) or later.")] = None,
    before: Annotated[Day | None, Query(description="Published before that day (UTC).")] = None,
    min_duration_s: Annotated[float | None, Query(ge=0, le=1e9)] = None,
    max_duration_s: Annotated[float | None, Query(ge=0, le=1e9)] = None,
    words: Annotated[bool, Query(description="By words alone, not by meaning.")] = False,
) -> Response:
    """The best first, each with what speaks for it. What parameters say goes before what the query
    says. Where nothing is indexed the answer is `index_empty`."""
    principal.check(Scope.READ)
    filters = Filters(
        channels=tuple(channel or ()),
        languages=tuple(language or ()),
        kinds=tuple(kind or ()),
        speakers=tuple(speaker or ()),
        assets=tuple(asset or ()),
        sources=tuple(source or ()),
        after=_day(after, "query.after"),
        before=_day(before, "query.before"),
        min_duration_s=min_duration_s,
        max_duration_s=max_duration_s,
    )
    asked = Asked(
        text=q, k=limit, offset=offset, filters=filters, owner=principal.sees, is_lexical=words
    )
    app = app_of(request)
    page = await found_by(app, app.asker(owner=principal.owner), asked)
    body = await aside(page_json, app, page, asked, _place)
    return bodies.answer(told_of(request).value(body))


def _place(picture: Picture) -> str | None:
    """Where it can be had; its place on the service's disk is nobody's concern."""
    if picture.asset_id is None:
        return None
    folder = "files" if picture.pack is None else "keyframes"
    return f"/v1/assets/{picture.asset_id}/{folder}/{quote(picture.name)}"


def _day(text: str | None, where: str) -> float | None:
    try:
        return None if text is None else day(text)
    except ReelError as error:
        message = error.problem.message
        raise ReelError(Code.FIELD_INVALID, message, where=where, hint="2026-01-31") from error


@router.post(
    "/v1/ask",
    response_model=Answer,
    responses={
        200: {
            "description": "The answer. With `Accept: text/event-stream` or `application/x-ndjson` "
            "it comes sentence by sentence, each checked.",
        },
        **WITH_BODY,
        **problems(404, 409),
    },
    openapi_extra=openapi.model_body(AskRequest, _EXAMPLE, "What is asked, and of what."),
    summary="Answer a question from what is indexed, with citations",
)
async def ask(request: Request, principal: Who) -> Response:
    """Each sentence cites where it is from, and is checked against it; what is not borne out is
    dropped. Without a language model the answer is word for word from what fits best. Where
    nothing answers: `no_evidence`.

    A stream's messages have a `type`: `sentence` (`text`, `marks`), `dropped` (`text`, `why`), at
    the end `answer`, which is the whole, or `error`, which is a problem.
    """
    principal.check(Scope.READ)
    app = app_of(request)
    body = await bodies.read_model(request, AskRequest, app.settings.serve.body_bytes)
    given = answered(app, app.asker(owner=principal.owner), _question(body, principal))
    form = _form(request)
    if form is None:
        async for one in given:
            if isinstance(one, Given):
                return bodies.answer(told_of(request).value(one.to_json()))
        raise ReelError(Code.INTERNAL, "an answer ended without an end")
    # What is wrong before the first sentence is a problem document with its status.
    first = await anext(given)
    stream = _told(request, first, given, is_events=form == _EVENTS)
    return StreamingResponse(stream, media_type=form, headers={"Cache-Control": "no-store"})


def _form(request: Request) -> str | None:
    """In which form a stream is wanted; None: none is."""
    accepted = request.headers.get("accept", "")
    return next((kind for kind in (_EVENTS, _LINES) if kind in accepted), None)


def _question(body: AskRequest, principal: Principal) -> Question:
    return Question(
        text=body.question,
        filters=Filters(
            assets=tuple(body.assets),
            sources=("document",) if body.documents else (),
            kinds=tuple(body.kinds),
            channels=tuple(body.channels),
            after=_day(body.after, "after"),
            before=_day(body.before, "before"),
        ),
        language=body.language,
        owner=principal.sees,
        is_extractive=body.extractive,
    )


async def _told(
    request: Request, first: Any, rest: AsyncIterator[Any], *, is_events: bool
) -> AsyncIterator[bytes]:
    told = told_of(request)

    def line(kind: str, body: dict[str, Any]) -> bytes:
        text = orjson.dumps({"type": kind, **told.value(body)}, default=str)
        return b"event: %s\ndata: %s\n\n" % (kind.encode(), text) if is_events else text + b"\n"

    try:
        yield line(*_message(first))
        async for one in rest:
            yield line(*_message(one))
    except ReelError as error:
        found = told.error(error.problem.to_json()) or {}
        yield line("error", found)


def _message(one: Any) -> tuple[str, dict[str, Any]]:
    from reelwright.analysis.citations import Dropped

    if isinstance(one, Given):
        return "answer", one.to_json()
    if isinstance(one, Dropped):
        return "dropped", {"text": one.text, "why": one.why}
    marks = [citation.evidence.tag for citation in one.citations]
    return "sentence", {"text": one.text, "marks": marks}
