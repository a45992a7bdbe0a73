"""Deleting jobs that have ended: rows in one transaction, then what lies on the disk.

A process that dies between the two leaves folders of jobs that are gone: `sweep` removes them
later. Never the other way round: a job that can still be looked at has its files.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass

from reelwright.engine.settings import EngineSettings
from reelwright.store import audit, deletion
from reelwright.store.audit import Actor, Line
from reelwright.store.database import Tx
from reelwright.store.deletion import ACTION, Old
from reelwright.store.store import Store

# So many go in one transaction: others want to write, too.
PART = 50
# And for so long at a time: whoever leads must give a sign of life in between.
_TURN_S = 4.0


@dataclass(frozen=True, slots=True)
class By:
    """Who deletes, from where, as part of which trace: for the audit log."""

    actor: Actor
    address: str | None = None
    trace_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Keeper:
    """Nobody asked: a setting says so."""

    actor: str = "retention"
    role: str = "system"


KEEPER = By(_Keeper())


def note(tx: Tx, job_ids: Iterable[str], by: By) -> None:
    """A line for each in the audit log, in the transaction that deletes them."""
    audit.add_many(
        tx, [Line(by.actor, ACTION, job_id, by.address, by.trace_id) for job_id in job_ids]
    )


def delete_old(store: Store, settings: EngineSettings, wanted: Old, by: By, most: int) -> list[str]:
    """Deletes up to `most` jobs, rows and files, those that ended first; gives their ids.

    In parts: where one fails, what went before it stays deleted. Raises STORE_*.
    """

    def change(tx: Tx) -> list[str]:
        part = deletion.finished(tx, wanted, min(PART, most - len(gone)))
        found = deletion.delete(tx, part)
        if found:
            note(tx, found, by)
        return found

    gone: list[str] = []
    while len(gone) < most:
        part = store.transact(change)
        if not part:
            break
        remove_files(settings, part)
        gone += part
    return gone


def remove_files(settings: EngineSettings, job_ids: Iterable[str]) -> None:
    """The jobs' own folders and their logs, after their rows are gone. Blocking.

    What a job delivered elsewhere is not touched, nor is what lies behind a link. What cannot be
    removed now is found again by `sweep`.
    """
    for job_id in job_ids:
        for folder in (settings.served / job_id, settings.logs / job_id):
            if folder.is_symlink():  # nobody here makes one
                with suppress(OSError):
                    folder.unlink()
            else:
                shutil.rmtree(folder, ignore_errors=True)


def sweep(store: Store, settings: EngineSettings) -> int:
    """Removes the folders of jobs that were deleted, which a process that died has left, or an
    attempt that did not know of it has made anew; gives their number. Blocking. Raises STORE_*."""
    names: Collection[str] = []
    with suppress(OSError):
        names = [entry.name for entry in os.scandir(settings.served)]
    if not names:
        return 0
    with store.read() as tx:
        gone = deletion.deleted(tx, names)
    remove_files(settings, gone)
    return len(gone)


def keep_days(store: Store, settings: EngineSettings) -> bool:
    """Deletes jobs that ended longer ago than `keep_jobs_s`; whether none is left to delete.

    Returns after some seconds, done or not. Raises STORE_*.
    """
    if settings.keep_jobs_s is None:
        return True
    until = time.monotonic() + _TURN_S
    while time.monotonic() < until:
        with store.read() as tx:
            wanted = Old(before=tx.now() - settings.keep_jobs_s)
        if len(delete_old(store, settings, wanted, KEEPER, PART)) < PART:
            return True
    return False
