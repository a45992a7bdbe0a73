"""A library on another file system holds copies: the cache's own are then not kept for ever."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from reelwright.store import artifacts, steps
from reelwright.store.states import OPEN_STEPS

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx

_EVERY_S = 24 * 3600.0
_STAMP = ".swept"
# Contents whose rows this process has dropped: their files go when that is committed.
_dropped: WeakKeyDictionary[App, set[str]] = WeakKeyDictionary()


def drop(app: App, tx: Tx, job_id: str, sha256s: Sequence[str]) -> None:
    """Forgets what was copied into the library, where neither the rest of the job nor another
    unfinished one needs it."""
    if not sha256s or any(step.state in OPEN_STEPS for step in steps.of_job(tx, job_id)):
        return
    needed = artifacts.needed_by_others(tx, sha256s, job_id)
    for sha256 in set(sha256s) - needed:
        artifacts.drop(tx, sha256)
        _dropped.setdefault(app, set()).add(sha256)


def sweep(app: App) -> None:
    """Removes the files of what was dropped. After a kill nobody remembers: once a day all files
    are looked at."""
    from reelwright.store.prune import sweep_orphans

    gone = _dropped.pop(app, None)
    if gone:
        with app.store.read() as tx:
            known = artifacts.known_of(tx, gone)
        for sha256 in gone - known:
            app.blobs.remove(sha256)
    stamp = app.blobs.root / _STAMP
    with suppress(OSError):
        if time.time() - stamp.stat().st_mtime < _EVERY_S:
            return
    with suppress(OSError):
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.touch()
        sweep_orphans(app.store, app.blobs)
