"""How many actors a model should have, which of them is asked next, and when none is: pure.

Nobody decides for all. Every node that asks sees what the actors say of themselves, and may add
the next one; their names are numbered below the most that are allowed, so that two nodes that add
one at once add the same one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

# A new actor takes seconds of CPU to start and to load: less waiting than this is not worth it.
WORTH_S = 3.0
# So many in a row that ended without an answer are no accident.
LOOP = 3
REST_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """An actor as somebody sees it who asks. `waiting`: asks that are not answered yet, his own
    and those that it told of; `service_s`: what one takes, 0 where none was answered yet.
    `is_ready`: it has been heard of since it was started."""

    index: int
    waiting: int = 0
    service_s: float = 0.0
    is_ready: bool = True

    @property
    def wait_s(self) -> float:
        """How long a new ask would wait there."""
        return self.waiting * self.service_s


def next_asked(loads: Sequence[Load]) -> Load | None:
    """The one that answers first. Of equals the first: the last ones are to become idle. One that
    is still loading is asked only where no other is there."""
    ready = [load for load in loads if load.is_ready]
    return min(
        ready or loads, key=lambda load: (load.wait_s, load.waiting, load.index), default=None
    )


def to_add(loads: Sequence[Load], most: int, *, worth_s: float = WORTH_S) -> int | None:
    """The number of the actor that should be added, None where there are enough: one more where
    everywhere more is waiting than a start takes, and none is starting already."""
    free = _free(load.index for load in loads)
    if len(loads) >= most or free >= most:
        return None
    if not loads:
        return free
    is_busy = all(load.is_ready and load.wait_s >= worth_s for load in loads)
    return free if is_busy else None


def to_warm(indices: Iterable[int], count: int, most: int) -> tuple[int, ...]:
    """The numbers that are missing until there are `count`."""
    there = set(indices)
    missing = max(0, min(count, most) - len(there))
    return tuple(index for index in range(most) if index not in there)[:missing]


def may_rest(index: int, idle_s: float, *, least: int, after_s: float) -> bool:
    """Whether an actor that was not asked for `idle_s` is to end."""
    return index >= least and idle_s >= after_s


def _free(indices: Iterable[int]) -> int:
    there = set(indices)
    return next(index for index in range(len(there) + 1) if index not in there)


class Breaker:
    """Open after `LOOP` failures in a row, for `REST_S`; then one ask may try."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._until = 0.0

    def allows(self) -> bool:
        """Whether an ask may be made now; after a rest this is the one that tries, and the others
        wait for how it goes."""
        if self._failures < LOOP:
            return True
        if self._clock() < self._until:
            return False
        self._until = self._clock() + REST_S
        return True

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= LOOP:
            self._until = self._clock() + REST_S

    def trip(self) -> None:
        """As after a loop of them."""
        self._failures = max(self._failures, LOOP - 1)
        self.failed()

    def succeeded(self) -> None:
        self._failures = 0
