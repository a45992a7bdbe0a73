"""What the day's quota still allows, asked and counted before each call."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.store import quota
from reelwright.store.quota import Standing
from reelwright.tools.youtube.model import Bucket, Method

if TYPE_CHECKING:
    from reelwright.app.wiring import App

_KEY_CHARS = 8
_WORDS = {Bucket.UNITS: "units", Bucket.SEARCHES: "calls of search.list"}


class Ledger:
    """Of the key of the settings: another key may have a quota of its own. `spent`: by this one
    object, whatever others spend."""

    def __init__(self, app: App) -> None:
        self._app = app
        settings = app.settings.youtube
        self._limits = {Bucket.UNITS: settings.units, Bucket.SEARCHES: settings.searches}
        digest = hashlib.sha256((settings.key or "").encode("utf-8", "surrogatepass"))
        self._of_key = digest.hexdigest()[:_KEY_CHARS]
        self.spent = dict.fromkeys(Bucket, 0)

    async def reserve(self, method: Method) -> None:
        """Before each request. Raises API_QUOTA."""
        bucket = method.bucket
        refused = await asyncio.to_thread(
            self._app.store.transact,
            lambda tx: quota.reserve(tx, self.name(bucket), self._limits[bucket]),
        )
        if refused is not None:
            raise exhausted(bucket, refused)
        self.spent[bucket] += 1

    def standing(self, bucket: Bucket = Bucket.UNITS) -> Standing:
        """Blocking."""
        with self._app.store.read() as tx:
            return quota.standing(tx, self.name(bucket), self._limits[bucket])

    def refused(self, bucket: Bucket) -> Standing:
        """The API says that the day has no more, and knows better. Blocking."""

        def change(tx: Any) -> Standing:
            quota.forget_old(tx)
            return quota.spend(tx, self.name(bucket), self._limits[bucket])

        return self._app.store.transact(change)

    def name(self, bucket: Bucket) -> str:
        return f"{bucket.value}:{self._of_key}"


def exhausted(bucket: Bucket, standing: Standing, needed: int = 1) -> ReelError:
    """API_QUOTA: `needed` is more than what is left."""
    words = _WORDS[bucket]
    said = f"{standing.used} of {standing.limit} {words} are spent today"
    if standing.left:
        said = f"this needs {needed} {words}, and {standing.left} of {standing.limit} are left"
    return ReelError(
        Code.API_QUOTA,
        said,
        where="youtube",
        hint=f"the next day of quota begins {clock(standing.resets_at)}",
        evidence={
            "bucket": bucket.value,
            "used": standing.used,
            "limit": standing.limit,
            "needed": needed,
            "resets_at": standing.resets_at,
            "retry_after_s": round(standing.resets_at - standing.now, 1),
        },
    )


def clock(at: float) -> str:
    """A moment in this machine's time zone: ``2026-11-22 09:00 CET``."""
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M %Z}"
