"""Deleting jobs that have ended, with what they made in their own folders."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from reelwright.app.principal import LOCAL, Scope

if TYPE_CHECKING:
    from reelwright.app.intake import Origin
    from reelwright.app.wiring import App
    from reelwright.engine.removal import By
    from reelwright.store.database import Tx
    from reelwright.store.deletion import Old
    from reelwright.store.views import Summary

_ALL = 2**31 - 1
# So many of one request: its client waits for them.
MOST = 500


async def delete(app: App, job_id: str, origin: Origin) -> Summary:
    """Deletes a job, its logs and its own folder; gives the job as it was.

    Raises FORBIDDEN, JOB_UNKNOWN, TRANSITION_REFUSED where it has not ended, STORE_*.
    """
    from reelwright.app.views import check_owner
    from reelwright.engine import removal
    from reelwright.store import deletion, views

    principal = origin.principal
    principal.check(Scope.JOBS)

    def change(tx: Tx) -> Summary:
        check_owner(tx, job_id, principal)
        was = views.summaries(tx, [job_id])[job_id]
        deletion.delete_one(tx, job_id)
        removal.note(tx, [job_id], _by(origin))
        return was

    was = await app.combiner.transact(change, order=job_id)
    await asyncio.to_thread(removal.remove_files, app.engine_settings, [job_id])
    return was


def delete_old(
    app: App, wanted: Old, origin: Origin, *, limit: int, dry_run: bool = False
) -> tuple[list[str], bool]:
    """Deletes up to `limit` jobs; gives their ids, and whether there are more. With `dry_run` it
    only says which. Blocking. Raises FORBIDDEN, STORE_*."""
    from reelwright.engine import removal

    origin.principal.check(Scope.JOBS)
    if dry_run:
        found = _finished(app, wanted, limit + 1)
        return found[:limit], len(found) > limit
    gone = removal.delete_old(app.store, app.engine_settings, wanted, _by(origin), limit)
    return gone, bool(_finished(app, wanted, 1))


def delete_here(app: App, job_ids: Sequence[str], *, dry_run: bool = False) -> None:
    """All of them or, where one is not to be deleted, none: for the person at the terminal. With
    `dry_run` it only says whether that could be done.

    Raises JOB_UNKNOWN, TRANSITION_REFUSED, STORE_*.
    """
    from reelwright.engine import removal
    from reelwright.store import deletion

    def change(tx: Tx) -> None:
        for job_id in sorted(set(job_ids)):
            deletion.delete_one(tx, job_id)
        removal.note(tx, sorted(set(job_ids)), removal.By(LOCAL))

    if dry_run:
        with app.store.read() as tx:
            for job_id in job_ids:
                deletion.check(tx, job_id)
        return
    app.store.transact(change)
    removal.remove_files(app.engine_settings, job_ids)


def delete_old_here(
    app: App,
    age_s: float,
    states: Sequence[str],
    labels: Mapping[str, str],
    *,
    dry_run: bool = False,
) -> list[str]:
    """All that ended longer than `age_s` ago; gives their ids. With `dry_run` it only says which.

    Raises STORE_*."""
    from reelwright.engine import removal
    from reelwright.store.deletion import Old

    with app.store.read() as tx:
        before = tx.now() - age_s
    wanted = Old(before=before, states=states, labels=tuple(labels.items()))
    if dry_run:
        return _finished(app, wanted, _ALL)
    settings, by = app.engine_settings, removal.By(LOCAL)
    return removal.delete_old(app.store, settings, wanted, by, _ALL)


def _finished(app: App, wanted: Old, limit: int) -> list[str]:
    from reelwright.store import deletion

    with app.store.read() as tx:
        return deletion.finished(tx, wanted, limit)


def _by(origin: Origin) -> By:
    from reelwright.engine.removal import By

    return By(origin.principal, origin.address, origin.trace_id)
