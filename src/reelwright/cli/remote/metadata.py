"""What a service finds out of videos and lists."""

from __future__ import annotations

from typing import Any

from reelwright.app.metadata.looking import Entry, PlaylistFound, Source, VideoFound
from reelwright.cli.choice import Target
from reelwright.cli.remote.session import ask
from reelwright.tools.ytdlp.info import VideoInfo


def video(target: Target, given: str, source: Source, *, refresh: bool) -> VideoFound:
    chosen: Any = source.value
    found = ask(
        target, lambda client: client.get_video_metadata(given, source=chosen, refresh=refresh)
    )
    body = found.model_dump()
    own = {"id", "source", "cached", "fetched_at", "units"}
    return VideoFound(
        id=found.id,
        # Its own id is in it, too.
        info=VideoInfo.from_json({k: v for k, v in body.items() if k not in own}),
        source=Source(found.source),
        is_cached=found.cached,
        fetched_at=found.fetched_at,
        units=found.units,
    )


def playlist(target: Target, given: str, source: Source, asked: dict[str, Any]) -> PlaylistFound:
    """`asked`: refresh, limit, force."""
    chosen: Any = source.value
    found = ask(target, lambda client: client.get_playlist_metadata(given, source=chosen, **asked))
    body = found.model_dump()
    entries = tuple(Entry(**one) for one in body.pop("entries"))
    body["is_cached"], body["is_whole"] = body.pop("cached"), body.pop("whole")
    return PlaylistFound(**{**body, "source": Source(found.source), "entries": entries})
