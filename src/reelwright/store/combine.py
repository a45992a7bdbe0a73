"""Group commit: changes that are asked for at the same time share one transaction.

A commit waits for the disk (2 ms on a laptop, 10 on a NAS), whatever is in it. One thread takes
what has come meanwhile and commits it together; each change has a savepoint of its own, so that
one which fails takes nobody with it.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from sqlalchemy.exc import DBAPIError

from reelwright.errors import Code, ReelError
from reelwright.store.database import Tx
from reelwright.store.store import Store

T = TypeVar("T")
Item = TypeVar("Item")
# Orders from here on are no jobs': they come after all of them.
AFTER_JOBS = "~"
# So many changes share a commit at the most: whoever came first does not wait for all of them.
_MOST = 128
# Whoever waits behind a database that is away or locked hears of it at once.
_AWAY = {Code.STORE_UNAVAILABLE, Code.STORE_LOCKED}


@dataclass(frozen=True, slots=True)
class OneOf(Generic[Item, T]):
    """A change that is made together with others of its kind, in few statements: `many` gets the
    items that came together, and gives a value for each. Called, it is made alone."""

    many: Callable[[Tx, list[Item]], list[T]]
    item: Item

    def __call__(self, tx: Tx) -> T:
        return self.many(tx, [self.item])[0]


@dataclass(frozen=True, slots=True)
class _Asked:
    change: Callable[[Tx], Any]
    order: str
    done: Future[Any]

    @property
    def many(self) -> Callable[[Tx, list[Any]], list[Any]] | None:
        return self.change.many if isinstance(self.change, OneOf) else None

    @property
    def item(self) -> Any:
        return self.change.item if isinstance(self.change, OneOf) else None


@dataclass(slots=True)
class _Outcome:
    value: Any = None
    error: BaseException | None = None


class Combiner:
    """Commits changes of any thread or task in one thread of its own. `close` it at the end; a
    process that ends without it, or is killed, loses only what nobody was told to be done.

    A process that was forked makes one of its own.
    """

    def __init__(self, store: Store) -> None:
        # Hears how many changes were asked for together.
        self.on_commit: Callable[[int], None] = lambda _count: None
        self._store = store
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def submit(self, change: Callable[[Tx], T], *, order: str = "") -> Future[T]:
        """Has `change` run and committed durably. It may run more than once, and then the run
        before left nothing.

        `order` is the id of the job that it changes: within a transaction jobs are locked in the
        order of their ids, so that two processes do not wait for each other. The future raises what
        `Store.transact` raises. One that is cancelled before its turn is not run.

        A change that is `OneOf` many is made with those that came together; where that fails, each
        of them alone.
        """
        asked = _Asked(change, order, Future())
        with self._lock:  # so that nothing comes between the last change and the end of the thread
            if self._thread is None:
                self._asked = queue.SimpleQueue()
                self._thread = threading.Thread(
                    target=self._work, args=(self._asked,), name="commits", daemon=True
                )
                self._thread.start()
            self._asked.put(asked)
        return asked.done

    def submit_to(
        self, many: Callable[[Tx, list[Item]], list[T]], item: Item, *, order: str = ""
    ) -> Future[T]:
        """`submit` of `OneOf` many."""
        return self.submit(OneOf(many, item), order=order)

    async def transact(self, change: Callable[[Tx], T], *, order: str = "") -> T:
        """`submit`, awaited. A caller that is cancelled cannot know whether it was committed."""
        return await asyncio.wrap_future(self.submit(change, order=order))

    def close(self) -> None:
        """Commits what was asked for, then ends the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._asked.put(None)
        if thread is not None:
            thread.join()

    def _work(self, asked: queue.SimpleQueue[_Asked | None]) -> None:
        while (first := asked.get()) is not None:
            batch, is_last = _more(asked, first)
            batch = [one for one in batch if one.done.set_running_or_notify_cancel()]
            self._commit(sorted(batch, key=lambda one: one.order))
            self.on_commit(len(batch))
            if is_last:
                return

    def _commit(self, batch: list[_Asked]) -> None:
        outcomes: list[_Outcome] | None = None
        if len(batch) > 1:
            try:
                outcomes = self._store.transact(lambda tx: _run_all(tx, batch))
            except ReelError as error:
                if error.code is Code.STORE_UNAVAILABLE:  # perhaps committed: not a second time
                    outcomes = [_Outcome(error=ReelError.of(error.problem)) for _ in batch]
            except Exception:  # noqa: BLE001 - together they could not win: each for itself
                pass
        for one, outcome in zip(batch, outcomes or self._each(batch), strict=True):
            if outcome.error is None:
                one.done.set_result(outcome.value)
            else:
                one.done.set_exception(outcome.error)

    def _each(self, batch: list[_Asked]) -> Iterator[_Outcome]:
        """Each in a transaction of its own, until the database does not answer."""
        away: ReelError | None = None
        for one in batch:
            if away is not None:
                yield _Outcome(error=ReelError.of(away.problem))
                continue
            try:
                yield _Outcome(self._store.transact(one.change))
            except Exception as error:  # noqa: BLE001 - belongs to whoever asked
                if isinstance(error, ReelError) and error.code in _AWAY:
                    away = error
                yield _Outcome(error=error)


def _more(asked: queue.SimpleQueue[_Asked | None], first: _Asked) -> tuple[list[_Asked], bool]:
    batch = [first]
    while len(batch) < _MOST:
        try:
            one = asked.get_nowait()
        except queue.Empty:
            break
        if one is None:
            return batch, True
        batch.append(one)
    return batch, False


def _run_all(tx: Tx, batch: list[_Asked]) -> list[_Outcome]:
    """What is made of many at once comes first, the others in the order of the batch. The jobs of
    all of them are locked before, in the order of their ids."""
    many = batch[0].many
    if many is not None and all(one.many is many for one in batch):
        # Nobody beside it that a failure could take along: no savepoint.
        return [_Outcome(value) for value in many(tx, [one.item for one in batch])]
    tx.lock_jobs({one.order for one in batch if one.order and one.order < AFTER_JOBS})
    groups: dict[Any, list[int]] = {}
    for place, one in enumerate(batch):
        groups.setdefault(one.many, []).append(place)
    alone = groups.pop(None, [])
    found: dict[int, _Outcome] = {}
    for many, places in groups.items():
        items = [batch[place].item for place in places]
        made = _within(tx, partial(_call, many, items))
        if made.error is None:
            values = zip(places, made.value, strict=True)
            found |= {place: _Outcome(value) for place, value in values}
        else:
            alone += places
    found |= {place: _within(tx, batch[place].change) for place in sorted(alone)}
    return [found[place] for place in range(len(batch))]


def _call(many: Callable[[Tx, list[Any]], list[Any]], items: list[Any], tx: Tx) -> list[Any]:
    return many(tx, items)


def _within(tx: Tx, change: Callable[[Tx], Any]) -> _Outcome:
    """Within a savepoint. Raises what the whole transaction cannot go on after."""
    told, locked = len(tx.written), set(tx.locked)
    try:
        with tx.connection.begin_nested():
            return _Outcome(change(tx))
    except Exception as error:
        # A lost connection, a deadlock, a full disk: none of them is this change's alone. SQLite
        # may have rolled back by itself, and would commit each further statement at once.
        is_ours = isinstance(error, DBAPIError) and tx.dialect.translate(error) is not None
        if is_ours or not tx.dialect.is_open(tx.connection):
            raise
        del tx.written[told:]
        tx.locked = locked  # what was locked within is free again
        return _Outcome(error=error)
