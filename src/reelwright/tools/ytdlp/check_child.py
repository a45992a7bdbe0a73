"""``python -m reelwright.tools.ytdlp.check_child REQUEST``: is it still there? Nothing of it is
downloaded."""

from __future__ import annotations

import re
import sys
from contextlib import closing, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelwright.errors import Code, ReelError
from reelwright.tools.download.addresses import hold_to
from reelwright.tools.download.deadline import end_after
from reelwright.tools.download.lines import say, say_error
from reelwright.tools.feeds.entries import FeedFile, is_media
from reelwright.tools.ytdlp.facts import (
    GENERIC_NAME,
    extractor_name,
    media_url,
    text,
    title,
)
from reelwright.tools.ytdlp.flat import FlatList, site_of
from reelwright.tools.ytdlp.options import Params
from reelwright.tools.ytdlp.request import CheckWish, OriginState, Outcome, outcome_of
from reelwright.tools.ytdlp.session import Session
from reelwright.tools.ytdlp.sites import place
from reelwright.tools.ytdlp.wire import origin_to_json, wish_from_file

_SNIFF_BYTES = 512
_WHOLE = re.compile(r"bytes \d+-\d+/(\d+)")


@dataclass(slots=True)
class _Checker:
    wish: CheckWish
    _session: Session = field(init=False)

    def run(self) -> OriginState:
        wish = self.wish
        self._session = Session(
            wish.url,
            # That no format fits says nothing of whether it is there.
            wish.options.to_params(wish.url) | Params(playlist_items="1"),
            headers=wish.headers,
            direct_only=not wish.allow_private,
        )
        try:
            return self._state()
        except ReelError as error:
            return judged(error)
        finally:
            self._session.close()

    def _state(self) -> OriginState:
        url = self.wish.url
        if site_of(self._session, url) is None:
            file = self._file(url)
            if file is not None:
                return file
        info = FlatList(self._session, url).resolved(self._session.look())
        named = media_url(info) if extractor_name(info) == GENERIC_NAME else None
        if named is not None and named != url:
            self._file(named)  # a page may outlive the file that it shows
        return OriginState(
            outcome=Outcome.THERE,
            title=title(info),
            availability=text(info.get("availability")),
            live_status=text(info.get("live_status")),
        )

    def _file(self, url: str) -> OriginState | None:
        """By its first byte: servers answer HEAD with other words than GET. None: it is a page."""
        from yt_dlp.networking import Request

        asked = {"Range": f"bytes=0-{_SNIFF_BYTES - 1}", "Accept-Encoding": "identity"}
        self._session.origins.in_pieces.add(url)  # the whole instead of its start is welcome
        request = Request(url, headers=asked)
        with self._session.understood(), closing(self._open(request)) as answer:
            start = answer.read(_SNIFF_BYTES)
            kind = answer.headers.get("Content-Type") or ""
            if not is_media(FeedFile(url=answer.url, content_type=kind)):
                return None
            first = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
            if first == b"<":
                shown = place(url)
                message = f"{shown} calls itself {kind} and is a page"
                raise ReelError(Code.MEDIA_UNRECOGNISED, message, where=shown)
            if first == b"#":  # a playlist
                return None
            return OriginState(
                outcome=Outcome.THERE,
                etag=answer.headers.get("ETag"),
                last_modified=answer.headers.get("Last-Modified"),
                size_bytes=_size(answer),
            )

    def _open(self, request: Any) -> Any:
        """A file without a byte cannot give its first."""
        from yt_dlp.networking.exceptions import HTTPError

        try:
            return self._session.ydl.urlopen(request)
        except HTTPError as error:
            if error.status != 416:
                raise
            del request.headers["Range"]
            return self._session.ydl.urlopen(request)


def judged(error: ReelError) -> OriginState:
    """What a failed check says of the video, if anything."""
    return OriginState(outcome=outcome_of(error.code), problem=error.problem)


def _size(answer: Any) -> int | None:
    whole = _WHOLE.fullmatch(answer.headers.get("Content-Range") or "")
    if whole:
        return int(whole[1])
    length = answer.headers.get("Content-Length") or ""
    return int(length) if answer.status == 200 and length.isdigit() else None


def main(request_path: str) -> int:
    wish = wish_from_file(CheckWish, Path(request_path))
    hold_to(
        allow_private=wish.allow_private,
        net_allow=wish.net_allow,
        proxy=wish.options.proxy,
        trusts_proxy=wish.options.trusts_proxy,
    )
    end_after(wish.max_seconds, wish.url)
    try:
        with redirect_stdout(sys.stderr):
            state = _Checker(wish).run()
        say("done", **origin_to_json(state))
    except ReelError as error:  # of the wish itself: its cookies
        say_error(error)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
