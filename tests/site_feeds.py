"""Feeds and playlists of the test site: entries that come and go while it runs."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from tests import site_pages as pages
from tests.site_media import CAPTIONS, numbered
from tests.site_resources import FIRST_MODIFIED_S, Fault, Resource, resource

if TYPE_CHECKING:
    from tests.site import Site

Kind = Literal["rss", "atom", "podcast", "html"]
Shown = Literal["json-ld", "captions"]
_TYPES = {
    "rss": "application/rss+xml",
    "atom": "application/atom+xml",
    "podcast": "application/rss+xml",
    "html": "text/html; charset=utf-8",
}


@dataclass(frozen=True, eq=False)
class Entry:
    """One video of a feed. Its number never changes and is never given again."""

    feed: Feed
    number: int

    @property
    def id(self) -> str:
        return f"urn:site:{self.feed.name}:{self.number}"

    @property
    def title(self) -> str:
        return f"{self.feed.title} {self.number}"

    @property
    def path(self) -> str:
        """Of the file; faults are added here."""
        return f"/v/{self.feed.name}/{self.number}{self.feed.suffix}"

    @property
    def page_path(self) -> str:
        return f"/v/{self.feed.name}/{self.number}"

    @property
    def file_url(self) -> str:
        return self.feed.site.url(self.path)

    @property
    def page_url(self) -> str:
        return self.feed.site.url(self.page_path)

    @property
    def url(self) -> str:
        """What a reader of the feed is led to: the file, or the page where nothing is enclosed."""
        return self.file_url if self.feed.encloses or self.feed.kind == "html" else self.page_url

    @property
    def content_type(self) -> str:
        return "audio/mp4" if self.feed.suffix == ".m4a" else "video/mp4"

    @property
    def body(self) -> bytes:
        return numbered(self.feed.clip, self.id)

    @property
    def size_bytes(self) -> int:
        return len(self.feed.clip) + 8 + len(self.id)

    @property
    def sha256(self) -> str:
        return self.file().sha256

    @property
    def published_s(self) -> float:
        return FIRST_MODIFIED_S + 60 * self.number

    @property
    def published_iso(self) -> str:
        return datetime.fromtimestamp(self.published_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def file(self) -> Resource:
        return resource(self.body, self.content_type, modified_s=self.published_s)

    def page(self) -> Resource:
        """The video with its title, as the feed's `shown` says."""
        site = self.feed.site
        if self.feed.shown == "captions":
            tracks = [(site.url(f"/captions/{name}.vtt"), name) for name in CAPTIONS]
            source = [(self.file_url, self.content_type)]
            text = pages.video_page(self.title, source, captions=tracks)
        else:
            poster, day = site.url("/files/poster.jpg"), self.published_iso
            text = pages.json_ld_page(self.file_url, self.title, poster=poster, uploaded=day)
        return resource(text, "text/html; charset=utf-8", modified_s=self.published_s)


@dataclass(eq=False)
class Feed:
    """`encloses`: the entries bear the file's address; else only their page's. `shown`: how the
    page shows the video. The newest entry, with the highest number, stands first."""

    site: Site
    name: str
    kind: Kind
    clip: bytes
    suffix: str
    encloses: bool = True
    shown: Shown = "json-ld"
    title: str = "Talk"
    entries: list[Entry] = field(default_factory=list)
    _next: int = 1
    _made: Resource | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def path(self) -> str:
        return f"/feeds/{self.name}"

    @property
    def url(self) -> str:
        return self.site.url(self.path)

    def add(self, count: int = 1) -> list[Entry]:
        """New entries on top, the newest first."""
        with self._lock:
            new = [Entry(self, n) for n in range(self._next, self._next + count)][::-1]
            self._next += count
            self.entries = [*new, *self.entries]
            self._made = None
        return new

    def remove(self, *entries: Entry) -> None:
        """Gone from the feed, and from the site as well."""
        with self._lock:
            self.entries = [e for e in self.entries if e not in entries]
            self._made = None

    def spoil(
        self, percent: float, faults: Sequence[Fault], *, seed: int = 0
    ) -> dict[Entry, Fault]:
        """Gives `percent` of the entries (chosen by `seed`) one of `faults` each, in turn."""
        chosen = random.Random(seed).sample(self.entries, round(len(self.entries) * percent / 100))
        found = {entry: faults[n % len(faults)] for n, entry in enumerate(chosen)}
        for entry, fault in found.items():
            self.site.fail(entry.path, fault)
        return found

    def document(self) -> Resource:
        with self._lock:
            if self._made is None:
                newest = self.entries[0].published_s if self.entries else FIRST_MODIFIED_S
                self._made = resource(self._text(), _TYPES[self.kind], modified_s=newest)
            return self._made

    def _text(self) -> str:
        home = self.site.url("/")
        if self.kind == "atom":
            return pages.atom(self.title, home, self.entries)
        if self.kind == "html":
            return pages.playlist_page(self.title, [e.file_url for e in self.entries])
        return pages.rss(self.title, home, self.entries, itunes=self.kind == "podcast")

    def find(self, rest: str) -> Resource | None:
        """The file or page at `rest` below ``/v/NAME/``."""
        number = rest.removesuffix(self.suffix)
        if not number.isdecimal():
            return None
        wanted = int(number)
        # Numbers fall from first to last, so a feed of ten thousand is searched in no time.
        low, high, entries = 0, len(self.entries), self.entries
        while low < high:
            middle = (low + high) // 2
            if entries[middle].number > wanted:
                low = middle + 1
            else:
                high = middle
        if low == len(entries) or entries[low].number != wanted:
            return None
        return entries[low].file() if rest.endswith(self.suffix) else entries[low].page()
