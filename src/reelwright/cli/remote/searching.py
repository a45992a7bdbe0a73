"""Searching what a service has indexed, and asking about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reelwright.cli.choice import Target
from reelwright.cli.remote.archiving import problem_of
from reelwright.cli.remote.library import identify
from reelwright.cli.remote.session import ask as asked_of
from reelwright.client import models
from reelwright.client.asynchronous.client import AsyncClient
from reelwright.client.patience import Patience
from reelwright.errors import Code, ReelError
from reelwright.search.moments import Evidence, Moment, Page, Why

_LINES = "application/x-ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Where answers may come from, as it was typed; `assets`: ids, beginnings of them, addresses.
    `duration` as in a query (``>10m``)."""

    channels: Sequence[str] = ()
    after: str | None = None
    before: str | None = None
    languages: Sequence[str] = ()
    kinds: Sequence[str] = ()
    speakers: Sequence[str] = ()
    duration: str | None = None
    assets: Sequence[str] = ()
    source: str | None = None


def search(
    target: Target, text: str, limits: Limits, *, k: int, offset: int, words_only: bool
) -> dict[str, Any]:
    """As `app.search.searching.page_json`; pictures are addresses. Raises what the service refuses,
    ASSET_UNKNOWN, QUERY_INVALID."""
    shortest, longest = _durations(limits.duration)

    async def read(client: AsyncClient) -> dict[str, Any]:
        found = await client.search(
            q=text,
            limit=k,
            offset=offset,
            channel=list(limits.channels) or None,
            language=list(limits.languages) or None,
            kind=[*limits.kinds] or None,  # type: ignore[list-item]  # the service checks them
            speaker=list(limits.speakers) or None,
            asset=await _assets(client, limits.assets),
            source=None if limits.source is None else [limits.source],  # type: ignore[list-item]
            after=limits.after,
            before=limits.before,
            min_duration_s=shortest,
            max_duration_s=longest,
            words=words_only or None,
        )
        return _plain(client, found)

    return asked_of(target, read)


def page_of(body: Mapping[str, Any]) -> Page:
    """To be shown as a page of this machine is."""
    return Page(
        moments=tuple(_moment(hit) for hit in body["hits"]),
        offset=body["offset"],
        total=body["total"],
        notes=tuple(body["notes"]),
        took_s=body["took_s"],
    )


def ask(
    target: Target,
    question: str,
    limits: Limits,
    *,
    language: str | None,
    extractive: bool,
    on_sentence: Callable[[str], None],
) -> dict[str, Any]:
    """As `app.ask.asking.Answer.to_json`; `on_sentence` gets each with its marks as it comes.
    Raises what the service refuses, USAGE, ASSET_UNKNOWN."""
    if limits.source == "video":
        said = "a service is asked about texts alone (--documents) or about all"
        raise ReelError(Code.USAGE, said, where="--videos", hint="leave it out, or name --asset")

    async def read(client: AsyncClient) -> dict[str, Any]:
        body: dict[str, Any] = {
            "question": question,
            "assets": await _assets(client, limits.assets) or [],
            "documents": limits.source == "document",
            "kinds": list(limits.kinds),
            "channels": list(limits.channels),
            "after": limits.after,
            "before": limits.before,
            "language": language,
            "extractive": extractive,
        }
        # A model is not asked twice because a connection broke off.
        client.patience = Patience(total_s=0.0)
        return await _streamed(client, body, on_sentence)

    return asked_of(target, read)


async def _streamed(
    client: AsyncClient, body: Mapping[str, Any], on_sentence: Callable[[str], None]
) -> dict[str, Any]:
    headers = {"Accept": _LINES, "Content-Type": "application/json"}
    content = json.dumps(body).encode()
    stream = client.stream("POST", "/v1/ask", headers=headers, content=content)
    async with stream as answer:
        async for line in answer.aiter_lines():
            told = json.loads(line)
            kind = told.pop("type")
            if kind == "sentence":
                on_sentence(f"{told['text']} {''.join(dict.fromkeys(told['marks']))}")
            elif kind == "error":
                raise ReelError.of(problem_of(models.Fault.model_validate(told)))
            elif kind == "answer":
                whole: dict[str, Any] = told
                return whole
    raise ReelError(Code.SERVER_UNREACHABLE, f"{client.url} broke off its answer", hint="ask again")


async def _assets(client: AsyncClient, named: Sequence[str]) -> list[str] | None:
    found = [await identify(client, one.removeprefix("asset:")) for one in named]
    return found or None


def _durations(text: str | None) -> tuple[float | None, float | None]:
    """Raises QUERY_INVALID."""
    from reelwright.search.query import parse

    if text is None:
        return None, None
    filters = parse(f'duration:"{text}"').filters
    return filters.min_duration_s, filters.max_duration_s


def _plain(client: AsyncClient, found: models.Hits) -> dict[str, Any]:
    body = found.model_dump()
    for hit in body["hits"]:
        other = "asset" if hit["asset"] is None else "document"
        del hit[other]
        if hit["thumbnail"] is not None:
            hit["thumbnail"] = f"{client.url}{hit['thumbnail']}"
    return body


def _moment(hit: Mapping[str, Any]) -> Moment:
    evidence = tuple(
        Evidence(
            passage_id=None,
            kind=one["kind"],
            text=one["text"],
            start_s=one["start"],
            end_s=one["end"],
            language=one["language"],
            speaker=one["speaker"],
            source=one["source"],
        )
        for one in hit["evidence"]
    )
    return Moment(
        subject=hit.get("document") or hit.get("asset") or "",
        source=hit["source"],
        title=hit["title"],
        kind=hit["kind"],
        score=hit["score"],
        snippet=hit["snippet"],
        asset_id=hit.get("asset") if hit["source"] == "asset" else None,
        path=hit["path"],
        channel=hit["channel"],
        start_s=hit["start"],
        end_s=hit["end"],
        marks=tuple((int(a), int(b)) for a, b in hit["marks"]),
        is_exact=hit["exact"],
        evidence=evidence,
        why=tuple(Why(**one) for one in hit["why"]),
    )
