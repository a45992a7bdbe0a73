"""ISO 8601 as the API writes durations and moments."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_DURATION = re.compile(
    r"P(?:(?P<w>\d+)W)?(?:(?P<d>\d+)D)?(?:T(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?"
)
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}


def duration_s(text: object) -> float | None:
    """``P1DT2H3M4S`` in seconds. None for what is no duration, and for ``P0D``: that is what a
    stream that runs, or has not begun, is given."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    total = sum(float(found[unit] or 0) * each for unit, each in _SECONDS.items())
    return total or None


def moment(text: object) -> float | None:
    """``2024-03-10T10:00:00Z`` in seconds since 1970; None for what is no moment."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
