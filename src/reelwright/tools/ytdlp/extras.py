"""In the child: what comes with a video besides itself and its captions, each as one file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reelwright.errors import Code, ReelError
from reelwright.tools.ytdlp.facts import clean_info
from reelwright.tools.ytdlp.options import YtdlpOptions
from reelwright.tools.ytdlp.request import AnswerFile, Part
from reelwright.tools.ytdlp.session import Session
from reelwright.tools.ytdlp.sites import without_users

_IMAGES_TRIED = 3
_IMAGE_BYTES = 50 << 20
_STARTS = (
    ("jpg", 0, b"\xff\xd8\xff"),
    ("png", 0, b"\x89PNG\r\n\x1a\n"),
    ("gif", 0, b"GIF8"),
    ("webp", 8, b"WEBP"),
    ("avif", 4, b"ftypavif"),
)


def mark_sponsors(session: Session, info: dict[str, Any], options: YtdlpOptions) -> None:
    """A service of volunteers: where it does not answer the video is still worth having."""
    if not options.sponsor_categories:
        return
    from yt_dlp.postprocessor.sponsorblock import SponsorBlockPP

    pp = SponsorBlockPP(session.ydl, list(options.sponsor_categories), options.sponsor_api)
    try:
        with session.understood():
            pp.run(info)
    except ReelError as error:
        session.voice.warning(f"SponsorBlock: {error}")


def write_info(session: Session, info: Mapping[str, Any], folder: Path) -> AnswerFile:
    """yt-dlp's own JSON, without signed addresses, headers and cookies."""
    cleaned = session.ydl.sanitize_info(clean_info(info), remove_private_keys=True)
    return _json(folder / "video.info.json", Part.INFO, cleaned)


def write_description(info: Mapping[str, Any], folder: Path) -> AnswerFile | None:
    """None where the video has none."""
    if not info.get("description"):
        return None
    path = folder / "video.description.txt"
    path.write_text(str(info["description"]), encoding="utf-8", errors="replace")
    return AnswerFile(role=Part.DESCRIPTION, path=path.name, format="txt")


def write_comments(info: Mapping[str, Any], folder: Path) -> AnswerFile | None:
    """A JSON array, as yt-dlp gives them. None where the site has no comments to give."""
    comments = info.get("comments")
    if comments is None:
        return None
    return _json(folder / "video.comments.json", Part.COMMENTS, list(comments))


def write_live_chat(session: Session, info: Mapping[str, Any], folder: Path) -> AnswerFile | None:
    """JSON lines, as the site replays them. None where there was no chat."""
    offered = info.get("subtitles")
    sources = offered.get("live_chat") if isinstance(offered, Mapping) else None
    if not sources:
        return None
    path = folder / "video.live_chat.json"
    with session.understood():
        session.ydl.dl(str(path), dict(sources[-1]), subtitle=True)
    if not path.is_file():
        return None
    return AnswerFile(role=Part.LIVE_CHAT, path=path.name, format="json")


def write_thumbnail(session: Session, info: Mapping[str, Any], folder: Path) -> AnswerFile | None:
    """The best image that can be had. None where the site shows none; raises what the best one
    raised where none of the best can be had."""
    listed = info.get("thumbnails") or ()
    urls = [one["url"] for one in listed if isinstance(one, Mapping) and one.get("url")]
    failure: ReelError | None = None
    for url in list(dict.fromkeys(reversed(urls)))[:_IMAGES_TRIED]:
        try:
            with session.understood():
                data = _read(session.ydl.urlopen(url), url)
        except ReelError as error:
            failure = failure or error
            continue
        path = folder / f"thumbnail.{_kind(data, url)}"
        path.write_bytes(data)
        return AnswerFile(role=Part.THUMBNAIL, path=path.name, format=path.suffix[1:])
    if failure is not None:
        raise failure
    return None


def _read(answer: Any, url: str) -> bytes:
    data: bytes = answer.read(_IMAGE_BYTES + 1)
    if len(data) > _IMAGE_BYTES:
        message = f"the image at {url} has more than {_IMAGE_BYTES} bytes"
        raise ReelError(Code.MEDIA_TOO_LARGE, message, where=url)
    _kind(data, url)
    return data


def _kind(data: bytes, url: str) -> str:
    """By its first bytes: servers call their error pages images."""
    for name, offset, start in _STARTS:
        if data[offset : offset + len(start)] == start:
            return name
    raise ReelError(Code.MEDIA_UNRECOGNISED, f"{url} is no image", where=url)


def _json(path: Path, role: Part, value: Any) -> AnswerFile:
    # A lone surrogate, which a site may send as \ud800, is no UTF-8: it stays escaped.
    path.write_text(without_users(json.dumps(value)), encoding="utf-8")
    return AnswerFile(role=role, path=path.name, format="json")
