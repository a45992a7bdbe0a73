"""The ledger of origins: every answer to "is it still there?", and what follows for the assets.

A refusal that a moment can cause never makes a video gone. An answer of the site itself that it was
removed (or HTTP 410) does at once; a 404 alone is `NOT_FOUND`, and `GONE` when the same is said
again an hour later or more, and nothing else in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from reelwright.errors import Code
from reelwright.store.assets import NAMES, AssetRow, AssetState
from reelwright.store.database import Tx
from reelwright.store.entries import EntryState
from reelwright.store.tables_library import assets, entries, origin_checks, sources

# Two answers of 404 that are so far apart are no slip of a server.
CONFIRM_S = 3600.0
_HTTP_GONE = 410


class Origin(StrEnum):
    """`NOT_FOUND`: a 404 that nobody has confirmed. `UNKNOWN`: the question failed, or was never
    asked."""

    THERE = "there"
    GONE = "gone"
    NOT_FOUND = "not_found"
    RESTRICTED = "restricted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginCheck:
    """A row. `at` in seconds since 1970; `evidence` is what the site said."""

    seq: int
    key: str
    asset_id: str | None
    url: str
    outcome: str
    code: str | None
    evidence: Mapping[str, Any] | None
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A video that is gone at its origin and that nobody has. `asset_id`: an asset without its
    file; else a list named it, and it was gone before it was fetched."""

    key: str
    url: str
    title: str | None
    host: str
    code: str | None
    at: float | None
    asset_id: str | None = None
    entry_id: str | None = None


_CHECK = [origin_checks.c[f.name] for f in fields(OriginCheck)]
_ASSET = [assets.c[name] for name in NAMES]
_LOST_FILES = (AssetState.MISSING,)


def note(
    tx: Tx,
    *,
    key: str,
    url: str,
    outcome: str,
    code: str | None = None,
    evidence: Mapping[str, Any] | None = None,
    asset_id: str | None = None,
) -> Origin:
    """Writes an answer down, and sets what it means for the asset; gives what was written.

    A failed question (`UNKNOWN`) changes nothing that was known.
    """
    found = Origin(outcome)
    if found is Origin.GONE and not _is_certain(tx, key, code, evidence):
        found = Origin.NOT_FOUND
    row = {
        "key": key,
        "asset_id": asset_id,
        "url": url,
        "outcome": found,
        "code": code,
        "evidence": None if evidence is None else dict(evidence),
        "at": tx.now(),
    }
    tx.run(sa.insert(origin_checks), row)
    if asset_id is not None and found is not Origin.UNKNOWN:
        values = {"origin_state": found, "origin_checked_at": tx.now()}
        tx.run(sa.update(assets).where(assets.c.id == asset_id).values(**values))
    return found


def history(tx: Tx, key: str, *, limit: int = 100, before: int | None = None) -> list[OriginCheck]:
    """The newest first. `before`: the `seq` of the last row of the page before."""
    query = sa.select(*_CHECK).where(origin_checks.c.key == key)
    if before is not None:
        query = query.where(origin_checks.c.seq < before)
    rows = tx.run(query.order_by(origin_checks.c.seq.desc()).limit(limit))
    return [OriginCheck(**row._asdict()) for row in rows]


def due(
    tx: Tx,
    *,
    before: float,
    owner: str | None = None,
    after: tuple[float, str] = (-1.0, ""),
    limit: int = 200,
) -> list[AssetRow]:
    """Assets with an origin that was not asked since `before` (seconds since 1970), those first
    that were asked longest ago; and those whose 404 wants a second answer. What was asked within
    the last hour, however that ended, is left alone. `after`: (`origin_checked_at` or 0, id) of
    the last one of the page before."""
    asked_at = sa.func.coalesce(assets.c.origin_checked_at, 0.0)
    lately = sa.exists().where(
        origin_checks.c.asset_id == assets.c.id, origin_checks.c.at > tx.now() - CONFIRM_S
    )
    query = sa.select(*_ASSET).where(
        assets.c.url.startswith("http"),
        sa.or_(asked_at < before, assets.c.origin_state == Origin.NOT_FOUND),
        sa.not_(lately),
        sa.tuple_(asked_at, assets.c.id) > after,
    )
    if owner is not None:
        query = query.where(assets.c.owner == owner)
    return [_asset(row) for row in tx.run(query.order_by(asked_at, assets.c.id).limit(limit))]


