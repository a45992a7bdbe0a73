"""Queries over the jobs that understand assets: which assets still want one, and what became of
them. Such a job has labels: ``understand`` (``asset:ID``), ``content`` (of its video), ``source``
(of the list that it was kept for)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.entries import EntryState
from reelwright.store.states import JobState
from reelwright.store.tables import jobs
from reelwright.store.tables_library import assets, entries
from reelwright.store.tables_service import job_labels

UNDERSTAND, CONTENT, SOURCE = "understand", "content", "source"
# So often is a video tried by itself.
MOST_TRIES = 3
_CONTENT_CHARS = 16
_GOOD = (JobState.QUEUED, JobState.RUNNING, JobState.SUCCEEDED)
_OPEN = (JobState.QUEUED, JobState.RUNNING)
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Wanting:
    """An asset that nobody understands yet."""

    asset_id: str
    owner: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A job of an asset, and its video's title."""

    job_id: str
    asset_id: str
    title: str
    owner: str
    state: str
    error: Mapping[str, Any] | None
    at: float
    source_id: str | None = None


def content(sha256: str) -> str:
    """As the label has it."""
    return sha256[:_CONTENT_CHARS]


def is_taken(tx: Tx, asset_id: str, sha256: str) -> bool:
    """Whether the video in this form is understood, or will be, or failed as often as is tried."""
    states = list(tx.run(_states_of(asset_id, content(sha256))).scalars())
    return any(state in _GOOD for state in states) or states.count(JobState.FAILED) >= MOST_TRIES


def wanting(tx: Tx, source_id: str, after: str = "", limit: int = _BATCH) -> list[Wanting]:
    """Held videos of the source behind the asset `after`, in the order of their ids, that may want
    a job: see `is_taken`."""
    query = (
        sa.select(assets.c.id, assets.c.owner, assets.c.sha256)
        .distinct()
        .join(entries, entries.c.asset_id == assets.c.id)
        .where(
            entries.c.source_id == source_id,
            entries.c.state == EntryState.HELD,
            assets.c.sha256.is_not(None),
            assets.c.id > after,
        )
        .order_by(assets.c.id)
        .limit(limit)
    )
    return [Wanting(*row) for row in tx.run(query)]


def open_jobs(tx: Tx, source_ids: Collection[str]) -> list[str]:
    """Ids of those that wait or run for these sources."""
    mine = sa.select(job_labels.c.job_id).where(
        job_labels.c.name == SOURCE, job_labels.c.value.in_(list(source_ids))
    )
    query = sa.select(jobs.c.id).where(jobs.c.state.in_(_OPEN), jobs.c.id.in_(mine))
    return list(tx.run(query).scalars())


def ended(tx: Tx, source_ids: Collection[str], since: float) -> list[Told]:
    """Those for these sources that came to their end since then (seconds since 1970)."""
    label, of = job_labels.alias("label"), job_labels.alias("of")
    query = (
        _telling(label)
        .join(of, sa.and_(of.c.job_id == jobs.c.id, of.c.name == SOURCE))
        .where(of.c.value.in_(list(source_ids)), jobs.c.finished_at >= since)
        .order_by(jobs.c.finished_at, jobs.c.id)
    )
    return [Told(**row._asdict()) for row in tx.run(query)]


def failed(tx: Tx, *, owner: str | None = None, after: str = "", limit: int = _BATCH) -> list[Told]:
    """The newest job of each asset, where that failed, in the order of the assets' ids behind
    `after`."""
    label = job_labels.alias("label")
    newest = (
        sa.select(sa.func.max(job_labels.c.job_id))
        .where(job_labels.c.name == UNDERSTAND, job_labels.c.value == label.c.value)
        .correlate(label)
        .scalar_subquery()
    )
    query = (
        _telling(label)
        .where(jobs.c.id == newest, jobs.c.state == JobState.FAILED, assets.c.id > after)
        .order_by(assets.c.id)
        .limit(limit)
    )
    if owner is not None:
        query = query.where(assets.c.owner == owner)
    return [Told(**row._asdict()) for row in tx.run(query)]


def _telling(label: Any) -> sa.Select[Any]:
    named = sa.and_(label.c.job_id == jobs.c.id, label.c.name == UNDERSTAND)
    source = job_labels.alias("source")
    return (
        sa.select(
            jobs.c.id.label("job_id"),
            assets.c.id.label("asset_id"),
            assets.c.title,
            assets.c.owner,
            jobs.c.state,
            jobs.c.error,
            jobs.c.finished_at.label("at"),
            source.c.value.label("source_id"),
        )
        .join(label, named)
        .join(assets, label.c.value == sa.literal("asset:") + assets.c.id)
        .outerjoin(source, sa.and_(source.c.job_id == jobs.c.id, source.c.name == SOURCE))
    )


def _states_of(asset_id: str, content_: str) -> sa.Select[Any]:
    label, of = job_labels.alias("label"), job_labels.alias("of")
    return (
        sa.select(jobs.c.state)
        .join(label, sa.and_(label.c.job_id == jobs.c.id, label.c.name == UNDERSTAND))
        .join(of, sa.and_(of.c.job_id == jobs.c.id, of.c.name == CONTENT))
        .where(label.c.value == f"asset:{asset_id}", of.c.value == content_)
    )
