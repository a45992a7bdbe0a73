"""What is written beside a video: NFO for media centres, info JSON, chapters, checksums. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from reelwright.app.library.layout import name_of, published

if TYPE_CHECKING:
    from reelwright.media.info import MediaInfo
    from reelwright.tools.ytdlp.info import Chapter, VideoInfo

SUMS = "SHA256SUMS"

# XML 1.0 has no way to write these.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The names of yt-dlp's info JSON where they differ from ours.
_YTDLP_NAMES = {
    "native_id": "id",
    "url": "webpage_url",
    "published_at": "timestamp",
    "modified_at": "modified_timestamp",
    "duration_s": "duration",
    "thumbnail_url": "thumbnail",
}
_NOT_YTDLP = {
    *("host", "format", "playlist", "chapters", "sponsor_segments"),
    *("captions_human", "captions_auto"),
}


def video_nfo(
    info: VideoInfo, *, media: MediaInfo | None, show: str | None, thumbnail: str | None
) -> bytes:
    """For Jellyfin, Kodi and Plex: an episode of the show `show` (a channel), or a film where that
    is None. `thumbnail` is the name of its picture.

    A season is a year, and an episode's number its month, day, hour and minute: media centres take
    two of one number for two versions of one episode.
    """
    root = ET.Element("movie" if show is None else "episodedetails")
    at = published(info)
    _add(root, "title", info.title or name_of(info))
    if show is not None:
        _add(root, "showtitle", show)
        season = info.season_number or (at.year if at else None)
        episode = info.episode_number or (int(f"{at:%m%d%H%M}") if at else None)
        _add(root, "season", season)
        _add(root, "episode", episode)
    _add(root, "plot", info.description)
    if info.duration_s:
        _add(root, "runtime", max(1, round(info.duration_s / 60)))
    if at is not None:
        _add(root, "aired" if show is not None else "premiered", f"{at:%Y-%m-%d}")
        _add(root, "year", at.year)
    _add(root, "studio", info.channel or info.uploader)
    for name, values in (("genre", info.categories), ("tag", info.tags)):
        for value in values:
            _add(root, name, value)
    unique = _add(root, "uniqueid", info.native_id)
    if unique is not None:
        unique.attrib |= {"type": info.extractor, "default": "true"}
    _add(root, "thumb", thumbnail)
    if media is not None:
        _details(root, media)
    return _xml(root)


def show_nfo(name: str, info: VideoInfo) -> bytes:
    """``tvshow.nfo`` of a channel."""
    root = ET.Element("tvshow")
    _add(root, "title", name)
    _add(root, "studio", info.host)
    unique = _add(root, "uniqueid", info.channel_id)
    if unique is not None:
        unique.attrib |= {"type": info.extractor, "default": "true"}
    return _xml(root)


def info_json(info: VideoInfo) -> bytes:
    """In the names of yt-dlp, where it wrote none itself."""
    body = {
        _YTDLP_NAMES.get(name, name): value
        for name, value in info.to_json().items()
        if name not in _NOT_YTDLP and value not in (None, [], ())
    }
    at = published(info)
    if at is not None:
        body["upload_date"] = f"{at:%Y%m%d}"
    body["chapters"] = [
        {"title": c.title, "start_time": c.start_s, "end_time": c.end_s} for c in info.chapters
    ]
    return (json.dumps(body, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")


def chapters_text(chapters: Sequence[Chapter], duration_s: float | None) -> bytes:
    """FFmpeg's metadata form (ffmetadata), which players and FFmpeg put into a file."""
    lines = [";FFMETADATA1"]
    for number, chapter in enumerate(chapters):
        following = chapters[number + 1].start_s if number + 1 < len(chapters) else duration_s
        end = chapter.end_s if chapter.end_s is not None else following
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={round(chapter.start_s * 1000)}"]
        lines += [f"END={round((end if end is not None else chapter.start_s) * 1000)}"]
        lines += [f"title={_escaped(chapter.title)}"]
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def sums(digests: Mapping[str, str]) -> bytes:
    """`digests`: name → SHA-256, as ``sha256sum -c`` reads it."""
    return b"".join(_sum_line(name, digest) for name, digest in sorted(digests.items()))


def read_sums(data: bytes) -> dict[str, str]:
    """The reverse; lines of another form are left out."""
    found: dict[str, str] = {}
    for line in data.split(b"\n"):
        match = re.fullmatch(rb"(\\?)([0-9a-f]{64}) [ *](.+)", line)
        if match is None:
            continue
        name = match[3]
        if match[1]:
            name = re.sub(rb"\\(.)", _unescaped, name)
        found[name.decode("utf-8", "surrogateescape")] = match[2].decode()
    return found


def _unescaped(found: re.Match[bytes]) -> bytes:
    character = bytes(found[1])
    return {b"n": b"\n", b"r": b"\r"}.get(character, character)


def _sum_line(name: str, digest: str) -> bytes:
    """GNU's form: a name with a line break is escaped, and a backslash says so in front."""
    raw = name.encode("utf-8", "surrogateescape")
    escaped = raw.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    return (b"\\" if escaped != raw else b"") + digest.encode() + b"  " + escaped + b"\n"


def _add(parent: ET.Element, name: str, value: object) -> ET.Element | None:
    """Nothing where there is no value."""
    if value is None or value == "":
        return None
    element = ET.SubElement(parent, name)
    element.text = _NO_XML.sub("", str(value))
    return element


def _details(root: ET.Element, media: MediaInfo) -> None:
    details = ET.SubElement(ET.SubElement(root, "fileinfo"), "streamdetails")
    video = media.video
    if video is not None:
        found = ET.SubElement(details, "video")
        _add(found, "codec", video.codec)
        _add(found, "width", video.width_px)
        _add(found, "height", video.height_px)
        _add(found, "durationinseconds", None if media.duration is None else int(media.duration))
    if media.audio is not None:
        found = ET.SubElement(details, "audio")
        _add(found, "codec", media.audio.codec)
        _add(found, "channels", media.audio.channels)


def _xml(root: ET.Element) -> bytes:
    ET.indent(root)
    head = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    text: bytes = ET.tostring(root, encoding="utf-8")
    return head + text + b"\n"


def _escaped(text: str) -> str:
    """As ffmetadata wants it: ``=``, ``;``, ``#``, ``\\`` and line breaks behind a backslash."""
    return re.sub(r"([=;#\\\n])", r"\\\1", text.replace("\r", ""))
