"""Queries over jobs, their events and what was delivered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store import outbox
from reelwright.store.database import EventRow, Tx
from reelwright.store.dialects import clock
from reelwright.store.ids import new_id
from reelwright.store.rows import Delivered, Job, NewJobRow
from reelwright.store.states import JOB_MOVES, JobState, sources
from reelwright.store.tables import deliveries, events, jobs
from reelwright.store.tables_service import job_labels

_COLUMNS = [jobs.c[f.name] for f in fields(Job)]
_EVENT = ("job_id", "seq", "at", "kind", "body")
# One more of priority is worth so many seconds of waiting: what is urgent goes first, and nothing
# waits for ever.
AGEING_S = 600.0
# The kind of an event that is a job's change of state; the engine names it so.
_JOB_STATE = "job"
# What is asked for often is put together once: that takes as long as running it.
_HELD = sa.select(
    clock(),
    *(jobs.c[name] for name in ("id", "event_seq", "started_at", "cancel_requested")),
    outbox.HEARD,
).where(jobs.c.id.in_(sa.bindparam("ids", expanding=True)))
_COUNTED = (
    sa.update(jobs)
    .where(jobs.c.id == sa.bindparam("job"))
    .values(event_seq=jobs.c.event_seq + sa.bindparam("more"))
)
_GO_ON = _COUNTED.values(fraction=sa.bindparam("part"), eta_s=sa.bindparam("left_s"))
# The states are spelled out: a list of them is expanded at run time, which not many rows can have.
_SUCCEED = _COUNTED.where(
    sa.or_(*(jobs.c.state == state for state in sources(JOB_MOVES, JobState.SUCCEEDED)))
).values(
    state=JobState.SUCCEEDED,
    fraction=1.0,
    eta_s=0.0,
    error=None,
    finished_at=sa.bindparam("now"),
)
# Who has what is made at the terminal.
LOCAL_OWNER = "local"


def insert(tx: Tx, job: NewJobRow, *told: tuple[str, Mapping[str, Any]]) -> str:
    """With its first events, which listeners hear of after the commit."""
    return insert_many(tx, [job], *told)[0]


def insert_many(
    tx: Tx, new: Sequence[NewJobRow], *told: tuple[str, Mapping[str, Any]]
) -> list[str]:
    """Each with the same first events, in as many statements as for one; gives their ids."""
    made = {job.id or new_id(): job for job in new}
    values = [_values(tx, job_id, job, len(told)) for job_id, job in made.items()]
    inserted = tx.run(sa.insert(jobs).returning(jobs.c.id, outbox.HEARD), values)
    heard = {job_id for job_id, is_heard in inserted if is_heard}
    named = [
        {"job_id": job_id, "name": name, "value": value}
        for job_id, job in made.items()
        for name, value in job.labels.items()
    ]
    if named:
        tx.run(sa.insert(job_labels), named)
    rows = [
        EventRow(job_id, n, tx.now(), kind, dict(body))
        for job_id in made
        for n, (kind, body) in enumerate(told, 1)
    ]
    _tell(tx, rows, heard)
    return list(made)


def _values(tx: Tx, job_id: str, job: NewJobRow, event_seq: int) -> dict[str, Any]:
    return {
        "id": job_id,
        "state": JobState.QUEUED,
        "priority": job.priority,
        "labels": dict(job.labels),
        "spec": dict(job.spec),
        "plan": dict(job.plan),
        "revision": job.revision,
        "base": job.base,
        "overwrite": job.overwrite,
        "cancel_requested": False,
        "timeout_s": job.timeout_s,
        "owner": job.owner or LOCAL_OWNER,
        "webhook": job.webhook,
        "batch_id": job.batch_id,
        "key_id": job.key_id,
        "max_running": job.max_running,
        "trace": job.trace,
        "rank": tx.now() - job.priority * AGEING_S,
        "fraction": 0.0,
        "event_seq": event_seq,
        "created_at": tx.now(),
    }


def get(tx: Tx, job_id: str) -> Job:
    """Raises JOB_UNKNOWN."""
    job = find_one(tx, job_id)
    if job is None:
        raise unknown(job_id)
    return job


def find_one(tx: Tx, job_id: str) -> Job | None:
    row = tx.run(sa.select(*_COLUMNS).where(jobs.c.id == job_id)).one_or_none()
    return None if row is None else _job(row)


def origin(tx: Tx, job_id: str) -> tuple[str | None, str | None]:
    """Whose job it is, and the traceparent of the request that made it; None where not known."""
    query = sa.select(jobs.c.owner, jobs.c.trace).where(jobs.c.id == job_id)
    row = tx.run(query).one_or_none()
    return (None, None) if row is None else (row.owner, row.trace)


def listing(
    tx: Tx, *, states: Iterable[JobState] = (), limit: int | None = None, before: str | None = None
) -> list[Job]:
    """The newest first; `before` is the last id of the page that came before."""
    query = sa.select(*_COLUMNS).order_by(jobs.c.id.desc())
    chosen = list(states)
    if chosen:
        query = query.where(jobs.c.state.in_(chosen))
    if before is not None:
        query = query.where(jobs.c.id < before)
    if limit is not None:
        query = query.limit(limit)
    return [_job(row) for row in tx.run(query)]


def find(tx: Tx, prefix: str) -> list[str]:
    """The ids that begin with `prefix`, newest first, ten at the most: people type short ids."""
    query = sa.select(jobs.c.id).where(jobs.c.id.startswith(prefix, autoescape=True))
    return list(tx.run(query.order_by(jobs.c.id.desc()).limit(10)).scalars())


def move(tx: Tx, job_id: str, target: JobState, **values: Any) -> None:
    """Changes the state where the table of transitions allows it. Raises TRANSITION_REFUSED."""
    allowed = sources(JOB_MOVES, target)
    statement = sa.update(jobs).where(jobs.c.id == job_id, jobs.c.state.in_(allowed))
    if not tx.run(statement.values(state=target, **values)).rowcount:
        raise _refused(tx, [job_id], target)


def _refused(tx: Tx, job_ids: Sequence[str], target: JobState) -> ReelError:
    """Why not all of them could become `target`: the first that could not."""
    query = sa.select(jobs.c.id, jobs.c.state).where(jobs.c.id.in_(job_ids))
    found = {row.id: row.state for row in tx.run(query)}
    missing = next((job_id for job_id in job_ids if job_id not in found), None)
    if missing is not None:
        return unknown(missing)
    # The others have become it just now.
    job_id = next((j for j in job_ids if found[j] != target), job_ids[0])
    return ReelError(
        Code.TRANSITION_REFUSED,
        f"job {job_id} is {found[job_id]} and cannot become {target}",
        where=job_id,
        evidence={"state": found[job_id], "asked": target.value},
    )


def change(tx: Tx, job_id: str, **values: Any) -> None:
    """Sets columns other than the state."""
    tx.run(sa.update(jobs).where(jobs.c.id == job_id).values(**values))


def revise(tx: Tx, job_id: str, *, old: int, new: int, plan: Mapping[str, Any]) -> bool:
    """Takes the next revision of the plan, unless another process took one since `old`."""
    where = (jobs.c.id == job_id, jobs.c.revision == old)
    done = tx.run(sa.update(jobs).where(*where).values(revision=new, plan=dict(plan)))
    return bool(done.rowcount)


def record(
    tx: Tx, job_id: str, *new: tuple[str, Mapping[str, Any]], wants_look: bool = True
) -> None:
    """Appends events, each (kind, body); listeners hear of them after the commit."""
    if not new:
        return
    count = sa.update(jobs).where(jobs.c.id == job_id).values(event_seq=jobs.c.event_seq + len(new))
    last, heard = tx.run(count.returning(jobs.c.event_seq, outbox.HEARD)).one()
    at = tx.now()
    rows = [
        EventRow(job_id, last - len(new) + n, at, kind, dict(body), wants_look)
        for n, (kind, body) in enumerate(new, start=1)
    ]
    _tell(tx, rows, {job_id} if heard else ())


def record_each(tx: Tx, new: Sequence[tuple[str, str, Mapping[str, Any]]]) -> None:
    """`record` for several jobs, each (job, kind, body), in few statements."""
    told: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for job_id, kind, body in new:
        told.setdefault(job_id, []).append((kind, body))
    sizes: dict[int, list[str]] = {}
    for job_id, some in told.items():
        sizes.setdefault(len(some), []).append(job_id)
    at = tx.now()
    rows: list[EventRow] = []
    heard: set[str] = set()
    for size, ids in sizes.items():
        count = sa.update(jobs).where(jobs.c.id.in_(ids)).values(event_seq=jobs.c.event_seq + size)
        columns = (jobs.c.id, jobs.c.event_seq, outbox.HEARD)
        for job_id, last, is_heard in tx.run(count.returning(*columns)):
            if is_heard:
                heard.add(job_id)
            rows += [
                EventRow(job_id, last - size + n, at, kind, dict(body))
                for n, (kind, body) in enumerate(told[job_id], start=1)
            ]
    _tell(tx, rows, heard)


@dataclass(frozen=True, slots=True)
class Held:
    """A locked job. `event_seq` is the number of its last event, `heard` whether webhooks want to
    hear of it."""

    id: str
    event_seq: int
    started_at: float | None
    cancel_requested: bool
    heard: bool


def hold(tx: Tx, job_ids: Collection[str]) -> dict[str, Held]:
    """Locks these jobs; what it gives stays true until the transaction changes them."""
    tx.lock_jobs(job_ids)
    rows = list(tx.run(_HELD, {"ids": list(job_ids)}))
    for row in rows[:1]:
        tx.set_now(row[0])
    return {row[1]: Held(*row[1:]) for row in rows}


def without_deliveries(tx: Tx, job_ids: Collection[str]) -> set[str]:
    """Those of these jobs that have nothing to deliver, and are not to end otherwise."""
    query = sa.select(jobs.c.id, jobs.c.plan).where(
        jobs.c.id.in_(list(job_ids)), jobs.c.cancel_requested.is_(sa.false())
    )
    return {job_id for job_id, plan in tx.run(query) if not plan["deliveries"]}


@dataclass(frozen=True, slots=True)
class News:
    """What happened to a held job: how far it is now, whether it has succeeded, and its events,
    each (kind, body)."""

    fraction: float
    eta_s: float | None
    events: Sequence[tuple[str, Mapping[str, Any]]]
    is_done: bool = False
    wants_look: bool = True


def tell_all(tx: Tx, held: Mapping[str, Held], news: Mapping[str, News]) -> None:
    """Writes news of held jobs, in as many statements as of one. Raises TRANSITION_REFUSED."""
    now = tx.now()
    done = sorted(job_id for job_id, one in news.items() if one.is_done)
    going = sorted(job_id for job_id, one in news.items() if not one.is_done)
    if done:
        rows = [{"job": j, "more": len(news[j].events), "now": now} for j in done]
        if tx.run(_SUCCEED, rows).rowcount != len(done):
            raise _refused(tx, done, JobState.SUCCEEDED)
    if going:
        rows = [
            {
                "job": job_id,
                "more": len(news[job_id].events),
                "part": news[job_id].fraction,
                "left_s": news[job_id].eta_s,
            }
            for job_id in going
        ]
        tx.run(_GO_ON, rows)
    written = [
        EventRow(job_id, held[job_id].event_seq + n, now, kind, dict(body), one.wants_look)
        for job_id, one in news.items()
        for n, (kind, body) in enumerate(one.events, start=1)
    ]
    _tell(tx, written, {job_id for job_id in news if held[job_id].heard})


def lock_free(tx: Tx, job_ids: Collection[str]) -> set[str]:
    """Locks those that nobody else has locked; gives them. It waits for nobody, so it may come
    last in a transaction whatever that has locked before."""
    query = sa.select(jobs.c.id).where(jobs.c.id.in_(list(job_ids))).order_by(jobs.c.id)
    return set(tx.run(query.with_for_update(skip_locked=True)).scalars())


def begin(tx: Tx, job_ids: Collection[str]) -> list[str]:
    """Queued jobs become running, their clocks start; gives those that did. Their locks are the
    caller's."""
    now = tx.now()
    where = (jobs.c.id.in_(list(job_ids)), jobs.c.state == JobState.QUEUED)
    values = {
        "state": JobState.RUNNING,
        "started_at": now,
        "deadline_at": now + jobs.c.timeout_s,
        "error": None,
    }
    return list(
        tx.run(sa.update(jobs).where(*where).values(**values).returning(jobs.c.id)).scalars()
    )


