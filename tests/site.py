"""A web site of video on the loopback, that behaves and misbehaves as a test tells it.

A real HTTP/1.1 server (threads; Range, ETag, Last-Modified, If-Range, If-None-Match,
If-Modified-Since). The fixture `site` gives each test one of its own, empty of faults; the media
behind it are made by FFmpeg once a session, for all workers of pytest-xdist together. Outside of
tests: ``with serving_site(make_media(ffmpeg, folder)) as site``, or ``python -m tests.site``.

What is always there (`site.url(path)` gives the address)::

    /files/clip.mp4   /files/clip.webm   /files/tone.m4a   /files/tone.mp3   /files/poster.jpg
    /hls/master.m3u8  /hls/v0.m3u8       (two renditions, .ts)      /hls-fmp4/master.m3u8  (.m4s)
    /dash/manifest.mpd                   /captions/en.vtt           /captions/de.vtt
    /pages/json-ld    a VideoObject      /pages/video   <video><source><track kind=captions>
    /pages/og         og:video           /pages/playlist  three <video>s      /pages/none  no video
    /pages/hls        <video> with HLS   /redirect/N/PATH  N redirects, then /PATH      /loop

More is added: `site.add("/a.mp4", data, "video/mp4")` gives the address, `site.clip("/a.mp4")` adds
a playable file with bytes of its own, `site.route("/api/", answer)` asks a function for everything
below a prefix (`answer(asked)` gives a Resource, or None for 404), `site.remove(path)` makes a 404,
`site.paths("/hls/")` lists.

Feeds, whose entries can come and go while the test runs::

    feed = site.feed("rss", 20)              # or "atom", "podcast", "html" (a page of <video>s)
    feed = site.feed("atom", 20, encloses=False)                # entries lead to JSON-LD pages
    feed = site.feed("rss", 3, encloses=False, shown="captions")  # to <video> pages with captions
    feed.url; feed.entries[0].url, .path, .sha256, .title, .id  # the newest entry first
    feed.add(2); feed.remove(feed.entries[-1])                  # its ETag changes with it

Every entry has a file of its own: no two have the same SHA-256.

Faults, by path (`tests.site_resources` has them all, with what they take)::

    site.fail(path, Refuse(503, times=2))                       # twice, then the file
    site.fail(path, Refuse(429, retry_after=1, times=1))
    site.fail(path, Refuse(404))                                # for ever; 401, 403, 410, 451 …
    site.fail(path, Reset(5000, times=1), Changed())            # broken off, then another video
    site.fail(path, Truncated(1000, times=1)), Slow(20_000), Stall(1000), Stall(None), Huge(),
        Redirect(), Redirect("/files/clip.mp4"), Typed("text/html"), Other() (a page as video/mp4),
        Plain(ranges=False), Plain(validators=False), Plain(if_range=False), Plain(length=False),
        Guarded("cookie", "key=1"), Together((Slow(9000), Reset(3000)), times=1)
    site.fail(path, Slow(9000), method="GET")                   # HEAD is answered as ever
    site.heal(path)                                             # nothing is wrong any more
    spoiled = feed.spoil(10, [Refuse(503, times=2), Refuse(404)], seed=1)   # 10 % of the entries
    spoiled[entry].heals                                        # whether trying again helps

The first fault of `fail` is met first; a later one when the earlier ones' `times` are used up.

What was asked: `site.count(path)`, `site.asked(path)` (each with method, headers, at_s),
`site.requests`, `site.forget()`; `site.wait_for(path, count)` waits until it was asked so often.

The network: `site.go_away()` breaks off every connection and refuses new ones, `site.come_back()`
is there again under the same address; `with site.away(): ...`.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests import site_pages as pages
from tests.site_feeds import Feed, Kind, Shown
from tests.site_media import CAPTIONS, make_media, numbered, site_media
from tests.site_resources import Asked, Body, Delivery, Fault, Resource, resource
from tests.site_server import Server

__all__ = ["Site", "make_media", "serving_site", "site", "site_media"]

Route = Callable[[Asked], Resource | None]

_TYPES = {
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".jpg": "image/jpeg",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".ts": "video/mp2t",
    ".m4s": "video/iso.segment",
    ".mpd": "application/dash+xml",
    ".vtt": "text/vtt",
}
_HTML = "text/html; charset=utf-8"
_MISSING = Resource(b"<html><title>404</title></html>", "text/html", 404, modified_s=None)


class Site:
    """See the module. Safe to be told things while it answers."""

    def __init__(self, media: Path, port: int = 0) -> None:
        self.media = media
        self.requests: list[Asked] = []
        self._resources: dict[str, Resource] = {}
        self._routes: dict[str, Route] = {}
        self._faults: dict[str, list[tuple[Fault, str | None, list[int]]]] = {}
        self._feeds: dict[str, Feed] = {}
        self._news = threading.Condition()
        self._server: Server | None = Server(port, self._answer)
        self.port: int = self._server.server_address[1]
        self._fill()

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    # What there is

    def add(self, path: str, body: Body | str, content_type: str = "", **more: Any) -> str:
        """`more`: fields of a Resource (etag, modified_s, headers, status). Gives the address."""
        kind = content_type or _TYPES.get(Path(path).suffix, "application/octet-stream")
        self._resources[path] = resource(body, kind, **more)
        return self.url(path)

    def clip(self, path: str, pad_bytes: int = 0) -> str:
        """A playable MP4 with bytes of its own, `pad_bytes` larger than it had to be."""
        clip = (self.media / "clip.mp4").read_bytes()
        return self.add(path, numbered(clip, path.ljust(len(path) + pad_bytes)), "video/mp4")

    def route(self, prefix: str, answer: Route) -> str:
        """The address of `prefix`; the longest one that fits is asked."""
        self._routes[prefix] = answer
        return self.url(prefix)

    def remove(self, path: str) -> None:
        self._resources.pop(path, None)

    def resource(self, path: str) -> Resource:
        """What is there when nothing goes wrong. Raises KeyError."""
        found = self._find(Asked("GET", path, "", {}, 0.0))
        if found is None:
            raise KeyError(path)
        return found

    def paths(self, prefix: str = "/") -> list[str]:
        """Of what was added, not of what routes and feeds give."""
        return sorted(path for path in self._resources if path.startswith(prefix))

    def sha256(self, path: str) -> str:
        return self.resource(path).sha256

    def feed(
        self,
        kind: Kind,
        count: int = 3,
        *,
        name: str = "",
        encloses: bool = True,
        shown: Shown = "json-ld",
    ) -> Feed:
        """A feed of `count` entries, or a page of videos (html), named after its kind."""
        name = name or f"{kind}{len(self._feeds) + 1}"
        suffix = ".m4a" if kind == "podcast" else ".mp4"
        clip = (self.media / ("tone.m4a" if kind == "podcast" else "clip.mp4")).read_bytes()
        made = Feed(self, name, kind, clip, suffix, encloses=encloses, shown=shown)
        made.add(count)
        self._feeds[name] = made
        return made

    # What goes wrong

    def fail(self, path: str, *faults: Fault, method: str | None = None) -> None:
        """One after the other, in the place of what was wrong with `path` before."""
        self._faults[path] = [(fault, method, [0]) for fault in faults]

    def heal(self, path: str) -> None:
        self._faults.pop(path, None)

    def go_away(self) -> None:
        if self._server is not None:
            self._server.go()
            self._server = None

    def come_back(self) -> None:
        if self._server is None:
            self._server = Server(self.port, self._answer)

    @contextmanager
    def away(self) -> Iterator[None]:
        self.go_away()
        try:
            yield
        finally:
            self.come_back()

    # What was asked

    def asked(self, path: str) -> list[Asked]:
        return [asked for asked in list(self.requests) if asked.path == path]

    def count(self, path: str) -> int:
        return len(self.asked(path))

    def forget(self) -> None:
        self.requests = []

    def wait_for(self, path: str, count: int = 1, timeout_s: float = 60.0) -> list[Asked]:
        """Fails where `path` is not asked for `count` times."""
        with self._news:
            came = self._news.wait_for(lambda: self.count(path) >= count, timeout_s)
        if not came:
            pytest.fail(f"{path} was asked for {self.count(path)} times, not {count}")
        return self.asked(path)

    def _answer(self, asked: Asked) -> Delivery:
        with self._news:
            self.requests.append(asked)
            fault = self._fault(asked)
            self._news.notify_all()
        delivery = Delivery(self._find(asked) or _MISSING)
        return fault.apply(delivery, asked) if fault is not None else delivery

    def _fault(self, asked: Asked) -> Fault | None:
        for fault, method, used in self._faults.get(asked.path, ()):
            if method not in (None, asked.method):
                continue
            if fault.times is None or used[0] < fault.times:
                used[0] += 1
                return fault
        return None

    def _find(self, asked: Asked) -> Resource | None:
        if (found := self._resources.get(asked.path)) is not None:
            return found
        fitting = [prefix for prefix in self._routes if asked.path.startswith(prefix)]
        return self._routes[max(fitting, key=len)](asked) if fitting else None

    def _fill(self) -> None:
        for path in sorted(self.media.rglob("*.*")):
            if path.suffix in _TYPES:
                folder = "/files" if path.parent == self.media else ""
                self.add(f"{folder}/{path.relative_to(self.media)}", path.read_bytes())
        for language, text in CAPTIONS.items():
            self.add(f"/captions/{language}.vtt", text)
        for name, text in self._pages().items():
            self.add(f"/pages/{name}", text, _HTML)
        self.route("/feeds/", self._feed_document)
        self.route("/v/", self._feed_file)
        self.route("/redirect/", _redirect)
        self.route("/loop", partial(_redirect_to, "/loop"))

    def _pages(self) -> dict[str, str]:
        clip, poster = self.url("/files/clip.mp4"), self.url("/files/poster.jpg")
        sources = [(clip, "video/mp4"), (self.url("/files/clip.webm"), "video/webm")]
        tracks = [(self.url(f"/captions/{language}.vtt"), language) for language in CAPTIONS]
        for number in range(3):
            self.clip(f"/files/part{number}.mp4")
        parts = [self.url(f"/files/part{number}.mp4") for number in range(3)]
        hls = [(self.url("/hls/master.m3u8"), _TYPES[".m3u8"])]
        return {
            "json-ld": pages.json_ld_page(
                clip, "A talk in JSON-LD", poster=poster, uploaded="2024-02-03T04:05:06Z"
            ),
            "video": pages.video_page("A talk with captions", sources, captions=tracks),
            "og": pages.og_page(clip, "A talk in Open Graph", poster=poster),
            "playlist": pages.playlist_page("Three talks", parts),
            "hls": pages.video_page("A talk in parts", hls),
            "none": pages.html("No talk", "<p>Only words.</p>"),
        }

    def _feed_document(self, asked: Asked) -> Resource | None:
        feed = self._feeds.get(asked.path.removeprefix("/feeds/"))
        return None if feed is None else feed.document()

    def _feed_file(self, asked: Asked) -> Resource | None:
        name, _, rest = asked.path.removeprefix("/v/").partition("/")
        feed = self._feeds.get(name)
        return None if feed is None else feed.find(rest)


def _redirect(asked: Asked) -> Resource | None:
    """``/redirect/3/files/clip.mp4``: on to ``/redirect/2/…``, and after 1 to the path."""
    number, _, rest = asked.path.removeprefix("/redirect/").partition("/")
    if not number.isdecimal():
        return None
    left = int(number) - 1
    return _redirect_to(f"/redirect/{left}/{rest}" if left > 0 else f"/{rest}", asked)


def _redirect_to(path: str, _: Asked) -> Resource:
    return replace(_MISSING, body=b"", status=302, headers={"Location": path})


@contextmanager
def serving_site(media: Path, port: int = 0) -> Iterator[Site]:
    """`media`: a folder that `make_media` filled. `port` 0: any free one."""
    made = Site(media, port)
    try:
        yield made
    finally:
        made.go_away()


@pytest.fixture
def site(site_media: Path) -> Iterator[Site]:
    """A site of this test's own."""
    with serving_site(site_media) as made:
        yield made


def main() -> None:
    """Serves until it is interrupted, and tells each request; a feed of each kind is there."""
    import tempfile

    import imageio_ffmpeg

    media = make_media(Path(imageio_ffmpeg.get_ffmpeg_exe()), Path(tempfile.mkdtemp()) / "media")
    with serving_site(media, int(sys.argv[1]) if sys.argv[1:] else 0) as made:
        for kind in ("rss", "atom", "podcast", "html"):
            sys.stderr.write(f"{made.feed(kind, 20, name=kind).url}\n")
        sys.stderr.write(f"{made.url('/pages/video')}\n")
        told = 0
        while True:
            time.sleep(0.2)
            for asked in made.requests[told:]:
                sys.stderr.write(f"{asked.method} {asked.path} {dict(asked.headers)}\n")
                told += 1


if __name__ == "__main__":
    main()
