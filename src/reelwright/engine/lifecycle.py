"""What moves a job on between its steps: starting it, the cache, the next revision, its end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from reelwright.engine import demand, events, keys, outcome, submission
from reelwright.engine.inputs import blob_of
from reelwright.engine.progress import job_fraction
from reelwright.engine.settings import EngineSettings
from reelwright.errors import Code, Problem, ReelError
from reelwright.store import artifacts, attempts, jobs, steps
from reelwright.store.blobs import Blobs
from reelwright.store.database import Tx
from reelwright.store.rows import Job, Outcome, StepRow
from reelwright.store.states import DONE_STEPS, JobState, StepState
from reelwright.store.store import Store
from reelwright.store.tables import steps as steps_table

_S = StepState
_PENDING = frozenset({_S.WAITING, _S.READY, _S.SKIPPED})


@dataclass(frozen=True, slots=True)
class Cache:
    """Outcomes by identity with every file in place; `lost`: identities of finished steps that
    had theirs once."""

    have: Mapping[str, Outcome]
    lost: frozenset[str] = frozenset()


def begin(store: Store, blobs: Blobs, job: Job, settings: EngineSettings) -> None:
    """Queued becomes running; what the cache holds is done, what nobody needs is skipped."""
    cache = look_up(store, blobs, job.id)

    def change(tx: Tx) -> None:
        tx.lock_job(job.id)
        if jobs.get(tx, job.id).state is not JobState.QUEUED:
            return  # another process was faster
        now = tx.now()
        deadline = None if job.timeout_s is None else now + job.timeout_s
        jobs.move(tx, job.id, JobState.RUNNING, started_at=now, deadline_at=deadline, error=None)
        jobs.record(tx, job.id, events.job_changed(JobState.RUNNING))
        if not steps.counts(tx, job.id):
            submission.first_steps(tx, [job.id], settings)
        settle(tx, job.id, cache)

    store.transact(change)


def look_up(store: Store, blobs: Blobs, job_id: str, keys: Collection[str] | None = None) -> Cache:
    """What the cache holds of the job's steps (or of `keys`), every file checked by a stat.

    What somebody changed is dropped here, row and file, so that it is made again. Raises
    ARTIFACTS_UNAVAILABLE: nothing is dropped because nobody answers.
    """
    with store.read() as tx:
        rows = (
            steps.of_job(tx, job_id) if keys is None else steps.by_keys(tx, job_id, keys).values()
        )
    done = {row.identity for row in rows if row.identity and row.state in DONE_STEPS}
    return look_for(store, blobs, {row.identity for row in rows if row.identity}, done)


def look_for(
    store: Store, blobs: Blobs, identities: Collection[str], done: Collection[str] = ()
) -> Cache:
    """The same of steps that may have no rows yet; `done`: identities of finished steps."""
    with store.read() as tx:
        found = artifacts.outcomes_of(tx, identities)
    files = {file.sha256: blob_of(file) for whole in found.values() for file in whole.artifacts}
    whole_ones = blobs.check_all(list(files.values()))
    broken = {sha256 for sha256, is_whole in zip(files, whole_ones, strict=True) if not is_whole}
    for sha256 in broken:
        with store.write() as tx:
            artifacts.drop(tx, sha256)
        blobs.remove(sha256)
    have = {
        identity: whole
        for identity, whole in found.items()
        if not any(file.sha256 in broken for file in whole.artifacts)
    }
    return Cache(have, frozenset(set(done) - have.keys()))


def settle(tx: Tx, job_id: str, cache: Cache) -> None:
    """Brings waiting, ready and skipped steps to what cache and demand say, and wakes the rest."""
    have = cache.have
    rows = [row for row in steps.of_job(tx, job_id) if not steps.is_own(row.key)]
    job = jobs.get(tx, job_id)
    wanted = _demanded(job, rows, have)
    changes: list[tuple[str, dict[str, Any]]] = []
    hits = [row for row in rows if row.state in _PENDING and row.identity in have]
    _take_cached(tx, hits, have)
    changes += [events.step_changed(row.key, _S.CACHED) for row in hits]
    hit_keys = {row.key for row in hits}
    for row in rows:
        if row.key in hit_keys or row.state not in _PENDING:
            continue
        if row.key not in wanted and row.state is _S.WAITING:
            steps.move(tx, row.id, _S.SKIPPED)
            changes.append(events.step_changed(row.key, _S.SKIPPED))
        elif row.key in wanted and row.state is _S.SKIPPED:
            steps.move(tx, row.id, _S.WAITING)
    artifacts.touch(tx, {row.identity for row in hits})
    woken = steps.wake(tx, job_id)
    changes += [events.step_changed(key, _S.READY) for key in woken]
    jobs.record(tx, job_id, *changes)
    job_fraction(tx, job_id)


def settle_in(tx: Tx, job_id: str, cache: Cache) -> None:
    """`settle` as a change of its own."""
    tx.lock_job(job_id)
    settle(tx, job_id, cache)


def heal(tx: Tx, job_id: str, cache: Cache) -> None:
    """Finished steps whose artifacts are lost wait again, and so does what was ready on them."""
    for row in steps.of_job(tx, job_id):
        if row.state in DONE_STEPS and row.identity in cache.lost:
            steps.move(tx, row.id, _S.WAITING, result=None, report=None, fraction=0.0)
            jobs.record(tx, job_id, events.step_changed(row.key, _S.WAITING))
    steps.move_all(tx, job_id, _S.READY, _S.WAITING)
    settle(tx, job_id, cache)


def fail_damaged(
    store: Store, blobs: Blobs, step: StepRow, problem: Problem, settings: EngineSettings
) -> Callable[[Tx], None]:
    """The end of an attempt that met a damaged artifact: what is lost is made again first."""
    try:
        cache = look_up(store, blobs, step.job_id)
    except ReelError as error:
        if error.code is not Code.ARTIFACTS_UNAVAILABLE:
            raise
        return partial(outcome.fail, step=step, problem=error.problem, settings=settings)

    def change(tx: Tx) -> None:
        outcome.fail(tx, step, problem, settings)
        if steps.get(tx, step.id).state is _S.READY:
            heal(tx, step.job_id, cache)

    return change


def restart(tx: Tx, job_id: str, cache: Cache) -> None:
    """A failed or cancelled job is queued again; finished steps stay finished.

    Raises TRANSITION_REFUSED.
    """
    tx.lock_job(job_id)
    jobs.move(
        tx,
        job_id,
        JobState.QUEUED,
        error=None,
        finished_at=None,
        cancel_requested=False,
        deadline_at=None,
        eta_s=None,
    )
    jobs.record(tx, job_id, events.job_changed(JobState.QUEUED))
    fresh = {"failures": 0, "losses": 0, "not_before": 0.0, "fraction": 0.0, "error": None}
    for row in steps.of_job(tx, job_id):
        if row.state in {_S.FAILED, _S.CANCELLED}:
            target = _S.UNRESOLVED if row.kind == _S.UNRESOLVED else _S.WAITING
            steps.move(tx, row.id, target, **fresh, finished_at=None)
        elif row.state in DONE_STEPS and row.identity in cache.lost:
            steps.move(tx, row.id, _S.WAITING, result=None, report=None, fraction=0.0)


def move_on(tx: Tx, job_id: str) -> bool:
    """When nothing waits but the last step, that is ready. False where nothing changed."""
    tx.lock_job(job_id)
    shares = steps.shares(tx, [job_id])[job_id]
    if _S.READY in shares or _S.RUNNING in shares:
        return False
    if _S.WAITING not in shares or shares[_S.WAITING].count != 1:
        # Steps that wait, and nothing that could end their waiting: a revision or a lost artifact
        # left them; asking again is all that is needed.
        return bool(steps.wake(tx, job_id))
    return outcome.close(tx, job_id, shares)


def stop_clocks(tx: Tx, lease_s: float) -> None:
    """The time in which nobody ran a job does not count against its timeout.

    The last sign of life is an event or the renewal of a lease. A silence shorter than a lease may
    be that of a job that runs elsewhere, and counts.
    """
    for job in jobs.listing(tx, states=[JobState.RUNNING]):
        if job.timeout_s is None or job.deadline_at is None:
            continue
        tx.lock_job(job.id)
        renewed = [held.lease_until - lease_s for held in attempts.running(tx, job_id=job.id)]
        silent_s = tx.now() - max([jobs.last_event_at(tx, job.id), *renewed])
        if silent_s > lease_s:
            # Of two processes that resume at once both come here, and one must not give more.
            until = min(job.deadline_at + silent_s, tx.now() + job.timeout_s)
            jobs.change(tx, job.id, deadline_at=until)


def _demanded(job: Job, rows: Sequence[StepRow], have: Mapping[str, Outcome]) -> set[str]:
    live = {row.key: row.needs for row in rows if row.state is not _S.EXPANDED}
    roots = {delivery["step"] for delivery in job.plan["deliveries"]}
    roots |= demand.sinks(live)
    done = {row.key for row in rows if row.identity in have or row.state in DONE_STEPS}
    done -= {row.key for row in rows if row.state is _S.UNRESOLVED}
    return demand.demanded(live, roots, done)


def _take_cached(tx: Tx, hits: Sequence[StepRow], have: Mapping[str, Outcome]) -> None:
    if not hits:
        return
    now = tx.now()
    table = steps_table
    statement = (
        sa.update(table)
        .where(
            table.c.id == sa.bindparam("step_id"),
            # An IN is expanded at run time, which "executemany" cannot do.
            sa.or_(*(table.c.state == state for state in sorted(_PENDING))),
        )
        .values(
            state=_S.CACHED,
            result=sa.bindparam("found_result"),
            report=sa.bindparam("found_report"),
            fraction=1.0,
            finished_at=now,
        )
    )
    tx.run(
        statement,
        [
            {
                "step_id": row.id,
                "found_result": keys.recalled(row.payload, have[row.identity].result),
                "found_report": dict(have[row.identity].report),
            }
            for row in hits
        ],
    )
