"""yt-dlp's exceptions in our codes."""

from __future__ import annotations

import re
from typing import Any

from reelwright.errors import Code, ReelError
from reelwright.tools.download.answers import connection_error, status_error

_STATUS = re.compile(r"HTTP Error (\d{3}): ([^.]*)")


def meaning(error: Any, url: str) -> ReelError:
    """The cause beneath yt-dlp's wrapping `DownloadError`."""
    from yt_dlp.networking.exceptions import HTTPError, SSLError, TransportError
    from yt_dlp.utils import UnsupportedError

    for cause in _causes(error):
        if isinstance(cause, ReelError):
            return cause
        if isinstance(cause, UnsupportedError):
            return ReelError(Code.EXTRACTOR_UNSUPPORTED, f"no video was found at {url}", where=url)
        if isinstance(cause, HTTPError):
            headers = {name.lower(): value for name, value in cause.response.headers.items()}
            return status_error(cause.status, cause.reason or "", url, headers)
        if isinstance(cause, SSLError):
            return ReelError(Code.TLS_INVALID, f"{url}: {cause.msg}", where=url)
        if isinstance(cause, TransportError):
            below = cause.cause if isinstance(cause.cause, Exception) else cause
            return connection_error(below, url)
    message = str(error).removeprefix("ERROR: ").lstrip("\r")
    stated = _STATUS.search(message)
    if stated:  # of a fragment, after all retries: only words are left of it
        return status_error(int(stated[1]), stated[2], url, {})
    return ReelError(Code.EXTRACTOR_UNSUPPORTED, f"{url}: {message}", where=url)


def _causes(error: Any) -> list[Any]:
    found: list[Any] = []
    left = [error]
    while left:
        error = left.pop(0)
        if error is None or error in found:
            continue
        found.append(error)
        wrapped = getattr(error, "exc_info", None)
        inner = wrapped[1] if wrapped and wrapped[1] is not error else None
        # Where none of its request handlers answered, what each of them met.
        left += [inner or error.__cause__ or error.__context__]
        left += getattr(error, "unexpected_errors", ())
    return found
