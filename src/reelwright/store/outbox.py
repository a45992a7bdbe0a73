"""Messages to webhooks: written with the change that they tell of, claimed by whoever sends them.

A claim is a lease on the database's clock: until `next_at` nobody else takes the message. Whoever
claimed it last (`tries`) says how it went; a claim that ran out is another's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store import endpoints
from reelwright.store.database import EventRow, Tx
from reelwright.store.ids import new_id
from reelwright.store.tables import deliveries, jobs
from reelwright.store.tables_service import outbox

PENDING, SENT, DEAD = "pending", "sent", "dead"
STATES = (PENDING, SENT, DEAD)
JOB_STATES = ("queued", "running", "succeeded", "failed", "cancelled")
TYPES = tuple(f"job.{state}" for state in JOB_STATES)
_FINAL = frozenset(JOB_STATES[2:])

# Whether anybody is to hear of a job: asked within a statement that changes the job, so that it
# costs nothing where nobody is. As text, since SQLAlchemy leaves tables' names out of RETURNING;
# not with IS NOT NULL, of which SQLite 3.40 says in UPDATE … RETURNING that it holds for a NULL.
HEARD: sa.ColumnElement[bool] = sa.literal_column(
    "(coalesce(jobs.webhook, '') <> '' OR EXISTS (SELECT 1 FROM endpoints AS heard "
    "WHERE heard.owner = jobs.owner AND heard.is_enabled AND heard.url <> ''))",
    sa.Boolean(),
).label("heard")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`id` is the webhook-id, which stays the same over tries. `endpoint_id` None: the webhook of
    the job's spec. `body` is the payload. `next_at` None: nothing more is tried."""

    id: str
    job_id: str
    owner: str
    endpoint_id: str | None
    url: str
    kind: str
    body: Mapping[str, Any]
    state: str
    tries: int
    next_at: float | None
    created_at: float
    sent_at: float | None
    last_status: int | None
    last_error: str | None


_COLUMNS = [outbox.c[f.name] for f in fields(Message)]
_ABOUT = ("id", "owner", "webhook", "labels", "batch_id", "created_at", "started_at", "finished_at")


def add(tx: Tx, events: Sequence[EventRow]) -> set[tuple[str, int]]:
    """Messages of jobs' changes of state: to the webhook of the job's spec, and to its owner's
    endpoints that want to hear of it. Gives the (job, seq) of those of which there are any."""
    query = sa.select(*(jobs.c[name] for name in _ABOUT))
    found = {r.id: r for r in tx.run(query.where(jobs.c.id.in_([e.job_id for e in events])))}
    listening = endpoints.enabled(tx, sorted({r.owner for r in found.values() if r.owner}))
    made: list[dict[str, Any]] = []
    told: set[tuple[str, int]] = set()
    for event in events:
        job, kind = found[event.job_id], f"job.{event.body['state']}"
        targets: list[tuple[str | None, str]] = []
        if job.webhook is not None:
            targets.append((None, job.webhook))
        targets += [
            (e.id, e.url)
            for e in listening
            if e.owner == job.owner and (not e.events or kind in e.events)
        ]
        if targets:
            told.add((event.job_id, event.seq))
            body = _payload(tx, job, kind, event)
            made += [_row(tx, job, kind, body, *target) for target in targets]
    if made:
        tx.run(sa.insert(outbox), made)
    return told


def _payload(tx: Tx, job: Any, kind: str, event: EventRow) -> dict[str, Any]:
    state = event.body["state"]
    data: dict[str, Any] = {
        "id": job.id,
        "state": state,
        "labels": dict(job.labels or {}),
        "batch": job.batch_id,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "error": event.body.get("error"),
    }
    if state in _FINAL:
        data["outputs"] = _outputs(tx, job.id)
    return {"type": kind, "timestamp": iso(event.at), "data": data}


def _outputs(tx: Tx, job_id: str) -> list[dict[str, Any]]:
    columns = (deliveries.c.path, deliveries.c.sha256, deliveries.c.size_bytes)
    query = sa.select(*columns).where(deliveries.c.job_id == job_id)
    rows = tx.run(query.order_by(deliveries.c.output, deliveries.c.position, deliveries.c.path))
    return [{"path": r.path, "sha256": r.sha256, "bytes": r.size_bytes} for r in rows]


