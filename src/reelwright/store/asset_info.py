"""What is known of assets, brought up to date: their `info`, and what their origins said of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reelwright.store import origins
from reelwright.store.database import Tx
from reelwright.store.tables_library import assets

_BATCH = 500
# Behind every text that begins alike.
_LAST = "\x7f"


@dataclass(frozen=True, slots=True)
class Held:
    """An asset, as far as asking its origin needs it."""

    id: str
    key: str
    url: str | None
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an origin said of an asset: `outcome` there, gone, restricted; `code` and `evidence`
    where it is not there. `info` None: nothing of the video. `is_news` False: it was remembered,
    and is in the ledger of origins already."""

    asset_id: str
    info: Mapping[str, Any] | None
    outcome: str
    code: str | None = None
    evidence: Mapping[str, Any] | None = None
    is_news: bool = True


@dataclass(frozen=True, slots=True)
class Described:
    """Ids of assets: of which more, or other things, are known now; and whose origin is gone, as
    far as that may be believed (`store.origins`)."""

    changed: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()


# From what is known of an asset and what was found: its new `info`.
Merge = Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]]

_HELD = [assets.c[name] for name in ("id", "key", "url", "title")]


def page(
    tx: Tx,
    prefix: str,
    *,
    owner: str | None = None,
    after: tuple[str, str] = ("", ""),
    limit: int = _BATCH,
) -> list[Held]:
    """Those whose key begins with `prefix`, in the order of (key, id), behind `after`."""
    begins = (assets.c.key >= prefix, assets.c.key < prefix + _LAST)
    behind = sa.tuple_(assets.c.key, assets.c.id) > sa.tuple_(*map(sa.literal, after))
    query = sa.select(*_HELD).where(*begins, behind).order_by(assets.c.key, assets.c.id)
    if owner is not None:
        query = query.where(assets.c.owner == owner)
    return [Held(*row) for row in tx.run(query.limit(limit))]


def count(
    tx: Tx, prefix: str, *, owner: str | None = None, after: tuple[str, str] = ("", "")
) -> int:
    begins = (assets.c.key >= prefix, assets.c.key < prefix + _LAST)
    behind = sa.tuple_(assets.c.key, assets.c.id) > sa.tuple_(*map(sa.literal, after))
    query = sa.select(sa.func.count()).select_from(assets).where(*begins, behind)
    if owner is not None:
        query = query.where(assets.c.owner == owner)
    return int(tx.run(query).scalar_one())


def of_ids(tx: Tx, ids: Collection[str]) -> list[Held]:
    """In the order of (key, id)."""
    found: list[Held] = []
    chosen = sorted(ids)
    for start in range(0, len(chosen), _BATCH):
        where = assets.c.id.in_(chosen[start : start + _BATCH])
        found += [Held(*row) for row in tx.run(sa.select(*_HELD).where(where))]
    return sorted(found, key=lambda one: (one.key, one.id))


def describe(tx: Tx, found: Sequence[Found], merge: Merge) -> Described:
    """Writes what was found. An asset that was removed meanwhile is left out."""
    by_id = {one.asset_id: one for one in found}
    query = sa.select(*_HELD, assets.c.info).where(assets.c.id.in_(by_id)).order_by(assets.c.id)
    changed, gone = set(), set()
    # Whoever keeps another version now writes `info`, too: one after the other.
    for row in tx.run(query.with_for_update()).all():
        one = by_id[row.id]
        info = row.info if one.info is None else merge(row.info, one.info)
        if info != row.info:
            values = {"info": dict(info), **_columns(info), "changed_at": tx.now()}
            tx.run(sa.update(assets).where(assets.c.id == row.id).values(**values))
            changed.add(row.id)
        outcome = one.outcome
        if one.is_news:
            outcome = origins.note(
                tx,
                key=row.key,
                url=row.url or row.key,
                outcome=one.outcome,
                code=one.code,
                evidence=one.evidence,
                asset_id=row.id,
            )
        if outcome == origins.Origin.GONE:
            gone.add(row.id)
    return Described(frozenset(changed), frozenset(gone))


def _columns(info: Mapping[str, Any]) -> dict[str, Any]:
    """Those that lists sort and search by; what is not known any more stays as it was."""
    language = info.get("language")
    said = {
        "title": info.get("title"),
        "channel": info.get("channel") or info.get("uploader"),
        "channel_id": info.get("channel_id"),
        "published_at": info.get("published_at"),
        "duration_s": info.get("duration_s"),
        "language": language and language[:35],
    }
    return {name: value for name, value in said.items() if value is not None}
