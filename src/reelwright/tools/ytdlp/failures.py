"""yt-dlp's exceptions and its sites' words, in our codes."""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence
from typing import Any

from reelwright.errors import Code, ReelError
from reelwright.tools.download.answers import connection_error, status_error
from reelwright.tools.ytdlp.sites import place, without_users
from reelwright.tools.ytdlp.words import code_of_words

_STATUS = re.compile(r"HTTP Error (\d{3}): ([^.(]*)")
_BROKEN_OFF = re.compile(
    r"content too short|not get any data|got error:|fragment \d+ not found|giving up after",
    re.IGNORECASE,
)
_MESSAGE_CHARS = 2000
_LOG_LINES = 10
_DISK = (errno.ENOSPC, errno.EDQUOT)


def meaning(error: Any, url: str, log: Sequence[str] = ()) -> ReelError:
    """The cause beneath yt-dlp's wrapping `DownloadError`.

    Evidence: `message` (yt-dlp's own), `extractor`, `status`, and the last lines of `log`.
    """
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, ReelError):
            return cause
    found = _by_class(causes, url) or _by_words(causes, error, url)
    return _with_evidence(found, causes, error, log)


def _by_class(causes: Sequence[Any], url: str) -> ReelError | None:
    """What the class of an exception says, whatever its words are."""
    from yt_dlp.utils import GeoRestrictedError, UnsupportedError, UserNotLive

    shown = place(url)
    for cause in causes:
        if isinstance(cause, UnsupportedError):
            return ReelError(
                Code.EXTRACTOR_UNSUPPORTED, f"no video was found at {shown}", where=shown
            )
        if isinstance(cause, GeoRestrictedError):
            return ReelError(
                Code.VIDEO_GEO_BLOCKED,
                f"{shown}: {_clean(cause.orig_msg)}",
                where=shown,
                evidence={"countries": list(cause.countries or ())},
            )
        if isinstance(cause, UserNotLive):
            return ReelError(Code.VIDEO_NOT_YET, f"{shown}: it is not live now", where=shown)
        if isinstance(cause, OSError) and cause.errno in _DISK:
            return ReelError(Code.DISK_FULL, f"there is no room for {shown}", where=shown)
    return None


def _by_words(causes: Sequence[Any], error: Any, url: str) -> ReelError:
    """Sites that know why say so in an expected error; then what broke below it; then what is left
    is an extractor that does not understand its site any more."""
    from yt_dlp.utils import ExtractorError, YoutubeDLError

    shown = place(url)
    extractor = next((c for c in causes if isinstance(c, ExtractorError)), None)
    message = _clean(extractor.orig_msg if extractor is not None else str(error))
    told = f"{shown}: {message}"
    code = code_of_words(message) if not _STATUS.search(message) else None
    # The words of a downloader ("fragment 1 not found") are not a site's.
    if code is Code.DISK_FULL or (code and extractor is not None and extractor.expected):
        return ReelError(code, told, where=shown)
    below = _below(causes, message, url)
    if below is not None:
        return below
    if extractor is None and isinstance(error, YoutubeDLError):
        return ReelError(Code.TOOL_FAILED, told, where=shown)
    is_generic = extractor is not None and str(extractor.ie).lower() in ("generic", "html5")
    if is_generic or (extractor is not None and extractor.expected):
        return ReelError(Code.EXTRACTOR_UNSUPPORTED, told, where=shown)
    return ReelError(Code.EXTRACTOR_BROKEN, told, where=shown)


def _below(causes: Sequence[Any], message: str, url: str) -> ReelError | None:
    """What the network did."""
    from yt_dlp.networking.exceptions import HTTPError, SSLError, TransportError
    from yt_dlp.utils import ContentTooShortError

    shown = place(url)
    for cause in causes:
        if isinstance(cause, HTTPError):
            headers = {name.lower(): value for name, value in cause.response.headers.items()}
            if cause.redirect_loop:
                return ReelError(Code.HTTP_STATUS, f"{shown} redirects in a circle", where=shown)
            return status_error(cause.status, cause.reason or "", url, headers)
        if isinstance(cause, SSLError):
            return ReelError(Code.TLS_INVALID, f"{shown}: {cause.msg}", where=shown)
        if isinstance(cause, TransportError):
            below = cause.cause if isinstance(cause.cause, Exception) else cause
            return connection_error(below, url)
        if isinstance(cause, ContentTooShortError):
            return ReelError(Code.NETWORK_RESET, f"{shown} broke off: {cause}", where=shown)
    stated = _STATUS.search(message)
    if stated:  # of a fragment, after all retries: only words are left of it
        return status_error(int(stated[1]), stated[2].strip(), url, {})
    if "timed out" in message:
        return ReelError(Code.NETWORK_TIMEOUT, f"{shown}: {message}", where=shown)
    if _BROKEN_OFF.search(message):
        return ReelError(Code.NETWORK_RESET, f"{shown}: {message}", where=shown)
    return None


def _with_evidence(
    found: ReelError, causes: Sequence[Any], error: Any, log: Sequence[str]
) -> ReelError:
    extractor = next((c.ie for c in causes if getattr(c, "ie", None)), None)
    evidence: dict[str, Any] = {"message": _clean(str(error))} | dict(found.problem.evidence)
    if extractor:
        evidence["extractor"] = str(extractor)
    if log:
        evidence["log"] = list(log[-_LOG_LINES:])
    problem = found.problem
    return ReelError(
        problem.code, problem.message, where=problem.where, hint=problem.hint, evidence=evidence
    )


def _clean(message: str) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m", "", message).strip().removeprefix("ERROR: ").strip()
    # What yt-dlp asks its own users to do is not what ours can.
    text = text.partition("; please report this issue on")[0]
    return without_users(text)[:_MESSAGE_CHARS]


def _causes(error: Any) -> list[Any]:
    """All that led to it, what is nearest first."""
    found: list[Any] = []
    left = [error]
    while left:
        error = left.pop(0)
        if error is None or any(error is one for one in found):
            continue
        found.append(error)
        wrapped = getattr(error, "exc_info", None)
        inner = wrapped[1] if isinstance(wrapped, tuple) and wrapped[1] is not error else None
        left += [getattr(error, "cause", None), inner, error.__cause__ or error.__context__]
        # Where none of its request handlers answered, what each of them met.
        left += getattr(error, "unexpected_errors", ())
        left = [one for one in left if isinstance(one, BaseException)]
    return found