def iso(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _row(
    tx: Tx, job: Any, kind: str, body: Mapping[str, Any], endpoint_id: str | None, url: str
) -> dict[str, Any]:
    return {
        "id": f"msg_{new_id()}",
        "job_id": job.id,
        "owner": job.owner or "local",
        "endpoint_id": endpoint_id,
        "url": url,
        "kind": kind,
        "body": dict(body),
        "state": PENDING,
        "tries": 0,
        "next_at": tx.now(),
        "created_at": tx.now(),
    }


def is_due(tx: Tx) -> bool:
    """Whether `claim` would find anything."""
    due = (outbox.c.state == PENDING, outbox.c.next_at <= tx.now())
    return tx.run(sa.select(outbox.c.id).where(*due).limit(1)).first() is not None


def claim(
    tx: Tx, *, limit: int, lease_s: float, without: Collection[str] = (), job_id: str | None = None
) -> list[Message]:
    """Messages that are due, the longest waiting first, claimed for `lease_s`. `without`: origins
    (``https://host:port``) that are busy. `job_id`: of this job alone."""
    due = (outbox.c.state == PENDING, outbox.c.next_at <= tx.now())
    query = sa.select(outbox.c.id).where(*due).order_by(outbox.c.next_at).limit(limit)
    for origin in without:
        query = query.where(outbox.c.url != origin)
        for more in "/?#":
            begin = outbox.c.url.startswith(f"{origin}{more}", autoescape=True)
            query = query.where(sa.not_(begin))
    if job_id is not None:
        query = query.where(outbox.c.job_id == job_id)
    # The rows first: PostgreSQL may run a subquery with SKIP LOCKED more than once.
    ids = list(tx.run(query.with_for_update(skip_locked=True)).scalars())
    if not ids:
        return []
    values = {"tries": outbox.c.tries + 1, "next_at": tx.now() + lease_s}
    taken = sa.update(outbox).where(outbox.c.id.in_(ids), *due).values(**values)
    rows = tx.run(taken.returning(*_COLUMNS))
    order = {message_id: n for n, message_id in enumerate(ids)}
    return sorted((Message(**r._asdict()) for r in rows), key=lambda m: order[m.id])


def give_back(tx: Tx, messages: Sequence[Message]) -> None:
    """Claimed, but not tried."""
    for one in messages:
        values = {"tries": one.tries - 1, "next_at": tx.now()}
        tx.run(sa.update(outbox).where(*_mine(one)).values(**values))


def sent(tx: Tx, message: Message, status: int) -> None:
    _settle(tx, message, state=SENT, next_at=None, sent_at=tx.now(), last_status=status)


def failed(
    tx: Tx, message: Message, *, wait_s: float | None, status: int | None, error: str
) -> None:
    """Tried again in `wait_s`; None: never, by itself."""
    values = {"last_status": status, "last_error": error[:500]}
    if wait_s is None:
        _settle(tx, message, state=DEAD, next_at=None, **values)
    else:
        _settle(tx, message, next_at=tx.now() + wait_s, **values)


def _settle(tx: Tx, message: Message, **values: Any) -> None:
    tx.run(sa.update(outbox).where(*_mine(message)).values(**values))


def _mine(message: Message) -> tuple[Any, ...]:
    held = (outbox.c.state == PENDING, outbox.c.tries == message.tries)
    return (outbox.c.id == message.id, *held)


def bury(tx: Tx, endpoint_id: str, error: str) -> None:
    """Nothing more is sent to the endpoint of what waits for it."""
    where = (outbox.c.endpoint_id == endpoint_id, outbox.c.state == PENDING)
    tx.run(sa.update(outbox).where(*where).values(state=DEAD, next_at=None, last_error=error))


def get(tx: Tx, message_id: str) -> Message:
    """Raises WEBHOOK_UNKNOWN."""
    row = tx.run(sa.select(*_COLUMNS).where(outbox.c.id == message_id)).one_or_none()
    if row is None:
        raise unknown(message_id)
    return Message(**row._asdict())


def listing(
    tx: Tx,
    *,
    owner: str | None,
    limit: int,
    state: str | None = None,
    job_id: str | None = None,
    before: str | None = None,
) -> list[Message]:
    """The newest first; of `owner`, or None: everybody's."""
    query = sa.select(*_COLUMNS).order_by(outbox.c.id.desc()).limit(limit)
    wanted = {"owner": owner, "state": state, "job_id": job_id}
    for name, value in wanted.items():
        if value is not None:
            query = query.where(outbox.c[name] == value)
    if before is not None:
        query = query.where(outbox.c.id < before)
    return [Message(**row._asdict()) for row in tx.run(query)]


def redeliver(tx: Tx, message_id: str) -> Message:
    """Due now, with all its tries. Raises WEBHOOK_UNKNOWN."""
    values = {"state": PENDING, "tries": 0, "next_at": tx.now(), "sent_at": None}
    tx.run(sa.update(outbox).where(outbox.c.id == message_id).values(**values))
    tx.is_news = True
    return get(tx, message_id)


def prune(tx: Tx, *, keep_s: float) -> int:
    """Removes what was settled and is older; gives the number."""
    where = (outbox.c.state.in_([SENT, DEAD]), outbox.c.created_at < tx.now() - keep_s)
    return tx.run(sa.delete(outbox).where(*where)).rowcount


def unknown(message_id: str) -> ReelError:
    return ReelError(
        Code.WEBHOOK_UNKNOWN,
        f"there is no message {message_id!r}",
        where=message_id,
        hint="`reel webhooks messages` lists them",
    )
