"""One file over HTTP(S), with urllib: redirects counted, ranges checked, lengths held to."""

from __future__ import annotations

import base64
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from reelwright.errors import Code, ReelError
from reelwright.tools.download.addresses import Reach
from reelwright.tools.download.answers import connection_error, shown, status_error
from reelwright.tools.download.parts import Origin, Part, check_room, disk_errors
from reelwright.tools.download.receiving import SLOWEST_BYTES, WINDOW_S, Pace, Receiver, Sink
from reelwright.tools.download.wish import Downloaded, NotAFile, Wish

if TYPE_CHECKING:
    from http.cookiejar import MozillaCookieJar
    from pathlib import Path

REDIRECTS = 10
_SNIFF_BYTES = 1024
_TIMEOUT_S = 30.0
_AGENT = "reelwright (+https://github.com/reelwright/reelwright)"
# Pages and playlists are not the video: yt-dlp reads those.
_PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_PLAYLIST_TYPES = frozenset(
    {
        "application/vnd.apple.mpegurl",
        "application/x-mpegurl",
        "audio/mpegurl",
        "audio/x-mpegurl",
        "application/dash+xml",
    }
)
_PAGE_STARTS = (b"<!doctype html", b"<html", b"#extm3u")
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Redirects are followed by us: counted, looped ones seen, secrets kept to their host."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def download(
    wish: Wish, part: Part, target: Path, on_progress: Callable[[int, int | None], None]
) -> Downloaded:
    """Brings `wish.url` to `target`. `on_progress` gets the bytes there and, where known, of all.

    Raises NotAFile, and ReelError: HTTP_*, NETWORK_*, TLS_INVALID, REMOTE_CHANGED,
    MEDIA_TOO_LARGE, DISK_FULL, INPUT_SCHEME, INPUT_EMPTY, ADDRESS_REFUSED. What came stays in
    `part`; no secret of the URL stands in an error.
    """
    known = part.resumable()
    transfer = _Transfer(wish, part, on_progress)
    if known is not None:
        done = transfer.go_on(*known)
        if done is not None:
            return _finished(done, part, target)
        part.discard()
    return _finished(transfer.begin(), part, target)


def _finished(done: _Done, part: Part, target: Path) -> Downloaded:
    if not done.size_bytes:
        part.discard()
        raise ReelError(Code.INPUT_EMPTY, f"{shown(done.url)} has no bytes", where=shown(done.url))
    with disk_errors(target):
        part.finish(target)
    return Downloaded(
        final_url=done.url,
        sha256=done.sha256,
        size_bytes=done.size_bytes,
        etag=done.headers.get("etag"),
        content_type=done.headers.get("content-type"),
        resumed_bytes=done.resumed_bytes,
        last_modified=done.headers.get("last-modified"),
    )


@dataclass(frozen=True, slots=True)
class _Done:
    url: str
    headers: Mapping[str, str]
    resumed_bytes: int
    sha256: str
    size_bytes: int


@dataclass(slots=True)
class _Answer:
    """An open answer; `headers` in lower case."""

    url: str
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def length(self) -> int | None:
        text = self.headers.get("content-length", "")
        return int(text) if text.isdigit() else None

    def whole_size(self) -> int | None:
        """Of a 206 answer, from Content-Range."""
        match = _CONTENT_RANGE.fullmatch(self.headers.get("content-range", ""))
        return int(match[3]) if match and match[3] != "*" else None

    def first_byte(self) -> int | None:
        match = _CONTENT_RANGE.fullmatch(self.headers.get("content-range", ""))
        return int(match[1]) if match and match[1] else None


