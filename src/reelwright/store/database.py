"""Transactions: short ones, on the database's clock, with the driver's errors translated."""

from __future__ import annotations

import logging
import random
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from reelwright.errors import Code, ReelError
from reelwright.store.dialects import (
    BUSY_TIMEOUT_S,
    Dialect,
    clock,
    dialect_for,
    translate_sqlite,
)

T = TypeVar("T")
_LOCK_TRIES = 8
# Evidence of a connection that was lost before the COMMIT was sent: nothing has happened.
_BROKEN = "rolled_back"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EventRow:
    """What happened to a job; `seq` counts from 1 without gaps within the job.

    The others are for listeners and not stored. `wants_look`: False where whoever wrote it has
    decided already what comes next in the job. `is_sent`: there are messages to webhooks of it.
    """

    job_id: str
    seq: int
    at: float
    kind: str
    body: Mapping[str, Any]
    wants_look: bool = True
    is_sent: bool = False


@dataclass(slots=True)
class Tx:
    """One open transaction; every query of the store takes it first.

    `is_news`: other processes are to hear of the commit (`bell`); with events they always do.
    `locked`: the jobs that `lock_jobs` has locked.
    """

    connection: sa.Connection
    dialect: Dialect
    written: list[EventRow] = field(default_factory=list)
    locked: set[str] = field(default_factory=set)
    is_news: bool = False
    is_committing: bool = False
    _now: float | None = None

    def now(self) -> float:
        """Seconds since 1970 on the database's clock, read once a transaction."""
        if self._now is None:
            self._now = float(
                self.connection.exec_driver_sql(f"SELECT {self.dialect.clock}").scalar_one()
            )
        return self._now

    def clock(self) -> sa.ColumnElement[float]:
        """The same within a statement: where one needs it, it need not be asked for before."""
        return clock() if self._now is None else sa.literal(self._now)

    def set_now(self, now: float) -> None:
        """What a statement has read of `clock()` beside its rows."""
        if self._now is None:
            self._now = now

    def run(
        self, statement: sa.Executable, values: Any = None
    ) -> sa.CursorResult[*tuple[Any, ...]]:
        result: sa.CursorResult[*tuple[Any, ...]] = self.connection.execute(statement, values)
        return result

    def lock_job(self, job_id: str) -> None:
        self.lock_jobs([job_id])

    def lock_jobs(self, job_ids: Collection[str]) -> None:
        """In the order of their ids; what is locked already costs nothing."""
        new = sorted(set(job_ids) - self.locked)
        if new:
            self.dialect.lock_jobs(self.connection, new)
            self.locked.update(new)


