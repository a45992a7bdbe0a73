"""When a subscription is due: ``30m``, ``6h``, ``1d``, or five cron fields in local time."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from reelwright.errors import Code, ReelError

_INTERVAL = re.compile(r"(\d+(?:\.\d+)?)\s*(m|h|d|w)")
_UNITS_S = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
# Sites count requests; nobody publishes so often.
_LEAST_S, _MOST_S = 60.0, 366 * 86_400.0
_CRON_FIELDS = 5
_LOCALTIME = Path("/etc/localtime")


def normal(text: str) -> str:
    """The schedule as it is stored. Raises SCHEDULE_INVALID."""
    found = " ".join(text.split()).lower()
    next_after(found, 0.0)
    return found


def next_after(schedule: str, at: float, *, zone: tzinfo | None = None) -> float:
    """The first moment after `at` (both in seconds since 1970) at which it is due.

    Cron fields are of `zone`, by default this machine's. Where clocks are put forward over a fixed
    hour, it is due at the hour after; where they are put back, once. Raises SCHEDULE_INVALID.
    """
    interval = _INTERVAL.fullmatch(schedule)
    if interval is not None:
        every_s = float(interval[1]) * _UNITS_S[interval[2]]
        if not _LEAST_S <= every_s <= _MOST_S:
            raise _refused(schedule, "an interval lies between 1m and 366d")
        return at + every_s
    return _next_cron(schedule, at, zone or local_zone())


def _next_cron(schedule: str, at: float, zone: tzinfo) -> float:
    from cronsim import CronSim, CronSimError

    if len(schedule.split()) != _CRON_FIELDS:
        raise _refused(schedule, "it is neither an interval nor five cron fields")
    try:
        found = next(CronSim(schedule, datetime.fromtimestamp(at, zone)))
    except CronSimError as error:
        raise _refused(schedule, str(error)) from error
    except StopIteration as error:
        raise _refused(schedule, "no day fits it") from error
    return float(found.timestamp())


def local_zone() -> tzinfo:
    """This machine's, with its rules for summer time: `TZ`, or what /etc/localtime is."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    name = os.environ.get("TZ", "").lstrip(":")
    try:
        if name and not name.startswith("/"):
            return ZoneInfo(name)
        with (Path(name) if name else _LOCALTIME).open("rb") as file:
            return ZoneInfo.from_file(file, key="localtime")
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return UTC if not name else datetime.now().astimezone().tzinfo or UTC


def _refused(schedule: str, why: str) -> ReelError:
    return ReelError(Code.SCHEDULE_INVALID, f"'{schedule}' is no schedule: {why}", where="schedule")