class _Transfer:
    def __init__(
        self, wish: Wish, part: Part, on_progress: Callable[[int, int | None], None]
    ) -> None:
        self._wish = wish
        self._part = part
        self._on_progress = on_progress
        # A proxy would connect for us: what is written as an address is checked here too.
        self._reach = Reach.of(allow_private=wish.allow_private, net_allow=wish.net_allow)
        self._opener = urllib.request.build_opener(_NoRedirect, *_proxies(wish.proxy))
        self._jar = _cookies(wish.cookies)

    def begin(self) -> _Done:
        answer = self._ask({})
        with answer.body:
            self._refuse(answer, {200})
            self._check_size(answer, answer.length)
            head = self._read(answer, _SNIFF_BYTES)
            if _is_page(answer, head):
                raise NotAFile(answer.url, answer.headers.get("content-type", ""))
            check_room(self._part.path.parent, answer.length or 0, shown(answer.url))
            origin = Origin.of(answer.url, answer.headers, answer.length)
            with self._write(lambda: self._part.start(origin)) as file:
                sink = Sink(file, self._part.path.parent)
                sink.add(head)
                self._receive(answer, sink, answer.length)
        return _Done(answer.url, answer.headers, 0, sink.sha256, sink.size_bytes)

    def go_on(self, origin: Origin, have_bytes: int) -> _Done | None:
        """The rest of a half download; None: the origin has another file now, begin anew."""
        if origin.size_bytes == have_bytes:
            # All bytes came, and the process died before it said so; only a fresh answer proves it.
            have_bytes -= 1
        assert origin.validator is not None
        asked = {"Range": f"bytes={have_bytes}-", "If-Range": origin.validator}
        answer = self._ask(asked)
        with answer.body:
            if answer.status in (200, 416):
                return None
            self._refuse(answer, {206})
            whole = answer.whole_size()
            now = Origin.of(answer.url, answer.headers, whole)
            if answer.first_byte() != have_bytes or not origin.is_same_as(now):
                return None
            self._check_size(answer, whole)
            rest_bytes = (whole or have_bytes) - have_bytes
            check_room(self._part.path.parent, rest_bytes, shown(answer.url))
            with self._write(self._part.resume) as file:
                file.truncate(have_bytes)
                sink = Sink(file, self._part.path.parent)
                sink.take_over(self._part.path)
                self._receive(answer, sink, whole)
        return _Done(answer.url, answer.headers, have_bytes, sink.sha256, sink.size_bytes)

    def _receive(self, answer: _Answer, sink: Sink, size: int | None) -> None:
        receiver = Receiver(answer.body)
        pace = Pace(sink.size_bytes, self._wish.max_bytes_s)
        try:
            while True:
                try:
                    count = receiver.fill(sink.room)
                except (OSError, http.client.HTTPException, ValueError) as error:
                    raise connection_error(error, answer.url) from error
                if not count:
                    break
                sink.filled(count)
                self._check_size(answer, sink.size_bytes)
                if not pace.keep(sink.size_bytes):
                    raise _too_slow(answer)
                self._on_progress(sink.size_bytes, size)
        finally:
            sink.flush()  # what came before a break is gone on from
        got = sink.size_bytes
        if size is not None and got != size:
            raise ReelError(
                Code.NETWORK_RESET,
                f"{shown(answer.url)} broke off after {got} of {size} bytes",
                where=shown(answer.url),
                evidence={"received_bytes": got, "expected_bytes": size},
            )

    def _check_size(self, answer: _Answer, size: int | None) -> None:
        limit = self._wish.max_bytes
        if limit is not None and size is not None and size > limit:
            self._part.discard()
            raise ReelError(
                Code.MEDIA_TOO_LARGE,
                f"{shown(answer.url)} has {size} bytes or more, {limit} are allowed",
                where=shown(answer.url),
                hint="raise `max_bytes` if the size is meant",
            )

    def _ask(self, more: Mapping[str, str]) -> _Answer:
        """The answer behind all redirects."""
        url, seen = self._wish.url, set[str]()
        asked = shown(url)
        while True:
            if url in seen or len(seen) > REDIRECTS:
                loop = "in a circle" if url in seen else f"more than {REDIRECTS} times"
                raise ReelError(Code.HTTP_STATUS, f"{shown(url)} redirects {loop}", where=asked)
            seen.add(url)
            answer = self._open(url, more)
            target = answer.headers.get("location")
            if answer.status not in (301, 302, 303, 307, 308) or not target:
                return answer
            answer.body.close()
            url = urljoin(url, target)

    def _open(self, url: str, more: Mapping[str, str]) -> _Answer:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            message = f"{shown(url)} is neither http nor https"
            raise ReelError(Code.INPUT_SCHEME, message, where=shown(url))
        self._reach.check_literal(parts.hostname or "")
        request = urllib.request.Request(_bare(parts), headers=self._headers(parts) | dict(more))
        if self._jar is not None and not request.has_header("Cookie"):
            self._jar.add_cookie_header(request)
        try:
            body = self._opener.open(request, timeout=_TIMEOUT_S)
        except urllib.error.HTTPError as error:
            body = error
        except urllib.error.URLError as error:
            cause = error.reason if isinstance(error.reason, Exception) else error
            raise connection_error(cause, url) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise connection_error(error, url) from error
        found = {name.lower(): value for name, value in body.headers.items()}
        return _Answer(url, body.status or 0, found, body)

    def _headers(self, parts: SplitResult) -> dict[str, str]:
        """A password is for the host that it was written for, not for where that one sends us,
        nor for a line without encryption where one was asked for."""
        agent = self._wish.user_agent or _AGENT
        headers = {"User-Agent": agent, "Accept": "*/*", "Accept-Encoding": "identity"}
        asked = urlsplit(self._wish.url)
        secure = (asked.scheme, parts.scheme) != ("https", "http")
        if secure and _host(asked) == _host(parts):
            headers |= _basic(asked) | dict(self._wish.headers)
        return headers

    def _refuse(self, answer: _Answer, expected: set[int]) -> None:
        if answer.status not in expected:
            reason = http.client.responses.get(answer.status, "")
            raise status_error(answer.status, reason, answer.url, answer.headers)

    def _read(self, answer: _Answer, size: int) -> bytes:
        try:
            data: bytes = answer.body.read(size)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise connection_error(error, answer.url) from error
        return data

    def _write(self, action: Callable[[], Any]) -> Any:
        with disk_errors(self._part.path.parent):
            return action()


