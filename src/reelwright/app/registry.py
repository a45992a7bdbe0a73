"""The processes that run steps: who they are, whether they live, asking one to leave."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from reelwright.app.principal import Principal, Scope
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.intake import Origin
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx
    from reelwright.store.workers import WorkerRow

# Below this a job fails sooner or later, whatever it does.
_LEAST_FREE_BYTES = 100 << 20


@dataclass(frozen=True, slots=True)
class Ready:
    """`workers` that gave a sign of life lately."""

    disk_free_bytes: int
    workers: int


def listing(app: App, principal: Principal) -> list[dict[str, Any]]:
    """Raises FORBIDDEN."""
    from reelwright.store import workers

    principal.check(Scope.METRICS)
    with app.store.read() as tx:
        rows = workers.listing(tx)
        now = tx.now()
    return [_to_json(row, workers.is_silent(row, now)) for row in rows]


async def drain(app: App, worker_id: str, origin: Origin) -> dict[str, Any]:
    """It finishes what it runs and takes nothing new. The last one stays: from afar nobody could
    start another. Raises FORBIDDEN, WORKER_UNKNOWN, TRANSITION_REFUSED."""
    from reelwright.store import audit, workers

    origin.principal.check(Scope.ADMIN)

    def change(tx: Tx) -> dict[str, Any]:
        now = tx.now()
        row = workers.ask_drain(tx, worker_id)
        others = [one for one in workers.listing(tx) if one.id != worker_id and _works(one, now)]
        if _works(row, now) and not others:
            raise ReelError(
                Code.TRANSITION_REFUSED,
                "this is the last worker",
                where=worker_id,
                hint="start another first, or end its process: it finishes what it runs",
            )
        audit.add(tx, origin.principal, "worker.drain", worker_id, origin.address, origin.trace_id)
        return _to_json(row, workers.is_silent(row, now))

    # Behind the jobs of the same commit: every process locks in one order.
    return await app.combiner.transact(change, order=f"~{worker_id}")


def ready(app: App) -> Ready:
    """Whether jobs can be taken and run now. Raises STORE_*, DISK_FULL, and WORKER_UNKNOWN where
    nobody runs steps."""
    from reelwright.store import workers

    with app.store.read() as tx:
        rows = workers.listing(tx)
        now = tx.now()
    alive = sum(1 for row in rows if _works(row, now))
    free = shutil.disk_usage(app.home).free
    if free < _LEAST_FREE_BYTES:
        raise ReelError(Code.DISK_FULL, f"{free >> 20} MiB are free")
    if not alive:
        raise ReelError(Code.WORKER_UNKNOWN, "no worker has given a sign of life lately")
    return Ready(free, alive)


def _works(row: WorkerRow, now: float) -> bool:
    from reelwright.store.workers import is_silent

    return row.cpus > 0 and not is_silent(row, now)


def _to_json(row: WorkerRow, is_silent: bool) -> dict[str, Any]:
    return {**asdict(row), "role": row.role, "alive": not is_silent}