class Database:
    """A URL, its connections, and who hears of the events of each commit."""

    def __init__(self, url: str) -> None:
        self.dialect = dialect_for(url)
        self.engine = self.dialect.create_engine()
        self._reading = self.dialect.for_reading(self.engine)
        self.listeners: list[Callable[[EventRow], None]] = []

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """Each statement sees what was committed before it; all of them the same only after
        `Dialect.steady`."""
        with self._open(write=False, durable=True) as tx:
            yield tx

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Tx]:
        """Commits at the end, or rolls back. Raises STORE_* and DISK_FULL.

        A STORE_UNAVAILABLE whose evidence says ``commit: unknown`` is a COMMIT without an answer:
        it may have been done. Listeners are called in this thread.
        """
        with self.dialect.gate, self._open(write=True, durable=durable) as tx:
            yield tx
            if tx.written or tx.is_news:
                self.dialect.ring(tx.connection)
        for event in tx.written:
            for listener in list(self.listeners):
                self._tell(listener, event)

    def transact(self, change: Callable[[Tx], T], *, durable: bool = True) -> T:
        """`write` as a function, which is run again where that is safe: when the database chose it
        as a victim, and once when the connection broke before its COMMIT was sent.

        After a COMMIT without an answer only the caller knows whether twice is harmless.
        """
        until = time.monotonic() + BUSY_TIMEOUT_S
        is_second = False
        for tries in range(_LOCK_TRIES):
            try:
                with self.write(durable=durable) as tx:
                    return change(tx)
            except ReelError as error:
                is_victim = error.code is Code.STORE_LOCKED and time.monotonic() < until
                is_broken = _BROKEN in error.problem.evidence and not is_second
                if not (is_victim or is_broken) or tries + 1 == _LOCK_TRIES:
                    raise
                is_second = is_second or is_broken
                if is_victim:
                    time.sleep(random.uniform(0, 0.01 * 2**tries))
        raise AssertionError("the last try returns or raises")

    @contextmanager
    def listening(self) -> Iterator[Callable[[float], bool]]:
        """A connection of its own that hears of other processes' commits (PostgreSQL): the function
        waits so many seconds at the most, and says whether there was one. Raises STORE_*."""
        raw_error = self.engine.dialect.loaded_dbapi.Error
        with self._translated(), self.engine.connect() as connection:
            connection.detach()  # it listens from now on, so it does not go back to the others
            raw: Any = connection.connection.dbapi_connection
            raw.autocommit = True

            def wait(timeout_s: float) -> bool:
                return any(True for _ in raw.notifies(timeout=timeout_s, stop_after=1))

            try:
                raw.execute("LISTEN reel")
                yield wait
            except raw_error as error:
                raise ReelError(Code.STORE_UNAVAILABLE, str(error).strip()) from error

    @contextmanager
    def watching(self) -> Iterator[Callable[[], int]]:
        """A connection of its own that sees whether others have changed the file (SQLite)."""
        with self._translated(), self.engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            yield lambda: int(raw.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _open(self, *, write: bool, durable: bool) -> Iterator[Tx]:
        tx = None
        try:
            engine = self.engine if write else self._reading
            with self._translated(), engine.connect() as connection, connection.begin():
                tx = Tx(connection, self.dialect)
                self.dialect.begin(connection, write=write, durable=durable)
                yield tx
                tx.is_committing = write
        except ReelError as error:
            if error.code is Code.STORE_UNAVAILABLE and isinstance(error.__cause__, DBAPIError):
                raise _lost(error, tx) from error.__cause__
            raise

    def _tell(self, listener: Callable[[EventRow], None], event: EventRow) -> None:
        """It is committed: who cannot hear of it must not make it look as if it were not."""
        try:
            listener(event)
        except Exception:  # noqa: BLE001 - a listener's mistake is its own
            _log.exception("a listener failed at an event of job %s", event.job_id)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            translated = self.dialect.translate(error)
            if translated is None:
                raise
            raise self._placed(translated) from error
        except PoolTimeoutError as error:
            said = "all connections of this process are in use"
            raise self._placed(ReelError(Code.STORE_UNAVAILABLE, said)) from error
        except sqlite3.Error as error:  # from a PRAGMA or a BEGIN, which pass by SQLAlchemy
            translated = translate_sqlite(error)
            if translated is None:
                raise
            raise self._placed(translated) from error

    def _placed(self, error: ReelError) -> ReelError:
        """With the database's address, without its password, where it does not answer."""
        problem = error.problem
        if problem.where is not None or problem.code is not Code.STORE_UNAVAILABLE:
            return error
        shown = self.engine.url.set(query={}).render_as_string(hide_password=True)
        return ReelError.of(replace(problem, where=shown))


def _lost(error: ReelError, tx: Tx | None) -> ReelError:
    """The same, and what is known of the transaction that was under way."""
    if tx is None or error.problem.evidence:  # there was no connection, or it says so already
        return error
    known = {"commit": "unknown"} if tx.is_committing else {_BROKEN: True}
    return ReelError(error.code, error.problem.message, where=error.problem.where, evidence=known)


def database_at(place: str | Path) -> Database:
    """By URL (``postgresql://…``, ``sqlite:///…``) or SQLite file by path; nothing is asked yet.

    Raises CONFIG_INVALID, LIBRARY_MISSING.
    """
    url = f"sqlite:///{place}" if isinstance(place, Path) or "://" not in place else place
    return Database(url)
