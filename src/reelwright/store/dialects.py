"""What SQLite and PostgreSQL do differently: connecting, beginning, the clock, the errors."""

from __future__ import annotations

import sqlite3
import threading
import time
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

from reelwright.errors import Code, ReelError

# A transaction here takes a few milliseconds; who waits this long meets something broken.
BUSY_TIMEOUT_S = 15


class Dialect(ABC):
    """One database behind the one set of queries."""

    clock: str  # SQL for "now" in seconds since 1970
    # Held by each thread of this process that writes.
    gate: AbstractContextManager[Any]

    def __init__(self, url: str) -> None:
        self.url = url
        self.gate = nullcontext()

    @abstractmethod
    def create_engine(self) -> sa.Engine: ...

    @abstractmethod
    def begin(self, connection: sa.Connection, *, write: bool, durable: bool) -> None:
        """Opens the transaction; `durable` False: a power cut may lose it, a crash may not."""

    @abstractmethod
    def serialise(self, connection: sa.Connection, name: str) -> None:
        """From here to the end of the transaction, one at a time for `name`."""

    @abstractmethod
    def lock_job(self, connection: sa.Connection, job_id: str) -> None:
        """First in every transaction that changes a job: one order of locks, no deadlocks."""

    @abstractmethod
    def ring(self, connection: sa.Connection) -> None:
        """Other processes hear of the commit."""

    @abstractmethod
    def prepare(self, engine: sa.Engine) -> None:
        """Once, before the tables are made."""

    @abstractmethod
    def insert(self, table: sa.Table) -> Any:
        """An INSERT that knows ON CONFLICT."""

    @abstractmethod
    def translate(self, error: DBAPIError) -> ReelError | None:
        """The driver's error in our words; None where it is our own mistake."""


class Sqlite(Dialect):
    """One file beside its write-ahead log.

    ``synchronous=FULL``: a submitted job and a finished step must survive a power cut, and NORMAL
    syncs the log only at checkpoints. Leases and progress are written with NORMAL: they are
    worthless after a power cut anyway.
    """

    clock = "(julianday('now') - 2440587.5) * 86400.0"  # unixepoch('subsec') needs SQLite 3.42

    def __init__(self, url: str) -> None:
        super().__init__(url)
        # Threads that wait for SQLite's own lock sleep, up to 0.1 s at a time, and in no order.
        self.gate = threading.Lock()

    def create_engine(self) -> sa.Engine:
        path = sa.make_url(self.url).database
        if path and path != ":memory:":
            # The folder holds specs and logs: for its owner alone, as the XDG specification asks.
            Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        engine = sa.create_engine(self.url, connect_args={"timeout": BUSY_TIMEOUT_S})
        sa.event.listen(engine, "connect", _configure_sqlite)
        return engine

    def begin(self, connection: sa.Connection, *, write: bool, durable: bool) -> None:
        raw: Any = connection.connection.dbapi_connection
        if write:
            raw.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        # IMMEDIATE: a reader that turns into a writer could find the database changed, and fail.
        raw.execute("BEGIN IMMEDIATE" if write else "BEGIN")

    def serialise(self, connection: sa.Connection, name: str) -> None:
        """BEGIN IMMEDIATE let nobody else in."""

    def lock_job(self, connection: sa.Connection, job_id: str) -> None:
        """BEGIN IMMEDIATE let nobody else in."""

    def ring(self, connection: sa.Connection) -> None:
        """Whoever watches the file sees that it has changed."""

    def prepare(self, engine: sa.Engine) -> None:
        # The mode stays with the file. Two first starts at once meet SQLITE_BUSY, for which
        # SQLite does not wait here.
        for wait_s in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, None):
            try:
                with engine.connect() as connection:
                    raw: Any = connection.connection.dbapi_connection
                    raw.execute("PRAGMA journal_mode=WAL")
                return
            except (OperationalError, sqlite3.OperationalError):
                if wait_s is None:
                    raise
                time.sleep(wait_s)

    def insert(self, table: sa.Table) -> Any:
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)

    def translate(self, error: DBAPIError) -> ReelError | None:
        return translate_sqlite(error.orig)


class Postgres(Dialect):
    clock = "extract(epoch from clock_timestamp())::float8"

    def create_engine(self) -> sa.Engine:
        return sa.create_engine(
            self.url,
            connect_args={
                "connect_timeout": 5,
                "options": "-c statement_timeout=30000 -c lock_timeout=15000",
            },
        )

    def begin(self, connection: sa.Connection, *, write: bool, durable: bool) -> None:
        if write and not durable:
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")

    def serialise(self, connection: sa.Connection, name: str) -> None:
        connection.execute(
            sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name}
        )

    def lock_job(self, connection: sa.Connection, job_id: str) -> None:
        connection.execute(sa.text("SELECT 1 FROM jobs WHERE id = :id FOR UPDATE"), {"id": job_id})

    def ring(self, connection: sa.Connection) -> None:
        connection.exec_driver_sql("SELECT pg_notify('reel', '')")

    def prepare(self, engine: sa.Engine) -> None:
        """Nothing to set on the server."""

    def insert(self, table: sa.Table) -> Any:
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)

    def translate(self, error: DBAPIError) -> ReelError | None:
        state = getattr(error.orig, "sqlstate", None) or ""
        text = str(error.orig).strip()
        if state in {"40001", "40P01", "55P03"}:  # serialization, deadlock, lock not available
            return ReelError(Code.STORE_LOCKED, text)
        if state in {"53100", "53200"}:  # disk full, out of memory
            code = Code.DISK_FULL if state == "53100" else Code.STORE_UNAVAILABLE
            return ReelError(code, text, where="database")
        # 08 connection, 57P0x shutdown, 57014 timeout, 53300 too many connections; psycopg gives
        # no state at all when the server never answered.
        is_gone = state[:2] in {"08", "57", "53"} or not state
        if is_gone and (isinstance(error, OperationalError) or error.connection_invalidated):
            return ReelError(Code.STORE_UNAVAILABLE, text)
        return None


def translate_sqlite(error: BaseException | None) -> ReelError | None:
    if not isinstance(error, sqlite3.DatabaseError):
        return None
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF  # without the extension
    found = {
        sqlite3.SQLITE_BUSY: Code.STORE_LOCKED,
        sqlite3.SQLITE_LOCKED: Code.STORE_LOCKED,
        sqlite3.SQLITE_FULL: Code.DISK_FULL,
        sqlite3.SQLITE_CORRUPT: Code.STORE_DAMAGED,
        sqlite3.SQLITE_NOTADB: Code.STORE_DAMAGED,
        sqlite3.SQLITE_CANTOPEN: Code.STORE_UNAVAILABLE,
        sqlite3.SQLITE_IOERR: Code.STORE_UNAVAILABLE,
        sqlite3.SQLITE_READONLY: Code.PERMISSION_DENIED,
        sqlite3.SQLITE_PERM: Code.PERMISSION_DENIED,
    }.get(code)
    return None if found is None else ReelError(found, f"the database says: {error}")


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late and is DEFERRED
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=FULL")


def dialect_for(url: str) -> Dialect:
    """Raises CONFIG_INVALID for a database that is neither SQLite nor PostgreSQL."""
    scheme, _, rest = url.partition(":")
    name = scheme.partition("+")[0]
    if name == "sqlite":
        return Sqlite(url)
    if name in {"postgres", "postgresql"}:
        return Postgres(f"postgresql+psycopg:{rest}")
    raise ReelError(
        Code.CONFIG_INVALID,
        f"no such database: {scheme!r}",
        hint="use a path, sqlite:///path or postgresql://…",
    )
