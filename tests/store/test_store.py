"""Opening: where the home is, what a transaction promises, what the driver's errors become."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store import jobs
from reelwright.store.database import Tx
from reelwright.store.dialects import Postgres, translate_sqlite
from reelwright.store.rows import NewJobRow
from reelwright.store.store import Store, open_store


def test_the_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    open_store(tmp_path / "home" / "reel.db").close()
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_sqlite_is_durable_and_keeps_its_keys(tmp_path: Path) -> None:
    store = open_store(tmp_path / "reel.db")
    with store.write() as tx:
        assert tx.connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert tx.connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        assert tx.connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    with store.write(durable=False) as tx:
        assert tx.connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 1
    with store.write() as tx:
        assert tx.connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2


def test_readers_see_one_moment(store: Store) -> None:
    with store.read() as tx:
        assert tx.now() == tx.now()


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    def change(tx: Tx) -> None:
        jobs.insert(tx, NewJobRow({}, {}, "/"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.transact(change)
    with store.read() as tx:
        assert jobs.listing(tx) == []


def test_writers_take_turns(store: Store) -> None:
    job_id = store.transact(lambda tx: jobs.insert(tx, NewJobRow({}, {}, "/")))

    def add() -> None:
        for _ in range(20):
            store.transact(lambda tx: jobs.record(tx, job_id, ("job", {})))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as tx:
        assert [e.seq for e in jobs.events_after(tx, job_id)] == list(range(1, 81))


def test_our_own_mistakes_in_sql_are_not_translated(store: Store) -> None:
    with pytest.raises(sa.exc.DBAPIError), store.read() as tx:
        tx.run(sa.text("SELECT nothing FROM nowhere"))


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (sqlite3.SQLITE_BUSY, Code.STORE_LOCKED),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, Code.STORE_LOCKED),
        (sqlite3.SQLITE_FULL, Code.DISK_FULL),
        (sqlite3.SQLITE_CORRUPT, Code.STORE_DAMAGED),
        (sqlite3.SQLITE_NOTADB, Code.STORE_DAMAGED),
        (sqlite3.SQLITE_CANTOPEN, Code.STORE_UNAVAILABLE),
        (sqlite3.SQLITE_READONLY, Code.PERMISSION_DENIED),
        (sqlite3.SQLITE_CONSTRAINT, None),
    ],
)
def test_sqlite_errors_have_their_codes(number: int, code: Code | None) -> None:
    error = sqlite3.OperationalError("no")
    error.sqlite_errorcode = number
    found = translate_sqlite(error)
    assert (None if found is None else found.code) is code


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("40P01", Code.STORE_LOCKED),
        ("55P03", Code.STORE_LOCKED),
        ("53100", Code.DISK_FULL),
        ("57P01", Code.STORE_UNAVAILABLE),
        ("08006", Code.STORE_UNAVAILABLE),
        ("", Code.STORE_UNAVAILABLE),
        ("42601", None),
    ],
)
def test_postgres_errors_have_their_codes(state: str, code: Code | None) -> None:
    class RefusalError(Exception):
        sqlstate = state or None

    error = sa.exc.OperationalError("SELECT 1", {}, RefusalError("no"))
    found = Postgres("postgresql://x").translate(error)
    assert (None if found is None else found.code) is code


def test_a_locked_database_is_tried_again(store: Store) -> None:
    tries: list[int] = []

    def change(_tx: object) -> str:
        tries.append(1)
        if len(tries) < 3:
            raise ReelError(Code.STORE_LOCKED, "busy")
        return "done"

    assert store.transact(change) == "done"
    assert len(tries) == 3
    with pytest.raises(ReelError):
        store.transact(lambda _tx: (_ for _ in ()).throw(ReelError(Code.STORE_LOCKED, "busy")))
