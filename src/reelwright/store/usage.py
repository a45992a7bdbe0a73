"""How much an owner has here: for quotas."""

from __future__ import annotations

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.tables import deliveries, jobs
from reelwright.store.tables_service import uploads


def owner_bytes(tx: Tx, owner: str) -> int:
    """Bytes of the owner's uploads, those to come too, and of what their jobs delivered."""
    promised = sa.func.coalesce(uploads.c.size_bytes, uploads.c.offset_bytes)
    came = sa.select(sa.func.sum(promised)).where(uploads.c.owner == owner)
    made = (
        sa.select(sa.func.sum(deliveries.c.size_bytes))
        .join(jobs, jobs.c.id == deliveries.c.job_id)
        .where(jobs.c.owner == owner)
    )
    return int(tx.run(came).scalar_one() or 0) + int(tx.run(made).scalar_one() or 0)
