"""Whether a database is whole: its version, tables, rows and files, its clock, its room."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reelwright.errors import Code, Problem, ReelError
from reelwright.store import schema
from reelwright.store.blobs import Blob, Blobs
from reelwright.store.database import Database, Tx
from reelwright.store.dialects import Postgres
from reelwright.store.tables import artifacts, blobs
from reelwright.store.tables_library import CAPTION_INDEX
from reelwright.store.tables_service import APPEND_ONLY
from reelwright.store.tables_understand import metadata

# Leases and retries run on the database's clock alone; logs and tokens are read with both.
_SKEW_S = 5.0
# Connections that one more process may want at once.
_ROOM = 20
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Checked:
    """`facts` are what was looked at; `findings` are empty where all is well."""

    facts: dict[str, Any]
    findings: tuple[Problem, ...]


def check(database: Database, files: Blobs | None = None) -> Checked:
    """Looks, and changes nothing. With `files` each artifact's file is looked for, by a stat.

    Raises STORE_UNAVAILABLE, STORE_LOCKED, and STORE_DAMAGED where not even the version can be
    read.
    """
    facts: dict[str, Any] = {"dialect": database.engine.dialect.name}
    with database.read() as tx:
        database.dialect.steady(tx.connection)
        facts["version"], facts["head"] = schema.version_in(tx), schema.HEAD
        findings = list(_version(facts))
        try:
            findings += _server(tx, facts) if isinstance(tx.dialect, Postgres) else _file(tx, facts)
            findings += _clock(tx, facts)
            if facts["version"] == schema.HEAD:
                findings += _tables(tx, facts)
                findings += _files(tx, facts, files) if files is not None else ()
            facts["workers"] = len(schema.at_work(tx))
        except ReelError as error:
            if error.code is not Code.STORE_DAMAGED:
                raise
            findings.append(error.problem)
    return Checked(facts, tuple(findings))


def _version(facts: dict[str, Any]) -> Iterator[Problem]:
    found = facts["version"]
    if found is None:
        said, hint = "there are no tables", "`reel db upgrade` makes them"
    elif found == schema.HEAD:
        return
    elif schema.is_known(found):
        said = f"the schema is {found}, this release has {schema.HEAD}"
        hint = "`reel db upgrade` brings it up to date"
    else:
        said, hint = f"the schema is {found}, which this release does not know", None
    yield Problem(Code.STORE_VERSION, said, where="schema", hint=hint)


def _file(tx: Tx, facts: dict[str, Any]) -> Iterator[Problem]:
    run = tx.connection.exec_driver_sql
    facts["sqlite"] = run("SELECT sqlite_version()").scalar_one()
    facts["journal_mode"] = run("PRAGMA journal_mode").scalar_one()
    for (said,) in run("PRAGMA integrity_check(10)"):
        if said != "ok":
            yield Problem(Code.STORE_DAMAGED, f"integrity check: {said}", where="database")
    broken: dict[str, int] = {}
    for row in run("PRAGMA foreign_key_check"):
        broken[row[0]] = broken.get(row[0], 0) + 1
    for table, count in sorted(broken.items()):
        said = f"{count} rows refer to rows that are not there"
        yield Problem(Code.STORE_DAMAGED, said, where=table)
    if facts["version"] is not None and facts["journal_mode"] != "wal":
        said = (
            f"the journal mode is {facts['journal_mode']}: readers and writers wait for each other"
        )
        hint = "is the file on a network file system? use a local one, or PostgreSQL"
        yield Problem(Code.STORE_DAMAGED, said, where="journal_mode", hint=hint)


def _server(tx: Tx, facts: dict[str, Any]) -> Iterator[Problem]:
    def show(name: str) -> str:
        return str(tx.connection.exec_driver_sql(f"SHOW {name}").scalar_one())

    facts["postgresql"], facts["encoding"] = show("server_version"), show("server_encoding")
    most = int(show("max_connections"))
    used = int(tx.run(sa.text("SELECT count(*) FROM pg_stat_activity")).scalar_one())
    facts["connections"], facts["max_connections"] = used, most
    if facts["encoding"] != "UTF8":
        said = f"the database's encoding is {facts['encoding']}"
        yield Problem(Code.STORE_DAMAGED, said, where="encoding", hint="make one with UTF8")
    if most - used < _ROOM:
        said = f"{used} of {most} connections are in use; a process wants up to {_ROOM}"
        hint = "raise `max_connections` of the server, or run fewer processes"
        yield Problem(Code.STORE_UNAVAILABLE, said, where="max_connections", hint=hint)
    if tx.run(sa.text("SELECT pg_is_in_recovery()")).scalar_one():
        said, hint = "the server is a standby, which cannot be written to", "name the primary"
        yield Problem(Code.STORE_UNAVAILABLE, said, where="server", hint=hint)
    query = sa.text(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint "
        "WHERE NOT convalidated AND connamespace = current_schema()::regnamespace"
    )
    for table, name in tx.run(query):
        hint = f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}"
        yield Problem(Code.STORE_DAMAGED, f"constraint {name} is not valid", where=table, hint=hint)


def _clock(tx: Tx, facts: dict[str, Any]) -> Iterator[Problem]:
    before = time.time()
    there = float(tx.connection.exec_driver_sql(f"SELECT {tx.dialect.clock}").scalar_one())
    skew_s = there - (before + time.time()) / 2
    facts["clock_skew_s"] = round(skew_s, 3)
    if abs(skew_s) > _SKEW_S:
        said = f"the database's clock is {skew_s:+.1f} s away from this machine's"
        hint = "let both keep time by NTP: times in logs, tokens and messages do not fit"
        yield Problem(Code.STORE_UNAVAILABLE, said, where="clock", hint=hint)


def _tables(tx: Tx, facts: dict[str, Any]) -> Iterator[Problem]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def is_ours(_object: object, name: str | None, kind: str, is_there: bool, _in: object) -> bool:
        return kind != "table" or not is_there or name in metadata.tables

    options = {"compare_type": True, "include_object": is_ours}
    context = MigrationContext.configure(tx.connection, opts=options)
    hint = "restore a backup; or put back what somebody changed by hand"
    for difference in compare_metadata(context, metadata):
        yield Problem(Code.STORE_DAMAGED, _told(difference), where="schema", hint=hint)
    catalog = "sqlite_master" if facts["dialect"] == "sqlite" else "pg_trigger"
    column = "name" if facts["dialect"] == "sqlite" else "tgname"
    there = set(tx.run(sa.text(f"SELECT {column} FROM {catalog}")).scalars())
    for statement in APPEND_ONLY[facts["dialect"]]:
        words = statement.split()
        if words[1] == "TRIGGER" and words[2] not in there:
            said = f"trigger {words[2]} is missing: the audit log can be changed"
            yield Problem(Code.STORE_DAMAGED, said, where="audit", hint=hint)
    for statement in CAPTION_INDEX[facts["dialect"]]:
        words = statement.split()
        if words[1] == "TRIGGER" and words[2] not in there:
            said = f"trigger {words[2]} is missing: what captions say is not found"
            yield Problem(Code.STORE_DAMAGED, said, where="caption_passages", hint=hint)
    counts = {
        name: int(tx.run(sa.select(sa.func.count()).select_from(table)).scalar_one())
        for name, table in sorted(metadata.tables.items())
        if name in sa.inspect(tx.connection).get_table_names()
    }
    facts["rows"] = counts


def _told(difference: Any) -> str:
    """One of Alembic's tuples in words: what has to be done to come to the right tables."""
    first = difference[0] if isinstance(difference, list) else difference
    action, *rest = first
    names = [
        str(getattr(item, "name", item)) for item in rest if isinstance(item, str | sa.Column)
    ] or [str(getattr(rest[0], "name", rest[0]))]
    verb, _, thing = str(action).partition("_")
    word = {"add": "is missing", "remove": "is not ours", "modify": "differs"}.get(verb, verb)
    return f"{thing.replace('_', ' ')} {'.'.join(names)} {word}"


def _files(tx: Tx, facts: dict[str, Any], files: Blobs) -> Iterator[Problem]:
    named = sa.select(artifacts.c.sha256).where(artifacts.c.sha256 == blobs.c.sha256).exists()
    columns = (blobs.c.sha256, blobs.c.size_bytes, blobs.c.mtime_ns, blobs.c.inode)
    found = tx.connection.execute(
        sa.select(*columns).where(named), execution_options={"yield_per": 1000}
    )
    lost: list[str] = []
    looked = bad = 0
    for part in found.partitions(1000):
        some = [Blob(sha256, size, mtime_ns, int(inode)) for sha256, size, mtime_ns, inode in part]
        broken = [
            blob.sha256
            for blob, is_whole in zip(some, files.check_all(some), strict=True)
            if not is_whole
        ]
        looked, bad = looked + len(some), bad + len(broken)
        lost += broken[: _SHOWN - len(lost)]
    facts["files"] = looked
    if bad:
        yield Problem(
            Code.ARTIFACT_DAMAGED,
            f"{bad} of {looked} files of results are gone or were changed",
            where=str(files.root),
            hint="nothing to do: they are made again when a job needs them",
            evidence={"sha256": lost},
        )
