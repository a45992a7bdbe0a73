"""What is known of a video that was found: from the files beside it, or from its name."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from reelwright.app.archive import identity
from reelwright.store.asset_files import Role
from reelwright.tools.ytdlp import facts
from reelwright.tools.ytdlp.info import VideoInfo

if TYPE_CHECKING:
    from reelwright.app.library.found import FoundVideo

# The extractor of what nobody knows more of than the file.
FILE = "file"
_INFO_BYTES = 64 << 20
_NFO_BYTES = 1 << 20
_YOUTUBE_ID = re.compile(r"[0-9A-Za-z_-]{11}")
_YOUTUBE_CHANNEL = re.compile(r"UC[0-9A-Za-z_-]{22}")
_BRACKETED = re.compile(r"^(.*?)\s*\[([0-9A-Za-z_-]{11})\]$")
_DATED = re.compile(r"^(\d{4})-?(\d{2})-?(\d{2})(?:\s*[-_]\s*|\s+)(.+)$")
_WATCH = "https://www.youtube.com/watch?v="


class Describer:
    """`metadata` are what Tube Archivist said of its videos, by their id (`tube_archivist`)."""

    def __init__(self, metadata: Mapping[str, VideoInfo]) -> None:
        self._metadata = metadata

    def describe(self, found: FoundVideo) -> VideoInfo:
        """The best that there is. Blocking; what cannot be read is left out."""
        return (
            _from_info_json(found)
            or self._from_tube_archivist(found)
            or _from_nfo(found)
            or _from_name(found)
        )

    def _from_tube_archivist(self, found: FoundVideo) -> VideoInfo | None:
        name = found.path.stem
        if name in self._metadata:
            return self._metadata[name]
        channel = found.path.parent.name
        if _YOUTUBE_ID.fullmatch(name) and _YOUTUBE_CHANNEL.fullmatch(channel):
            return _youtube(name, channel_id=channel)
        return None


def key_of(info: VideoInfo, sha256: str) -> str:
    """What nobody knows the origin of is told apart by its content."""
    return f"file:{sha256}" if info.extractor == FILE else identity.key_of_info(info)


def tube_archivist(place: Path) -> dict[str, VideoInfo]:
    """Of a backup of Tube Archivist: its ZIP, a JSON file of it (Elasticsearch's bulk form), or a
    folder of such. Raises OSError; what is none of that is passed over."""
    found: dict[str, VideoInfo] = {}
    places = [place] if place.is_file() else sorted([*place.glob("*.zip"), *place.glob("*.json")])
    for one in places:
        for name, line in _lines(one):
            if "video" in Path(name).name:
                info = _tube_archivist_video(line)
                if info is not None:
                    found[info.native_id] = info
    return found


def _lines(place: Path) -> Iterator[tuple[str, bytes]]:
    if place.suffix.lower() != ".zip":
        with place.open("rb") as file:
            yield from ((place.name, line) for line in file)
        return
    try:
        with zipfile.ZipFile(place) as archive:
            for name in archive.namelist():
                if name.endswith(".json"):
                    with archive.open(name) as file:
                        yield from ((name, line) for line in file)
    except zipfile.BadZipFile:
        return


def _tube_archivist_video(line: bytes) -> VideoInfo | None:
    try:
        body = json.loads(line)
    except ValueError:
        return None
    if not isinstance(body, dict):
        return None
    body = body.get("_source", body)
    video_id = body.get("youtube_id")
    if not isinstance(video_id, str) or not _YOUTUBE_ID.fullmatch(video_id):
        return None
    channel = body.get("channel") if isinstance(body.get("channel"), dict) else {}
    player = body.get("player") if isinstance(body.get("player"), dict) else {}
    raw = {
        "id": video_id,
        "title": body.get("title"),
        "description": body.get("description"),
        "upload_date": str(body.get("published") or "").replace("-", "")[:8],
        "channel": channel.get("channel_name"),
        "channel_id": channel.get("channel_id"),
        "tags": body.get("tags"),
        "categories": body.get("category"),
        "duration": player.get("duration"),
        "view_count": (body.get("stats") or {}).get("view_count"),
        "extractor_key": "Youtube",
        "webpage_url": _WATCH + video_id,
    }
    return facts.video_info(raw, raw["webpage_url"])


def _from_info_json(found: FoundVideo) -> VideoInfo | None:
    file = found.of(Role.INFO)
    if file is None:
        return None
    raw = _json(file.path)
    if raw is None or raw.get("_type", "video") != "video":
        return None
    asked = raw.get("webpage_url") or raw.get("original_url") or raw.get("url")
    if not isinstance(asked, str) or "://" not in asked:
        return None
    # Ours keep the extractor's name under its own.
    named = raw.get("extractor_key") or raw.get("ie_key") or raw.get("extractor")
    return facts.video_info({**raw, "extractor_key": named}, asked)


def _json(path: Path) -> dict[str, Any] | None:
    try:
        if path.stat().st_size > _INFO_BYTES:
            return None
        body = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return body if isinstance(body, dict) else None


def _from_nfo(found: FoundVideo) -> VideoInfo | None:
    file = found.of(Role.NFO)
    if file is None:
        return None
    try:
        if file.path.stat().st_size > _NFO_BYTES:
            return None
        root = ET.fromstring(file.path.read_bytes())
    except (OSError, ET.ParseError):
        return None
    unique = root.find("uniqueid")
    kind = "" if unique is None else (unique.get("type") or "").lower()
    video_id = "" if unique is None else (unique.text or "").strip()
    raw = {
        "title": root.findtext("title"),
        "description": root.findtext("plot"),
        "channel": root.findtext("studio") or root.findtext("showtitle"),
        "upload_date": (root.findtext("aired") or root.findtext("premiered") or "").replace(
            "-", ""
        ),
        "tags": [element.text for element in root.findall("tag") if element.text],
    }
    if kind == "youtube" and _YOUTUBE_ID.fullmatch(video_id):
        url = _WATCH + video_id
        return facts.video_info({**raw, "id": video_id, "extractor_key": "Youtube"}, url)
    said = facts.video_info(raw, found.path.as_uri())
    return _plain(found, said.title, said.channel, said.published_at, said.description)


def _from_name(found: FoundVideo) -> VideoInfo:
    """``2026-11-21 - A title [dQw4w9WgXcQ].mp4``, or as much of it as there is."""
    name, published = found.path.stem, None
    dated = _DATED.match(name)
    if dated is not None:
        try:
            day = date.fromisoformat("-".join(dated.groups()[:3]))
            published = datetime.combine(day, time(), UTC).timestamp()
            name = dated[4]
        except ValueError:
            pass
    bracketed = _BRACKETED.match(name)
    if bracketed is not None:
        made = _youtube(bracketed[2], title=bracketed[1] or bracketed[2])
        return _with_date(made, published)
    return _plain(found, name, None, published, None)


def _with_date(info: VideoInfo, published: float | None) -> VideoInfo:
    from dataclasses import replace

    return replace(info, published_at=published)


def _youtube(
    video_id: str, *, title: str | None = None, channel_id: str | None = None
) -> VideoInfo:
    return VideoInfo(
        extractor="youtube",
        native_id=video_id,
        url=_WATCH + video_id,
        host="www.youtube.com",
        title=title,
        channel_id=channel_id,
    )


def _plain(
    found: FoundVideo,
    title: str | None,
    channel: str | None,
    published: float | None,
    description: str | None,
) -> VideoInfo:
    """A file whose folder, where it has several videos, is taken for its channel."""
    return VideoInfo(
        extractor=FILE,
        native_id="",
        url="",
        host="",
        title=title or found.path.stem,
        channel=channel or (None if found.is_alone else found.path.parent.name),
        published_at=published,
        description=description,
    )
