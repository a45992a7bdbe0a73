"""How a child uses yt-dlp: its words go to the log, its requests through checked sockets."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import Any
from urllib.parse import SplitResult, urlsplit

from reelwright.errors import Code, ReelError
from reelwright.tools.ytdlp.failures import meaning
from reelwright.tools.ytdlp.options import Params
from reelwright.tools.ytdlp.ranges import SameOrigin
from reelwright.tools.ytdlp.sites import place, without_users

_WARNINGS = 20
_LOG_LINES = 40
_LINE_CHARS = 1000
# Imported by yt-dlp wherever they are installed, a third of its start, and used by nothing here:
# requests are sent by urllib alone, and no tag is written into a file.
_CIPHERS = ("Cryptodome", "Crypto")  # word-ok: a library's name
# Warnings of what is so on purpose.
_EXPECTED = ("ffprobe not found", "Falling back on generic information extractor")
_UNUSED = ("requests", "websockets", "curl_cffi", "mutagen", "secretstorage", "xattr")


class Voice:
    """yt-dlp's own words: to standard error, which is the log. Its warnings are kept."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=_LOG_LINES)
        self.warnings: list[str] = []

    def debug(self, message: str) -> None:
        line = without_users(message)[:_LINE_CHARS]
        self.lines.append(line)
        sys.stderr.write(line + "\n")

    info = error = debug

    def warning(self, message: str) -> None:
        self.debug(message)
        if any(words in message for words in _EXPECTED):
            return
        if len(self.warnings) < _WARNINGS:
            self.warnings.append(without_users(message)[:_LINE_CHARS])


class Session:
    """One `YoutubeDL`, and what it said. Of yt-dlp the rest of this room sees only this."""

    def __init__(
        self,
        url: str,
        params: Params,
        *,
        headers: Mapping[str, str],
        direct_only: bool,
        decrypts: bool = False,
    ) -> None:
        """`headers` go to the host of `url` alone. `direct_only`: through no proxy but that of
        `params`: another would connect where this process must not. `decrypts`: encrypted HLS is
        read, which needs a library of 0.1 s."""
        self.url = url
        self._headers = dict(headers)
        if direct_only:
            params.setdefault("proxy", "")
            params.pop("geo_verification_proxy", None)
        self.voice = Voice()
        for name in _UNUSED if decrypts else (*_UNUSED, *_CIPHERS):
            sys.modules[name] = None  # type: ignore[assignment]  # makes an import of it fail
        import yt_dlp

        _leave_no_address_to_ffmpeg(url)
        base = Params(
            logger=self.voice,
            cachedir=False,
            color="no_color",
            continuedl=False,
            enable_file_urls=False,
            noplaylist=True,
            skip_unavailable_fragments=False,  # a hole in the video is no success
            updatetime=False,
            external_downloader=dict.fromkeys(("m3u8", "dash", "default"), "native"),
        )
        self.ydl: Any = yt_dlp.YoutubeDL({**base, **params})
        _speak_through_sockets(self.ydl)
        self.origins = SameOrigin(self.ydl.urlopen)
        self.ydl.urlopen = self._open

    def own_headers(self, url: str) -> dict[str, str]:
        """What goes with a request of `url`: nothing to another host, nor to a line without
        encryption where one was asked for."""
        asked, now = urlsplit(self.url), urlsplit(url)
        if (asked.scheme, now.scheme) == ("https", "http") or _host(asked) != _host(now):
            return {}
        return dict(self._headers)

    def _open(self, request: Any) -> Any:
        """In the place of `YoutubeDL.urlopen`."""
        from yt_dlp.networking import Request

        wanted = Request(request) if isinstance(request, str) else request
        own = self.own_headers(wanted.url) if isinstance(wanted, Request) else {}
        for name, value in own.items():
            wanted.headers.setdefault(name, value)
        return self.origins(wanted)

    @contextmanager
    def understood(self) -> Iterator[None]:
        """Whatever is raised inside comes out as ReelError, with the last words as evidence."""
        try:
            with redirect_stdout(sys.stderr):
                yield
        except ReelError:
            raise
        except Exception as error:  # an extractor may raise anything at all
            raise meaning(error, self.url, tuple(self.voice.lines)) from error

    def extract(self, url: str | None = None, ie_key: str | None = None) -> dict[str, Any]:
        """Everything, playlists to their end, and formats chosen; nothing is downloaded.

        Raises EXTRACTOR_UNSUPPORTED where nothing is found, and what `meaning` makes of errors.
        """
        return self._asked(url or self.url, ie_key, process=True)

    def look(self, url: str | None = None, ie_key: str | None = None) -> dict[str, Any]:
        """What the first extractor says: entries are neither resolved nor, where its site pages
        them, asked for yet. Raises as `extract`."""
        return self._asked(url or self.url, ie_key, process=False)

    def _asked(self, url: str, ie_key: str | None, *, process: bool) -> dict[str, Any]:
        with self.understood():
            found = self.ydl.extract_info(url, download=False, ie_key=ie_key, process=process)
        if not isinstance(found, dict):
            shown = place(url)
            raise ReelError(
                Code.EXTRACTOR_UNSUPPORTED, f"no video was found at {shown}", where=shown
            )
        return found

    def close(self) -> None:
        self.ydl.close()


def refuse_live(url: str) -> ReelError:
    shown = place(url)
    return ReelError(
        Code.EXTRACTOR_UNSUPPORTED,
        f"the video at {shown} cannot be downloaded: it is live or encrypted in a way that is not "
        "read here",
        where=shown,
    )


def _leave_no_address_to_ffmpeg(url: str) -> None:
    """FFmpeg joins files here. An address it would resolve itself, past every check; yt-dlp hands
    it those of live streams and of what its own reader does not know."""
    from yt_dlp.downloader.external import ExternalFD

    def refuse(*_: Any, **__: Any) -> Any:
        raise refuse_live(url)

    ExternalFD.real_download = refuse


def _speak_through_sockets(ydl: Any) -> None:
    """Of yt-dlp's ways to send requests the one that resolves names where `hold_to` sees it;
    libcurl, where it is installed, does not."""
    from yt_dlp.networking._urllib import UrllibRH

    ydl._request_director = ydl.build_request_director([UrllibRH])


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2].lower()