def _tell(tx: Tx, rows: list[EventRow], heard: Collection[str]) -> None:
    """`heard` are the jobs that webhooks want to hear of."""
    if not rows:
        return
    tx.run(sa.insert(events), [{name: getattr(row, name) for name in _EVENT} for row in rows])
    changed = [row for row in rows if row.job_id in heard and row.kind == _JOB_STATE]
    sent = outbox.add(tx, changed) if changed else set()
    keys = ((row.job_id, row.seq) for row in rows)
    tx.written.extend(
        replace(row, is_sent=True) if key in sent else row
        for row, key in zip(rows, keys, strict=True)
    )


def events_after(tx: Tx, job_id: str, seq: int = 0, limit: int | None = None) -> list[EventRow]:
    query = (
        sa.select(events.c.job_id, events.c.seq, events.c.at, events.c.kind, events.c.body)
        .where(events.c.job_id == job_id, events.c.seq > seq)
        .order_by(events.c.seq)
        .limit(limit)
    )
    return [EventRow(*row) for row in tx.run(query)]


def last_event_at(tx: Tx, job_id: str) -> float:
    """When something last happened to the job; 0.0 where nothing ever did."""
    query = sa.select(events.c.at).where(events.c.job_id == job_id)
    found = tx.run(query.order_by(events.c.seq.desc()).limit(1)).scalar_one_or_none()
    return found or 0.0