def _too_slow(answer: _Answer) -> ReelError:
    place = shown(answer.url)
    least = f"{SLOWEST_BYTES} bytes in {WINDOW_S:g} seconds"
    return ReelError(Code.NETWORK_TIMEOUT, f"{place} sent less than {least}", where=place)


def _proxies(proxy: str | None) -> list[urllib.request.BaseHandler]:
    if proxy is None:
        return []
    return [urllib.request.ProxyHandler({"http": proxy, "https": proxy})]


def _cookies(path: str | None) -> MozillaCookieJar | None:
    """Raises INPUT_NOT_FOUND, INPUT_UNREADABLE."""
    if path is None:
        return None
    from http.cookiejar import LoadError, MozillaCookieJar

    jar = MozillaCookieJar(path)
    try:
        jar.load(ignore_discard=True, ignore_expires=True)
    except FileNotFoundError as error:
        what = f"there is no file of cookies at {path}"
        raise ReelError(Code.INPUT_NOT_FOUND, what, where=path) from error
    except (LoadError, OSError, UnicodeDecodeError) as error:
        what = f"the cookies at {path} cannot be read: {error}"
        raise ReelError(Code.INPUT_UNREADABLE, what, where=path) from error
    for cookie in jar:
        if cookie.expires == 0:  # so browsers export those that live as long as they run
            cookie.expires = None
    return jar


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2].lower()


def _bare(parts: SplitResult) -> str:
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))


def _basic(parts: SplitResult) -> dict[str, str]:
    """What a name and a password in an address ask to be sent (RFC 7617)."""
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"}


def _is_page(answer: _Answer, head: bytes) -> bool:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _PAGE_TYPES | _PLAYLIST_TYPES:
        return True
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if kind.startswith(("video/", "audio/")) and not start.startswith(b"#extm3u"):
        return False
    return start.startswith(_PAGE_STARTS) or (start.startswith(b"<?xml") and b"<mpd" in start)
