"""Spans and moments as people type them for keys and logs: ``30d``, ``2026-11-01T10:00``."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from reelwright.errors import Code, ReelError

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d|w)")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def seconds(text: str, option: str) -> float:
    """``90s``, ``12h``, ``30d``, ``2w``. Raises USAGE."""
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None or float(found[1]) == 0:
        raise ReelError(
            Code.USAGE, f"'{text}' is no span of time", where=option, hint="write 12h, 30d or 2w"
        )
    return float(found[1]) * _UNITS_S[found[2]]


def moment(text: str, option: str, now: float) -> float:
    """A span before `now`, or a date and time (of the local time zone where none is given), in
    seconds since 1970. Raises USAGE."""
    if _SPAN.fullmatch(text.strip().lower()):
        return now - seconds(text, option)
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise ReelError(
            Code.USAGE,
            f"'{text}' is no moment",
            where=option,
            hint="write 2d (so long ago), 2026-11-01 or 2026-11-01T10:00+01:00",
        ) from error


def shown(at: float | None) -> str:
    """A moment for people, in UTC: ``2026-11-01 10:00:00Z``."""
    return "-" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%SZ}"
