"""Files as answers: whole or a range of bytes (RFC 9110, 14), with conditions (13)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import formatdate
from typing import IO, Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from reelwright.api.problems import Answered
from reelwright.errors import Code, Problem

# A part of this size takes a disk about a millisecond.
PART_BYTES = 256 << 10
_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*")
_PLAIN = re.compile(r"[^A-Za-z0-9._ ()+-]")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes from `start` up to and without `end`, of `size_bytes`."""

    start: int
    end: int
    size_bytes: int

    @property
    def is_whole(self) -> bool:
        return self.start == 0 and self.end == self.size_bytes

    @property
    def length(self) -> int:
        return self.end - self.start

    @property
    def content_range(self) -> str:
        return f"bytes {self.start}-{self.end - 1}/{self.size_bytes}"


def span_of(request: Request, size_bytes: int, etag: str | None = None) -> Span | None:
    """What the request's Range asks for; None where it asks for all, or for what is not
    understood (several ranges, another unit), which RFC 9110 lets us answer as a whole.

    Raises RANGE_REFUSED.
    """
    given = request.headers.get("range")
    if given is None or request.method != "GET" or not _is_same(request, etag):
        return None
    found = _RANGE.fullmatch(given.strip())
    if found is None or not (found[1] or found[2]):
        return None
    if found[1]:
        start = int(found[1])
        end = int(found[2]) + 1 if found[2] else size_bytes
        if end <= start and found[2]:
            return None  # the last byte before the first: no range at all
    else:
        start, end = max(0, size_bytes - int(found[2])), size_bytes
        if found[2].strip("0") == "":
            start = size_bytes
    if start >= size_bytes:
        raise Answered(
            Problem(
                Code.RANGE_REFUSED,
                f"there are {size_bytes} bytes, and {given[:100]} begins behind them",
                where="header.range",
            ),
            headers={"Content-Range": f"bytes */{size_bytes}"},
        )
    return Span(start, min(end, size_bytes), size_bytes)


def is_unmodified(request: Request, etag: str) -> bool:
    """Whether If-None-Match says that the client has it. Raises CONDITION_FAILED by If-Match."""
    wanted = request.headers.get("if-match")
    if wanted is not None and not _names(wanted, etag, is_weak=False):
        raise Answered(
            Problem(
                Code.CONDITION_FAILED,
                "the file is another one than If-Match names",
                where="header.if-match",
            ),
            headers={"ETag": etag},
        )
    known = request.headers.get("if-none-match")
    return known is not None and _names(known, etag, is_weak=True)


def answer(
    request: Request,
    file: IO[bytes],
    size_bytes: int,
    *,
    kind: str,
    headers: dict[str, str],
    etag: str,
) -> Response:
    """Takes the open `file`, and closes it. Raises RANGE_REFUSED, CONDITION_FAILED."""
    try:
        headers = {"ETag": etag, "Accept-Ranges": "bytes", **headers}
        if is_unmodified(request, etag):
            file.close()
            return Response(status_code=304, headers=headers)
        span = span_of(request, size_bytes, etag)
    except BaseException:
        file.close()
        raise
    status = 200 if span is None else 206
    if span is None:
        span = Span(0, size_bytes, size_bytes)
    else:
        headers["Content-Range"] = span.content_range
    headers["Content-Length"] = str(span.length)
    if request.method == "HEAD":
        file.close()
        return Response(status_code=status, headers={**headers, "Content-Type": kind})
    return StreamingResponse(read(file, span), status, headers, media_type=kind)


async def read(file: IO[bytes], span: Span) -> AsyncIterator[bytes]:
    """The bytes of the span. A file that became shorter breaks the answer off: its length was
    told already."""
    try:
        await asyncio.to_thread(file.seek, span.start)
        left = span.length
        while left > 0:
            part = await asyncio.to_thread(file.read, min(left, PART_BYTES))
            if not part:
                raise EOFError("the file became shorter while it was sent")
            left -= len(part)
            yield part
    finally:
        file.close()


def disposition(name: str, *, is_inline: bool = False) -> str:
    """Content-Disposition (RFC 6266) with a name that no client can take for a path."""
    name = name.rpartition("/")[2].rpartition("\\")[2]
    name = "".join(c for c in name if c.isprintable() and c != '"') or "file"
    plain = _PLAIN.sub("_", name.encode("ascii", "replace").decode()).lstrip(".") or "file"
    how = "inline" if is_inline else "attachment"
    encoded = quote(name.encode("utf-8", "replace"), safe="")
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def http_date(seconds: float) -> str:
    return formatdate(seconds, usegmt=True)


def _is_same(request: Request, etag: str | None) -> bool:
    """Whether the part that the client has is of this file (If-Range, a strong comparison)."""
    given = request.headers.get("if-range")
    return given is None or (etag is not None and given.strip() == etag)


def _names(given: str, etag: str, *, is_weak: bool) -> bool:
    tags: list[Any] = [tag.strip() for tag in given.split(",")]
    if is_weak:
        tags = [tag.removeprefix("W/") for tag in tags]
    return "*" in tags or etag in tags
