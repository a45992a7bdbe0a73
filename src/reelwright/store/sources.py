"""Queries over sources: what somebody wants kept, once or on a schedule.

A listing is claimed like a lease, on the database's clock: `next_at` is when another may take it
over, and `tries`, which only grows, tells the claims apart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from reelwright.errors import Code, Problem, ReelError
from reelwright.store.database import Tx
from reelwright.store.ids import new_id
from reelwright.store.tables_library import sources


class SourceState(StrEnum):
    WAITING = "waiting"  # to be listed for the first time, or again
    LISTING = "listing"
    LISTED = "listed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A row. `next_at` None: it is not listed again by itself. `listed`: entries that it has."""

    id: str
    owner: str
    url: str
    kind: str
    title: str | None
    options: Mapping[str, Any]
    state: str
    error: Mapping[str, Any] | None
    listed: int
    schedule: str | None
    is_enabled: bool
    etag: str | None
    last_modified: str | None
    digest: str | None
    tries: int
    created_at: float
    listed_at: float | None
    next_at: float | None

    @property
    def failures(self) -> int:
        """Listings that failed since the last that did not."""
        return int(self.error["evidence"]["failures"]) if self.error else 0


# Before anybody has looked.
UNKNOWN_KIND = "unknown"
_COLUMNS = [sources.c[f.name] for f in fields(Source)]


def insert(
    tx: Tx,
    *,
    owner: str,
    url: str,
    options: Mapping[str, Any],
    schedule: str | None = None,
    next_at: float | None = None,
) -> Source:
    """To be listed at `next_at`; None: now."""
    row = {
        "id": new_id(),
        "owner": owner,
        "url": url,
        "kind": UNKNOWN_KIND,
        "options": dict(options),
        "state": SourceState.WAITING,
        "listed": 0,
        "schedule": schedule,
        "is_enabled": True,
        "tries": 0,
        "created_at": tx.now(),
        "next_at": tx.now() if next_at is None else next_at,
    }
    tx.run(sa.insert(sources), row)
    tx.is_news = True
    return get(tx, str(row["id"]))


def get(tx: Tx, source_id: str, owner: str | None = None) -> Source:
    """`owner` None: whoever it belongs to. Raises SOURCE_UNKNOWN."""
    found = _all(tx, sa.select(*_COLUMNS).where(sources.c.id == source_id))
    if not found or owner not in (None, found[0].owner):
        raise unknown(source_id)
    return found[0]


def of_ids(tx: Tx, ids: Collection[str]) -> dict[str, Source]:
    query = sa.select(*_COLUMNS).where(sources.c.id.in_(ids))
    return {source.id: source for source in _all(tx, query)}


def of_url(tx: Tx, owner: str, url: str) -> list[Source]:
    """All of this address, the newest first."""
    query = sa.select(*_COLUMNS).where(sources.c.owner == owner, sources.c.url == url)
    return _all(tx, query.order_by(sources.c.id.desc()))


def find(tx: Tx, prefix: str, owner: str | None = None) -> list[str]:
    """The ids that begin with `prefix`, newest first, ten at the most."""
    query = sa.select(sources.c.id).where(sources.c.id.startswith(prefix, autoescape=True))
    if owner is not None:
        query = query.where(sources.c.owner == owner)
    return list(tx.run(query.order_by(sources.c.id.desc()).limit(10)).scalars())


def listing(
    tx: Tx,
    *,
    owner: str | None = None,
    only_subscriptions: bool = False,
    limit: int | None = None,
    before: str | None = None,
) -> list[Source]:
    """The newest first; `owner` None: everybody's. `before`: the last id of the page before."""
    query = sa.select(*_COLUMNS).order_by(sources.c.id.desc())
    if owner is not None:
        query = query.where(sources.c.owner == owner)
    if only_subscriptions:
        query = query.where(sources.c.schedule.is_not(None))
    if before is not None:
        query = query.where(sources.c.id < before)
    return _all(tx, query.limit(limit))


