"""``python -m reelwright.tools.ytdlp.child REQUEST``: one page or playlist by yt-dlp.

A file that a page merely links to is not downloaded here: yt-dlp goes on from a half download
without asking whether the origin is still the same, and says nothing when it is not.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reelwright.errors import Code, ReelError
from reelwright.tools.download.addresses import hold_to
from reelwright.tools.download.deadline import end_after
from reelwright.tools.download.lines import say, say_error
from reelwright.tools.ytdlp.failures import meaning
from reelwright.tools.ytdlp.request import PageAnswer, PageWish

_EVERY_S = 0.5
_PLAIN = frozenset({"http", "https"})
# What yt-dlp reads itself. Others it leaves to programs that resolve names on their own.
_NATIVE = _PLAIN | {
    "m3u8",
    "m3u8_native",
    "http_dash_segments",
    "http_dash_segments_generator",
    "ism",
    "f4m",
}


class _Voice:
    """yt-dlp's own words: to standard error, which is the log."""

    def debug(self, message: str) -> None:
        sys.stderr.write(message + "\n")

    info = warning = error = debug


class _Fetcher:
    def __init__(self, wish: PageWish, out: Any) -> None:
        self._wish = wish
        self._out = out
        self._next_s = 0.0

    def run(self) -> PageAnswer:
        import yt_dlp

        _leave_no_address_to_ffmpeg(self._wish.url)
        with yt_dlp.YoutubeDL(self._options()) as ytdl:
            _speak_through_sockets(ytdl)
            try:
                found = ytdl.extract_info(self._wish.url, download=False)
                info = _single(found, self._wish.url)
                if _is_plain(info):
                    return _direct(info)
                _check_native(info, self._wish.url)
                done = ytdl.process_ie_result(info, download=True)
            except yt_dlp.utils.YoutubeDLError as error:
                raise meaning(error, self._wish.url) from error
        return self._written(_single(done, self._wish.url))

    def _options(self) -> dict[str, Any]:
        wish = self._wish
        return {
            # The sites' own extractors are not for files of unknown origin, and importing them
            # costs 0.2 s. "html5" is what "generic" hands <video> elements to.
            "allowed_extractors": ["generic", "html5"],
            "format": wish.format,
            "paths": {"home": wish.folder},
            "outtmpl": {"default": "page.%(ext)s"},
            "ffmpeg_location": wish.ffmpeg,
            # What was downloaded may be a playlist that calls itself a video.
            "postprocessor_args": {"ffmpeg_i": ["-protocol_whitelist", "file"]},
            "external_downloader": dict.fromkeys(("m3u8", "dash", "default"), "native"),
            "http_headers": dict(wish.headers),
            "logger": _Voice(),
            "progress_hooks": [self._tell],
            "max_filesize": wish.max_bytes,
            "noplaylist": True,
            "playlist_items": "1",
            "continuedl": False,
            "cachedir": False,
            "writeinfojson": False,
            "skip_unavailable_fragments": False,  # a hole in the video is no success
            "retries": 3,
            "fragment_retries": 3,
            "socket_timeout": 30,
            "enable_file_urls": False,
            "color": "no_color",
        }

    def _tell(self, status: Mapping[str, Any]) -> None:
        now_s = time.monotonic()
        done = status.get("downloaded_bytes") or 0
        limit = self._wish.max_bytes
        if limit is not None and done > limit:
            raise ReelError(
                Code.MEDIA_TOO_LARGE,
                f"{self._wish.url} has more than the {limit} bytes that are allowed",
                where=self._wish.url,
                hint="raise `max_bytes` if the size is meant",
            )
        if now_s >= self._next_s:
            self._next_s = now_s + _EVERY_S
            size = status.get("total_bytes") or status.get("total_bytes_estimate")
            with redirect_stdout(self._out):
                say("progress", bytes=done, of_bytes=int(size) if size else None)

    def _written(self, info: Mapping[str, Any]) -> PageAnswer:
        """A filtered or refused download also ends without an error, and without a file."""
        made = [d.get("filepath") for d in info.get("requested_downloads") or ()]
        path = Path(made[0]) if made and made[0] else None
        if path is None or not path.is_file():
            raise ReelError(
                Code.TOOL_NO_OUTPUT,
                f"yt-dlp wrote no file for {self._wish.url}",
                where=self._wish.url,
            )
        return PageAnswer(
            file_name=path.name,
            media_url=info.get("url"),
            title=info.get("title"),
            format_id=info.get("format_id"),
        )


def _single(info: Any, url: str) -> dict[str, Any]:
    """The first entry of what was found. Raises EXTRACTOR_UNSUPPORTED where there is none."""
    while isinstance(info, dict) and info.get("_type") in ("playlist", "multi_video"):
        info = next((entry for entry in info.get("entries") or () if entry), None)
    if not isinstance(info, dict):
        raise ReelError(Code.EXTRACTOR_UNSUPPORTED, f"no video was found at {url}", where=url)
    return info


def _is_plain(info: Mapping[str, Any]) -> bool:
    if info.get("requested_formats") or info.get("fragments"):
        return False
    return info.get("protocol") in _PLAIN and bool(info.get("url"))


def _direct(info: Mapping[str, Any]) -> PageAnswer:
    referer = {k: v for k, v in (info.get("http_headers") or {}).items() if k == "Referer"}
    return PageAnswer(
        direct_url=info["url"],
        media_url=info["url"],
        title=info.get("title"),
        format_id=info.get("format_id"),
        referer_headers=referer,
    )


def _check_native(info: Mapping[str, Any], url: str) -> None:
    """Raises EXTRACTOR_UNSUPPORTED."""
    for part in info.get("requested_formats") or [info]:
        protocol = str(part.get("protocol"))
        if protocol not in _NATIVE:
            raise _unsupported(url, f"it is sent by {protocol}")


def _leave_no_address_to_ffmpeg(url: str) -> None:
    """FFmpeg joins files here. An address it would resolve itself, past every check; yt-dlp hands
    it those of live streams and of what its own reader does not know."""
    from yt_dlp.downloader.external import ExternalFD

    def refuse(*_: Any, **__: Any) -> Any:
        raise _unsupported(url, "it is live or encrypted in a way that is not read here")

    ExternalFD.real_download = refuse


def _speak_through_sockets(ytdl: Any) -> None:
    """Of yt-dlp's ways to send requests the one that resolves names where `hold_to` sees it;
    libcurl, where it is installed, does not."""
    from yt_dlp.networking._urllib import UrllibRH

    ytdl._request_director = ytdl.build_request_director([UrllibRH])


def _unsupported(url: str, why: str) -> ReelError:
    return ReelError(
        Code.EXTRACTOR_UNSUPPORTED, f"the video at {url} cannot be downloaded: {why}", where=url
    )


def main(request_path: str) -> int:
    wish = PageWish(**json.loads(Path(request_path).read_text(encoding="utf-8")))
    hold_to(allow_private=wish.allow_private, net_allow=wish.net_allow)
    end_after(wish.max_seconds, wish.url)
    out = sys.stdout
    try:
        with redirect_stdout(sys.stderr):
            answer = _Fetcher(wish, out).run()
    except ReelError as error:
        say_error(error)
    else:
        say("done", **asdict(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
