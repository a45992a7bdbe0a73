"""What SQLite and PostgreSQL do differently: connecting, beginning, the clock, the errors."""

from __future__ import annotations

import select
import sqlite3
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from reelwright.errors import Code, ReelError

# A transaction here takes a few milliseconds; who waits this long meets something broken.
BUSY_TIMEOUT_S = 15

# Of one process: requests, the engine, the combiner, the bell, the leader's lock. Whoever waits so
# long for a connection hears STORE_UNAVAILABLE.
_POOL = {"pool_size": 10, "max_overflow": 10, "pool_timeout": 10.0}
# A server that vanished without a word (a pulled cable) is noticed after 20 s.
_CONNECT: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,
    "application_name": "reelwright",
}
# A process that is frozen inside a transaction must not hold its locks for ever.
_SESSION = (
    "-c statement_timeout=30000",
    f"-c lock_timeout={BUSY_TIMEOUT_S}000",
    "-c idle_in_transaction_session_timeout=20000",
)


class clock(FunctionElement[float]):  # noqa: N801 - written like a function of SQL's own
    """The database's clock, in seconds since 1970."""

    type = sa.Float(53)
    inherit_cache = True


@compiles(clock, "sqlite")
def _sqlite_clock(_element: clock, _compiler: SQLCompiler, **_named: object) -> str:
    return f"({Sqlite.clock})"


@compiles(clock, "postgresql")
def _postgres_clock(_element: clock, _compiler: SQLCompiler, **_named: object) -> str:
    return f"({Postgres.clock})"


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

    def for_reading(self, engine: sa.Engine) -> sa.Engine:
        """The same connections, as reads want them."""
        return engine

    @abstractmethod
    def begin(self, connection: sa.Connection, *, write: bool, durable: bool) -> None:
        """Opens the transaction; `durable` False: a power cut may lose it, a crash may not."""

    @abstractmethod
    def serialise(self, connection: sa.Connection, name: str) -> None:
        """From here to the end of the transaction, one at a time for `name`."""

    @abstractmethod
    def lock_jobs(self, connection: sa.Connection, job_ids: Sequence[str]) -> None:
        """First in every transaction that changes jobs, in the order of `job_ids`: one order of
        locks, no deadlocks."""

    @abstractmethod
    def ring(self, connection: sa.Connection) -> None:
        """Other processes hear of the commit."""

    @abstractmethod
    def prepare(self, engine: sa.Engine) -> None:
        """Once, before the tables are made."""

    @abstractmethod
    def is_open(self, connection: sa.Connection) -> bool:
        """Whether its transaction can go on: an error may have ended or spoiled it."""

    @abstractmethod
    def steady(self, connection: sa.Connection) -> None:
        """First in a read that takes long, or has to: it sees one moment."""

    @abstractmethod
    def be_patient(self, connection: sa.Connection) -> None:
        """This transaction may take as long as it takes."""

    @abstractmethod
    def continue_numbers(self, connection: sa.Connection, table: str, column: str) -> None:
        """After rows with numbers of their own: the next number is above them."""

    @abstractmethod
    def drop_functions(self, connection: sa.Connection) -> None:
        """What the tables leave behind when they are dropped."""

    @abstractmethod
    def insert(self, table: sa.Table) -> Any:
        """An INSERT that knows ON CONFLICT."""

    @abstractmethod
    def translate(self, error: DBAPIError) -> ReelError | None:
        """The driver's error in our words; None where it is our own mistake."""


