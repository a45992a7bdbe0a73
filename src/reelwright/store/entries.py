"""Queries over entries: the videos of a source, each with what became of it.

States: pending → queued → held | failed | gone | skipped; failed → pending when `next_at` comes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.states import JobState
from reelwright.store.tables import jobs
from reelwright.store.tables_library import asset_files, assets, entries, sources


class EntryState(StrEnum):
    PENDING = "pending"
    QUEUED = "queued"  # its job is made
    HELD = "held"
    FAILED = "failed"
    GONE = "gone"
    SKIPPED = "skipped"


# What can still become a file by itself, or at a word.
OPEN = (EntryState.PENDING, EntryState.QUEUED, EntryState.FAILED, EntryState.GONE)
# SQLite takes 32,766 values in a statement, PostgreSQL 65,535.
_MOST_KEYS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """As `Entry`; `asset_id` of what is held already, `error` of what is known to fail."""

    position: int
    key: str
    host: str
    url: str
    title: str | None = None
    published_at: float | None = None
    duration_s: float | None = None
    state: EntryState = EntryState.PENDING
    code: str | None = None
    error: Mapping[str, Any] | None = None
    asset_id: str | None = None
    tries: int = 0
    next_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row. `tries` counts jobs that failed; `error` is a Problem as JSON."""

    id: str
    source_id: str
    position: int
    key: str
    host: str
    url: str
    title: str | None
    published_at: float | None
    duration_s: float | None
    state: str
    code: str | None
    error: Mapping[str, Any] | None
    job_id: str | None
    asset_id: str | None
    tries: int
    created_at: float
    changed_at: float
    next_at: float | None


@dataclass(frozen=True, slots=True)
class Ended:
    """An entry whose job has come to its end; `job_state` None: the job is no more."""

    entry: Entry
    job_state: str | None
    job_error: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class HeldFile:
    """Where the newest video of an asset should be: `folder` (of the library, or absolute), and
    `path` in it; None where no file is known."""

    asset_id: str
    folder: str
    path: str | None


_COLUMNS = [entries.c[f.name] for f in fields(Entry)]
_FINAL = tuple(state for state in JobState if state.is_final)


def known(tx: Tx, source_id: str, keys: Collection[str]) -> set[str]:
    """Those of `keys` that the source has."""
    found: set[str] = set()
    for part in _parts(keys):
        query = sa.select(entries.c.key).where(
            entries.c.source_id == source_id, entries.c.key.in_(part)
        )
        found |= set(tx.run(query).scalars())
    return found


def held(tx: Tx, owner: str, keys: Collection[str]) -> dict[str, HeldFile]:
    """Those of `keys` that an asset of `owner` has, or that an entry of theirs was kept under."""
    found: dict[str, HeldFile] = {}
    for part in _parts(keys):
        beside = sa.and_(entries.c.key.in_(part), entries.c.state == EntryState.HELD)
        query = sa.select(entries.c.key, entries.c.asset_id).where(
            beside, entries.c.asset_id.is_not(None), entries.c.source_id.in_(of_owner(owner))
        )
        of_key: dict[str, str] = {row.key: row.asset_id for row in tx.run(query)}
        own = sa.select(assets.c.key, assets.c.id).where(
            assets.c.key.in_(part), assets.c.owner == owner
        )
        of_key |= {row.key: row.id for row in tx.run(own)}
        files = held_files(tx, set(of_key.values()))
        found |= {key: files[a] for key, a in of_key.items() if a in files}
    return found


def held_files(tx: Tx, asset_ids: Collection[str]) -> dict[str, HeldFile]:
    """By asset; what is no asset any more is left out."""
    found: dict[str, HeldFile] = {}
    for part in _parts(asset_ids):
        query = (
            sa.select(assets.c.id, assets.c.folder, asset_files.c.path)
            .join_from(
                assets,
                asset_files,
                sa.and_(asset_files.c.asset_id == assets.c.id, asset_files.c.role == "video"),
                isouter=True,
            )
            .where(assets.c.id.in_(part))
            .order_by(asset_files.c.version)
        )
        for row in tx.run(query):
            found[row.id] = HeldFile(row.id, str(row.folder), row.path and str(row.path))
    return found


