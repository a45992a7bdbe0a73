"""Pieces of one address belong together only if the origin is still the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reelwright.errors import Code, ReelError
from reelwright.tools.download.parts import Origin
from reelwright.tools.ytdlp.sites import place

_CONTENT_RANGE = re.compile(r"bytes (?:\d+-\d+|\*)/(\d+|\*)")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(slots=True)
class SameOrigin:
    """In the place of `YoutubeDL.urlopen`.

    After a break yt-dlp asks for the rest with a Range, without saying of which file, and joins
    what it gets. Here the first answer's ETag, date and size are remembered, and the rest of
    another file (or of one that nothing sets apart from another) is not handed out: a download
    that had asked for the whole begins anew; a fragment's range, which cannot, is REMOTE_CHANGED.
    `in_pieces`: addresses that yt-dlp asks for in pieces of its own making; of others a range with
    an end is a fragment's.
    """

    send: Callable[[Any], Any]
    in_pieces: set[str] = field(default_factory=set)
    _first: dict[str, tuple[Origin, bool]] = field(default_factory=dict)
    _begun: dict[str, Callable[[Origin], None]] = field(default_factory=dict)

    def expect(self, url: str, before: Origin | None, on_begin: Callable[[Origin], None]) -> None:
        """`url` is gone on with where it still is `before`. `on_begin` is told whose bytes come
        when they come from the first one on, before any of them is written."""
        self._begun[url] = on_begin
        self._first.pop(url, None)
        if before is not None:
            self._first[url] = (before, True)

    def __call__(self, request: Any) -> Any:
        asked = _RANGE.fullmatch(request.headers.get("Range") or "")
        url = request.url
        known = self._first.get(url)
        validator = known[0].validator if known is not None and known[1] else None
        if validator is not None and asked is not None and int(asked[1]):
            # Of another file a server that understands sends the whole; of a fragment's range,
            # where the whole would be taken for the fragment, it is not asked to.
            request.headers["If-Range"] = validator
        try:
            answer = self.send(request)
        except Exception as error:
            # Past the end of what is there: yt-dlp takes that for the end of what it has, if only
            # the lengths are near each other.
            if getattr(error, "status", None) != 416 or asked is None or not int(asked[1]):
                raise
            return self._whole(request)
        if asked is None or answer.status == 200:  # yt-dlp begins, or begins anew
            self._refuse_whole(url, asked, answer)
            return self._noted(url, answer, True, begins=True)
        if known is None or answer.status != 206:
            return self._noted(url, answer, False, begins=int(asked[1]) == 0)
        origin, was_whole = known
        now = _origin(url, answer)
        if _is_proof(origin, now, resumes=was_whole and int(asked[1]) > 0):
            return answer
        answer.close()
        if was_whole:
            return self._whole(request)
        shown = place(url)
        raise ReelError(
            Code.REMOTE_CHANGED,
            f"{shown} changed while its parts were fetched",
            where=shown,
            evidence={"before": _facts(origin), "now": _facts(now)},
        )

    def _refuse_whole(self, url: str, asked: re.Match[str] | None, answer: Any) -> None:
        """yt-dlp takes what comes for the fragment that it asked for, however much it is."""
        if asked is None or not asked[2] or url in self.in_pieces:
            return
        answer.close()
        shown = place(url)
        raise ReelError(
            Code.HTTP_STATUS,
            f"{shown} answered with the whole file where a part of it was asked for",
            where=shown,
            evidence={"range": asked[0], "status": answer.status},
        )

    def _whole(self, request: Any) -> Any:
        """yt-dlp begins anew when it gets the whole where it asked for the rest."""
        del request.headers["Range"]
        request.headers.pop("If-Range", None)
        return self._noted(request.url, self.send(request), True, begins=True)

    def _noted(self, url: str, answer: Any, was_whole: bool, *, begins: bool) -> Any:
        origin = _origin(url, answer)
        self._first[url] = (origin, was_whole)
        if begins and url in self._begun and answer.status in (200, 206):
            self._begun[url](origin)
        return answer


def _is_proof(before: Origin, now: Origin, *, resumes: bool) -> bool:
    """Two ranges of one manifest may come from a server that names no version; bytes that follow a
    break may not."""
    if not before.is_same_as(now):
        return False
    if before.validator is not None and now.validator is not None:
        return True
    return not resumes


def _origin(url: str, answer: Any) -> Origin:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Origin.of(url, headers, _whole_size(answer.status, headers))


def _whole_size(status: int, headers: Mapping[str, str]) -> int | None:
    if status == 206:
        match = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
        return int(match[1]) if match and match[1] != "*" else None
    length = headers.get("content-length", "")
    return int(length) if length.isdigit() else None


def _facts(origin: Origin) -> dict[str, Any]:
    return {
        "etag": origin.etag,
        "last_modified": origin.last_modified,
        "size_bytes": origin.size_bytes,
    }
