"""What clients of the service ask of jobs that exist: cancel, retry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from reelwright.app.principal import Scope
from reelwright.app.views import check_owner

if TYPE_CHECKING:
    from reelwright.app.intake import Origin
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx


async def cancel(app: App, job_id: str, origin: Origin) -> None:
    """Asks whoever runs it to stop. Raises FORBIDDEN, JOB_UNKNOWN, TRANSITION_REFUSED, STORE_*."""
    from reelwright.engine import orders

    origin.principal.check(Scope.JOBS)

    def change(tx: Tx) -> None:
        check_owner(tx, job_id, origin.principal)
        orders.cancel(tx, job_id)
        _note(tx, "job.cancel", job_id, origin)

    await app.combiner.transact(change, order=job_id)


async def retry(app: App, job_id: str, origin: Origin) -> None:
    """Queues it again, from its finished steps. Raises as `cancel`."""
    from reelwright.engine import orders

    origin.principal.check(Scope.JOBS)

    def prepare() -> Callable[[Tx], None]:
        with app.store.read() as tx:
            check_owner(tx, job_id, origin.principal)
        return orders.retrying(app.store, app.blobs, job_id)

    restart = await asyncio.to_thread(prepare)

    def change(tx: Tx) -> None:
        restart(tx)
        _note(tx, "job.retry", job_id, origin)

    await app.combiner.transact(change, order=job_id)


def _note(tx: Tx, action: str, job_id: str, origin: Origin) -> None:
    from reelwright.store import audit

    audit.add(tx, origin.principal, action, job_id, origin.address, origin.trace_id)