def trouble(tx: Tx, owner: str, keys: Collection[str], not_of: str) -> dict[str, Entry]:
    """What sources of `owner` other than `not_of` have found out of `keys`: gone, or failed and
    waiting for its next time; of each the latest."""
    found: dict[str, Entry] = {}
    bad = sa.or_(
        entries.c.state == EntryState.GONE,
        sa.and_(entries.c.state == EntryState.FAILED, entries.c.next_at > tx.now()),
    )
    for part in _parts(keys):
        query = sa.select(*_COLUMNS).where(
            entries.c.key.in_(part),
            bad,
            entries.c.source_id != not_of,
            entries.c.source_id.in_(of_owner(owner)),
        )
        found |= {row.key: _entry(row) for row in tx.run(query.order_by(entries.c.changed_at))}
    return found


def get(tx: Tx, entry_id: str) -> Entry | None:
    row = tx.run(sa.select(*_COLUMNS).where(entries.c.id == entry_id)).one_or_none()
    return None if row is None else _entry(row)


def of_job(tx: Tx, job_id: str) -> Entry | None:
    """The entry that the job was made for."""
    row = tx.run(sa.select(*_COLUMNS).where(entries.c.job_id == job_id).limit(1)).one_or_none()
    return None if row is None else _entry(row)


def page(
    tx: Tx,
    source_id: str,
    *,
    after: tuple[int, str] = (-1, ""),
    limit: int = 500,
    states: Collection[str] = (),
) -> list[Entry]:
    """In the order of the source. `after`: position and id of the last of the page before."""
    place = sa.tuple_(entries.c.position, entries.c.id)
    query = sa.select(*_COLUMNS).where(entries.c.source_id == source_id, place > after)
    if states:
        query = query.where(entries.c.state.in_(states))
    query = query.order_by(entries.c.position, entries.c.id).limit(limit)
    return [_entry(row) for row in tx.run(query)]


def changed(
    tx: Tx, source_ids: Collection[str], *, after: tuple[float, str], limit: int = 500
) -> list[Entry]:
    """Those that have changed since, in the order of their changes. `after`: `changed_at` and id
    of the last one that was seen."""
    place = sa.tuple_(entries.c.changed_at, entries.c.id)
    query = sa.select(*_COLUMNS).where(entries.c.source_id.in_(source_ids), place > after)
    query = query.order_by(entries.c.changed_at, entries.c.id).limit(limit)
    return [_entry(row) for row in tx.run(query)]


def first_urls(tx: Tx, source_id: str, *, until: float, limit: int) -> list[str]:
    """Of those that were stored by then, the addresses of the first of the list."""
    query = sa.select(entries.c.url).where(
        entries.c.source_id == source_id, entries.c.created_at <= until
    )
    return list(tx.run(query.order_by(entries.c.position).limit(limit)).scalars())


def count(tx: Tx, source_id: str) -> int:
    query = sa.select(sa.func.count()).where(entries.c.source_id == source_id)
    return int(tx.run(query).scalar_one())


def counts(tx: Tx, source_ids: Collection[str]) -> dict[str, dict[str, int]]:
    """By source, the number of entries in each state; states without any are left out."""
    query = sa.select(entries.c.source_id, entries.c.state, sa.func.count()).where(
        entries.c.source_id.in_(source_ids)
    )
    found: dict[str, dict[str, int]] = {source_id: {} for source_id in source_ids}
    for row in tx.run(query.group_by(entries.c.source_id, entries.c.state)):
        found[row[0]][row[1]] = row[2]
    return found


def queued(tx: Tx) -> dict[str, int]:
    """By source, how many have a job that has not ended (as far as anybody has looked)."""
    query = sa.select(entries.c.source_id, sa.func.count()).where(
        entries.c.state == EntryState.QUEUED
    )
    return {row[0]: row[1] for row in tx.run(query.group_by(entries.c.source_id))}


def waiting_sources(tx: Tx, only: Collection[str] | None = None) -> list[str]:
    """Sources with pending entries."""
    query = sa.select(entries.c.source_id).where(entries.c.state == EntryState.PENDING).distinct()
    if only is not None:
        query = query.where(entries.c.source_id.in_(only))
    return list(tx.run(query.order_by(entries.c.source_id)).scalars())


