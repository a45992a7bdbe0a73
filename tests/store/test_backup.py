"""Backups: everything comes back, on either database, or nothing is touched."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store import attempts, backup, jobs, schema
from reelwright.store.database import Database, Tx, database_at
from reelwright.store.rows import NewJobRow
from reelwright.store.store import open_store
from reelwright.store.tables_library import metadata
from reelwright.store.tables_service import audit
from tests.postgres import Server
from tests.store.every_table import ROWS, contents, fill


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of an SQLite file with a row in every table."""
    folder = tmp_path_factory.mktemp("backup")
    store = open_store(folder / "reel.db")
    store.transact(fill)
    backup.write(store.database, folder / "all.zip")
    store.close()
    return folder / "all.zip"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def another_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'another' / 'reel.db'}"
    server: Server = request.getfixturevalue("postgres_server")
    import secrets

    return server.create(f"t{secrets.token_hex(6)}")


def _code(work: Callable[[], object]) -> Code:
    with pytest.raises(ReelError) as caught:
        work()
    return caught.value.code


def test_everything_comes_back_on_either_database(
    database_url: str, another_url: str, tmp_path: Path
) -> None:
    first, second = open_store(database_url), database_at(another_url)
    first.transact(fill)
    assert all(ROWS[name] for name in metadata.tables), "nothing is proved without rows"
    manifest = backup.write(first.database, tmp_path / "all.zip")
    assert manifest.rows == sum(map(len, ROWS.values()))
    assert backup.restore(second, tmp_path / "all.zip") == manifest
    before, after = contents(first.database), contents(second)
    for name in ("workers", "cluster_nodes", "cluster_heads"):  # of that other place
        assert after.pop(name) == []
        del before[name]
    for step in before["steps"]:
        if step["lease_until"] is not None:
            step["lease_until"] = 0.0
    assert after == before
    assert schema.version(second) == schema.HEAD


def test_numbers_of_the_audit_log_go_on(made: Path, database_url: str) -> None:
    database = database_at(database_url)
    backup.restore(database, made)
    row = {k: v for k, v in ROWS["audit"][0].items() if k != "seq"}
    database.transact(lambda tx: tx.run(sa.insert(audit), row))
    with database.read() as tx:
        assert list(tx.run(sa.select(audit.c.seq).order_by(audit.c.seq)).scalars())[-1] == 42
    with pytest.raises(sa.exc.DBAPIError), database.write() as tx:
        tx.run(sa.delete(audit))


def test_a_restored_lease_is_over(made: Path, database_url: str) -> None:
    database = database_at(database_url)
    backup.restore(database, made)
    with database.read() as tx:
        assert [held.key for held in attempts.expired(tx)] == ["a"]
        assert schema.at_work(tx) == []


