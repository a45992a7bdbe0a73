"""How the job of an entry begins, and what its end means for the entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelwright.app.archive.causes import verdict
from reelwright.app.library.availability import note_origin
from reelwright.errors import Code, Problem
from reelwright.store import entry_moves, sources
from reelwright.store.entries import EntryState

if TYPE_CHECKING:
    from reelwright.store.database import Tx
    from reelwright.store.entries import Ended, Entry
    from reelwright.store.rows import NewJobRow

_SUCCEEDED, _CANCELLED = "succeeded", "cancelled"


def begin(tx: Tx, entry: Entry, row: NewJobRow) -> bool:
    """The job and what it is for, in one transaction; False where the entry is another's now."""
    from reelwright.engine import submission

    assert row.id is not None
    if not entry_moves.queue(tx, entry, row.id):
        return False
    submission.accept(tx, row)
    return True


def settle(tx: Tx, ended: Ended, attempts: int, *, is_stopping: bool = False) -> None:
    """`attempts`: the setting. `is_stopping`: what is cancelled now waits for the next time. What
    `keep` did stands in the table already."""
    entry = ended.entry
    is_put_off = is_stopping and ended.job_state == _CANCELLED
    if ended.job_state is None or is_put_off:  # None: it was deleted
        entry_moves.settle(tx, entry, EntryState.PENDING, counts_as_try=False)
    elif ended.job_state == _SUCCEEDED:
        _kept(tx, entry)
    elif ended.job_state == _CANCELLED:
        problem = Problem(Code.CANCELLED, "its job was cancelled", where=entry.job_id)
        entry_moves.settle(tx, entry, EntryState.FAILED, problem, counts_as_try=False)
    else:
        _failed(tx, ended, attempts)


def _kept(tx: Tx, entry: Entry) -> None:
    """Its job succeeded, and yet nobody said that it is held: perhaps under another key."""
    problem = Problem(Code.INTERNAL, "its job kept nothing", where=entry.job_id)
    entry_moves.settle(tx, entry, EntryState.FAILED, problem)


def _failed(tx: Tx, ended: Ended, attempts: int) -> None:
    entry = ended.entry
    problem = (
        Problem.from_json(ended.job_error)
        if ended.job_error
        else Problem(Code.INTERNAL, "its job failed without a cause", where=entry.job_id)
    )
    asked_s = problem.evidence.get("retry_after_s")
    found = verdict(problem.code, entry.tries + 1, attempts=attempts, asked_s=asked_s)
    next_at = None if found.wait_s is None else tx.now() + found.wait_s
    if entry_moves.settle(tx, entry, found.state, problem, next_at=next_at):
        owner = sources.get(tx, entry.source_id).owner
        note_origin(tx, key=entry.key, owner=owner, url=entry.url, problem=problem)