def next_pending(
    tx: Tx, source_id: str, limit: int, *, without: Collection[str] = (), order: str = "listed"
) -> list[Entry]:
    """The first to be fetched, none of which is being fetched for another source. `without`:
    hosts that are not to be asked now. `order`: listed, newest, oldest."""
    twin = entries.alias("twin")
    same = sa.exists().where(twin.c.key == entries.c.key, twin.c.state == EntryState.QUEUED)
    query = sa.select(*_COLUMNS).where(
        entries.c.source_id == source_id,
        entries.c.state == EntryState.PENDING,
        sa.or_(entries.c.next_at.is_(None), entries.c.next_at <= tx.now()),
        sa.not_(same),
    )
    if without:
        query = query.where(entries.c.host.not_in(without))
    first = {
        "newest": (entries.c.published_at.desc().nulls_last(),),
        "oldest": (entries.c.published_at.nulls_last(), entries.c.position.desc()),
    }.get(order, ())
    query = query.order_by(*first, entries.c.position, entries.c.id).limit(limit)
    return [_entry(row) for row in tx.run(query)]


def hosts_pending(tx: Tx, source_id: str) -> list[str]:
    """The hosts that pending entries of the source are at."""
    query = sa.select(entries.c.host).where(
        entries.c.source_id == source_id, entries.c.state == EntryState.PENDING
    )
    return list(tx.run(query.distinct()).scalars())


def ended(tx: Tx, limit: int, only: Collection[str] | None = None) -> list[Ended]:
    """Queued entries whose job has ended, or is no more."""
    query = (
        sa.select(*_COLUMNS, jobs.c.state.label("job_state"), jobs.c.error.label("job_error"))
        .join_from(entries, jobs, jobs.c.id == entries.c.job_id, isouter=True)
        .where(
            entries.c.state == EntryState.QUEUED,
            sa.or_(jobs.c.id.is_(None), jobs.c.state.in_(_FINAL)),
        )
    )
    if only is not None:
        query = query.where(entries.c.source_id.in_(only))
    names = [f.name for f in fields(Entry)]
    found = []
    for row in tx.run(query.limit(limit)):
        values = row._asdict()
        entry = Entry(**{name: values[name] for name in names})
        found.append(Ended(entry, values["job_state"], values["job_error"]))
    return found


def is_revivable(tx: Tx, only: Collection[str] | None = None) -> bool:
    """Whether `revive` would find any."""
    query = sa.select(entries.c.id).where(
        entries.c.state == EntryState.FAILED, entries.c.next_at <= tx.now()
    )
    if only is not None:
        query = query.where(entries.c.source_id.in_(only))
    return tx.run(query.limit(1)).first() is not None


def next_revival(tx: Tx, source_ids: Collection[str]) -> float | None:
    """When the first failed entry of these sources is tried again by itself."""
    query = sa.select(sa.func.min(entries.c.next_at)).where(
        entries.c.source_id.in_(source_ids), entries.c.state == EntryState.FAILED
    )
    found = tx.run(query).scalar_one()
    return None if found is None else float(found)


def unfinished_jobs(tx: Tx, source_ids: Collection[str]) -> list[str]:
    """Jobs of queued entries of these sources."""
    query = sa.select(entries.c.job_id).where(
        entries.c.source_id.in_(source_ids), entries.c.state == EntryState.QUEUED
    )
    return [job_id for job_id in tx.run(query).scalars() if job_id]


def stopped_jobs(tx: Tx, source_ids: Collection[str]) -> list[str]:
    """Those of `unfinished_jobs` that somebody asked to stop, ended or not."""
    query = (
        sa.select(jobs.c.id)
        .join_from(entries, jobs, jobs.c.id == entries.c.job_id)
        .where(
            entries.c.source_id.in_(source_ids),
            entries.c.state == EntryState.QUEUED,
            jobs.c.cancel_requested,
        )
    )
    return list(tx.run(query).scalars())


def of_owner(owner: str | sa.ScalarSelect[Any]) -> sa.Select[Any]:
    """The ids of their sources, as a subquery."""
    return sa.select(sources.c.id).where(sources.c.owner == owner)


def _parts(keys: Collection[str]) -> Iterator[list[str]]:
    chosen = list(keys)
    for n in range(0, len(chosen), _MOST_KEYS):
        yield chosen[n : n + _MOST_KEYS]


def _entry(row: Any) -> Entry:
    return Entry(**row._asdict())
