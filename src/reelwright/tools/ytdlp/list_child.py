"""``python -m reelwright.tools.ytdlp.list_child REQUEST``: what stands behind a URL.

Entries go to a file in batches, each as soon as it is known, and a line says how far the file may
be read: neither side holds more than a batch, however long the list is.
"""

from __future__ import annotations

import hashlib
import sys
from contextlib import closing, redirect_stdout
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from reelwright.errors import Code, ReelError
from reelwright.tools.download.addresses import hold_to
from reelwright.tools.download.deadline import end_after
from reelwright.tools.download.lines import say, say_error
from reelwright.tools.feeds.entries import FeedEntry, FeedHead, is_media
from reelwright.tools.feeds.entries import FeedFile as File
from reelwright.tools.feeds.reading import SNIFF_BYTES, is_feed, read_feed
from reelwright.tools.ytdlp.flat import FlatList, site_of, video_of
from reelwright.tools.ytdlp.options import Params
from reelwright.tools.ytdlp.request import Listed, Listing, ListingKind, ListWish
from reelwright.tools.ytdlp.session import Session
from reelwright.tools.ytdlp.sites import place
from reelwright.tools.ytdlp.wire import BATCH, ENTRIES, entry_line, wish_from_file

_FEED_BYTES = 512 << 20
_BLOCK_BYTES = 1 << 18
_FEED = "feed.xml"


@dataclass(slots=True)
class _Spool:
    """The file of entries; the other side is told of each full batch."""

    file: IO[bytes]
    out: Any
    count: int = 0
    _told_bytes: int = 0
    _waiting: int = 0

    def put(self, entry: Listed) -> None:
        self.file.write(entry_line(entry))
        self.count += 1
        self._waiting += 1
        # The first few at once: whoever waits sees that there is something.
        if self._waiting >= BATCH or self.count == 1:
            self.tell()

    def tell(self) -> None:
        if not self._waiting:
            return
        self.file.flush()
        self._told_bytes = self.file.tell()
        self._waiting = 0
        with redirect_stdout(self.out):
            say("progress", bytes=self._told_bytes, of_bytes=None)


