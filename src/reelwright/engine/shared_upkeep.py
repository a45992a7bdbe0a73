"""Clears up in a store that all nodes share: what no row names, and logs that are kept no more."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable

from reelwright.engine.inputs import TOLD_FOLDER
from reelwright.engine.settings import EngineSettings
from reelwright.errors import ReelError
from reelwright.store import deletion, jobs
from reelwright.store.blobs import Blobs
from reelwright.store.prune import Pruned, sweep_shared
from reelwright.store.shared import SharedStore, Stored
from reelwright.store.shared_blobs import SharedBlobs
from reelwright.store.store import Store

_log = logging.getLogger(__name__)
_EVERY_S = 24 * 3600.0
_AGAIN_S = 3600.0
# An attempt that does not know yet that its job was deleted writes no longer than this.
_DELETED_S = 3600.0


class SharedUpkeep:
    """Of whoever leads: once a day, beside everything else, as going through a large bucket takes
    minutes. It may end at any moment."""

    def __init__(self, store: Store, blobs: Blobs, settings: EngineSettings) -> None:
        self._store = store
        self._shared = blobs.shared if isinstance(blobs, SharedBlobs) else None
        self._settings = settings
        self._next = 0.0
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Begins where it is due; returns at once."""
        is_busy = self._thread is not None and self._thread.is_alive()
        if self._shared is None or is_busy or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY_S
        self._thread = threading.Thread(target=self._clear, args=(self._shared,), daemon=True)
        self._thread.start()

    def _clear(self, shared: SharedStore) -> None:
        try:
            clear(self._store, shared, self._settings)
        except ReelError as error:
            _log.warning("the store of artifacts was not cleared up: %s", error)
            self._next = time.monotonic() + _AGAIN_S


def clear(store: Store, shared: SharedStore, settings: EngineSettings) -> Pruned:
    """Blocking. Raises ARTIFACTS_UNAVAILABLE, STORE_*."""
    contents = sweep_shared(store, shared)
    logs = prune_logs(store, shared, settings.keep_logs_s)
    return Pruned(contents.files + logs.files, contents.size_bytes + logs.size_bytes)


def prune_logs(store: Store, shared: SharedStore, keep_s: float) -> Pruned:
    """Removes the logs of jobs that were deleted, and those of finished jobs in which nothing was
    written for `keep_s`; a job's go together."""
    files = size_bytes = 0
    for job_id, logs in _by_job(shared.texts()).items():
        silent_s = time.time() - max(log.written_at for log in logs)
        if _is_old(store, job_id, silent_s, keep_s):
            for log in logs:
                shared.remove_text(log.name)
                files, size_bytes = files + 1, size_bytes + log.size_bytes
    return Pruned(files, size_bytes)


def _by_job(logs: Iterable[Stored]) -> dict[str, list[Stored]]:
    found: dict[str, list[Stored]] = {}
    for log in logs:
        job_id, slash, _ = log.name.partition("/")
        if slash:
            found.setdefault(job_id, []).append(log)
    return found


def _is_old(store: Store, job_id: str, silent_s: float, keep_s: float) -> bool:
    if silent_s < min(keep_s, _DELETED_S):
        return False
    if job_id == TOLD_FOLDER:
        return silent_s > _EVERY_S
    with store.read() as tx:
        if deletion.deleted(tx, [job_id]):
            return silent_s > _DELETED_S
        job = jobs.find_one(tx, job_id)
        # What belongs to no job (a mark, a probe) is left to who put it there.
        return job is not None and job.state.is_final and silent_s > keep_s
