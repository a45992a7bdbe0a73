"""How long logs are kept: those of attempts are removed a job at a time, when all of it is old;
the service's own by file, once it was rotated. And how long records of models' calls are."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reelwright.engine.settings import EngineSettings
from reelwright.store import jobs, model_pruning
from reelwright.store.states import JobState
from reelwright.store.store import Store

# Looking through all folders is worth doing so often; in between a start costs one stat.
_EVERY_S = 24 * 3600.0
_STAMP = ".pruned"
_CALLS_STAMP = ".calls-pruned"
# So many records go in one transaction: others want to write, too.
_CALLS = 1000
_ROTATED = "*.jsonl.*"
_UNFINISHED = [state for state in JobState if not state.is_final]


@dataclass(frozen=True, slots=True)
class PrunedLogs:
    files: int = 0
    size_bytes: int = 0


def prune_logs_daily(store: Store, settings: EngineSettings) -> PrunedLogs:
    """`prune_logs`, unless that was done within a day; a folder that cannot be written is left."""
    stamp = settings.logs / _STAMP
    with suppress(OSError):
        if time.time() - stamp.stat().st_mtime < _EVERY_S:
            return PrunedLogs()
    try:
        # First: an engine that starts at the same time must not look through all of it as well.
        stamp.touch()
    except OSError:
        return PrunedLogs()  # no log was ever written, or none can be removed either
    return prune_logs(store, settings)


def prune_logs(store: Store, settings: EngineSettings) -> PrunedLogs:
    """Removes the logs of finished jobs, and rotated files, to which nothing was written for
    `keep_logs_s`; counts those of jobs."""
    old = time.time() - settings.keep_logs_s
    for path in settings.logs.glob(_ROTATED):
        with suppress(OSError):
            if not path.name.startswith(".") and path.stat().st_mtime < old:
                path.unlink()
    # The folders first, then what is unfinished: a job has its row before it has a log.
    aged = [folder for folder in _folders(settings.logs) if _written_at(folder) < old]
    if not aged:
        return PrunedLogs()
    with store.read() as tx:
        busy = {job.id for job in jobs.listing(tx, states=_UNFINISHED)}
    files = size = 0
    for folder in aged:
        if folder.name not in busy:
            found = [entry.stat().st_size for entry in _entries(folder)]
            shutil.rmtree(folder, ignore_errors=True)
            files, size = files + len(found), size + sum(found)
    return PrunedLogs(files, size)


def prune_calls_daily(store: Store, settings: EngineSettings) -> int:
    """Removes records of calls of models that are older than `keep_calls_s`, unless that was done
    within a day; gives how many. What they cost stays in the sums."""
    stamp = settings.home / _CALLS_STAMP
    with suppress(OSError):
        if time.time() - stamp.stat().st_mtime < _EVERY_S:
            return 0
    with suppress(OSError):
        stamp.touch()
    done = 0
    while gone := store.transact(lambda tx: model_pruning.prune(tx, settings.keep_calls_s, _CALLS)):
        done += gone
    return done


def _folders(logs: Path) -> list[Path]:
    return [Path(entry) for entry in _entries(logs) if entry.is_dir(follow_symlinks=False)]


def _written_at(folder: Path) -> float:
    """When something was last written there; a folder that is gone is as new as can be."""
    try:
        return max([folder.stat().st_mtime, *(e.stat().st_mtime for e in _entries(folder))])
    except OSError:
        return float("inf")


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            yield from found
    except FileNotFoundError:
        return
