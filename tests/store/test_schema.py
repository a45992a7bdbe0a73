"""The schema: made at once, or by migrations forward and back, with data in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from reelwright.errors import Code, ReelError
from reelwright.store import artifacts, jobs, schema, steps
from reelwright.store.blobs import Blob
from reelwright.store.database import Database, Tx
from reelwright.store.rows import NewJobRow, NewStep
from reelwright.store.states import StepState
from reelwright.store.store import open_store
from reelwright.store.tables_library import metadata
from reelwright.store.tables_service import audit
from tests.store import every_table


def _is_compared(_object: object, name: str | None, kind: str, _there: bool, _in: object) -> bool:
    """The full-text index is no table of ours to compare: each database makes its own."""
    return kind != "table" or not str(name).startswith(("caption_index", "passage_"))


def _difference(database: Database) -> list[object]:
    with database.engine.connect() as connection:
        options = {"compare_type": True, "include_object": _is_compared}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))


def test_head_is_the_newest_migration() -> None:
    assert ScriptDirectory(str(schema.MIGRATIONS)).get_current_head() == schema.HEAD


def test_tables_made_at_once_are_the_tables(database_url: str) -> None:
    store = open_store(database_url)
    assert schema.version(store.database) == schema.HEAD
    assert _difference(store.database) == []


def test_migrations_lead_to_the_same_tables(database_url: str) -> None:
    database = Database(database_url)
    schema.upgrade(database, "0001")
    schema.ensure(database)
    assert schema.version(database) == schema.HEAD
    assert _difference(database) == []


def test_data_survive_the_way_back_and_forth(database_url: str) -> None:
    store = open_store(database_url)
    job_id = store.transact(_fill)
    schema.downgrade(store.database, "0001")
    assert schema.version(store.database) == "0001"
    schema.upgrade(store.database)
    with store.read() as tx:
        assert jobs.get(tx, job_id).spec == {"say": "ü ✓"}
        assert [row.key for row in steps.of_job(tx, job_id)] == ["a", "b"]
        assert [e.kind for e in jobs.events_after(tx, job_id)] == ["job"]
        assert artifacts.totals(tx) == (0, 0)
    schema.downgrade(store.database, "base")
    assert sa.inspect(store.database.engine).get_table_names() == ["alembic_version"]


def test_rows_of_every_table_on_the_way_back_and_forth(database_url: str) -> None:
    store = open_store(database_url)
    store.transact(every_table.fill)
    before = every_table.contents(store.database)
    schema.downgrade(store.database, "0001")
    # As a program of that release left them: nobody's jobs, and labels in their own column alone.
    store.transact(lambda tx: tx.run(sa.text("UPDATE jobs SET owner = NULL WHERE id = 'j2'")))
    schema.upgrade(store.database)
    after = every_table.contents(store.database)
    first, second = after["jobs"]
    assert (first["owner"], second["owner"]) == ("ana", "local")
    assert first["rank"] == pytest.approx(first["created_at"] - 600 * first["priority"])
    assert after["job_labels"] == before["job_labels"]
    for table in ("steps", "edges", "attempts", "events", "deliveries", "reservations"):
        assert after[table] == before[table]
    new = set(metadata.tables) - {"jobs", "job_labels"}
    new -= {"steps", "edges", "attempts", "events", "deliveries", "reservations"}
    assert all(after[table] == [] for table in new)
    assert _difference(store.database) == []
    store.transact(lambda tx: tx.run(sa.insert(audit), every_table.ROWS["audit"][0]))
    with pytest.raises(sa.exc.DBAPIError), store.write() as tx:
        tx.run(sa.update(audit).values(actor="nobody"))


def test_the_cache_survives_what_only_the_service_added(database_url: str) -> None:
    store = open_store(database_url)
    store.transact(every_table.fill)
    before = every_table.contents(store.database)
    schema.downgrade(store.database, "0002")
    schema.upgrade(store.database)
    after = every_table.contents(store.database)
    for table in ("blobs", "digests", "outcomes", "probes", "rates", "artifacts", "steps"):
        assert after[table] == before[table]


def test_a_newer_database_is_left_alone(database_url: str) -> None:
    store = open_store(database_url)
    with store.write() as tx:
        tx.run(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ReelError) as caught:
        open_store(database_url)
    assert caught.value.code is Code.STORE_VERSION
    assert schema.version(store.database) == "9999"


def test_two_first_starts_at_once(tmp_path: Path) -> None:
    script = "import sys; from reelwright.store.store import open_store; open_store(sys.argv[1])"
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "reel.db")])
        for _ in range(4)
    ]
    assert [process.wait(60) for process in started] == [0, 0, 0, 0]
    assert schema.version(open_store(tmp_path / "reel.db").database) == schema.HEAD


def test_opening_an_up_to_date_store_imports_no_alembic(tmp_path: Path) -> None:
    open_store(tmp_path / "reel.db").close()
    script = (
        "import sys; from reelwright.store.store import open_store; open_store(sys.argv[1]);"
        "sys.exit('alembic' in sys.modules or 'psycopg' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path / "reel.db")]).returncode == 0


def test_a_file_that_is_no_database_is_named_so(tmp_path: Path) -> None:
    path = tmp_path / "reel.db"
    path.write_bytes(b"not a database at all, but long enough to be taken for one" * 100)
    with pytest.raises(ReelError) as caught:
        open_store(path)
    assert caught.value.code is Code.STORE_DAMAGED


def test_an_unknown_database_is_refused() -> None:
    with pytest.raises(ReelError) as caught:
        open_store("mysql://here/reel")
    assert caught.value.code is Code.CONFIG_INVALID


def _fill(tx: Tx) -> str:
    job_id = jobs.insert(tx, NewJobRow({"say": "ü ✓"}, {}, "/"))
    new = [
        NewStep(key, n, f"{n:064x}", "ffmpeg", StepState.WAITING, needs, {"id": key})
        for n, (key, needs) in enumerate({"a": (), "b": ("a",)}.items())
    ]
    steps.insert(tx, job_id, new, max_attempts=3)
    jobs.record(tx, job_id, ("job", {"state": "queued"}))
    blob = Blob("ab" * 32, 3, 1 << 60, (1 << 64) - 1)
    artifacts.put(tx, f"{0:064x}", {"out": [blob]}, result={}, report={}, cpu_seconds=1.0)
    return job_id
