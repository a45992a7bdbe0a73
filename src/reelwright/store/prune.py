"""Keeps the cache within its size: the least recently used goes first, pinned contents never."""

from __future__ import annotations

import time
from dataclasses import dataclass

from reelwright.store import artifacts
from reelwright.store.blobs import Blobs
from reelwright.store.store import Store

# A file without a row may be one that is being published right now.
_ORPHAN_AGE_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class Pruned:
    files: int
    size_bytes: int


def prune(
    store: Store, blobs: Blobs, *, limit_bytes: int | None = None, free_bytes: int = 0
) -> Pruned:
    """Drops until the cache is within `limit_bytes` and at least `free_bytes` were freed.

    The row goes before the file: a crash between the two leaves a file that nobody names, never a
    name without a file.
    """
    with store.read() as tx:
        _, total = artifacts.totals(tx)
        candidates = artifacts.unpinned(tx)
    wanted = max(free_bytes, 0 if limit_bytes is None else total - limit_bytes)
    files = freed = 0
    for sha256, size in candidates:
        if freed >= wanted:
            break
        if _drop(store, sha256):
            blobs.remove(sha256)
            files, freed = files + 1, freed + size
    return Pruned(files, freed)


def sweep_orphans(store: Store, blobs: Blobs, *, age_s: float = _ORPHAN_AGE_S) -> int:
    """Deletes files that have had no row for `age_s` seconds; gives their number."""
    with store.read() as tx:
        known = artifacts.known(tx)
    count = 0
    for path in blobs.stored():
        if path.name not in known and time.time() - path.stat().st_mtime > age_s:
            path.unlink(missing_ok=True)
            count += 1
    return count


def _drop(store: Store, sha256: str) -> bool:
    """Asks again inside the transaction: a job may have been submitted since."""
    with store.write() as tx:
        if sha256 not in dict(artifacts.unpinned(tx)):
            return False
        artifacts.drop(tx, sha256)
        return True
