"""What changes entries: they are stored, queued, held, settled, and tried again.

Each change names the state that it starts from, so that of two processes one wins.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from reelwright.errors import Problem
from reelwright.store.database import Tx
from reelwright.store.entries import OPEN, Entry, EntryState, NewEntry, count, of_owner
from reelwright.store.ids import new_id
from reelwright.store.tables_library import entries, sources


def add(tx: Tx, source_id: str, new: Sequence[NewEntry]) -> int:
    """Stores those whose key the source does not have yet; gives their number."""
    rows = [
        {
            **asdict(entry),
            "id": new_id(),
            "source_id": source_id,
            "created_at": tx.now(),
            "changed_at": tx.now(),
        }
        for entry in new
    ]
    if not rows:
        return 0
    before = count(tx, source_id)
    statement = tx.dialect.insert(entries).on_conflict_do_nothing(
        index_elements=["source_id", "key"]
    )
    tx.run(statement, rows)
    return count(tx, source_id) - before


def queue(tx: Tx, entry: Entry, job_id: str) -> bool:
    """Whether it is this job's now: not where another was faster, for it or for its twin."""
    twin = entries.alias("twin")
    same = sa.exists().where(twin.c.key == entry.key, twin.c.state == EntryState.QUEUED)
    statement = (
        sa.update(entries)
        .where(entries.c.id == entry.id, entries.c.state == EntryState.PENDING, sa.not_(same))
        .values(
            state=EntryState.QUEUED,
            job_id=job_id,
            code=None,
            error=None,
            next_at=None,
            changed_at=tx.now(),
        )
    )
    return bool(tx.run(statement).rowcount)


def note(tx: Tx, ids: Collection[str], problem: Problem | None) -> int:
    """Why pending entries are not begun; None: nothing is in their way any more. Gives the number
    of those that it was news for."""
    code = problem and problem.code.text
    values = {"code": code, "error": problem and problem.to_json()}
    other = entries.c.code.is_not(None) if code is None else entries.c.code.is_distinct_from(code)
    where = (entries.c.id.in_(ids), entries.c.state == EntryState.PENDING, other)
    return int(tx.run(sa.update(entries).where(*where).values(**values)).rowcount)


def hold(tx: Tx, asset_id: str, *, owner: str, key: str, job_id: str | None = None) -> int:
    """The video of `key`, and of the job's entry, is held: for every source of `owner` that has
    it. Gives the number of entries."""
    same = entries.c.key == key
    if job_id is not None:
        mine = sa.select(entries.c.key).where(entries.c.job_id == job_id)
        same = sa.or_(same, entries.c.key.in_(mine))
    statement = (
        sa.update(entries)
        .where(same, entries.c.state.in_(OPEN), entries.c.source_id.in_(of_owner(owner)))
        .values(
            state=EntryState.HELD,
            asset_id=asset_id,
            code=None,
            error=None,
            next_at=None,
            changed_at=tx.now(),
        )
    )
    tx.is_news = True
    return int(tx.run(statement).rowcount)


def settle(
    tx: Tx,
    entry: Entry,
    state: EntryState,
    problem: Problem | None = None,
    *,
    next_at: float | None = None,
    counts_as_try: bool = True,
) -> bool:
    """How its job ended; False where somebody else has said so already. What is gone is so for
    every source of the owner that waits for it."""
    values: dict[str, Any] = {
        "state": state,
        "code": problem and problem.code.text,
        "error": problem and problem.to_json(),
        "next_at": next_at,
        "changed_at": tx.now(),
    }
    more = {"tries": entries.c.tries + 1} if counts_as_try else {}
    mine = (
        entries.c.id == entry.id,
        entries.c.state == EntryState.QUEUED,
        entries.c.job_id == entry.job_id,
    )
    if not tx.run(sa.update(entries).where(*mine).values(**values, **more)).rowcount:
        return False
    if state is EntryState.GONE:
        owner = sa.select(sources.c.owner).where(sources.c.id == entry.source_id)
        twins = (
            entries.c.key == entry.key,
            entries.c.state == EntryState.PENDING,
            entries.c.source_id.in_(of_owner(owner.scalar_subquery())),
        )
        tx.run(sa.update(entries).where(*twins).values(**values))
    tx.is_news = True
    return True


def revive(tx: Tx, only: Collection[str] | None = None) -> int:
    """Failed entries whose time has come are pending again; gives their number."""
    where = [entries.c.state == EntryState.FAILED, entries.c.next_at <= tx.now()]
    if only is not None:
        where.append(entries.c.source_id.in_(only))
    values = {"state": EntryState.PENDING, "next_at": None, "changed_at": tx.now()}
    return int(tx.run(sa.update(entries).where(*where).values(**values)).rowcount)


def reset(
    tx: Tx, source_id: str, states: Collection[str], *, ids: Collection[str] | None = None
) -> int:
    """Entries in `states` are pending anew, with all their tries; gives their number."""
    where = [entries.c.source_id == source_id, entries.c.state.in_(states)]
    if ids is not None:
        where.append(entries.c.id.in_(ids))
    values = {
        "state": EntryState.PENDING,
        "code": None,
        "error": None,
        "job_id": None,
        "asset_id": None,
        "tries": 0,
        "next_at": None,
        "changed_at": tx.now(),
    }
    return int(tx.run(sa.update(entries).where(*where).values(**values)).rowcount)


def skip(tx: Tx, source_id: str, ids: Collection[str]) -> int:
    """Pending entries that the options do not want any more."""
    where = (
        entries.c.source_id == source_id,
        entries.c.id.in_(ids),
        entries.c.state == EntryState.PENDING,
    )
    values = {
        "state": EntryState.SKIPPED,
        # With a code it was taken off the work plan by hand, and stays so.
        "code": None,
        "error": None,
        "changed_at": tx.now(),
    }
    return int(tx.run(sa.update(entries).where(*where).values(**values)).rowcount)


def forget(tx: Tx, asset_id: str) -> int:
    """Entries whose asset somebody removed are not wanted any more; gives their number."""
    values = {
        "state": EntryState.SKIPPED,
        "asset_id": None,
        "code": None,
        "error": None,
        "changed_at": tx.now(),
    }
    return int(
        tx.run(sa.update(entries).where(entries.c.asset_id == asset_id).values(**values)).rowcount
    )
