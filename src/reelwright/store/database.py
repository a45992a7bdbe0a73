"""Transactions: short ones, on the database's clock, with the driver's errors translated."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from reelwright.errors import Code, ReelError
from reelwright.store.dialects import Dialect, dialect_for, translate_sqlite

T = TypeVar("T")
_LOCK_TRIES = 8


@dataclass(frozen=True, slots=True)
class EventRow:
    """What happened to a job; `seq` counts from 1 without gaps within the job."""

    job_id: str
    seq: int
    at: float
    kind: str
    body: Mapping[str, Any]


@dataclass(slots=True)
class Tx:
    """One open transaction; every query of the store takes it first.

    `is_news`: other processes are to hear of the commit (`bell`); with events they always do.
    """

    connection: sa.Connection
    dialect: Dialect
    written: list[EventRow] = field(default_factory=list)
    is_news: bool = False
    _now: float | None = None

    def now(self) -> float:
        """Seconds since 1970 on the database's clock, read once a transaction."""
        if self._now is None:
            self._now = float(
                self.connection.exec_driver_sql(f"SELECT {self.dialect.clock}").scalar_one()
            )
        return self._now

    def run(
        self, statement: sa.Executable, values: Any = None
    ) -> sa.CursorResult[*tuple[Any, ...]]:
        result: sa.CursorResult[*tuple[Any, ...]] = self.connection.execute(statement, values)
        return result

    def lock_job(self, job_id: str) -> None:
        self.dialect.lock_job(self.connection, job_id)


class Database:
    """A URL, its connections, and who hears of the events of each commit."""

    def __init__(self, url: str) -> None:
        self.dialect = dialect_for(url)
        self.engine = self.dialect.create_engine()
        self.listeners: list[Callable[[EventRow], None]] = []

    @contextmanager
    def read(self) -> Iterator[Tx]:
        with self._open(write=False, durable=True) as tx:
            yield tx

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Tx]:
        """Commits at the end, or rolls back. Raises STORE_* and DISK_FULL.

        Listeners are called in this thread.
        """
        with self.dialect.gate, self._open(write=True, durable=durable) as tx:
            yield tx
            if tx.written or tx.is_news:
                self.dialect.ring(tx.connection)
        for event in tx.written:
            for listener in self.listeners:
                listener(event)

    def transact(self, change: Callable[[Tx], T], *, durable: bool = True) -> T:
        """`write` as a function, which is run again when the database chose it as a victim."""
        for tries in range(_LOCK_TRIES):
            try:
                with self.write(durable=durable) as tx:
                    return change(tx)
            except ReelError as error:
                if error.code is not Code.STORE_LOCKED or tries + 1 == _LOCK_TRIES:
                    raise
                time.sleep(random.uniform(0, 0.01 * 2**tries))
        raise AssertionError("the last try returns or raises")

    @contextmanager
    def listening(self) -> Iterator[Callable[[float], bool]]:
        """A connection of its own that hears of other processes' commits (PostgreSQL): the function
        waits so many seconds at the most, and says whether there was one. Raises STORE_*."""
        raw_error = self.engine.dialect.loaded_dbapi.Error
        with self._translated(), self.engine.connect() as connection:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql("LISTEN reel")
            raw: Any = connection.connection.dbapi_connection

            def wait(timeout_s: float) -> bool:
                try:
                    return any(True for _ in raw.notifies(timeout=timeout_s, stop_after=1))
                except raw_error as error:
                    raise ReelError(Code.STORE_UNAVAILABLE, str(error).strip()) from error

            try:
                yield wait
            finally:
                connection.detach()  # it listens, so it does not go back to the others

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
        with self._translated(), self.engine.connect() as connection, connection.begin():
            self.dialect.begin(connection, write=write, durable=durable)
            yield Tx(connection, self.dialect)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            translated = self.dialect.translate(error)
            if translated is None:
                raise
            raise translated from error
        except sqlite3.Error as error:  # from a PRAGMA or a BEGIN, which pass by SQLAlchemy
            translated = translate_sqlite(error)
            if translated is None:
                raise
            raise translated from error
