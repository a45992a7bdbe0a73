"""Jobs that are forgotten: rows first, with all that hangs on them; their folders come after."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store import jobs as jobs_of_store
from reelwright.store.database import Tx
from reelwright.store.states import JobState, StepState
from reelwright.store.tables import jobs, steps
from reelwright.store.tables_service import audit, batches, job_labels

# What the audit log calls it: also the proof that the folder of a job without a row may go.
ACTION = "job.delete"
_FINAL = tuple(state for state in JobState if state.is_final)
# Nothing of it is being stopped, somewhere, by somebody who has not been heard of yet.
_IS_ENDED = (
    jobs.c.state.in_(_FINAL),
    ~sa.exists().where(steps.c.job_id == jobs.c.id, steps.c.state == StepState.RUNNING),
)
# SQLite took at most 999 variables before 3.32.
_BATCH = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Old:
    """Jobs that ended before `before` (seconds since 1970), narrowed to an owner (None:
    everybody's), to states (none: however they ended), and to labels (all of these)."""

    before: float
    owner: str | None = None
    states: Sequence[str] = ()
    labels: Sequence[tuple[str, str]] = ()


def finished(tx: Tx, wanted: Old, limit: int) -> list[str]:
    """Ids, those that ended first come first."""
    where = [jobs.c.finished_at < wanted.before, *_IS_ENDED]
    if wanted.states:
        where.append(jobs.c.state.in_(list(wanted.states)))
    if wanted.owner is not None:
        where.append(jobs.c.owner == wanted.owner)
    for name, value in wanted.labels:
        named = sa.select(job_labels.c.job_id).where(
            job_labels.c.name == name, job_labels.c.value == value
        )
        where.append(jobs.c.id.in_(named))
    query = sa.select(jobs.c.id).where(*where).order_by(jobs.c.finished_at, jobs.c.id)
    return list(tx.run(query.limit(limit)).scalars())


def delete(tx: Tx, job_ids: Collection[str]) -> list[str]:
    """Forgets those of them that have come to their end; gives their ids. Artifacts stay in the
    cache. A batch goes with the last of its jobs.

    What hangs on a job goes too: steps, tries, events, deliveries, labels, messages to webhooks.
    """
    query = sa.select(jobs.c.id, jobs.c.batch_id).where(jobs.c.id.in_(list(job_ids)), *_IS_ENDED)
    # Locked in the order of their ids, as everybody does who locks several.
    found = tx.run(query.order_by(jobs.c.id).with_for_update(of=jobs)).all()
    gone = [row.id for row in found]
    if not gone:
        return []
    tx.run(sa.delete(jobs).where(jobs.c.id.in_(gone)))
    touched = sorted({row.batch_id for row in found if row.batch_id is not None})
    if touched:
        is_left = sa.exists().where(jobs.c.batch_id == batches.c.id)
        tx.run(sa.delete(batches).where(batches.c.id.in_(touched), ~is_left))
    return gone


def delete_one(tx: Tx, job_id: str) -> None:
    """Raises JOB_UNKNOWN, and TRANSITION_REFUSED where it has not come to its end."""
    if not delete(tx, [job_id]):
        check(tx, job_id)
        raise jobs_of_store.unknown(job_id)  # somebody else was faster


def check(tx: Tx, job_id: str) -> None:
    """Whether it could be deleted. Raises JOB_UNKNOWN, TRANSITION_REFUSED."""
    is_ended = tx.run(sa.select(jobs.c.id).where(jobs.c.id == job_id, *_IS_ENDED)).one_or_none()
    if is_ended is not None:
        return
    state = jobs_of_store.get(tx, job_id).state
    said = f"is still {state}" if not state.is_final else "has a step that is still being stopped"
    raise ReelError(
        Code.TRANSITION_REFUSED,
        f"job {job_id} {said} and cannot be deleted",
        where=job_id,
        hint="cancel it first, or wait for its end",
    )


def deleted(tx: Tx, names: Iterable[str]) -> set[str]:
    """Those that are ids of jobs which were deleted: the audit log says so, and no row is left.

    That no row is there is not enough: a home may get another database, or an old backup of its
    own, and its results are none of those to lose.
    """
    asked = list(names)
    gone: set[str] = set()
    for start in range(0, len(asked), _BATCH):
        part = asked[start : start + _BATCH]
        known = set(tx.run(sa.select(jobs.c.id).where(jobs.c.id.in_(part))).scalars())
        unknown = [name for name in part if name not in known]
        if unknown:
            noted = sa.select(audit.c.target).where(
                audit.c.action == ACTION, audit.c.target.in_(unknown)
            )
            gone |= set(tx.run(noted).scalars())
    return gone
