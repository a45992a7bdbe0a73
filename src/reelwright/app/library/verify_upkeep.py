"""What a service does for its library by itself: reads files again, and asks the origins.

Only the process that leads does, one asset at a time, and with rests in between: jobs come first.
All that it knows is in the tables, so whoever leads next goes on.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelwright.app.library import availability
from reelwright.app.library.verify import check_library, tell
from reelwright.app.library.verify_asset import verify_asset
from reelwright.app.library.verify_reading import Reader, StoppedError
from reelwright.errors import Code, ReelError
from reelwright.store import origins, scrub

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.assets import AssetRow

_log = logging.getLogger(__name__)
_DAY_S = 86_400.0
_WAITS = frozenset({Code.BUDGET_SPENT, Code.CIRCUIT_OPEN})
_GONE_MEANWHILE = frozenset({Code.ASSET_UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """`idle_s`: how often is looked whether something is due. `rate_bytes`: reads at the most so
    many a second. After work of t seconds it rests for t times `rest`, and `least_s` at least."""

    idle_s: float = 60.0
    rate_bytes: float = 50e6
    rest: float = 1.0
    least_s: float = 0.05


class Upkeep:
    """Works while `leads` says so, by the settings `archive.verify_days` and `check_days`."""

    def __init__(self, app: App, leads: Callable[[], bool], pace: Pace | None = None) -> None:
        self._app = app
        self._leads = leads
        self._pace = pace or Pace()
        self._verified = (-1.0, "")
        self._asked = (-1.0, "")
        self._stop = threading.Event()

    async def run(self) -> None:
        """Until it is cancelled. Returns at once where no setting asks for anything."""
        archive = self._app.settings.archive
        parts = []
        if archive.verify_days > 0:
            parts.append(self._always(self._verify_one))
        if archive.check_days > 0:
            parts.append(self._always(self._check_one))
        try:
            await asyncio.gather(*parts)
        finally:
            self._stop.set()

    async def _always(self, work: Callable[[], Awaitable[bool]]) -> None:
        while True:
            began = time.monotonic()
            did = False
            try:
                did = self._leads() and await work()
            except ReelError as error:
                _log.warning("the library's upkeep waits: %s", error)
            except Exception:  # noqa: BLE001 - one odd asset must not end the care of all
                _log.exception("the library's upkeep failed at an asset")
            took = time.monotonic() - began
            rest_s = max(took * self._pace.rest, self._pace.least_s)
            await asyncio.sleep(rest_s if did else self._pace.idle_s)

    async def _verify_one(self) -> bool:
        """Whether there was one whose turn it is."""
        asset = await asyncio.to_thread(self._next_to_verify)
        if asset is None:
            return False
        stop = self._stop
        reader = Reader(self._pace.rate_bytes, stop=lambda: stop.is_set() or not self._leads())
        try:
            report = await asyncio.to_thread(verify_asset, self._app, asset.id, reader)
        except StoppedError:
            return False
        except ReelError as error:
            if error.code in _GONE_MEANWHILE:
                return True
            raise
        await asyncio.to_thread(tell, self._app, report)
        return True

    def _next_to_verify(self) -> AssetRow | None:
        check_library(self._app)
        days = self._app.settings.archive.verify_days
        with self._app.store.read() as tx:
            before = tx.now() - days * _DAY_S
            found = scrub.due(tx, before, after=self._verified, limit=1)
        if not found:
            self._verified = (-1.0, "")  # what could not be looked at has its turn again
            return None
        self._verified = (found[0].verified_at or 0.0, found[0].id)
        return found[0]

    async def _check_one(self) -> bool:
        asset = await asyncio.to_thread(self._next_to_ask)
        if asset is None:
            return False
        try:
            one = await availability.check_one(self._app, asset)
        except ReelError as error:
            if error.code not in _WAITS:
                raise
            return True  # another site may have time
        if one.is_news:
            _log.info("the origin of %s: %s before, %s now", asset.id, one.before, one.outcome)
        return True

    def _next_to_ask(self) -> AssetRow | None:
        days = self._app.settings.archive.check_days
        with self._app.store.read() as tx:
            before = tx.now() - days * _DAY_S
            found = origins.due(tx, before=before, after=self._asked, limit=1)
        if not found:
            self._asked = (-1.0, "")
            return None
        self._asked = (found[0].origin_checked_at or 0.0, found[0].id)
        return found[0]
