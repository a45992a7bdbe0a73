"""A backup: one ZIP file with every row as a line of JSON, to be restored into either database.

``manifest.json`` says what is in it: the schema's version, and for each table its rows and the
SHA-256 of its part ``TABLE.jsonl``. Rows are written as the database holds them, so a backup of an
older schema stays what it is, and is migrated after it was restored.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError, StatementError

from reelwright import __version__
from reelwright.errors import Code, ReelError
from reelwright.store import schema
from reelwright.store.blobs import refused
from reelwright.store.database import Database, Tx

FORMAT = "reelwright-backup"
_FORMAT_VERSION = 1
_MANIFEST = "manifest.json"
_MANIFEST_BYTES = 1 << 20
_ROWS = 500  # are in memory at a time
# Processes that worked on another database.
_NOT_RESTORED = {"workers", "cluster_nodes", "cluster_heads"}


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one table; `size_bytes` and `sha256` are those of the text, not compressed."""

    table: str
    rows: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """`made_at` is on the clock of the database that was read, in seconds since 1970."""

    schema: str
    release: str
    dialect: str
    made_at: float
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, "format_version": _FORMAT_VERSION, **asdict(self)}

    @staticmethod
    def from_json(body: Any) -> Manifest:
        """Raises BACKUP_INVALID."""
        try:
            if (body.pop("format"), body.pop("format_version")) != (FORMAT, _FORMAT_VERSION):
                raise _invalid("it is not in a form that this release knows", _MANIFEST)
            parts = tuple(Part(**part) for part in body.pop("parts"))
            return Manifest(**body, parts=parts)
        except (AttributeError, KeyError, TypeError) as error:
            raise _invalid(f"its manifest is incomplete: {error}", _MANIFEST) from error


def write(database: Database, target: Path, *, overwrite: bool = False) -> Manifest:
    """Writes all rows of one moment to `target`, while others go on writing to the database.

    The file is readable by its owner alone (it holds secrets of webhooks), and stands under its
    name when it is whole and on the disk. Raises OUTPUT_EXISTS, OUTPUT_PATH, DISK_FULL,
    PERMISSION_DENIED, STORE_VERSION (there are no tables), STORE_*.
    """
    if not overwrite and target.exists():
        raise ReelError(Code.OUTPUT_EXISTS, f"{target} exists", where=str(target))
    if not target.parent.is_dir():
        hint = "make the folder first, or name another"
        said = f"there is no folder {target.parent}"
        raise ReelError(Code.OUTPUT_PATH, said, where=str(target), hint=hint)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with _new_file(part) as file:
            manifest = _write(database, file)
        part.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise refused(error, target) from error
    finally:
        part.unlink(missing_ok=True)
    return manifest


def restore(database: Database, source: Path, *, replace: bool = False) -> Manifest:
    """Puts a backup into an empty database, or in place of all that is there, in one transaction.

    Every part is read and compared with its digest before anything is written. The tables are made
    as the backup has them and then migrated. What was running when it was made counts as running
    with a lease that is over: the next worker takes it up. Raises BACKUP_INVALID, INPUT_NOT_FOUND,
    STORE_NOT_EMPTY, STORE_VERSION, STORE_LOCKED (somebody works with the database), STORE_*.
    """
    with _opened(source) as archive:
        manifest = _verified(archive)
        database.dialect.prepare(database.engine)
        with database.write() as tx:
            database.dialect.be_patient(tx.connection)
            database.dialect.serialise(tx.connection, "schema")
            _clear(tx, replace=replace)
            schema.make(tx, manifest.schema)
            _fill(tx, archive, manifest)
            schema.make(tx, schema.HEAD)
    return manifest


def inspect(source: Path) -> Manifest:
    """What a backup holds, each part compared with its digest. Raises as `restore`."""
    with _opened(source) as archive:
        return _verified(archive)


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(database: Database, file: IO[bytes]) -> Manifest:
    with database.read() as tx, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        database.dialect.steady(tx.connection)
        version = schema.version_in(tx)
        if version is None:
            raise ReelError(
                Code.STORE_VERSION,
                "the database has no tables: there is nothing to back up",
                hint="name the database with `REEL_DATABASE` or `REEL_HOME`",
            )
        parts = tuple(_write_part(tx, table, archive) for table in schema.reflected(tx))
        name = database.engine.dialect.name
        manifest = Manifest(version, __version__, name, tx.now(), parts)
        archive.writestr(_MANIFEST, json.dumps(manifest.to_json(), indent=1) + "\n")
    return manifest


def _write_part(tx: Tx, table: sa.Table, archive: zipfile.ZipFile) -> Part:
    rows = size = 0
    digest = hashlib.sha256()
    query = sa.select(table).order_by(*table.primary_key.columns)
    found = tx.connection.execute(query, execution_options={"yield_per": _ROWS})
    with archive.open(_name(table.name), "w", force_zip64=True) as part:
        for row in found.mappings():
            line = json.dumps(dict(row), separators=(",", ":"), default=_as_text).encode() + b"\n"
            part.write(line)
            digest.update(line)
            rows, size = rows + 1, size + len(line)
    return Part(table.name, rows, size, digest.hexdigest())


