"""Group commit: changes that are asked for at the same time share one transaction.

A commit waits for the disk (2 ms on a laptop, 10 on a NAS), whatever is in it. One thread takes
what has come meanwhile and commits it together; each change has a savepoint of its own, so that
one which fails takes nobody with it.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError

from reelwright.errors import Code, ReelError
from reelwright.store.database import Tx
from reelwright.store.store import Store

T = TypeVar("T")
# So many changes share a commit at the most: whoever came first does not wait for all of them.
_MOST = 128


@dataclass(frozen=True, slots=True)
class _Asked:
    change: Callable[[Tx], Any]
    order: str
    done: Future[Any]


@dataclass(slots=True)
class _Outcome:
    value: Any = None
    error: BaseException | None = None


class Combiner:
    """Commits changes of any thread or task in one thread of its own. `close` it at the end."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def submit(self, change: Callable[[Tx], T], *, order: str = "") -> Future[T]:
        """Has `change` run and committed durably. It may run more than once, and then the run
        before left nothing.

        `order` is the id of the job that it changes: within a transaction jobs are locked in the
        order of their ids, so that two processes do not wait for each other. The future raises what
        `Store.transact` raises.
        """
        self._start()
        done: Future[T] = Future()
        self._asked.put(_Asked(change, order, done))
        return done

    async def transact(self, change: Callable[[Tx], T], *, order: str = "") -> T:
        """`submit`, awaited. What was asked for is committed even where the caller is cancelled."""
        return await asyncio.wrap_future(self.submit(change, order=order))

    def close(self) -> None:
        """Commits what was asked for, then ends the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._asked.put(None)
            thread.join()

    def _start(self) -> None:
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="commits", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while (first := self._asked.get()) is not None:
            batch, is_last = self._more(first)
            batch = [one for one in batch if one.done.set_running_or_notify_cancel()]
            self._commit(sorted(batch, key=lambda one: one.order))
            if is_last:
                return

    def _more(self, first: _Asked) -> tuple[list[_Asked], bool]:
        batch = [first]
        while len(batch) < _MOST:
            try:
                one = self._asked.get_nowait()
            except queue.Empty:
                break
            if one is None:
                return batch, True
            batch.append(one)
        return batch, False

    def _commit(self, batch: list[_Asked]) -> None:
        if len(batch) > 1:
            try:
                outcomes = self._store.transact(lambda tx: [_run(tx, one) for one in batch])
            except ReelError as error:
                if error.code is Code.STORE_UNAVAILABLE:
                    outcomes = [_Outcome(error=error) for _ in batch]
                else:  # together they could not win: each for itself
                    outcomes = [self._alone(one) for one in batch]
            except Exception:  # noqa: BLE001 - each hears of its own mistake
                outcomes = [self._alone(one) for one in batch]
        else:
            outcomes = [self._alone(one) for one in batch]
        for one, outcome in zip(batch, outcomes, strict=True):
            if outcome.error is None:
                one.done.set_result(outcome.value)
            else:
                one.done.set_exception(outcome.error)

    def _alone(self, one: _Asked) -> _Outcome:
        try:
            return _Outcome(self._store.transact(one.change))
        except Exception as error:  # noqa: BLE001 - belongs to whoever asked
            return _Outcome(error=error)


def _run(tx: Tx, one: _Asked) -> _Outcome:
    """Within its savepoint. Raises what the whole transaction cannot go on after."""
    told = len(tx.written)
    try:
        with tx.connection.begin_nested():
            return _Outcome(one.change(tx))
    except DBAPIError as error:
        translated = tx.dialect.translate(error)
        if translated is None:
            del tx.written[told:]
            return _Outcome(error=error)
        raise  # the connection, the disk or a deadlock: none of them is this change's alone
    except Exception as error:  # noqa: BLE001 - belongs to whoever asked
        del tx.written[told:]
        return _Outcome(error=error)
