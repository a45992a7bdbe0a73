"""Queries over what probing found, so that no file is read or probed twice without need."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from reelwright.media.digest import sha256_file
from reelwright.store.database import Tx
from reelwright.store.store import Store
from reelwright.store.tables import digests, probes


def get(tx: Tx, sha256: str, version: str) -> dict[str, Any] | None:
    """The MediaInfo (as JSON) that `version` of the prober found in this content."""
    query = sa.select(probes.c.info).where(probes.c.sha256 == sha256, probes.c.version == version)
    return tx.run(query).scalar_one_or_none()


def put(tx: Tx, sha256: str, version: str, info: Mapping[str, Any]) -> None:
    values = {"info": dict(info), "created_at": tx.now()}
    statement = tx.dialect.insert(probes).values(sha256=sha256, version=version, **values)
    tx.run(statement.on_conflict_do_update(index_elements=["sha256", "version"], set_=values))


def digest(store: Store, path: Path) -> str:
    """SHA-256 of the file, from memory where path, size, mtime and inode did not change.

    Blocking; raises OSError. A file that changes while it is read is not remembered.
    """
    real = path.resolve(strict=True)
    before = _stamp(real)
    with store.read() as tx:
        known = recall(tx, real, before)
    if known is not None:
        return known
    found = sha256_file(real)
    if _stamp(real) == before:
        store.transact(lambda tx: remember(tx, real, before, found), durable=False)
    return found


def recall(tx: Tx, real: Path, stamp: tuple[int, int, str]) -> str | None:
    size, mtime_ns, inode = stamp
    query = sa.select(digests.c.sha256).where(
        digests.c.path == str(real),
        digests.c.size_bytes == size,
        digests.c.mtime_ns == mtime_ns,
        digests.c.inode == inode,
    )
    return tx.run(query).scalar_one_or_none()


def remember(tx: Tx, real: Path, stamp: tuple[int, int, str], sha256: str) -> None:
    values = dict(zip(("size_bytes", "mtime_ns", "inode"), stamp, strict=True), sha256=sha256)
    statement = tx.dialect.insert(digests).values(path=str(real), **values)
    tx.run(statement.on_conflict_do_update(index_elements=["path"], set_=values))


def _stamp(real: Path) -> tuple[int, int, str]:
    found = real.stat()
    return found.st_size, found.st_mtime_ns, str(found.st_ino)
