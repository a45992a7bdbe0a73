"""What sites say of videos and lists: the YouTube Data API within its quota, or yt-dlp."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import ConfigDict, Field

from reelwright.api import bodies
from reelwright.api.context import app_of, aside, background_of
from reelwright.api.jobs import Who
from reelwright.api.models import Model, Time
from reelwright.api.openapi import problems
from reelwright.app.metadata import looking
from reelwright.app.metadata.looking import Source
from reelwright.app.principal import Scope

router = APIRouter(tags=["metadata"])

SourceName = Literal["auto", "youtube-api", "yt-dlp"]
VideoName = Annotated[
    str,
    Path(
        min_length=1,
        max_length=2048,
        description="The id of a YouTube video, or any address, with its signs escaped.",
        examples=["aqz-KE-bpKQ"],
    ),
]
ListName = Annotated[
    str,
    Path(
        min_length=1,
        max_length=2048,
        description="A playlist or channel: its id, its address (with its signs escaped), @handle.",
        examples=["PL6B3937A5D230E335"],
    ),
]
From = Annotated[
    SourceName, Query(description="auto: the API where there is a key and it is YouTube's.")
]
Refresh = Annotated[bool, Query(description="Ask, also where the answer is known.")]


class VideoMetadata(Model):
    model_config = ConfigDict(extra="allow")

    id: str
    source: Literal["youtube-api", "yt-dlp"] = Field(description="Who said it.")
    cached: bool
    fetched_at: Time
    units: int = Field(description="Of the day's quota that it took.")


class ListEntry(Model):
    position: int
    id: str | None
    url: str
    title: str | None
    channel: str | None
    channel_id: str | None
    published_at: Time | None
    duration_s: float | None
    availability: str | None


class PlaylistMetadata(Model):
    id: str | None
    kind: str
    url: str
    source: Literal["youtube-api", "yt-dlp"] = Field(description="Who said it.")
    cached: bool
    fetched_at: Time
    units: int = Field(description="Of the day's quota that it took.")
    whole: bool = Field(description="false: the quota ended before its entries.")
    title: str | None
    description: str | None
    channel: str | None
    channel_id: str | None
    published_at: Time | None
    count: int | None
    entries: list[ListEntry]


class QuotaDay(Model):
    day: str = Field(description="Of the Pacific calendar.")
    used: int


class QuotaBucket(Model):
    bucket: str
    used: int
    limit: int
    left: int
    resets_at: Time
    days: list[QuotaDay]


class QuotaAnswer(Model):
    has_key: bool
    buckets: list[QuotaBucket]


@router.get(
    "/v1/metadata/video/{name:path}",
    response_model=VideoMetadata,
    responses=problems(404, 502, 504),
    summary="What is known of a video",
)
async def get_video_metadata(
    request: Request,
    name: VideoName,
    principal: Who,
    source: From = "auto",
    refresh: Refresh = False,
) -> Response:
    """A site is asked, so it needs the scope `jobs`."""
    principal.check(Scope.JOBS)
    app, chosen = app_of(request), Source(source)
    found = await background_of(request).run(
        lambda: looking.video(app, name, source=chosen, refresh=refresh)
    )
    return bodies.answer(_plain(found.to_json()))


@router.get(
    "/v1/metadata/playlist/{name:path}",
    response_model=PlaylistMetadata,
    responses=problems(404, 502, 504),
    summary="The videos of a playlist or channel",
)
async def get_playlist_metadata(
    request: Request,
    name: ListName,
    principal: Who,
    source: From = "auto",
    refresh: Refresh = False,
    limit: Annotated[int | None, Query(ge=1, le=10_000, description="The first so many.")] = None,
    force: Annotated[bool, Query(description="As far as the day's quota goes.")] = False,
) -> Response:
    """A site is asked, so it needs the scope `jobs`."""
    principal.check(Scope.JOBS)
    app, chosen = app_of(request), Source(source)
    found = await background_of(request).run(
        lambda: looking.playlist(
            app, name, source=chosen, refresh=refresh, limit=limit, force=force
        )
    )
    return bodies.answer(found.to_json())


@router.get(
    "/v1/metadata/quota", response_model=QuotaAnswer, summary="What the API may be asked today"
)
async def get_quota(request: Request, principal: Who) -> Response:
    principal.check(Scope.READ)
    found = await aside(looking.quota_of, app_of(request))
    return bodies.answer(found.to_json())


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    """Without what only this machine's file of it has."""
    return {name: value for name, value in body.items() if name != "media_url"}