@contextmanager
def _opened(source: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(source) as archive:
            yield archive
    except FileNotFoundError as error:
        raise ReelError(Code.INPUT_NOT_FOUND, f"there is no {source}", where=str(source)) from error
    except OSError as error:
        raise refused(error, source) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise _invalid(f"it cannot be read: {error}", str(source)) from error


def _verified(archive: zipfile.ZipFile) -> Manifest:
    names = set(archive.namelist())
    if _MANIFEST not in names:
        raise _invalid("it has no manifest", _MANIFEST)
    with archive.open(_MANIFEST) as file:
        text = file.read(_MANIFEST_BYTES)
    try:
        manifest = Manifest.from_json(json.loads(text))
    except ValueError as error:
        raise _invalid(f"its manifest is no JSON: {error}", _MANIFEST) from error
    if not schema.is_known(manifest.schema):
        raise ReelError(
            Code.STORE_VERSION,
            f"the backup has schema {manifest.schema}, this release knows up to {schema.HEAD}",
            hint="restore it with the release that made it, or a newer one",
        )
    for part in manifest.parts:
        if _name(part.table) not in names:
            raise _invalid("it lacks a part", _name(part.table))
        _verify(archive, part)
    return manifest


def _verify(archive: zipfile.ZipFile, part: Part) -> None:
    digest, size, rows = hashlib.sha256(), 0, 0
    with archive.open(_name(part.table)) as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size, rows = size + len(block), rows + block.count(b"\n")
            if size > part.size_bytes:
                break
    if (digest.hexdigest(), size, rows) != (part.sha256, part.size_bytes, part.rows):
        raise _invalid("a part is not what the manifest says", _name(part.table))


def _clear(tx: Tx, *, replace: bool) -> None:
    rows = {table.name: _count(tx, table) for table in schema.reflected(tx)}
    held = sum(rows.values())
    if held and not replace:
        most = max(rows, key=lambda name: rows[name])
        said = f"the database holds {held} rows, {rows[most]} of them in {most}"
        raise ReelError(Code.STORE_NOT_EMPTY, said)
    schema.refuse_in_service(tx)
    schema.drop(tx)


def _count(tx: Tx, table: sa.Table) -> int:
    return int(tx.run(sa.select(sa.func.count()).select_from(table)).scalar_one())


def _fill(tx: Tx, archive: zipfile.ZipFile, manifest: Manifest) -> None:
    parts = {part.table: part for part in manifest.parts}
    tables = {table.name: table for table in schema.reflected(tx)}
    if unknown := parts.keys() - tables.keys():
        raise _invalid(f"schema {manifest.schema} has no such table", _name(min(unknown)))
    for name, table in tables.items():  # in the order of their foreign keys
        if name in parts and name not in _NOT_RESTORED:
            _fill_table(tx, archive, table)
            for column in table.primary_key.columns:
                if isinstance(column.type, sa.Integer):
                    tx.dialect.continue_numbers(tx.connection, name, column.name)
    # Nobody can renew them here, and a clock that differs must not make them live for days.
    steps = tables["steps"]
    tx.run(sa.update(steps).where(steps.c.lease_until.is_not(None)).values(lease_until=0.0))


def _fill_table(tx: Tx, archive: zipfile.ZipFile, table: sa.Table) -> None:
    rows: list[Mapping[str, Any]] = []
    with archive.open(_name(table.name)) as file:
        for number, line in enumerate(file, 1):
            rows.append(_row(line, table, number))
            if len(rows) == _ROWS:
                _insert(tx, table, rows, number)
                rows = []
    if rows:
        _insert(tx, table, rows, number)


def _row(line: bytes, table: sa.Table, number: int) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise _invalid(f"line {number} is no JSON: {error}", _name(table.name)) from error
    if not isinstance(row, dict) or row.keys() != set(table.columns.keys()):
        raise _invalid(f"line {number} has other columns than its table", _name(table.name))
    for column in table.columns:
        if isinstance(column.type, sa.LargeBinary) and row[column.name] is not None:
            row[column.name] = _as_bytes(row[column.name], table, number)
    return row


def _as_text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _as_bytes(text: Any, table: sa.Table, number: int) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError) as error:
        raise _invalid(f"line {number} has no base64 where bytes belong", table.name) from error


def _insert(tx: Tx, table: sa.Table, rows: list[Mapping[str, Any]], number: int) -> None:
    try:
        tx.connection.execute(sa.insert(table), rows)
    except (DataError, IntegrityError, StatementError) as error:
        if getattr(error, "connection_invalidated", False):
            raise
        said = str(error.orig).strip() if error.orig else str(error)
        where = _name(table.name)
        message = f"the database refuses a row before line {number + 1}: {said}"
        raise _invalid(message, where) from error


def _name(table: str) -> str:
    return f"{table}.jsonl"


def _invalid(message: str, where: str) -> ReelError:
    return ReelError(Code.BACKUP_INVALID, f"the backup is not usable: {message}", where=where)
