"""The processes that run steps or decide: who is there, and asking one to leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App


def listing(app: App) -> list[dict[str, Any]]:
    """The oldest first. `state` is active, draining, or silent where it gave no sign of life."""
    from reelwright.store import workers

    with app.store.read() as tx:
        now = tx.now()
        return [_json(row, now) for row in workers.listing(tx)]


def drain(app: App, given: str) -> dict[str, Any]:
    """Asks the worker whose id is, or begins with, `given` to finish what it runs and to leave.

    Raises WORKER_UNKNOWN.
    """
    from reelwright.store import workers

    with app.store.read() as tx:
        found = workers.by_prefix(workers.listing(tx), given) if given else []
    if len(found) > 1:
        ids = ", ".join(row.id for row in found)
        raise ReelError(Code.WORKER_UNKNOWN, f"'{given}' may be {ids}", hint="give more of the id")
    worker_id = found[0].id if found else given
    row, now = app.store.transact(lambda tx: (workers.ask_drain(tx, worker_id), tx.now()))
    return _json(row, now)


def _json(row: Any, now: float) -> dict[str, Any]:
    from reelwright.store.workers import WorkerState, is_silent

    state = WorkerState.DRAINING.value if row.drain else row.state
    return {
        "id": row.id,
        "host": row.host,
        "pid": row.pid,
        "role": row.role,
        "state": "silent" if is_silent(row, now) else state,
        "version": row.version,
        "cpus": row.cpus,
        "memory_bytes": row.memory_bytes,
        "started_at": row.started_at,
        "heartbeat_at": row.heartbeat_at,
    }
