"""Many jobs of one request: checked all together, stored all or none, summed up afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from reelwright.app.intake import Asked, Key, Origin, check_labels, claim, enter, prepare
from reelwright.app.principal import Principal, Scope
from reelwright.errors import Code, Problem, ReelError, SpecErrors
from reelwright.store.ids import new_id
from reelwright.store.states import JobState

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.batches import Batch
    from reelwright.store.database import Tx
    from reelwright.store.rows import NewJobRow

# Their rows are one transaction, for which all others wait: about a second.
MOST = 1000
# And so many bytes their specs together: a spec that is filled 1000 times is stored 1000 times.
MOST_BYTES = 64 << 20
# So many failures stand in a summary; `GET /v1/jobs?batch=` lists all jobs.
_FAILURES = 100


@dataclass(frozen=True, slots=True)
class Accepted:
    """`ids` are those of its jobs, in the order in which they were asked for."""

    id: str
    created_at: float
    ids: tuple[str, ...]
    is_replay: bool = False


def check(
    app: App,
    asked: Sequence[Asked],
    places: Sequence[str],
    labels: Mapping[str, str],
    origin: Origin,
) -> list[NewJobRow]:
    """What is to be written. Raises SpecErrors with what is wrong with any of them, each place
    behind that of its job (``jobs[3].operations[0].start``); SPEC_TOO_LARGE for all together."""
    check_labels(labels)
    _check_size(asked)
    rows: list[NewJobRow] = []
    problems: list[Problem] = []
    for one, place in zip(asked, places, strict=True):
        try:
            rows.append(prepare(app, one, origin))
        except ReelError as error:
            if error.code is Code.FORBIDDEN:
                raise
            problems += [_placed(problem, place) for problem in error.problems]
    if problems:
        raise SpecErrors(problems)
    return rows


async def accept(
    app: App,
    rows: Sequence[NewJobRow],
    labels: Mapping[str, str],
    origin: Origin,
    key: Key | None = None,
) -> Accepted:
    """Writes all of them durably, or none. Raises IDEMPOTENCY_MISMATCH, QUOTA_EXCEEDED, STORE_*."""
    from reelwright.store import audit, batches

    batch_id = new_id()
    batched = [replace(row, batch_id=batch_id, labels={**labels, **row.labels}) for row in rows]

    def change(tx: Tx) -> Accepted:
        known = None if key is None else claim(app, tx, origin, key, batch_id)
        if known is not None:
            ids = tuple(batches.jobs_of(tx, known[0]))
            return Accepted(known[0], known[1], ids, is_replay=True)
        batches.insert(tx, batch_id, origin.principal.owner, len(batched), labels)
        for row in batched:
            enter(app, tx, row, origin)
        audit.add(
            tx,
            origin.principal,
            "batch.submit",
            batch_id,
            origin.address,
            origin.trace_id,
            jobs=len(batched),
        )
        return Accepted(batch_id, tx.now(), tuple(str(row.id) for row in batched))

    return await app.combiner.transact(change, order=batch_id)


def summary(app: App, batch_id: str, principal: Principal) -> dict[str, Any]:
    """Raises BATCH_UNKNOWN, also for what belongs to others; FORBIDDEN."""
    from reelwright.store import batches

    principal.check(Scope.READ)
    with app.store.read() as tx:
        batch = batches.get(tx, batch_id, principal.sees)
        counts = batches.counts(tx, batch_id)
        fraction = batches.fraction(tx, batch_id)
        ids = batches.jobs_of(tx, batch_id)
        failures = batches.failures(tx, batch_id, _FAILURES)
    return _summed(batch, counts, fraction, ids, failures)


def accepted_json(accepted: Accepted, labels: Mapping[str, str], owner: str) -> dict[str, Any]:
    """`summary` of a batch whose jobs nobody has begun: a replay says the same."""
    from reelwright.store.batches import Batch

    size = len(accepted.ids)
    batch = Batch(accepted.id, owner, size, labels, accepted.created_at)
    return _summed(batch, {JobState.QUEUED.value: size}, 0.0, accepted.ids, [])


async def cancel(app: App, batch_id: str, origin: Origin) -> None:
    """Asks for the end of each of its jobs that has not ended. Raises FORBIDDEN, BATCH_UNKNOWN,
    STORE_*."""
    from reelwright.engine import orders
    from reelwright.store import audit, batches

    principal = origin.principal
    principal.check(Scope.JOBS)

    def look() -> list[str]:
        with app.store.read() as tx:
            batches.get(tx, batch_id, principal.sees)
            return batches.unfinished(tx, batch_id)

    async def one(job_id: str) -> None:
        try:
            await app.combiner.transact(lambda tx: orders.cancel(tx, job_id), order=job_id)
        except ReelError as error:
            # It came to its end meanwhile, or somebody deleted it.
            if error.code not in {Code.TRANSITION_REFUSED, Code.JOB_UNKNOWN}:
                raise

    ids = await asyncio.to_thread(look)
    await asyncio.gather(*(one(job_id) for job_id in ids))
    await app.combiner.transact(
        lambda tx: audit.add(
            tx, principal, "batch.cancel", batch_id, origin.address, origin.trace_id, jobs=len(ids)
        )
    )


def _summed(
    batch: Batch,
    counts: Mapping[str, int],
    fraction: float,
    ids: Sequence[str],
    failures: Sequence[tuple[str, Any]],
) -> dict[str, Any]:
    by_state = {state.value: counts.get(state.value, 0) for state in JobState}
    left = by_state["queued"] + by_state["running"]
    return {
        "id": batch.id,
        "state": "running" if left else "finished",
        "size": batch.size,
        "fraction": round(fraction, 4),
        "counts": by_state,
        "labels": dict(batch.labels),
        "owner": batch.owner,
        "created_at": batch.created_at,
        "jobs": list(ids),
        "failures": [{"id": job_id, "error": error} for job_id, error in failures],
    }


def _check_size(asked: Sequence[Asked]) -> None:
    size = sum(len(one.text) for one in asked)
    if size > MOST_BYTES:
        raise ReelError(
            Code.SPEC_TOO_LARGE,
            f"the specs of the batch are larger than {MOST_BYTES} bytes together",
            hint="send several batches",
            evidence={"limit_bytes": MOST_BYTES},
        )


def _placed(problem: Problem, place: str) -> Problem:
    where = f"{place}.{problem.where}" if problem.where else place
    # Lines are those of the job's own text, which the request did not have.
    evidence = {k: v for k, v in problem.evidence.items() if k not in {"line", "column"}}
    return replace(problem, where=where, evidence=evidence)
