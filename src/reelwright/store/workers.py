"""The registry of processes that run steps or decide: who is there, and who was asked to leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum

import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store.database import Tx
from reelwright.store.tables_service import workers

# A sign of life so often; who gave none for `SILENT_S` is not counted with.
BEAT_S = 10.0
SILENT_S = 30.0
# A row without a sign of life is kept so long, for whoever wonders where a worker went.
KEEP_S = 600.0


class WorkerState(StrEnum):
    ACTIVE = "active"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """`cpus` and `memory_bytes` are what its steps may hold together with those of other workers of
    its host; 0 cores: it runs no steps. Times are seconds since 1970."""

    id: str
    host: str
    pid: int
    state: str
    drain: bool
    version: str
    cpus: float
    memory_bytes: int
    started_at: float
    heartbeat_at: float

    @property
    def role(self) -> str:
        """``worker`` runs steps; ``api`` answers and, where it leads, decides."""
        return "worker" if self.cpus > 0 else "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWorker:
    id: str
    host: str
    pid: int
    version: str
    cpus: float
    memory_bytes: int


_COLUMNS = [workers.c[f.name] for f in fields(WorkerRow)]


def beat(tx: Tx, worker: NewWorker, state: WorkerState) -> bool:
    """A sign of life, which enters it where it is not known; says whether it was asked to drain."""
    now = tx.now()
    changed = {"state": state, "heartbeat_at": now}
    statement = sa.update(workers).where(workers.c.id == worker.id).values(**changed)
    asked = tx.run(statement.returning(workers.c.drain)).scalar_one_or_none()
    if asked is not None:
        return bool(asked)
    values = {f.name: getattr(worker, f.name) for f in fields(NewWorker)}
    tx.run(sa.insert(workers), {**values, **changed, "drain": False, "started_at": now})
    return False


def is_asked(tx: Tx, worker_id: str) -> bool:
    """Whether it was asked to drain."""
    query = sa.select(workers.c.drain).where(workers.c.id == worker_id)
    return bool(tx.run(query).scalar_one_or_none())


def ask_drain(tx: Tx, worker_id: str) -> WorkerRow:
    """It finishes what it runs, takes nothing new, and leaves. Raises WORKER_UNKNOWN;
    TRANSITION_REFUSED for a process that runs no steps: there is nothing to finish."""
    tx.is_news = True
    statement = sa.update(workers).where(workers.c.id == worker_id).values(drain=True)
    row = tx.run(statement.returning(*_COLUMNS)).one_or_none()
    if row is None:
        raise ReelError(Code.WORKER_UNKNOWN, f"no worker {worker_id!r}", where=worker_id)
    found = WorkerRow(*row)
    if found.role == "api":
        raise ReelError(
            Code.TRANSITION_REFUSED,
            f"{worker_id} runs no steps: it answers requests",
            where=worker_id,
            hint="end its process (SIGTERM): it finishes what it answers",
        )
    return found


def listing(tx: Tx) -> list[WorkerRow]:
    """The oldest first, those that went silent included."""
    query = sa.select(*_COLUMNS).order_by(workers.c.started_at, workers.c.id)
    return [WorkerRow(*row) for row in tx.run(query)]


def remove(tx: Tx, worker_id: str) -> None:
    tx.run(sa.delete(workers).where(workers.c.id == worker_id))


def capacity_cpus(tx: Tx) -> float:
    """Cores of all hosts with a worker that takes steps; workers of one host share its cores."""
    each = (
        sa.select(sa.func.max(workers.c.cpus).label("cpus"))
        .where(workers.c.heartbeat_at > tx.now() - SILENT_S, workers.c.state == WorkerState.ACTIVE)
        .group_by(workers.c.host)
        .subquery()
    )
    return float(tx.run(sa.select(sa.func.coalesce(sa.func.sum(each.c.cpus), 0.0))).scalar_one())


def is_silent(row: WorkerRow, now: float) -> bool:
    return row.heartbeat_at < now - SILENT_S


def by_prefix(rows: Sequence[WorkerRow], given: str) -> list[WorkerRow]:
    """Those whose id begins with `given`, or is it."""
    whole = [row for row in rows if row.id == given]
    return whole or [row for row in rows if row.id.startswith(given)]