@dataclass(slots=True)
class _Lister:
    wish: ListWish
    spool: _Spool
    _known_in_a_row: int = 0
    _is_whole: bool = True
    _session: Session = field(init=False)

    def run(self) -> Listing:
        wish = self.wish
        params = wish.options.to_params(wish.url) | Params(ignore_no_formats_error=True)
        self._session = Session(
            wish.url, params, headers=wish.headers, direct_only=not wish.allow_private
        )
        try:
            found = self._site() or self._feed_or_file() or self._page()
        finally:
            self._session.close()
        self.spool.tell()
        return replace(found, count=self.spool.count, is_whole=self._is_whole)

    def _site(self) -> Listing | None:
        """A video's or a list's address at a site that yt-dlp knows; None where it knows none, or
        only a feed of the site's."""
        wish = self.wish
        known = site_of(self._session, wish.url)
        if known is None:
            return None
        single = video_of(known, wish.url)
        if single is not None:  # nobody needs to be asked
            self._put(single)
            return Listing(kind=ListingKind.SINGLE, url=wish.url)
        return self._page()

    def _page(self) -> Listing:
        """What yt-dlp finds, entries as they come."""
        flat = FlatList(self._session, self.wish.url)
        with self._session.understood():
            for entry in flat.entries():
                if not self._put(entry):
                    break
                if self._is_known_from_here():
                    flat.leave()
        return flat.listing()

    def _feed_or_file(self) -> Listing | None:
        """None: it is a page."""
        wish, asked = self.wish, {}
        if wish.etag:
            asked["If-None-Match"] = wish.etag
        if wish.last_modified:
            asked["If-Modified-Since"] = wish.last_modified
        answer = self._ask(asked)
        if answer is None:
            return replace(self._unchanged(), etag=wish.etag, last_modified=wish.last_modified)
        with closing(answer):
            kind = answer.headers.get("Content-Type") or ""
            start = answer.read(SNIFF_BYTES)
            if is_feed(kind, start):
                return self._feed(answer, start)
            if is_media(File(url=answer.url, content_type=kind)) and not _is_text(start):
                title = Path(answer.url.partition("?")[0]).stem
                self._put(Listed(position=1, url=wish.url, extractor="generic", title=title))
                return Listing(kind=ListingKind.SINGLE, url=answer.url, title=title)
        return None

    def _ask(self, headers: dict[str, str]) -> Any:
        """None: nothing is new."""
        from yt_dlp.networking import Request
        from yt_dlp.networking.exceptions import HTTPError

        # Deflated feeds are a tenth as long; brotli would need a library that is not loaded.
        request = Request(self.wish.url, headers={"Accept-Encoding": "gzip, deflate", **headers})
        with self._session.understood():
            try:
                return self._session.ydl.urlopen(request)
            except HTTPError as error:
                if error.status == 304 and headers:
                    return None
                raise

    def _feed(self, answer: Any, start: bytes) -> Listing:
        body = Path(self.wish.folder) / _FEED
        digest = self._save(answer, start, body)
        found = Listing(
            kind=ListingKind.FEED,
            url=answer.url,
            etag=answer.headers.get("ETag"),
            last_modified=answer.headers.get("Last-Modified"),
            digest=digest,
        )
        if digest == self.wish.digest:
            return replace(found, is_unchanged=True)
        head = FeedHead()
        for one in read_feed(body, answer.url):
            if isinstance(one, FeedHead):
                head = one
            elif one is not None and (
                not self._put(_listed(one, head, self.spool.count + 1))
                or self._is_known_from_here()
            ):
                break
        body.unlink()
        return replace(
            found, title=head.title, channel=head.title or head.author, channel_id=head.channel_id
        )

    def _save(self, answer: Any, start: bytes, body: Path) -> str:
        """The digest of what came, at most `_FEED_BYTES`."""
        hashed, got, block = hashlib.sha256(), 0, start
        with body.open("wb") as file, self._session.understood():
            while block:
                hashed.update(block)
                file.write(block)
                got += len(block)
                if got > _FEED_BYTES:
                    shown = place(self.wish.url)
                    message = f"{shown} has more than the {_FEED_BYTES} bytes that a feed may have"
                    raise ReelError(Code.MEDIA_TOO_LARGE, message, where=shown)
                block = answer.read(_BLOCK_BYTES)
        return hashed.hexdigest()

    def _unchanged(self) -> Listing:
        wish = self.wish
        return Listing(kind=ListingKind.FEED, url=wish.url, digest=wish.digest, is_unchanged=True)

    def _put(self, entry: Listed) -> bool:
        """False: enough."""
        wish = self.wish
        if wish.max_entries is not None and self.spool.count >= wish.max_entries:
            self._is_whole = False
            return False
        self.spool.put(entry)
        self._known_in_a_row = self._known_in_a_row + 1 if entry.url in wish.known else 0
        return True

    def _is_known_from_here(self) -> bool:
        """So many known ones came in a row that the rest of the list will be known too."""
        most = self.wish.stop_after_known
        if most is None or self._known_in_a_row < most:
            return False
        self._is_whole, self._known_in_a_row = False, 0
        return True


def _listed(entry: FeedEntry, head: FeedHead, position: int) -> Listed:
    url = entry.file or entry.url
    assert url is not None
    return Listed(
        position=position,
        url=entry.url if entry.youtube_id and entry.url else url,
        extractor="youtube" if entry.youtube_id else "generic",
        native_id=entry.youtube_id or entry.id,
        page_url=entry.url,
        title=entry.title,
        channel=head.title or entry.author or head.author,
        channel_id=head.channel_id,
        published_at=entry.published_at,
        duration_s=entry.duration_s,
    )


def _is_text(start: bytes) -> bool:
    """Pages and playlists that a server calls a video."""
    return start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"<", b"#")


def _entries_file(folder: Path) -> IO[bytes]:
    return (folder / ENTRIES).open("wb")


def main(request_path: str) -> int:
    wish = wish_from_file(ListWish, Path(request_path))
    hold_to(
        allow_private=wish.allow_private,
        net_allow=wish.net_allow,
        proxy=wish.options.proxy,
        trusts_proxy=wish.options.trusts_proxy,
    )
    end_after(wish.max_seconds, wish.url)
    out = sys.stdout
    try:
        with _entries_file(Path(wish.folder)) as file, redirect_stdout(sys.stderr):
            listing = _Lister(wish, _Spool(file, out)).run()
        say("done", **asdict(listing))
    except ReelError as error:
        say_error(error)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
