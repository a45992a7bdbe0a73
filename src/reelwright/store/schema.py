"""The schema's version: asked for with one cheap query, changed only where it differs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from reelwright.errors import Code, ReelError
from reelwright.store.database import Database
from reelwright.store.tables_service import metadata

if TYPE_CHECKING:
    from alembic.config import Config

# The newest revision in migrations/versions; a test compares the two, and the tables with both.
HEAD = "0003"
MIGRATIONS = Path(__file__).parent / "migrations"

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


def upgrade(database: Database, revision: str = "head") -> None:
    """Runs the migrations forward, one process at a time."""
    from alembic import command

    _migrate(database, lambda config: command.upgrade(config, revision))


def downgrade(database: Database, revision: str) -> None:
    """Runs the migrations back to `revision` (``base``: no tables)."""
    from alembic import command

    _migrate(database, lambda config: command.downgrade(config, revision))


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


def _migrate(database: Database, run: Callable[[Config], None]) -> None:
    from alembic.util.exc import CommandError

    database.dialect.prepare(database.engine)
    try:
        with database.write() as tx:
            database.dialect.serialise(tx.connection, "schema")
            run(config_for(tx.connection))
    except CommandError as error:
        raise ReelError(Code.STORE_VERSION, str(error)) from error