def due(tx: Tx, limit: int, only: Collection[str] | None = None) -> list[Source]:
    """Those to be listed now, the longest waiting first. `only`: of these ids alone."""
    query = sa.select(*_COLUMNS).where(*_due(tx)).order_by(sources.c.next_at, sources.c.id)
    if only is not None:
        query = query.where(sources.c.id.in_(only))
    return _all(tx, query.limit(limit))


def claim(tx: Tx, source_id: str, lease_s: float) -> Source | None:
    """Takes its listing for `lease_s`; None where another was faster, or it is not due."""
    statement = (
        sa.update(sources)
        .where(sources.c.id == source_id, *_due(tx))
        .values(state=SourceState.LISTING, next_at=tx.now() + lease_s, tries=sources.c.tries + 1)
    )
    return get(tx, source_id) if tx.run(statement).rowcount else None


def renew(tx: Tx, source: Source, lease_s: float) -> None:
    """Raises LEASE_LOST where another has it now, or it was removed."""
    _settle(tx, source, next_at=tx.now() + lease_s)


def listed(
    tx: Tx,
    source: Source,
    *,
    kind: str,
    title: str | None,
    count: int,
    next_at: float | None,
    etag: str | None = None,
    last_modified: str | None = None,
    digest: str | None = None,
) -> None:
    """It was read to its end. Raises LEASE_LOST."""
    _settle(
        tx,
        source,
        state=SourceState.LISTED,
        kind=kind,
        title=title,
        listed=count,
        next_at=next_at,
        etag=etag,
        last_modified=last_modified,
        digest=digest,
        error=None,
        listed_at=tx.now(),
    )
    tx.is_news = True


def failed(tx: Tx, source: Source, problem: Problem, next_at: float | None) -> None:
    """Raises LEASE_LOST."""
    body = problem.to_json()
    body["evidence"] = {**body.get("evidence", {}), "failures": source.failures + 1}
    _settle(tx, source, state=SourceState.FAILED, error=body, next_at=next_at)
    tx.is_news = True


def give_back(tx: Tx, source: Source) -> None:
    """Claimed, but not read to its end: due at once. Nothing where another has it."""
    values = {"state": SourceState.WAITING, "next_at": tx.now()}
    tx.run(sa.update(sources).where(*_mine(source)).values(**values))


def change(tx: Tx, source_id: str, **values: Any) -> None:
    """Its columns as they are named. Raises SOURCE_UNKNOWN."""
    statement = sa.update(sources).where(sources.c.id == source_id).values(**values)
    if not tx.run(statement).rowcount:
        raise unknown(source_id)
    tx.is_news = True


def ask(tx: Tx, source_id: str) -> None:
    """To be listed now; where it is being listed, nothing is changed."""
    where = (sources.c.id == source_id, sources.c.state != SourceState.LISTING)
    values = {"state": SourceState.WAITING, "next_at": tx.now(), "is_enabled": True}
    tx.run(sa.update(sources).where(*where).values(**values))
    tx.is_news = True


def remove(tx: Tx, source_id: str) -> None:
    """With its entries; what was kept stays. Raises SOURCE_UNKNOWN."""
    if not tx.run(sa.delete(sources).where(sources.c.id == source_id)).rowcount:
        raise unknown(source_id)


def unknown(source_id: str) -> ReelError:
    return ReelError(Code.SOURCE_UNKNOWN, f"no source {source_id!r}", where=source_id)


def _due(tx: Tx) -> tuple[sa.ColumnElement[bool], ...]:
    return (sources.c.next_at <= tx.now(), sources.c.is_enabled)


def _mine(source: Source) -> tuple[sa.ColumnElement[bool], ...]:
    held = (sources.c.state == SourceState.LISTING, sources.c.tries == source.tries)
    return (sources.c.id == source.id, *held)


def _settle(tx: Tx, source: Source, **values: Any) -> None:
    if not tx.run(sa.update(sources).where(*_mine(source)).values(**values)).rowcount:
        raise ReelError(Code.LEASE_LOST, f"another lists {source.url} now", where=source.id)


def _all(tx: Tx, query: sa.Select[Any]) -> list[Source]:
    return [Source(**row._asdict()) for row in tx.run(query)]
