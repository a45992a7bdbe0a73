"""What a list says of a video that its own address does not: a plain file has no title."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from reelwright.app.archive.identity import NAMELESS, canonical
from reelwright.store import entries, sources
from reelwright.tools.ytdlp.request import ListingKind

if TYPE_CHECKING:
    from reelwright.store.database import Tx
    from reelwright.tools.ytdlp.info import VideoInfo

_CHANNELS = frozenset({ListingKind.FEED.value, ListingKind.CHANNEL.value})

_ID_CHARS = 11


def completed(tx: Tx, info: VideoInfo, job_id: str) -> VideoInfo:
    """`info` with the title, day and channel that the entry of the job was listed with, where the
    site said nothing of its own: podcasts and feeds of files. A file without an id gets one, of its
    address, so that files of one name are told apart. Its identity stays the same."""
    if info.extractor not in NAMELESS:
        return info
    if not info.native_id:
        digest = hashlib.sha256(canonical(info.url).encode("utf-8", "surrogatepass"))
        info = replace(info, native_id=digest.hexdigest()[:_ID_CHARS])
    entry = entries.of_job(tx, job_id)
    if entry is None:
        return info
    source = sources.of_ids(tx, [entry.source_id]).get(entry.source_id)
    channel = source.title if source is not None and source.kind in _CHANNELS else None
    is_bare = info.title in {None, "", _stem(info.url), _stem(entry.url)}
    title = entry.title if is_bare and entry.title else info.title
    published_at = info.published_at
    if is_bare or published_at is None:  # of a bare file it is the time of its upload
        published_at = entry.published_at or published_at
    return replace(
        info,
        title=title,
        channel=info.channel or info.uploader or channel,
        published_at=published_at,
        duration_s=info.duration_s or entry.duration_s,
    )


def _stem(url: str) -> str:
    return PurePosixPath(unquote(urlsplit(url).path)).stem
