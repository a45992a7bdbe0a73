"""Queries over what the archive is missing: entries, sources and assets that are not well.

Each is read in pages in the order of ids, so that whoever reads all of it holds one page.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from reelwright.store.assets import AssetState
from reelwright.store.database import Tx
from reelwright.store.entries import Entry, EntryState
from reelwright.store.hosts import Breaker
from reelwright.store.sources import Source, SourceState
from reelwright.store.tables_library import assets, entries, hosts, origin_checks, sources

GONE = "gone"
_FEW = 5
_BAD = (AssetState.DAMAGED, AssetState.MISSING, AssetState.INCOMPLETE)
_ENTRY = [entries.c[f.name] for f in fields(Entry)]
_SOURCE = [sources.c[f.name] for f in fields(Source)]
_ASSET = [
    assets.c[name]
    for name in (
        "id", "key", "owner", "host", "url", "title", "state", "origin_state", "verified_at",
        "origin_checked_at", "changed_at",
    )
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Among:
    """Of whom and what. `owner` None: everybody's; `source_id`, `host`: of this one alone; `ids`:
    these rows. `is_skipped`: what somebody took off the plan, in place of what stands on it."""

    owner: str | None = None
    source_id: str | None = None
    host: str | None = None
    ids: Sequence[str] | None = None
    is_skipped: bool = False


@dataclass(frozen=True, slots=True)
class Bad:
    """An asset that is not well, or whose origin is gone; columns as in `assets`."""

    id: str
    key: str
    owner: str
    host: str
    url: str | None
    title: str
    state: str
    origin_state: str
    verified_at: float | None
    origin_checked_at: float | None
    changed_at: float


def entry_counts(tx: Tx, among: Among) -> dict[str | None, int]:
    """By code, how many."""
    query = sa.select(entries.c.code, sa.func.count()).where(*_of_entries(among))
    return {code: int(n) for code, n in tx.run(query.group_by(entries.c.code))}


def entry_page(
    tx: Tx, among: Among, codes: Collection[str | None], *, after: str = "", limit: int = 500
) -> list[Entry]:
    """Those that failed for one of `codes`; `after`: the last id of the page before."""
    named = [code for code in codes if code is not None]
    one: sa.ColumnElement[bool] = entries.c.code.in_(named)
    if None in codes:
        one = sa.or_(one, entries.c.code.is_(None))
    query = sa.select(*_ENTRY).where(*_of_entries(among), one, entries.c.id > after)
    rows = tx.run(query.order_by(entries.c.id).limit(limit))
    return [Entry(**row._asdict()) for row in rows]


def entries_of_assets(tx: Tx, asset_ids: Collection[str]) -> dict[str, list[Entry]]:
    """The held entries of these assets, by them."""
    query = sa.select(*_ENTRY).where(
        entries.c.asset_id.in_(asset_ids), entries.c.state == EntryState.HELD
    )
    found: dict[str, list[Entry]] = {}
    for row in tx.run(query):
        found.setdefault(row.asset_id, []).append(Entry(**row._asdict()))
    return found


def source_page(tx: Tx, among: Among, *, after: str = "", limit: int = 500) -> list[Source]:
    """Those whose last listing failed; skipped ones are turned off."""
    query = sa.select(*_SOURCE).where(
        sources.c.state == SourceState.FAILED,
        sources.c.is_enabled.is_(not among.is_skipped),
        sources.c.id > after,
    )
    if among.owner is not None:
        query = query.where(sources.c.owner == among.owner)
    if among.source_id is not None:
        query = query.where(sources.c.id == among.source_id)
    if among.ids is not None:
        query = query.where(sources.c.id.in_(among.ids))
    rows = tx.run(query.order_by(sources.c.id).limit(limit))
    return [Source(**row._asdict()) for row in rows]


def asset_page(tx: Tx, among: Among, *, after: str = "", limit: int = 500) -> list[Bad]:
    """Those with files that are missing or damaged."""
    return _assets(tx, among, assets.c.state.in_(_BAD), after, limit)


def origin_page(tx: Tx, among: Among, *, after: str = "", limit: int = 500) -> list[Bad]:
    """Those that are held and are no more at their origin."""
    return _assets(tx, among, assets.c.origin_state == GONE, after, limit)


def asset_counts(tx: Tx, among: Among) -> tuple[int, int]:
    """How many `asset_page` and `origin_page` have, all pages together."""
    found = []
    for condition in (assets.c.state.in_(_BAD), assets.c.origin_state == GONE):
        query = sa.select(sa.func.count()).select_from(assets)
        found.append(int(tx.run(query.where(condition, *_of_assets(among))).scalar_one()))
    return found[0], found[1]


def last_checks(tx: Tx, keys: Collection[str]) -> dict[str, Mapping[str, Any]]:
    """By key, what its origin said last: outcome, code, evidence, at."""
    newest = (
        sa.select(origin_checks.c.key, sa.func.max(origin_checks.c.seq).label("seq"))
        .where(origin_checks.c.key.in_(keys))
        .group_by(origin_checks.c.key)
        .subquery()
    )
    query = sa.select(
        origin_checks.c.key,
        origin_checks.c.outcome,
        origin_checks.c.code,
        origin_checks.c.evidence,
        origin_checks.c.at,
    ).join(newest, newest.c.seq == origin_checks.c.seq)
    return {row.key: row._asdict() for row in tx.run(query)}


def hosts_waiting(tx: Tx, among: Among) -> dict[str, int]:
    """The hosts of pending entries, and how many are at each."""
    query = sa.select(entries.c.host, sa.func.count()).where(
        entries.c.state == EntryState.PENDING, *_owned(among)
    )
    if among.host is not None:
        query = query.where(entries.c.host == among.host)
    return {host: int(n) for host, n in tx.run(query.group_by(entries.c.host))}


def hosts_resting(tx: Tx) -> list[str]:
    """Whose breaker is open now."""
    query = sa.select(hosts.c.host).where(hosts.c.state != Breaker.CLOSED, hosts.c.until > tx.now())
    return list(tx.run(query.order_by(hosts.c.host)).scalars())


def find(tx: Tx, prefix: str, owner: str | None = None) -> list[str]:
    """Ids of entries, sources and assets that begin with `prefix`; a few."""
    mine = sa.select(sources.c.id).where(sources.c.owner == owner)
    found: list[str] = []
    for column, is_mine in (
        (entries.c.id, entries.c.source_id.in_(mine)),
        (sources.c.id, sources.c.owner == owner),
        (assets.c.id, assets.c.owner == owner),
    ):
        query = sa.select(column).where(column.startswith(prefix, autoescape=True))
        if owner is not None:
            query = query.where(is_mine)
        found += tx.run(query.order_by(column).limit(_FEW)).scalars()
    return found


def skip_entry(tx: Tx, entry: Entry, error: Mapping[str, Any]) -> bool:
    """It is wanted no more; `error` says why, and what it was before. False where it has changed
    since it was read."""
    return _move(tx, entry, state=EntryState.SKIPPED, error=dict(error), next_at=None)


def unskip_entry(
    tx: Tx, entry: Entry, error: Mapping[str, Any], state: str, next_at: float | None
) -> bool:
    return _move(tx, entry, state=state, error=dict(error), next_at=next_at)


def _move(tx: Tx, entry: Entry, **values: Any) -> bool:
    where = (entries.c.id == entry.id, entries.c.state == entry.state)
    statement = sa.update(entries).where(*where).values(changed_at=tx.now(), **values)
    return bool(tx.run(statement).rowcount)


def _of_entries(among: Among) -> list[sa.ColumnElement[bool]]:
    if among.is_skipped:
        # What the options left out has no code.
        bad = sa.and_(entries.c.state == EntryState.SKIPPED, entries.c.code.is_not(None))
    else:
        bad = sa.or_(
            entries.c.state.in_([EntryState.FAILED, EntryState.GONE]),
            sa.and_(entries.c.state == EntryState.PENDING, entries.c.code.is_not(None)),
        )
    found = [bad, *_owned(among)]
    if among.host is not None:
        found.append(entries.c.host == among.host)
    if among.ids is not None:
        found.append(entries.c.id.in_(among.ids))
    return found


def _owned(among: Among) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if among.source_id is not None:
        found.append(entries.c.source_id == among.source_id)
    if among.owner is not None:
        mine = sa.select(sources.c.id).where(sources.c.owner == among.owner)
        found.append(entries.c.source_id.in_(mine))
    return found


def _assets(
    tx: Tx, among: Among, condition: sa.ColumnElement[bool], after: str, limit: int
) -> list[Bad]:
    query = sa.select(*_ASSET).where(condition, assets.c.id > after, *_of_assets(among))
    return [Bad(**row._asdict()) for row in tx.run(query.order_by(assets.c.id).limit(limit))]


def _of_assets(among: Among) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if among.owner is not None:
        found.append(assets.c.owner == among.owner)
    if among.host is not None:
        found.append(assets.c.host == among.host)
    if among.ids is not None:
        found.append(assets.c.id.in_(among.ids))
    if among.source_id is not None:
        listed = sa.select(entries.c.asset_id).where(entries.c.source_id == among.source_id)
        found.append(assets.c.id.in_(listed))
    if among.is_skipped:
        found.append(sa.false())
    return found
