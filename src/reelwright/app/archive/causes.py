"""What a failure means for a video: is it gone for good, and when is it tried again by itself?"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from reelwright.errors import Code
from reelwright.store.entries import EntryState

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
# A connection or a server has a bad moment, an hour, or a day.
_SOON = (15.0, 2 * _MINUTE, 10 * _MINUTE, _HOUR, 6 * _HOUR, _DAY)
# The site wants to be left alone.
_LATER = (10 * _MINUTE, _HOUR, 6 * _HOUR, _DAY, 3 * _DAY)
# It has not happened yet, or is still being worked on at the site.
_UPCOMING = (_HOUR, 3 * _HOUR, 6 * _HOUR, _DAY)
# yt-dlp has to learn of a change, and is upgraded some day.
_UPGRADE = (_DAY, 3 * _DAY, 7 * _DAY)
# Things of this machine that somebody puts right, or that pass.
_HERE = (10 * _MINUTE, _HOUR, 6 * _HOUR)
_NEVER: tuple[float, ...] = ()
_JITTER = 0.1

_GONE = frozenset({Code.VIDEO_GONE, Code.VIDEO_BLOCKED})
# 404 of a page or file that was there when the list named it.
_MISSING = frozenset({Code.HTTP_NOT_FOUND})
_BY_CODE: dict[Code, Sequence[float]] = {
    Code.NETWORK_UNREACHABLE: _SOON,
    Code.NETWORK_TIMEOUT: _SOON,
    Code.NETWORK_RESET: _SOON,
    Code.HTTP_SERVER_ERROR: _SOON,
    Code.REMOTE_CHANGED: _SOON,
    Code.MEDIA_TRUNCATED: _SOON,
    Code.OUTPUT_MISMATCH: _SOON,
    Code.HTTP_RATE_LIMITED: _LATER,
    Code.VIDEO_BOT_CHECK: _LATER,
    Code.API_QUOTA: _LATER,
    Code.VIDEO_NOT_YET: _UPCOMING,
    Code.EXTRACTOR_BROKEN: _UPGRADE,
    Code.DISK_FULL: _HERE,
    Code.DISK_RESERVED: _HERE,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`wait_s` None: it is not tried again by itself."""

    state: EntryState
    wait_s: float | None = None


def verdict(code: Code, tries: int, *, attempts: int, asked_s: float | None = None) -> Verdict:
    """After try number `tries` (from 1) failed with `code`; `attempts` is the setting. `asked_s`:
    what the site said of when to come again."""
    if code in _GONE or code in _MISSING:
        return Verdict(EntryState.GONE)
    if tries > attempts:
        return Verdict(EntryState.FAILED)
    waits = _BY_CODE.get(code, _HERE if code.retryable else _NEVER)
    if not waits:
        return Verdict(EntryState.FAILED)
    wait_s = waits[min(tries, len(waits)) - 1]
    # What failed together does not come back together.
    return Verdict(
        EntryState.FAILED, max(wait_s * random.uniform(1, 1 + _JITTER), min(asked_s or 0.0, _DAY))
    )


def listing_wait_s(code: Code, failures: int, asked_s: float | None = None) -> float | None:
    """Seconds until a list that failed is asked for again by itself, after so many failures in a
    row; None: it is not."""
    if code in _GONE:
        return None
    waits = _BY_CODE.get(code, _LATER if code.retryable else _NEVER)
    if failures > len(waits):
        return None
    return max(waits[failures - 1] * random.uniform(1, 1 + _JITTER), min(asked_s or 0.0, _DAY))
