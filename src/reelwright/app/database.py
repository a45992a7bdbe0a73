"""Looking after the database itself: its version, its health, backups."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.app.settings import without_password

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.backup import Manifest
    from reelwright.store.database import Database

_DATABASE = "reelwright.db"


@dataclass(frozen=True, slots=True)
class Moved:
    """The schema before and after; None: no tables. `workers` used the database meanwhile."""

    database: str
    before: str | None
    after: str | None
    workers: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "database": self.database,
            "from": self.before,
            "to": self.after,
            "workers": self.workers,
        }


@dataclass(frozen=True, slots=True)
class Health:
    """What `reel db check` found; `findings` are problems as JSON, none where all is well."""

    database: str
    facts: dict[str, Any]
    findings: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        return {"ok": not self.findings, **asdict(self)}


def upgrade(app: App) -> Moved:
    """Makes the tables or brings them up to date. Two at once do it once.

    Migrations only add, in one transaction, and wait for no worker: those that run go on. Raises
    STORE_*.
    """
    from reelwright.store import schema

    with _opened(app) as (database, name):
        before = schema.version(database)
        schema.ensure(database)
        with database.read() as tx:
            workers = len(schema.at_work(tx))
        return Moved(name, before, schema.version(database), workers)


def downgrade(app: App, revision: str) -> Moved:
    """Brings the tables back to `revision`, for an older release; what is newer in them is lost.

    Raises STORE_LOCKED while workers use the database, STORE_VERSION.
    """
    from reelwright.store import schema

    with _opened(app) as (database, name):
        before = schema.version(database)
        schema.downgrade(database, revision)
        return Moved(name, before, schema.version(database))


def check(app: App, *, files: bool = False) -> Health:
    """Raises STORE_UNAVAILABLE, STORE_LOCKED."""
    from reelwright.errors import Code, ReelError
    from reelwright.store import check as checking

    with _opened(app) as (database, name):
        try:
            found = checking.check(database, app.blobs if files else None)
        except ReelError as error:
            if error.code is not Code.STORE_DAMAGED:
                raise
            return Health(name, {}, (error.problem.to_json(),))
    return Health(name, found.facts, tuple(problem.to_json() for problem in found.findings))


def backup(app: App, target: Path, *, overwrite: bool = False) -> Manifest:
    """Raises OUTPUT_EXISTS, DISK_FULL, PERMISSION_DENIED, STORE_*."""
    from reelwright.store import backup as backups

    with _opened(app) as (database, _):
        return backups.write(database, target.absolute(), overwrite=overwrite)


def restore(app: App, source: Path, *, replace: bool = False) -> Manifest:
    """Raises BACKUP_INVALID, INPUT_NOT_FOUND, STORE_NOT_EMPTY, STORE_VERSION, STORE_*."""
    from reelwright.store import backup as backups

    with _opened(app) as (database, _):
        return backups.restore(database, source.absolute(), replace=replace)


@contextmanager
def _opened(app: App) -> Iterator[tuple[Database, str]]:
    """The database as it is, where `App.store` would bring it up to date, and its name."""
    from reelwright.app.wiring import make_home
    from reelwright.store.database import database_at

    if app.settings.database is None:
        make_home(app.home)
    place = app.settings.database or app.home / _DATABASE
    database = database_at(place)
    try:
        yield database, without_password(str(place))
    finally:
        database.close()
