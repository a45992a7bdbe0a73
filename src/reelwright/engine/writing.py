"""How changes are committed: each for itself, or together with what others ask for meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from reelwright.store.combine import AFTER_JOBS, Combiner
from reelwright.store.database import Tx
from reelwright.store.store import Store

T = TypeVar("T")
# After all ids of jobs, in whose order changes of one commit lock them. What comes here must wait
# for no lock of a job (`jobs.lock_free`).
LAST = AFTER_JOBS


class Write(Protocol):
    """Commits a change; it may run more than once. Raises STORE_*, and what the change raises."""

    async def __call__(self, change: Callable[[Tx], T], *, order: str = "") -> T: ...


def alone(store: Store) -> Write:
    """At once, in the caller's thread: a run of one job waits for nobody."""

    async def write(change: Callable[[Tx], Any], *, order: str = "") -> Any:
        return store.transact(change)

    return write


def together(combiner: Combiner) -> Write:
    """In the thread of the process's commits; the event loop goes on meanwhile."""
    return combiner.transact
