"""The audit log: every change, by whom, of what, when, from where. Rows are only ever added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.tables_service import audit


class Actor(Protocol):
    """Who asks, as far as the log wants to know."""

    @property
    def actor(self) -> str: ...
    @property
    def role(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """`seq` orders the log; numbers may be missing (a change that was rolled back took them)."""

    seq: int
    at: float
    actor: str
    role: str
    action: str
    target: str | None
    address: str | None
    trace: str | None
    detail: Mapping[str, Any]


_COLUMNS = [audit.c[f.name] for f in fields(Entry)]


def add(
    tx: Tx,
    principal: Actor,
    action: str,
    target: str | None = None,
    address: str | None = None,
    trace: str | None = None,
    **detail: Any,
) -> None:
    """One row, in the transaction of the change that it tells of.

    `action` is ``thing.verb`` (``job.submit``, ``key.revoke``), `target` the id of the thing,
    `address` the client's, `trace` the request's trace id. `detail` is JSON-ready, short, and holds
    no secret: it is kept for ever.
    """
    add_many(tx, [Line(principal, action, target, address, trace, detail)])


@dataclass(frozen=True, slots=True)
class Line:
    """What `add` takes."""

    principal: Actor
    action: str
    target: str | None = None
    address: str | None = None
    trace: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def add_many(tx: Tx, lines: Sequence[Line]) -> None:
    """As `add`, in one statement."""
    values = [
        {
            "at": tx.now(),
            "actor": line.principal.actor,
            "role": str(line.principal.role),
            "action": line.action,
            "target": line.target,
            "address": line.address,
            "trace": line.trace,
            "detail": dict(line.detail),
        }
        for line in lines
    ]
    tx.run(sa.insert(audit), values)


def listing(
    tx: Tx,
    *,
    after: int = 0,
    before: int | None = None,
    since: float | None = None,
    actor: str | None = None,
    action: str | None = None,
    newest_first: bool = False,
    limit: int,
) -> list[Entry]:
    """A page, by `seq`: those after `after` and before `before`.

    `since` is in seconds since 1970. `action` that ends in a dot is a prefix: ``job.`` is all that
    was done to jobs.
    """
    query = sa.select(*_COLUMNS).where(audit.c.seq > after)
    if before is not None:
        query = query.where(audit.c.seq < before)
    if since is not None:
        query = query.where(audit.c.at >= since)
    if actor is not None:
        query = query.where(audit.c.actor == actor)
    if action is not None:
        is_prefix = action.endswith(".")
        matches = audit.c.action.startswith(action, autoescape=True)
        query = query.where(matches if is_prefix else audit.c.action == action)
    order = audit.c.seq.desc() if newest_first else audit.c.seq
    return [Entry(*row) for row in tx.run(query.order_by(order).limit(limit))]
