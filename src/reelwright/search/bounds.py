"""Days and lengths of time as people write them in a query."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from reelwright.errors import Code, ReelError
from reelwright.media.timecode import Timecode, parse_time

_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")


def day(text: str) -> float:
    """``2024``, ``2024-05``, ``2024-05-31`` (its first moment, UTC) or a time of ISO 8601, as
    seconds since 1970. Raises QUERY_INVALID."""
    found = _DAY.fullmatch(text)
    try:
        if found is not None:
            year, month, of_month = (int(part or 1) for part in found.groups())
            return datetime(year, month, of_month, tzinfo=UTC).timestamp()
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        hint = "2024, 2024-05 or 2024-05-31"
        raise ReelError(Code.QUERY_INVALID, f"'{text}' is no date", hint=hint) from error


def duration(text: str) -> float:
    """``90``, ``90s``, ``10m``, ``1:30:00``, in seconds. Raises QUERY_INVALID."""
    try:
        value = parse_time(text)
    except (ReelError, ValueError) as error:
        raise _no_duration(text) from error
    if isinstance(value, Timecode) or value < 0:
        raise _no_duration(text)
    return float(value)


def _no_duration(text: str) -> ReelError:
    return ReelError(
        Code.QUERY_INVALID, f"'{text}' is no duration", hint="90s, 10m, 1h30m or 00:10:00"
    )
