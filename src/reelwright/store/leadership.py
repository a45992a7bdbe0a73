"""Which process leads: the one that holds a lock, of PostgreSQL or on a file beside SQLite's.

A lock goes with its process, but not with one that is frozen. So the leader gives a sign of life
with each `hold`, and who finds it silent for long takes its place. For a moment two may believe
that they lead: what a leader does must be right whoever else does it, and is fenced by SQL.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from reelwright.store.dialects import Postgres
from reelwright.store.store import Store

# A leader that is silent for so long is frozen, or as good as.
SILENT_S = 8.0
# "reel" as a number: advisory locks are numbers that a database's users agree on.
_NUMBER = 0x7265656C


class Leadership(Protocol):
    """Of one process. Blocking: not for the thread of an event loop."""

    def hold(self) -> bool:
        """Takes the lead where nobody has it, or gives a sign of life; whether this one leads."""
        ...

    def release(self) -> None: ...


def leadership(store: Store) -> Leadership:
    if isinstance(store.database.dialect, Postgres):
        return AdvisoryLock(store.database.engine)
    path = sa.make_url(store.url).database or ""
    return FileLock(Path(f"{path}-leader"))


class AdvisoryLock:
    """On a connection of its own: when that is lost, so is the lead."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._connection: sa.Connection | None = None
        self._leads = False

    def hold(self) -> bool:
        try:
            return self._hold()
        except SQLAlchemyError:
            self.release()
            return False

    def release(self) -> None:
        connection, self._connection = self._connection, None
        self._leads = False
        if connection is not None:
            with suppress(SQLAlchemyError):
                connection.invalidate()  # closed, not given back: the lock goes with it
                connection.close()

    def _hold(self) -> bool:
        if self._connection is None:
            connection = self._engine.connect()
            self._connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        if self._leads:
            self._scalar("SELECT 1")  # the sign of life, and whether the connection lives
            return True
        self._leads = bool(self._scalar("SELECT pg_try_advisory_lock(:number)"))
        if not self._leads:
            self._end_silent()
        return self._leads

    def _end_silent(self) -> None:
        """Its connection is ended; the lock is free for whoever asks next."""
        self._scalar(
            "SELECT count(pg_terminate_backend(a.pid)) FROM pg_locks l"
            " JOIN pg_stat_activity a ON a.pid = l.pid"
            " WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = :number"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND a.state_change < clock_timestamp() - make_interval(secs => :silent_s)",
            silent_s=SILENT_S,
        )

    def _scalar(self, query: str, **values: Any) -> Any:
        assert self._connection is not None
        if ":number" in query:
            values["number"] = _NUMBER
        return self._connection.execute(sa.text(query), values).scalar()


class FileLock:
    """``flock`` on a file whose time of change is the sign of life. A silent leader's file is
    replaced by a new one; it sees so when it looks again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def hold(self) -> bool:
        try:
            return self._keep() if self._file is not None else self._take()
        except OSError:
            self.release()
            return False

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _keep(self) -> bool:
        assert self._file is not None
        if not self._is_mine(self._file):
            self.release()
            return False
        os.utime(self._file)
        return True

    def _take(self) -> bool:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            silent_s = time.time() - os.fstat(file).st_mtime
            os.close(file)
            if silent_s > SILENT_S:
                self._path.unlink(missing_ok=True)
            return False
        if not self._is_mine(file):  # replaced between opening and locking
            os.close(file)
            return False
        os.utime(file)
        self._file = file
        return True

    def _is_mine(self, file: int) -> bool:
        try:
            named = self._path.stat()
        except FileNotFoundError:
            return False
        return (named.st_dev, named.st_ino) == (os.fstat(file).st_dev, os.fstat(file).st_ino)
