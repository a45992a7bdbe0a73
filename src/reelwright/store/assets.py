"""Queries over the assets: the videos that the library holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store.database import Tx
from reelwright.store.tables_library import asset_files, assets

_BATCH = 900
_SHOWN = 5


class AssetState(StrEnum):
    """What of it is on disk, as far as was looked: `INCOMPLETE` lacks a file beside its video."""

    HELD = "held"
    INCOMPLETE = "incomplete"
    DAMAGED = "damaged"
    MISSING = "missing"


class Sort(StrEnum):
    """By what assets are listed; of equals the newest first."""

    ADDED = "added"
    PUBLISHED = "published"
    TITLE = "title"
    CHANNEL = "channel"
    DURATION = "duration"
    SIZE = "size"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRow:
    """A row without its `info`. Times in seconds since 1970; `folder` as `tables_library` says."""

    id: str
    key: str
    owner: str
    extractor: str
    host: str
    title: str
    folder: str
    folder_key: str | None
    size_bytes: int
    created_at: float
    changed_at: float
    state: AssetState = AssetState.HELD
    native_id: str | None = None
    url: str | None = None
    channel: str | None = None
    channel_id: str | None = None
    published_at: float | None = None
    duration_s: float | None = None
    language: str | None = None
    sha256: str | None = None
    origin_state: str = "unknown"
    verified_at: float | None = None
    origin_checked_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which assets. `owner` None: everybody's; `text` is looked for in title and channel, in any
    case; `after` and `before` bound `published_at` (seconds since 1970, half open)."""

    owner: str | None = None
    channel: str | None = None
    text: str | None = None
    state: str | None = None
    origin_state: str | None = None
    host: str | None = None
    after: float | None = None
    before: float | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    assets: int
    files: int
    size_bytes: int
    by_state: Mapping[str, int] = field(default_factory=dict)


NAMES = tuple(f.name for f in fields(AssetRow))
_COLUMNS = [assets.c[name] for name in NAMES]
_SORTS: Mapping[Sort, tuple[Any, bool]] = {  # column, whether the largest comes first
    Sort.ADDED: (assets.c.created_at, True),
    Sort.PUBLISHED: (assets.c.published_at, True),
    Sort.TITLE: (sa.func.lower(assets.c.title), False),
    Sort.CHANNEL: (sa.func.lower(assets.c.channel), False),
    Sort.DURATION: (assets.c.duration_s, True),
    Sort.SIZE: (assets.c.size_bytes, True),
}


def insert(tx: Tx, row: AssetRow, info: Mapping[str, Any]) -> None:
    values = {name: getattr(row, name) for name in NAMES}
    tx.run(sa.insert(assets), {**values, "info": dict(info)})


def update(tx: Tx, asset_id: str, **values: Any) -> None:
    """Sets columns, and the time of the change. Raises ASSET_UNKNOWN."""
    values = {"changed_at": tx.now(), **values}
    done = tx.run(sa.update(assets).where(assets.c.id == asset_id).values(**values))
    if not done.rowcount:
        raise unknown(asset_id)


def get(tx: Tx, asset_id: str, owner: str | None = None) -> AssetRow:
    """`owner` None: anybody's. Raises ASSET_UNKNOWN, also for what belongs to others."""
    row = tx.run(sa.select(*_COLUMNS).where(assets.c.id == asset_id)).one_or_none()
    if row is None or owner not in (None, row.owner):
        raise unknown(asset_id)
    return _asset(row)


def info(tx: Tx, asset_id: str) -> dict[str, Any]:
    """`VideoInfo` as JSON. Raises ASSET_UNKNOWN."""
    found = tx.run(sa.select(assets.c.info).where(assets.c.id == asset_id)).scalar_one_or_none()
    if found is None:
        raise unknown(asset_id)
    return dict(found)


def by_key(tx: Tx, key: str, owner: str) -> AssetRow | None:
    where = (assets.c.key == key, assets.c.owner == owner)
    row = tx.run(sa.select(*_COLUMNS).where(*where)).one_or_none()
    return None if row is None else _asset(row)


def by_folder(tx: Tx, folder_key: str) -> AssetRow | None:
    """Whose folder it is, whoever owns it."""
    row = tx.run(sa.select(*_COLUMNS).where(assets.c.folder_key == folder_key)).one_or_none()
    return None if row is None else _asset(row)


def find(tx: Tx, given: str, owner: str | None = None) -> list[AssetRow]:
    """Those whose id begins with `given`, or whose URL, key or id at the origin it is; a few."""
    begins = sa.and_(assets.c.id >= given, assets.c.id < given + "\x7f")
    same = (assets.c.url == given, assets.c.native_id == given, assets.c.key == given)
    query = sa.select(*_COLUMNS).where(sa.or_(begins, *same))
    if owner is not None:
        query = query.where(assets.c.owner == owner)
    return [_asset(row) for row in tx.run(query.order_by(assets.c.id).limit(_SHOWN))]


def page(
    tx: Tx,
    wanted: Wanted,
    *,
    sort: Sort = Sort.ADDED,
    limit: int,
    after: str | None = None,
    reverse: bool = False,
) -> list[AssetRow]:
    """`after` is the id of the last asset of the page before. Raises ASSET_UNKNOWN for it."""
    query = _listing(wanted, sort, reverse).limit(limit)
    if after is not None:
        query = query.where(_follows(tx, sort, reverse, after))
    return [_asset(row) for row in tx.run(query)]


