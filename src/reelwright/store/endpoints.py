"""Queries over the endpoints that messages of an owner go to, and their secrets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store.database import Tx
from reelwright.store.tables_service import endpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """`events` are types of messages (``job.failed``); none: all. An empty `url`: the secret of an
    owner's webhooks in specs. `old_secret` signs too until `old_secret_until`."""

    id: str
    owner: str
    url: str
    events: Sequence[str]
    secret: str
    old_secret: str | None = None
    old_secret_until: float | None = None
    is_enabled: bool = True
    created_at: float = 0.0

    def secrets(self, now: float) -> tuple[str, ...]:
        """Those that sign at `now`, the newest first."""
        until = self.old_secret_until
        if self.old_secret is None or until is None or until <= now:
            return (self.secret,)
        return (self.secret, self.old_secret)


_COLUMNS = [endpoints.c[f.name] for f in fields(Endpoint)]


def insert(tx: Tx, row: Endpoint) -> None:
    """Unless a row with its id is there already."""
    values = {**asdict(row), "events": list(row.events)}
    tx.run(tx.dialect.insert(endpoints).values(**values).on_conflict_do_nothing())


def get(tx: Tx, endpoint_id: str) -> Endpoint:
    """Raises WEBHOOK_UNKNOWN."""
    row = tx.run(sa.select(*_COLUMNS).where(endpoints.c.id == endpoint_id)).one_or_none()
    if row is None:
        raise unknown(endpoint_id)
    return _endpoint(row)


def by_ids(tx: Tx, ids: Sequence[str]) -> dict[str, Endpoint]:
    found = tx.run(sa.select(*_COLUMNS).where(endpoints.c.id.in_(list(ids))))
    return {row.id: _endpoint(row) for row in found}


def listing(
    tx: Tx, *, owner: str | None, limit: int | None = None, before: str | None = None
) -> list[Endpoint]:
    """The newest first; of `owner`, or None: everybody's. Without those of specs."""
    query = sa.select(*_COLUMNS).where(endpoints.c.url != "").order_by(endpoints.c.id.desc())
    if owner is not None:
        query = query.where(endpoints.c.owner == owner)
    if before is not None:
        query = query.where(endpoints.c.id < before)
    return [_endpoint(row) for row in tx.run(query.limit(limit))]


def find(tx: Tx, prefix: str) -> list[str]:
    """The ids that begin with `prefix`, ten at the most."""
    query = sa.select(endpoints.c.id).where(endpoints.c.id.startswith(prefix, autoescape=True))
    return list(tx.run(query.order_by(endpoints.c.id).limit(10)).scalars())


def enabled(tx: Tx, owners: Sequence[str]) -> list[Endpoint]:
    where = (endpoints.c.owner.in_(list(owners)), endpoints.c.is_enabled, endpoints.c.url != "")
    return [_endpoint(row) for row in tx.run(sa.select(*_COLUMNS).where(*where))]


def change(tx: Tx, endpoint_id: str, **values: Any) -> Endpoint:
    """Raises WEBHOOK_UNKNOWN."""
    tx.run(sa.update(endpoints).where(endpoints.c.id == endpoint_id).values(**values))
    return get(tx, endpoint_id)


def delete(tx: Tx, endpoint_id: str) -> None:
    """With its messages. Raises WEBHOOK_UNKNOWN."""
    if not tx.run(sa.delete(endpoints).where(endpoints.c.id == endpoint_id)).rowcount:
        raise unknown(endpoint_id)


def unknown(endpoint_id: str) -> ReelError:
    return ReelError(
        Code.WEBHOOK_UNKNOWN, f"there is no webhook {endpoint_id!r}", where=endpoint_id
    )


def _endpoint(row: Any) -> Endpoint:
    return Endpoint(**row._asdict())
