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
    """

    send: Callable[[Any], Any]
    _first: dict[str, tuple[Origin, bool]] = field(default_factory=dict)

    def __call__(self, request: Any) -> Any:
        asked = _RANGE.fullmatch(_header(request, "Range") or "")
        answer = self.send(request)
        if isinstance(request, str):
            return answer
        url = request.url
        known = self._first.get(url)
        if known is None or asked is None or answer.status != 206:
            # What is not a part of something is where yt-dlp begins, or begins anew.
            self._first[url] = (_origin(url, answer), asked is None or answer.status == 200)
            return answer
        origin, was_whole = known
        now = _origin(url, answer)
        if _is_proof(origin, now, resumes=was_whole and int(asked[1]) > 0):
            return answer
        answer.close()
        if not was_whole:
            shown = place(url)
            raise ReelError(
                Code.REMOTE_CHANGED,
                f"{shown} changed while its parts were fetched",
                where=shown,
                evidence={"before": _facts(origin), "now": _facts(now)},
            )
        # yt-dlp begins anew when it gets the whole where it asked for the rest.
        del request.headers["Range"]
        whole = self.send(request)
        self._first[url] = (_origin(url, whole), True)
        return whole


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


def _header(request: Any, name: str) -> str | None:
    return None if isinstance(request, str) else request.headers.get(name)