class _Gate:
    """A lock that is not waited for without end: whoever holds it may wait for another process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=BUSY_TIMEOUT_S):
            raise ReelError(Code.STORE_LOCKED, "the database is locked", where="database")

    def __exit__(self, *_error: object) -> None:
        self._lock.release()


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
        self.gate = _Gate()

    def create_engine(self) -> sa.Engine:
        path = sa.make_url(self.url).database
        if path and path != ":memory:":
            # The folder holds specs and logs: for its owner alone, as the XDG specification asks.
            Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        in_file = {} if path in {None, "", ":memory:"} else _POOL
        engine = sa.create_engine(self.url, connect_args={"timeout": BUSY_TIMEOUT_S}, **in_file)
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

    def lock_jobs(self, connection: sa.Connection, job_ids: Sequence[str]) -> None:
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

    def steady(self, connection: sa.Connection) -> None:
        """Each transaction does."""

    def be_patient(self, connection: sa.Connection) -> None:
        """There is no limit."""

    def continue_numbers(self, connection: sa.Connection, table: str, column: str) -> None:
        """AUTOINCREMENT remembers the highest number that ever was."""

    def drop_functions(self, connection: sa.Connection) -> None:
        """Triggers go with their table."""

    def is_open(self, connection: sa.Connection) -> bool:
        # SQLite rolls a transaction back by itself when the disk is full or fails.
        raw: Any = connection.connection.dbapi_connection
        return bool(raw.in_transaction)

    def insert(self, table: sa.Table) -> Any:
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)

    def translate(self, error: DBAPIError) -> ReelError | None:
        return translate_sqlite(error.orig)


_LOCK_JOBS = sa.text("SELECT 1 FROM jobs WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")


class Postgres(Dialect):
    clock = "extract(epoch from clock_timestamp())::float8"

    def create_engine(self) -> sa.Engine:
        # What the URL says itself counts.
        given = sa.make_url(self.url).query
        arguments = {name: value for name, value in _CONNECT.items() if name not in given}
        arguments["options"] = " ".join([*_SESSION, str(given.get("options", ""))]).strip()
        engine = sa.create_engine(self.url, connect_args=arguments, pool_use_lifo=True, **_POOL)
        sa.event.listen(engine, "checkout", _look_alive)
        return engine

    def for_reading(self, engine: sa.Engine) -> sa.Engine:
        # What one statement reads is true for it alone anyway (READ COMMITTED): without a
        # transaction it is one round trip in place of three.
        return engine.execution_options(isolation_level="AUTOCOMMIT")

    def begin(self, connection: sa.Connection, *, write: bool, durable: bool) -> None:
        if write and not durable:
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")

    def serialise(self, connection: sa.Connection, name: str) -> None:
        connection.execute(
            sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name}
        )

    def lock_jobs(self, connection: sa.Connection, job_ids: Sequence[str]) -> None:
        connection.execute(_LOCK_JOBS, {"ids": list(job_ids)})

    def ring(self, connection: sa.Connection) -> None:
        connection.exec_driver_sql("SELECT pg_notify('reel', '')")

    def prepare(self, engine: sa.Engine) -> None:
        """Nothing to set on the server."""

    def steady(self, connection: sa.Connection) -> None:
        # Reads have no transaction else; this one ends when the connection is given back.
        connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        self.be_patient(connection)

    def be_patient(self, connection: sa.Connection) -> None:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")

    def continue_numbers(self, connection: sa.Connection, table: str, column: str) -> None:
        # Of a column without a sequence there is nothing to set: setval() of NULL is NULL.
        connection.exec_driver_sql(
            f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column})) "
            f"FROM {table} HAVING count(*) > 0"
        )

    def drop_functions(self, connection: sa.Connection) -> None:
        connection.exec_driver_sql("DROP FUNCTION IF EXISTS audit_append_only()")

    def is_open(self, connection: sa.Connection) -> bool:
        if connection.invalidated:
            return False
        raw: Any = connection.connection.dbapi_connection
        return bool(raw.info.transaction_status.name == "INTRANS")

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
        # 25P03: it was idle for too long, the process had been frozen.
        is_gone = state[:2] in {"08", "57", "53"} or state in {"", "25P03"}
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


def _look_alive(connection: Any, _record: object, _proxy: object) -> None:
    """A connection that lay in the pool while the server went away is replaced, unseen by anybody.

    Nothing may come on a connection that rests but news of its end, so one look at the socket is
    enough: half a microsecond, where a ping of each would cost a round trip.
    """
    try:
        if _is_quiet(connection.fileno()):
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.rollback()
    except (connection.Error, OSError) as error:
        raise InvalidatePoolError from error


def _is_quiet(descriptor: int) -> bool:
    if not hasattr(select, "poll"):
        return not select.select([descriptor], [], [], 0)[0]
    poll = select.poll()  # select() knows no descriptor above 1023
    poll.register(descriptor, select.POLLIN)
    return not poll.poll(0)


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
