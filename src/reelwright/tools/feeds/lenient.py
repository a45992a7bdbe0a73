"""Every other feed that is in use: feedparser knows what its makers meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reelwright.errors import Code, ReelError
from reelwright.tools.feeds.entries import FeedEntry, FeedFile, FeedHead, make_entry, plain
from reelwright.tools.feeds.strict import content_file


def read_lenient(path: Path, base: str) -> Iterator[FeedHead | FeedEntry | None]:
    """As `strict.read_strict`, but the whole feed is in memory. Raises EXTRACTOR_UNSUPPORTED where
    even feedparser finds no feed."""
    import feedparser

    # Addresses that are relative to the feed's are ours to resolve (those of an xml:base are not),
    # and markup is dropped, not cleaned.
    parsed: Any = feedparser.parse(
        path.read_bytes(), sanitize_html=False, resolve_relative_uris=False
    )
    if not parsed.version and not parsed.entries:
        raise ReelError(
            Code.EXTRACTOR_UNSUPPORTED,
            f"{base} is no feed that can be read",
            where=base,
            evidence={"message": str(parsed.get("bozo_exception", ""))},
        )
    feed = parsed.feed
    yield FeedHead(
        title=plain(feed.get("title")),
        author=plain(feed.get("author")),
        url=feed.get("link"),
        channel_id=feed.get("yt_channelid"),
    )
    for one in parsed.entries:
        yield _entry(one, base)


def _entry(one: Any, base: str) -> FeedEntry | None:
    links = one.get("links") or []
    files = [
        FeedFile(url=link.get("href") or "", content_type=link.get("type") or "", rank=(1, 0.0))
        for link in links
        if link.get("rel") == "enclosure"
    ]
    contents = [dict(content) for content in one.get("media_content") or ()]
    files += [content_file(content) for content in contents]
    lengths = [content["duration"] for content in contents if content.get("duration")]
    alternate = next((x.get("href") for x in links if x.get("rel") == "alternate"), None)
    return make_entry(
        base=base,
        id=one.get("id"),
        link=alternate or one.get("link"),
        files=files,
        title=one.get("title"),
        author=one.get("author"),
        published=_iso(one.get("published_parsed") or one.get("updated_parsed")),
        duration=one.get("itunes_duration") or next(iter(lengths), None),
        youtube_id=one.get("yt_videoid"),
    )


def _iso(parsed: Any) -> str | None:
    """feedparser's times are UTC."""
    if parsed is None:
        return None
    year, month, day, hour, minute, second = parsed[:6]
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+00:00"