def held(tx: Tx, *, owner: str | None = None, after: str = "", limit: int = 200) -> list[AssetRow]:
    """Assets whose origin is gone and whose video is here, in the order of their ids."""
    query = sa.select(*_ASSET).where(
        assets.c.origin_state == Origin.GONE,
        assets.c.state.not_in(_LOST_FILES),
        assets.c.id > after,
    )
    if owner is not None:
        query = query.where(assets.c.owner == owner)
    return [_asset(row) for row in tx.run(query.order_by(assets.c.id).limit(limit))]


def lost_assets(
    tx: Tx, *, owner: str | None = None, after: str = "", limit: int = 200
) -> list[Lost]:
    """Assets whose origin is gone and whose video is not here any more."""
    query = sa.select(*_ASSET).where(
        assets.c.origin_state == Origin.GONE,
        assets.c.state.in_(_LOST_FILES),
        assets.c.id > after,
    )
    if owner is not None:
        query = query.where(assets.c.owner == owner)
    found = [_asset(row) for row in tx.run(query.order_by(assets.c.id).limit(limit))]
    return [
        Lost(
            key=row.key,
            url=row.url or "",
            title=row.title,
            host=row.host,
            code=None,
            at=row.origin_checked_at,
            asset_id=row.id,
        )
        for row in found
    ]


def lost_entries(
    tx: Tx, *, owner: str | None = None, after: str = "", limit: int = 200
) -> list[Lost]:
    """What lists named and was gone before it was fetched; of several entries of one video and one
    owner the first. `after`: the last `entry_id` of the page before."""
    mine = sources.alias("mine")
    twin, of_twin = entries.alias("twin"), sources.alias("of_twin")
    # By their ids, which are in the order in which they were made.
    earlier = sa.exists().where(
        twin.c.key == entries.c.key,
        twin.c.state == EntryState.GONE,
        twin.c.id < entries.c.id,
        of_twin.c.id == twin.c.source_id,
        of_twin.c.owner == mine.c.owner,
    )
    has = sa.exists().where(assets.c.key == entries.c.key, assets.c.owner == mine.c.owner)
    columns = [entries.c[name] for name in ("id", "key", "url", "title", "host", "code")]
    query = (
        sa.select(*columns, entries.c.changed_at.label("at"))
        .join(mine, mine.c.id == entries.c.source_id)
        .where(
            entries.c.state == EntryState.GONE,
            entries.c.id > after,
            sa.not_(earlier),
            sa.not_(has),
        )
    )
    if owner is not None:
        query = query.where(mine.c.owner == owner)
    rows = tx.run(query.order_by(entries.c.id).limit(limit))
    return [
        Lost(
            key=row.key,
            url=row.url,
            title=row.title,
            host=row.host,
            code=row.code,
            at=row.at,
            entry_id=row.id,
        )
        for row in rows
    ]


def _is_certain(tx: Tx, key: str, code: str | None, evidence: Mapping[str, Any] | None) -> bool:
    """Whether "gone" may be believed."""
    if code != Code.HTTP_NOT_FOUND.text or (evidence or {}).get("status") == _HTTP_GONE:
        return True
    query = sa.select(origin_checks.c.outcome, origin_checks.c.at).where(
        origin_checks.c.key == key, origin_checks.c.outcome != Origin.UNKNOWN
    )
    for row in tx.run(query.order_by(origin_checks.c.seq.desc()).limit(100)):
        if row.outcome == Origin.GONE:
            return True
        if row.outcome != Origin.NOT_FOUND:
            return False
        if row.at <= tx.now() - CONFIRM_S:
            return True
    return False


def _asset(row: Any) -> AssetRow:
    values = row._asdict()
    return AssetRow(**{**values, "state": AssetState(values["state"])})
