"""`check` finds what is wrong, says where, and says nothing where all is well."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store import artifacts, schema
from reelwright.store.blobs import Blobs
from reelwright.store.check import Checked, check
from reelwright.store.database import database_at
from reelwright.store.store import Store, open_store
from tests.store.every_table import fill


def _found(checked: Checked) -> list[tuple[Code, str | None]]:
    return [(problem.code, problem.where) for problem in checked.findings]


def test_all_is_well(store: Store) -> None:
    store.transact(fill)
    checked = check(store.database)
    assert checked.findings == ()
    assert checked.facts["version"] == schema.HEAD
    assert checked.facts["rows"]["events"] == 2
    assert abs(checked.facts["clock_skew_s"]) < 5


def test_a_database_without_tables_or_with_older_ones(database_url: str) -> None:
    database = database_at(database_url)
    assert _found(check(database)) == [(Code.STORE_VERSION, "schema")]
    schema.upgrade(database, "0002")
    (problem,) = check(database).findings
    assert "0002" in problem.message
    assert problem.hint is not None
    assert "reel db upgrade" in problem.hint


def test_what_somebody_changed_by_hand(store: Store) -> None:
    drop = {
        "sqlite": "DROP TRIGGER audit_no_delete",
        "postgresql": "DROP TRIGGER audit_append_only ON audit",
    }
    with store.write() as tx:
        tx.run(sa.text("ALTER TABLE jobs DROP COLUMN trace"))
        tx.run(sa.text("ALTER TABLE steps ADD COLUMN mine INTEGER"))
        tx.run(sa.text("DROP TABLE sessions"))
        tx.run(sa.text(drop[tx.connection.dialect.name]))
    said = "\n".join(problem.message for problem in check(store.database).findings)
    assert "column jobs.trace is missing" in said
    assert "column steps.mine is not ours" in said
    assert "table sessions is missing" in said
    assert "the audit log can be changed" in said


def test_tables_of_others_are_none_of_ours(store: Store) -> None:
    with store.write() as tx:
        tx.run(sa.text("CREATE TABLE theirs (x INTEGER)"))
    assert check(store.database).findings == ()


def test_rows_that_refer_to_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path / "reel.db")
    store.transact(fill)
    with sqlite3.connect(tmp_path / "reel.db") as raw:  # without PRAGMA foreign_keys
        raw.execute("DELETE FROM jobs WHERE id = 'j1'")
    assert (Code.STORE_DAMAGED, "steps") in _found(check(store.database))


@pytest.mark.postgres
def test_constraints_that_were_never_validated(postgres_url: str) -> None:
    store = open_store(postgres_url)
    with store.write() as tx:
        tx.run(sa.text("ALTER TABLE steps DROP CONSTRAINT fk_steps_job_id_jobs"))
        tx.run(
            sa.text(
                "ALTER TABLE steps ADD CONSTRAINT fk_steps_job_id_jobs FOREIGN KEY (job_id) "
                "REFERENCES jobs (id) ON DELETE CASCADE NOT VALID"
            )
        )
    (problem,) = check(store.database).findings
    assert problem.where == "steps"
    assert "VALIDATE CONSTRAINT" in (problem.hint or "")


def test_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "reel.db"
    store = open_store(path)
    store.transact(fill)
    store.close()
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    data[8192:] = b"\xa5" * (len(data) - 8192)
    path.write_bytes(data)
    try:
        found = [problem.code for problem in check(database_at(path)).findings]
    except ReelError as error:
        found = [error.code]
    assert Code.STORE_DAMAGED in found


def test_files_of_results_that_are_gone(store: Store, tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    source = tmp_path / "made"
    source.write_bytes(b"abc")
    blob = blobs.put(source)
    store.transact(
        lambda tx: artifacts.put(
            tx, "0" * 64, {"out": [blob]}, result={}, report={}, cpu_seconds=1.0
        )
    )
    whole = check(store.database, blobs)
    assert (whole.findings, whole.facts["files"]) == ((), 1)
    blobs.remove(blob.sha256)
    (problem,) = check(store.database, blobs).findings
    assert problem.code is Code.ARTIFACT_DAMAGED
    assert problem.evidence["sha256"] == [blob.sha256]


def test_a_clock_that_is_wrong(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.database.dialect, "clock", f"{store.database.dialect.clock} + 90")
    (problem,) = check(store.database).findings
    assert problem.where == "clock"
    assert "+90" in problem.message