def add_delivery(tx: Tx, job_id: str, file: Delivered) -> None:
    """Once for each path; a second time it says the same."""
    values = {
        "position": file.position,
        "output": file.output,
        "sha256": file.sha256,
        "size_bytes": file.size_bytes,
        "at": tx.now(),
    }
    statement = tx.dialect.insert(deliveries).values(job_id=job_id, path=file.path, **values)
    tx.run(statement.on_conflict_do_update(index_elements=["job_id", "path"], set_=values))


def delivered(tx: Tx, job_id: str) -> list[Delivered]:
    """In the order of the spec's outputs."""
    columns = [deliveries.c[f.name] for f in fields(Delivered)]
    query = sa.select(*columns).where(deliveries.c.job_id == job_id)
    rows = tx.run(query.order_by(deliveries.c.output, deliveries.c.position, deliveries.c.path))
    return [Delivered(*row) for row in rows]


def made_at(tx: Tx, path: str) -> set[str]:
    """SHA-256 of everything that any job has delivered to this path."""
    query = sa.select(deliveries.c.sha256).where(deliveries.c.path == path)
    return set(tx.run(query).scalars())


def names_of(tx: Tx, sha256s: Collection[str]) -> dict[str, str]:
    """SHA-256 → the path at which it was delivered last; what was never delivered is left out."""
    query = sa.select(deliveries.c.sha256, deliveries.c.path)
    rows = tx.run(query.where(deliveries.c.sha256.in_(list(sha256s))).order_by(deliveries.c.at))
    return {row.sha256: row.path for row in rows}


def unknown(job_id: str) -> ReelError:
    return ReelError(Code.JOB_UNKNOWN, f"no job {job_id!r}", where=job_id)


def _job(row: Any) -> Job:
    values = row._asdict()
    values["state"] = JobState(values["state"])
    return Job(**values)
