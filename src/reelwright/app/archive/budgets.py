"""Whether a site may be asked now: its budget, shared by all jobs, and its circuit breaker."""

from __future__ import annotations

import asyncio
import ipaddress
import math
from typing import TYPE_CHECKING

from reelwright.app.archive.identity import site_of
from reelwright.errors import Code, ReelError
from reelwright.store import hosts
from reelwright.store.hosts import Budget, Fuse, Wait

if TYPE_CHECKING:
    from collections.abc import Collection

    from reelwright.app.wiring import App
    from reelwright.store.database import Tx

_HOUR_S = 3600.0
# What may come at once after a rest: a tenth of an hour's worth.
_BURST_OF_HOUR = 0.1
_LEAST_WAIT_S = 0.5
# The site is unwell, or wants to be left alone. What it says of one video is not among them.
UNWELL = frozenset(
    {
        Code.HTTP_RATE_LIMITED,
        Code.HTTP_SERVER_ERROR,
        Code.VIDEO_BOT_CHECK,
        Code.NETWORK_UNREACHABLE,
        Code.NETWORK_TIMEOUT,
        Code.NETWORK_RESET,
        Code.TLS_INVALID,
    }
)
# They say nothing of the site.
_OURS = frozenset({Code.CANCELLED, Code.LEASE_LOST, Code.WORKER_LOST, Code.DISK_FULL})


class Budgets:
    """Of this process; the counts are in the database."""

    def __init__(self, app: App, fuse: Fuse | None = None) -> None:
        self._app = app
        self._fuse = fuse or Fuse()
        self._named = named_budgets(app.settings.archive.budgets)

    async def enter(self, url: str) -> None:
        """Before a video is asked for. Raises BUDGET_SPENT and CIRCUIT_OPEN, with
        `evidence["retry_after_s"]`."""
        host = site_of(url)
        if self.counts(host):
            budget = self.of(host)
            wait = await asyncio.to_thread(
                self._app.store.transact, lambda tx: hosts.take(tx, host, budget, self._fuse)
            )
            refuse(host, wait)

    async def enter_listing(self, url: str) -> None:
        """Before a list is asked for, which is no video: the breaker alone counts."""
        host = site_of(url)
        if self.counts(host):
            wait = await asyncio.to_thread(
                self._app.store.transact, lambda tx: hosts.take(tx, host, None, self._fuse)
            )
            refuse(host, wait)

    async def leave(self, url: str, code: Code | None) -> None:
        """How asking ended; None: well."""
        host = site_of(url)
        if self.counts(host) and code not in _OURS:
            await asyncio.to_thread(self._leave, host, code)

    def blocked(self, tx: Tx, names: Collection[str]) -> dict[str, Wait]:
        """Those of these hosts that are not to be asked now, and how long; nothing is taken."""
        found = {name: hosts.look(tx, name, self.of(name)) for name in names if self.counts(name)}
        return {name: wait for name, wait in found.items() if wait is not None}

    def counts(self, host: str) -> bool:
        """This machine has no budget unless somebody gave it one."""
        return bool(host) and (host in self._named or not _is_loopback(host))

    def of(self, host: str) -> Budget:
        archive = self._app.settings.archive
        per_hour = self._named.get(host, archive.per_hour)
        every_s = max(_HOUR_S / per_hour, archive.sleep_s)
        burst = 1.0 if archive.sleep_s else max(1.0, math.floor(per_hour * _BURST_OF_HOUR))
        return Budget(every_s=every_s, burst=burst)

    def _leave(self, host: str, code: Code | None) -> None:
        if code in UNWELL:
            assert code is not None
            self._app.store.transact(
                lambda tx: hosts.unwell(tx, host, code, self._fuse, self.of(host))
            )
            return
        with self._app.store.read() as tx:
            is_known_well = hosts.get(tx, host).failures == 0
        if not is_known_well:
            self._app.store.transact(lambda tx: hosts.well(tx, host))


def refuse(host: str, wait: Wait | None) -> None:
    """Raises BUDGET_SPENT, CIRCUIT_OPEN where there is something to wait for."""
    if wait is None:
        return
    wait_s = max(round(wait.seconds, 1), _LEAST_WAIT_S)
    if wait.code is None:
        code, why = Code.BUDGET_SPENT, f"no more is asked of {host} for {wait_s:g} s"
    else:
        code, why = Code.CIRCUIT_OPEN, f"{host} failed often ({wait.code}) and rests {wait_s:g} s"
    raise ReelError(code, why, where=host, evidence={"host": host, "retry_after_s": wait_s})


def named_budgets(text: str) -> dict[str, float]:
    """``example.org=60,cdn.example=1000``: videos an hour, by host. Raises CONFIG_INVALID."""
    found: dict[str, float] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, equals, amount = part.partition("=")
        host = site_of(f"//{name.strip()}") if "://" not in name else site_of(name.strip())
        try:
            per_hour = float(amount)
        except ValueError:
            per_hour = math.nan
        if not equals or not host or not per_hour > 0 or math.isinf(per_hour):
            raise ReelError(
                Code.CONFIG_INVALID,
                f"'{part}' is no budget",
                where="archive.budgets",
                hint="write example.org=60,cdn.example=1000 (videos an hour)",
            )
        found[host] = per_hour
    return found


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
