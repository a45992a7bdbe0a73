"""The schema's version: asked for with one cheap query, changed only where it differs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from reelwright.errors import Code, ReelError
from reelwright.store.database import Database, Tx
from reelwright.store.tables_library import CAPTION_INDEX_GONE
from reelwright.store.tables_understand import PASSAGE_INDEX_GONE, metadata

if TYPE_CHECKING:
    from alembic.config import Config

# The newest revision in migrations/versions; a test compares the two, and the tables with both.
HEAD = "0007"
MIGRATIONS = Path(__file__).parent / "migrations"
# A worker that has given no sign of life for so long does not count as one.
_SILENCE_S = 30.0

_version = sa.table("alembic_version", sa.column("version_num", sa.String(32)))


def ensure(database: Database) -> None:
    """Makes the tables, or brings them to `HEAD`.

    Raises STORE_VERSION when the database belongs to a newer release, and STORE_*.
    """
    found = version(database)
    if found == HEAD:
        return
    if found is None:
        _create(database)
    else:
        upgrade(database)


def version(database: Database) -> str | None:
    """The revision that the tables have; None where there are none."""
    try:
        with database.engine.connect() as connection:
            return connection.execute(sa.select(_version.c.version_num)).scalar_one_or_none()
    except DBAPIError as error:
        translated = database.dialect.translate(error)
        if translated is not None:
            raise translated from error
        return None  # no such table


def version_in(tx: Tx) -> str | None:
    """The same as that transaction sees it."""
    if not sa.inspect(tx.connection).has_table(_version.name):
        return None
    found: str | None = tx.run(sa.select(_version.c.version_num)).scalar_one_or_none()
    return found


def is_known(revision: str) -> bool:
    """Whether this release has the migration; revisions are numbered 0001, 0002 and so on."""
    return any(path.name.startswith(f"{revision}_") for path in MIGRATIONS.glob("versions/*.py"))


def reflected(tx: Tx) -> list[sa.Table]:
    """Our tables as they are in the database, whatever its version: those that others refer to
    come first."""
    there = set(sa.inspect(tx.connection).get_table_names()) & metadata.tables.keys()
    found = sa.MetaData()
    found.reflect(tx.connection, only=sorted(there))
    return found.sorted_tables


def make(tx: Tx, revision: str) -> None:
    """Runs the migrations forward to `revision` within a transaction."""
    from alembic import command

    command.upgrade(config_for(tx.connection), revision)


def drop(tx: Tx) -> None:
    """Removes our tables and all that is in them."""
    name = tx.connection.dialect.name
    for statement in (*CAPTION_INDEX_GONE[name], *PASSAGE_INDEX_GONE[name]):
        tx.connection.exec_driver_sql(statement)
    found = sa.MetaData()
    ours = {*metadata.tables, _version.name}
    there = set(sa.inspect(tx.connection).get_table_names())
    found.reflect(tx.connection, only=sorted(there & ours))
    found.drop_all(tx.connection, checkfirst=False)
    tx.dialect.drop_functions(tx.connection)


def at_work(tx: Tx) -> list[str]:
    """Workers that hold a lease or gave a sign of life just now."""
    tables = {table.name: table for table in reflected(tx)}
    found: set[str] = set()
    if "steps" in tables:
        steps = tables["steps"].c
        held = sa.select(steps.lease_owner).where(steps.lease_until > tx.now())
        found |= {owner for owner in tx.run(held).scalars() if owner}
    if "workers" in tables:
        workers = tables["workers"].c
        alive = sa.select(workers.id).where(workers.heartbeat_at > tx.now() - _SILENCE_S)
        found |= set(tx.run(alive).scalars())
    return sorted(found)


def refuse_in_service(tx: Tx) -> None:
    """Raises STORE_LOCKED where somebody works with the tables that are about to go."""
    if workers := at_work(tx):
        raise ReelError(
            Code.STORE_LOCKED,
            f"{len(workers)} workers use the database, {workers[0]} among them",
            hint="stop `reel serve` and `reel worker` first, and wait half a minute",
        )


def upgrade(database: Database, revision: str = "head") -> None:
    """Runs the migrations forward, one process at a time."""
    from alembic import command

    _migrate(database, lambda config, _tx: command.upgrade(config, revision))


def downgrade(database: Database, revision: str) -> None:
    """Runs the migrations back to `revision` (``base``: no tables). What newer tables and columns
    hold is lost.

    Raises STORE_LOCKED while workers use the database, and STORE_VERSION.
    """
    from alembic import command
    from alembic.script import ScriptDirectory

    def back(config: Config, tx: Tx) -> None:
        known = sorted(s.revision for s in ScriptDirectory.from_config(config).walk_revisions())
        if revision not in {"base", *known}:
            hint = f"there are: base, {', '.join(known)}"
            raise ReelError(Code.STORE_VERSION, f"there is no version '{revision}'", hint=hint)
        refuse_in_service(tx)
        command.downgrade(config, revision)

    _migrate(database, back)


def _create(database: Database) -> None:
    """All tables at once: on a fresh database Alembic would cost more than the first job."""
    database.dialect.prepare(database.engine)
    with database.write() as tx:
        database.dialect.serialise(tx.connection, "schema")
        if sa.inspect(tx.connection).has_table("alembic_version"):
            return  # another process was faster
        metadata.create_all(tx.connection)
        tx.connection.exec_driver_sql(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"
        )
        tx.run(sa.insert(_version).values(version_num=HEAD))


def config_for(connection: sa.Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _migrate(database: Database, run: Callable[[Config, Tx], None]) -> None:
    from alembic.util.exc import CommandError

    database.dialect.prepare(database.engine)
    try:
        with database.write() as tx:
            database.dialect.be_patient(tx.connection)  # it may rewrite a large table
            database.dialect.serialise(tx.connection, "schema")
            run(config_for(tx.connection), tx)
    except CommandError as error:
        raise ReelError(Code.STORE_VERSION, str(error)) from error
