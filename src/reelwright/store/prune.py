"""Keeps the cache within its size: the least recently used goes first, pinned contents never."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reelwright.store import artifacts
from reelwright.store.blobs import Blobs
from reelwright.store.shared import SharedStore, Stored
from reelwright.store.store import Store

# A file without a row may be one that is being published right now.
_ORPHAN_AGE_S = 24 * 3600
# Twice as long as it takes until a content that is put again is marked as such, and more.
SHARED_AGE_S = 3 * 24 * 3600.0
_PART = 500


@dataclass(frozen=True, slots=True)
class Pruned:
    files: int
    size_bytes: int


def prune(
    store: Store, blobs: Blobs, *, limit_bytes: int | None = None, free_bytes: int = 0
) -> Pruned:
    """Drops until the cache is within `limit_bytes` and at least `free_bytes` were freed.

    Where other machines share what is stored, `free_bytes` are found in the cache of this one, and
    nothing is lost. The row goes before the file: a crash between the two leaves a file that nobody
    names, never a name without a file.
    """
    given = blobs.give_way(free_bytes) if free_bytes else None
    if given is not None:
        return Pruned(0, given)
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


def sweep_shared(store: Store, shared: SharedStore, *, age_s: float = SHARED_AGE_S) -> Pruned:
    """Removes from the shared store what no row names and nobody has put for `age_s` seconds:
    inputs that were put there for steps, and what came of attempts that never ended.

    A content that is put again counts as new, so what a step is about to read stays: it is put
    just before the step may start. Raises ARTIFACTS_UNAVAILABLE, STORE_*.
    """
    old = time.time() - age_s
    files = freed = 0
    for part in _parts(one for one in shared.contents() if one.written_at < old):
        with store.read() as tx:
            known = artifacts.known_of(tx, [one.name for one in part])
        for one in part:
            if one.name not in known:
                shared.remove(one.name)
                files, freed = files + 1, freed + one.size_bytes
    return Pruned(files, freed)


def _drop(store: Store, sha256: str) -> bool:
    """Asks again inside the transaction: a job may have been submitted since."""
    with store.write() as tx:
        if sha256 not in dict(artifacts.unpinned(tx)):
            return False
        artifacts.drop(tx, sha256)
        return True


def _parts(found: Iterable[Stored]) -> Iterator[list[Stored]]:
    part: list[Stored] = []
    for one in found:
        part.append(one)
        if len(part) == _PART:
            yield part
            part = []
    if part:
        yield part