def test_it_is_for_its_owner_alone_and_replaces_only_when_asked(made: Path, tmp_path: Path) -> None:
    store = open_store(tmp_path / "reel.db")
    target = tmp_path / "b.zip"
    backup.write(store.database, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert _code(lambda: backup.write(store.database, target)) is Code.OUTPUT_EXISTS
    store.transact(fill)
    backup.write(store.database, target, overwrite=True)
    assert backup.inspect(target).rows == backup.inspect(made).rows
    assert [p.name for p in tmp_path.glob(".*")] == []


def test_a_database_that_holds_something_is_left_alone(made: Path, database_url: str) -> None:
    store = open_store(database_url)
    job_id = store.transact(lambda tx: jobs.insert(tx, NewJobRow({}, {}, "/")))
    assert _code(lambda: backup.restore(store.database, made)) is Code.STORE_NOT_EMPTY
    with store.read() as tx:
        assert jobs.get(tx, job_id).id == job_id
    backup.restore(store.database, made, replace=True)
    assert [row["id"] for row in contents(store.database)["jobs"]] == ["j1", "j2"]


def test_who_works_with_it_is_not_pulled_away_from_it(made: Path, database_url: str) -> None:
    store = open_store(database_url)
    store.transact(fill)
    store.transact(
        lambda tx: tx.run(sa.text("UPDATE workers SET heartbeat_at = :now"), {"now": tx.now()})
    )
    restore = lambda: backup.restore(store.database, made, replace=True)  # noqa: E731
    assert _code(restore) is Code.STORE_LOCKED
    assert _code(lambda: schema.downgrade(store.database, "0001")) is Code.STORE_LOCKED
    assert len(contents(store.database)["jobs"]) == 2


@pytest.mark.parametrize("version", ["0001", "0002"])
def test_an_older_backup_is_migrated(version: str, database_url: str, tmp_path: Path) -> None:
    older = database_at(f"sqlite:///{tmp_path / 'older.db'}")
    schema.ensure(older)
    older.transact(fill)
    schema.downgrade(older, version)
    manifest = backup.write(older, tmp_path / "older.zip")
    assert manifest.schema == version
    database = database_at(database_url)
    backup.restore(database, tmp_path / "older.zip")
    assert schema.version(database) == schema.HEAD
    found = contents(database)
    assert [row["id"] for row in found["jobs"]] == ["j1", "j2"]
    assert found["jobs"][0]["rank"] == pytest.approx(ROWS["jobs"][0]["created_at"] - 3 * 600)
    assert {row["name"] for row in found["job_labels"]} == {"show", "n"}
    assert bool(found["outcomes"]) == (version == "0002")


def _rewritten(made: Path, target: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = change(name, old.read(name))
            if data is not None:
                new.writestr(name, data)
    return target


def _newer(name: str, data: bytes) -> bytes:
    return data.replace(b'"schema": "0007"', b'"schema": "9999"')


DAMAGES: dict[str, Callable[[str, bytes], bytes | None]] = {
    "changed": lambda name, data: data.replace(b"ana", b"eve"),
    "shortened": lambda name, data: b"" if name == "jobs.jsonl" else data,
    "a part less": lambda name, data: None if name == "steps.jsonl" else data,
    "no manifest": lambda name, data: None if name == "manifest.json" else data,
    "another format": lambda name, data: data.replace(b"reelwright-backup", b"other"),
    "no JSON": lambda name, data: b"{" if name == "manifest.json" else data,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_backup_is_refused_before_anything_is_written(
    damage: str, made: Path, tmp_path: Path
) -> None:
    source = _rewritten(made, tmp_path / "bad.zip", DAMAGES[damage])
    store = open_store(tmp_path / "reel.db")
    store.transact(lambda tx: jobs.insert(tx, NewJobRow({"keep": 1}, {}, "/")))
    restore = lambda: backup.restore(store.database, source, replace=True)  # noqa: E731
    assert _code(restore) is Code.BACKUP_INVALID
    assert [row["spec"] for row in contents(store.database)["jobs"]] == [{"keep": 1}]


def test_what_is_no_backup_is_named_so(made: Path, tmp_path: Path) -> None:
    database = database_at(tmp_path / "reel.db")
    torn, text = tmp_path / "torn.zip", tmp_path / "text"
    torn.write_bytes(made.read_bytes()[:-100])
    text.write_text("hello")
    for path in (torn, text):
        assert _code(partial(backup.restore, database, path)) is Code.BACKUP_INVALID
    assert _code(lambda: backup.restore(database, tmp_path / "no")) is Code.INPUT_NOT_FOUND
    newer = _rewritten(made, tmp_path / "newer.zip", _newer)
    assert _code(lambda: backup.restore(database, newer)) is Code.STORE_VERSION
    assert _code(lambda: backup.write(database, tmp_path / "x.zip")) is Code.STORE_VERSION
    assert not (tmp_path / "x.zip").exists()


def test_rows_that_a_database_refuses_leave_it_as_it_was(made: Path, database_url: str) -> None:
    """Digests hold, but a step belongs to no job: as if somebody had made the file by hand."""
    import hashlib

    orphan = made.with_name("orphan.zip")

    def without_jobs(name: str, data: bytes) -> bytes:
        if name == "jobs.jsonl":
            return b""
        if name == "manifest.json":
            body = json.loads(data)
            for part in body["parts"]:
                if part["table"] == "jobs":
                    empty = hashlib.sha256().hexdigest()
                    part.update(rows=0, size_bytes=0, sha256=empty)
            return json.dumps(body).encode()
        return data

    database = database_at(database_url)
    source = _rewritten(made, orphan, without_jobs)
    assert _code(lambda: backup.restore(database, source)) is Code.BACKUP_INVALID
    assert schema.version(database) is None


def test_it_is_one_moment_while_others_write(database_url: str, tmp_path: Path) -> None:
    """Each change makes a job with its event: no backup may hold the one without the other."""
    store, writing = open_store(database_url), open_store(database_url)
    ended = threading.Event()

    def one(tx: Tx) -> None:
        job_id = jobs.insert(tx, NewJobRow({}, {}, "/"))
        jobs.record(tx, job_id, ("job", {"state": "queued"}))

    def go_on() -> None:
        while not ended.is_set():
            writing.transact(one, durable=False)

    for _ in range(300):
        store.transact(one, durable=False)
    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        found = [
            {part.table: part.rows for part in backup.write(store.database, path).parts}
            for path in (tmp_path / f"{n}.zip" for n in range(5))
        ]
    finally:
        ended.set()
        thread.join()
    assert all(rows["jobs"] == rows["events"] >= 300 for rows in found)
    assert found[-1]["jobs"] > found[0]["jobs"], "nobody was held up"


def test_two_upgrades_at_once(database_url: str) -> None:
    database = Database(database_url)
    schema.ensure(database)
    database.transact(fill)
    schema.downgrade(database, "0001")
    script = (
        "import sys; from reelwright.store import schema; "
        "from reelwright.store.database import database_at; schema.ensure(database_at(sys.argv[1]))"
    )
    running = [subprocess.Popen([sys.executable, "-c", script, database_url]) for _ in range(3)]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    assert schema.version(database) == schema.HEAD
    assert len(contents(database)["job_labels"]) == 2
