"""How much of an API's quota was used on which day, for all processes of the database.

Google's days begin at midnight in California, so some have 23 hours and some 25.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.tables_library import api_quota

_PACIFIC = ZoneInfo("America/Los_Angeles")
_KEPT_DAYS = 90


@dataclass(frozen=True, slots=True)
class Used:
    """Of one bucket on one day (``2026-03-08``)."""

    bucket: str
    day: str
    used: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Of today. `resets_at`: when the next day begins, in seconds since 1970."""

    bucket: str
    used: int
    limit: int
    now: float
    resets_at: float

    @property
    def left(self) -> int:
        return max(self.limit - self.used, 0)


def day_of(at: float) -> str:
    """The Pacific day of a moment (seconds since 1970)."""
    return datetime.fromtimestamp(at, _PACIFIC).date().isoformat()


def next_day_at(at: float) -> float:
    """The midnight after it, in seconds since 1970. Clocks change at two, so every day has one."""
    tomorrow = datetime.fromtimestamp(at, _PACIFIC).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), _PACIFIC).timestamp()


def standing(tx: Tx, bucket: str, limit: int) -> Standing:
    now = tx.now()
    where = (api_quota.c.bucket == bucket, api_quota.c.day == day_of(now))
    used = tx.run(sa.select(api_quota.c.used).where(*where)).scalar_one_or_none()
    return Standing(bucket, int(used or 0), limit, now, next_day_at(now))


def reserve(tx: Tx, bucket: str, limit: int, amount: int = 1) -> Standing | None:
    """Counts `amount`, before the call is made: None. Where the day has no more room nothing is
    counted, and the standing comes back."""
    tx.dialect.serialise(tx.connection, f"quota:{bucket}")
    found = standing(tx, bucket, limit)
    if found.left < amount:
        return found
    _write(tx, bucket, found.now, found.used + amount)
    return None


def spend(tx: Tx, bucket: str, limit: int) -> Standing:
    """The API itself says that the day has no more: others used the same quota."""
    tx.dialect.serialise(tx.connection, f"quota:{bucket}")
    found = standing(tx, bucket, limit)
    if found.left:
        _write(tx, bucket, found.now, limit)
    return standing(tx, bucket, limit)


def history(tx: Tx, bucket: str, days: int = 7) -> list[Used]:
    """The newest day first; days without a call are not in it."""
    query = sa.select(api_quota.c.bucket, api_quota.c.day, api_quota.c.used)
    query = query.where(api_quota.c.bucket == bucket).order_by(api_quota.c.day.desc())
    return [Used(*row) for row in tx.run(query.limit(days))]


def forget_old(tx: Tx) -> None:
    """Days of more than three months ago."""
    first = day_of(tx.now() - _KEPT_DAYS * 86_400)
    tx.run(sa.delete(api_quota).where(api_quota.c.day < first))


def _write(tx: Tx, bucket: str, now: float, used: int) -> None:
    values = {"used": used}
    statement = tx.dialect.insert(api_quota).values(bucket=bucket, day=day_of(now), **values)
    tx.run(statement.on_conflict_do_update(index_elements=["bucket", "day"], set_=values))