def stream(
    tx: Tx, wanted: Wanted, *, sort: Sort = Sort.ADDED, reverse: bool = False, batch: int = 500
) -> Iterator[AssetRow]:
    """All of them, `batch` in memory at a time, within one transaction."""
    tx.dialect.steady(tx.connection)
    query = _listing(wanted, sort, reverse)
    for row in tx.connection.execute(query, execution_options={"yield_per": batch}):
        yield _asset(row)


def count(tx: Tx, wanted: Wanted) -> int:
    query = sa.select(sa.func.count()).select_from(assets).where(*_where(wanted))
    return int(tx.run(query).scalar_one())


def ids_after(tx: Tx, wanted: Wanted, after: str = "", limit: int = 500) -> list[str]:
    """Ids in their order, for whoever goes through all of them a few at a time."""
    query = sa.select(assets.c.id).where(assets.c.id > after, *_where(wanted))
    return list(tx.run(query.order_by(assets.c.id).limit(limit)).scalars())


def batch_after(
    tx: Tx, wanted: Wanted, after: str = "", limit: int = 200
) -> list[tuple[AssetRow, dict[str, Any]]]:
    """The assets of `ids_after`, each with its info."""
    query = sa.select(*_COLUMNS, assets.c.info).where(assets.c.id > after, *_where(wanted))
    rows = [row._asdict() for row in tx.run(query.order_by(assets.c.id).limit(limit))]
    return [(_row(row), dict(row["info"])) for row in rows]


def totals(tx: Tx, owner: str | None = None) -> Totals:
    where = () if owner is None else (assets.c.owner == owner,)
    states = sa.select(assets.c.state, sa.func.count()).where(*where).group_by(assets.c.state)
    by_state = {str(state): int(number) for state, number in tx.run(states)}
    size = sa.func.coalesce(sa.func.sum(asset_files.c.size_bytes), 0)
    query = sa.select(sa.func.count(), size).select_from(
        asset_files.join(assets, assets.c.id == asset_files.c.asset_id)
    )
    files, size_bytes = tx.run(query.where(*where)).one()
    return Totals(sum(by_state.values()), int(files), int(size_bytes), by_state)


def channels(tx: Tx, owner: str | None = None, limit: int = 1000) -> list[tuple[str, int]]:
    """(name, assets), the largest first."""
    number = sa.func.count()
    query = sa.select(assets.c.channel, number).where(assets.c.channel.is_not(None))
    if owner is not None:
        query = query.where(assets.c.owner == owner)
    query = query.group_by(assets.c.channel).order_by(number.desc(), assets.c.channel).limit(limit)
    return [(str(name), int(found)) for name, found in tx.run(query)]


def with_content(tx: Tx, owner: str, sha256: str) -> list[AssetRow]:
    """The owner's assets with this video, the oldest first."""
    where = (assets.c.sha256 == sha256, assets.c.owner == owner)
    query = sa.select(*_COLUMNS).where(*where).order_by(assets.c.id).limit(_BATCH)
    return [_asset(row) for row in tx.run(query)]


def remove(tx: Tx, asset_id: str) -> None:
    """Forgets the asset with its files' rows and what its captions say. Raises ASSET_UNKNOWN."""
    if not tx.run(sa.delete(assets).where(assets.c.id == asset_id)).rowcount:
        raise unknown(asset_id)


def unknown(asset_id: str) -> ReelError:
    return ReelError(Code.ASSET_UNKNOWN, f"no asset {asset_id!r}", where=asset_id)


def _where(wanted: Wanted) -> Sequence[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    for name in ("owner", "channel", "state", "origin_state", "host"):
        value = getattr(wanted, name)
        if value is not None:
            found.append(assets.c[name] == value)
    if wanted.text is not None:
        begun = assets.c.title.icontains(wanted.text, autoescape=True)
        found.append(sa.or_(begun, assets.c.channel.icontains(wanted.text, autoescape=True)))
    if wanted.after is not None:
        found.append(assets.c.published_at >= wanted.after)
    if wanted.before is not None:
        found.append(assets.c.published_at < wanted.before)
    return found


def _listing(wanted: Wanted, sort: Sort, reverse: bool) -> sa.Select[Any]:
    column, is_descending = _SORTS[sort]
    if is_descending != reverse:
        order = (column.desc().nulls_last(), assets.c.id.desc())
    else:
        order = (column.asc().nulls_last(), assets.c.id.asc())
    return sa.select(*_COLUMNS).where(*_where(wanted)).order_by(*order)


def _follows(tx: Tx, sort: Sort, reverse: bool, after: str) -> sa.ColumnElement[bool]:
    """What comes after that asset; those without a value come last."""
    column, is_descending = _SORTS[sort]
    row = tx.run(sa.select(column).where(assets.c.id == after)).one_or_none()
    if row is None:
        raise unknown(after)
    is_down = is_descending != reverse
    beyond = assets.c.id < after if is_down else assets.c.id > after
    if row[0] is None:
        return sa.and_(column.is_(None), beyond)
    further = column < row[0] if is_down else column > row[0]
    return sa.or_(further, sa.and_(column == row[0], beyond), column.is_(None))


def _asset(row: Any) -> AssetRow:
    return _row(row._asdict())


def _row(values: Mapping[str, Any]) -> AssetRow:
    known = {name: values[name] for name in NAMES}
    return AssetRow(**{**known, "state": AssetState(values["state"])})
