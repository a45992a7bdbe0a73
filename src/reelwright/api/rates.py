"""How often somebody may ask: counters by the library `limits`, in memory or in Redis.

Of its strategies the sliding window counter is nearest to a token bucket: a burst of the whole rate
is taken, and what was used comes back bit by bit, not all at a full minute.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import structlog
from limits import RateLimitItem, parse
from limits.aio.strategies import SlidingWindowCounterRateLimiter as AsyncLimiter
from limits.errors import ConfigurationError
from limits.storage.base import SlidingWindowCounterSupport, Storage
from limits.strategies import SlidingWindowCounterRateLimiter
from limits.util import WindowStats

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from limits.aio.storage import Storage as AsyncStorage

_MEMORY = "memory://"
_SWEEP = 10_000
# How long Redis is left alone after it did not answer; each process counts for itself meanwhile.
_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True)
class Standing:
    """`reset_s`: seconds until more is there than now."""

    is_allowed: bool
    limit: int
    window_s: int
    remaining: int
    reset_s: int

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """By draft-ietf-httpapi-ratelimit-headers."""
        return [
            (b"ratelimit-policy", b'"requests";q=%d;w=%d' % (self.limit, self.window_s)),
            (b"ratelimit", b'"requests";r=%d;t=%d' % (self.remaining, self.reset_s)),
        ]


class Rates:
    """`storage` is ``memory://`` or a URL of Redis."""

    def __init__(self, storage: str) -> None:
        self._memory = SlidingWindowCounterRateLimiter(Counters())
        self._shared: AsyncLimiter | None = None
        self._trouble: tuple[type[Exception], ...] = (OSError, TimeoutError)
        if storage != _MEMORY:
            redis = _redis(storage)
            self._shared = AsyncLimiter(redis)
            self._trouble += _errors(redis)
        self._resting_until = 0.0

    @property
    def is_shared(self) -> bool:
        return self._shared is not None

    def take(self, rate: str, who: str) -> Standing:
        """One request of `who`, counted in this process."""
        item = item_of(rate)
        is_allowed = self._memory.hit(item, who)
        return _standing(item, self._memory.get_window_stats(item, who), is_allowed=is_allowed)

    def is_spent(self, rate: str, who: str) -> Standing | None:
        """Where nothing is left; takes nothing."""
        item = item_of(rate)
        if self._memory.test(item, who):
            return None
        return _standing(item, self._memory.get_window_stats(item, who), is_allowed=False)

    async def take_shared(self, rate: str, who: str) -> Standing:
        """One request of `who`, counted in Redis; here, where that does not answer: a service
        that stands still because its counter does would be worse than one that counts badly."""
        if self._shared is None or time.monotonic() < self._resting_until:
            return self.take(rate, who)
        item = item_of(rate)
        try:
            is_allowed = await self._shared.hit(item, who)
            stats = await self._shared.get_window_stats(item, who)
        except self._trouble as error:
            self._resting_until = time.monotonic() + _PAUSE_S
            structlog.get_logger("reelwright.api").warning("rate storage fails", error=str(error))
            return self.take(rate, who)
        return _standing(item, stats, is_allowed=is_allowed)


class Counters(Storage, SlidingWindowCounterSupport):
    """In memory, for one event loop. The library's own starts a thread every 10 ms to drop what is
    old (37 microseconds a request, measured); this drops it now and then, in passing (3)."""

    STORAGE_SCHEME = None

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, list[int]] = {}  # window, requests in it, in the one before

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        before, share, count = self._look(key, expiry, time.time())
        if math.floor(before * share + count) + amount > limit:
            return False
        self._counts[key][1] += amount
        return True

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        before, share, count = self._look(key, expiry, time.time())
        return before, share * expiry, count, (share + 1) * expiry

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        self._counts.pop(key, None)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError  # other strategies

    def get(self, key: str) -> int:
        return self._counts.get(key, (0, 0, 0))[1]

    def get_expiry(self, key: str) -> float:
        raise NotImplementedError  # other strategies

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        count = len(self._counts)
        self._counts.clear()
        return count

    def clear(self, key: str) -> None:
        self._counts.pop(key, None)

    def _look(self, key: str, expiry: int, now: float) -> tuple[int, float, int]:
        """Requests of the window before, how much of it still counts (0 to 1), those of this."""
        window, passed = divmod(now, expiry)
        found = self._counts.get(key)
        if found is None:
            if len(self._counts) >= _SWEEP:
                self._sweep()
            found = self._counts[key] = [int(window), 0, 0]
        elif found[0] != window:
            before = found[1] if found[0] == window - 1 else 0
            found[:] = int(window), 0, before
        return found[2], 1 - passed / expiry, found[1]

    def _sweep(self) -> None:
        """The half that came first: whoever still asks begins anew, at worst with a full rate."""
        for key in list(self._counts)[: _SWEEP // 2]:
            del self._counts[key]


@lru_cache(maxsize=1024)
def item_of(rate: str) -> RateLimitItem:
    """Raises CONFIG_INVALID."""
    try:
        item = parse(rate)
    except ValueError as error:
        raise _wrong("serve.rate", f"'{rate}' is no rate", "write 100/minute") from error
    if item.amount < 1:
        raise _wrong("serve.rate", f"'{rate}' allows nothing", "write 100/minute")
    return item


def _standing(item: RateLimitItem, stats: WindowStats, *, is_allowed: bool) -> Standing:
    reset_s = max(1, math.ceil(stats.reset_time - time.time()))
    return Standing(is_allowed, item.amount, item.get_expiry(), stats.remaining, reset_s)


def _redis(url: str) -> AsyncStorage:
    """Raises CONFIG_INVALID, LIBRARY_MISSING."""
    from limits.aio.storage import Storage as AsyncStorage
    from limits.storage import storage_from_string

    scheme = url.partition("://")[0]
    if scheme not in {"redis", "rediss", "redis+unix", "redis+cluster", "redis+sentinel"}:
        hint = "write memory:// or redis://HOST:PORT/DATABASE"
        raise _wrong("serve.rate_storage", f"'{scheme}' keeps no counts here", hint)
    try:
        # Nobody waits longer for their count than for their answer.
        made = storage_from_string(
            f"async+{url}",
            implementation="redispy",
            socket_timeout=0.5,
            socket_connect_timeout=0.5,
        )
    except ConfigurationError as error:
        if "prerequisite" in str(error):
            raise ReelError(
                Code.LIBRARY_MISSING,
                f"serve.rate_storage is {scheme}:, which needs the package 'redis'",
                where="serve.rate_storage",
                hint="pip install 'reelwright[redis]'",
            ) from error
        raise _wrong("serve.rate_storage", str(error), None) from error
    assert isinstance(made, AsyncStorage)
    return made


def _errors(storage: AsyncStorage) -> tuple[type[Exception], ...]:
    found = storage.base_exceptions
    return found if isinstance(found, tuple) else (found,)


def _wrong(where: str, message: str, hint: str | None) -> ReelError:
    return ReelError(Code.CONFIG_INVALID, message, where=where, hint=hint)
