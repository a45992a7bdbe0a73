"""Queries over the cache: outcomes by identity, their files, and what may be dropped."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from reelwright.store.blobs import Blob
from reelwright.store.database import Tx
from reelwright.store.rows import ArtifactRow, Outcome
from reelwright.store.states import JobState
from reelwright.store.tables import artifacts, blobs, jobs, outcomes, steps

_BATCH = 900
_ARTIFACT = (
    artifacts.c.identity,
    artifacts.c.output,
    artifacts.c.position,
    artifacts.c.sha256,
    blobs.c.size_bytes,
    blobs.c.mtime_ns,
    blobs.c.inode,
    artifacts.c.facts,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a step gave, or one output of it."""

    identity: str
    files: Mapping[str, Sequence[Blob]]
    result: Mapping[str, Any]
    report: Mapping[str, Any]
    cpu_seconds: float
    facts: Mapping[str, Any] = field(default_factory=dict)


def put(
    tx: Tx,
    identity: str,
    files: Mapping[str, Sequence[Blob]],
    *,
    result: Mapping[str, Any],
    report: Mapping[str, Any],
    cpu_seconds: float,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Enters what a step gave. Where the identity is known already, the newest counts."""
    entry = Entry(
        identity=identity,
        files=files,
        result=result,
        report=report,
        cpu_seconds=cpu_seconds,
        facts=facts or {},
    )
    put_all(tx, [entry])


def put_all(tx: Tx, entries: Sequence[Entry]) -> None:
    """`put` of several, in few statements; of two with one identity the last counts."""
    # In one order, so that two processes do not wait for each other.
    last = {entry.identity: entry for entry in entries}
    entries = [last[identity] for identity in sorted(last)]
    if not entries:
        return
    blobs_ = {b.sha256: b for e in entries for group in e.files.values() for b in group}
    for sha256 in sorted(blobs_):
        put_blob(tx, blobs_[sha256])
    for start in range(0, len(entries), _BATCH):
        part = [entry.identity for entry in entries[start : start + _BATCH]]
        tx.run(sa.delete(outcomes).where(outcomes.c.identity.in_(part)))
    tx.run(sa.insert(outcomes), [_values(tx, entry) for entry in entries])
    rows = [
        {
            "identity": entry.identity,
            "output": name,
            "position": position,
            "sha256": blob.sha256,
            "facts": entry.facts.get(name),
        }
        for entry in entries
        for name, group in entry.files.items()
        for position, blob in enumerate(group)
    ]
    if rows:
        tx.run(sa.insert(artifacts), rows)


def _values(tx: Tx, entry: Entry) -> dict[str, Any]:
    return {
        "identity": entry.identity,
        "outputs": {name: len(group) for name, group in entry.files.items()},
        "result": dict(entry.result),
        "report": dict(entry.report),
        "cpu_seconds": entry.cpu_seconds,
        "created_at": tx.now(),
        "last_used_at": tx.now(),
    }


def put_blob(tx: Tx, blob: Blob) -> None:
    values = {"size_bytes": blob.size_bytes, "mtime_ns": blob.mtime_ns, "inode": str(blob.inode)}
    now = tx.now()
    statement = tx.dialect.insert(blobs).values(
        sha256=blob.sha256, created_at=now, last_used_at=now, **values
    )
    changed = {**values, "last_used_at": now}
    tx.run(statement.on_conflict_do_update(index_elements=["sha256"], set_=changed))


def blob(tx: Tx, sha256: str) -> Blob | None:
    """The stored file of a content, as it was when it was last known good."""
    columns = (blobs.c.sha256, blobs.c.size_bytes, blobs.c.mtime_ns, blobs.c.inode)
    row = tx.run(sa.select(*columns).where(blobs.c.sha256 == sha256)).one_or_none()
    return None if row is None else Blob(row[0], row[1], row[2], int(row[3]))


def outcomes_of(tx: Tx, identities: Collection[str]) -> dict[str, Outcome]:
    """The whole ones; whether their files still are what they were is for `Blobs.check`."""
    found: dict[str, dict[str, Any]] = {}
    files: dict[str, list[ArtifactRow]] = {}
    wanted = list(identities)
    for start in range(0, len(wanted), _BATCH):
        part = wanted[start : start + _BATCH]
        columns = (
            outcomes.c.identity,
            outcomes.c.outputs,
            outcomes.c.result,
            outcomes.c.report,
            outcomes.c.cpu_seconds,
        )
        for row in tx.run(sa.select(*columns).where(outcomes.c.identity.in_(part))):
            found[row.identity] = row._asdict()
        full = [identity for identity in part if identity in found and found[identity]["outputs"]]
        for artifact in _artifact_rows(tx, full) if full else ():
            files.setdefault(artifact.identity, []).append(artifact)
    whole = {
        identity: Outcome(**values, artifacts=tuple(files.get(identity, ())))
        for identity, values in found.items()
    }
    return {identity: outcome for identity, outcome in whole.items() if outcome.is_whole}


def touch(tx: Tx, identities: Collection[str]) -> None:
    """Marks as used now, for the least-recently-used order of pruning."""
    now = tx.now()
    wanted = list(identities)
    for start in range(0, len(wanted), _BATCH):
        part = wanted[start : start + _BATCH]
        tx.run(sa.update(outcomes).where(outcomes.c.identity.in_(part)).values(last_used_at=now))
        of_part = sa.select(artifacts.c.sha256).where(artifacts.c.identity.in_(part))
        tx.run(sa.update(blobs).where(blobs.c.sha256.in_(of_part)).values(last_used_at=now))


def drop(tx: Tx, sha256: str) -> list[str]:
    """Forgets a content and every outcome that rests on it; gives their identities."""
    query = sa.select(artifacts.c.identity).where(artifacts.c.sha256 == sha256).distinct()
    identities = list(tx.run(query).scalars())
    tx.run(sa.delete(outcomes).where(outcomes.c.identity.in_(identities)))
    tx.run(sa.delete(blobs).where(blobs.c.sha256 == sha256))
    return identities


def totals(tx: Tx) -> tuple[int, int]:
    """(number of files, bytes) of the cache."""
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(blobs.c.size_bytes), 0))
    count, size = tx.run(query).one()
    return int(count), int(size)


def listing(tx: Tx, limit: int | None = None) -> list[tuple[Outcome, float]]:
    """Outcomes with the time of their last use, the latest first."""
    query = sa.select(outcomes.c.identity, outcomes.c.last_used_at)
    rows = tx.run(query.order_by(outcomes.c.last_used_at.desc()).limit(limit))
    used = {str(identity): float(at) for identity, at in rows}
    found = outcomes_of(tx, used)
    return [(found[i], at) for i, at in used.items() if i in found]


def unpinned(tx: Tx) -> list[tuple[str, int]]:
    """(sha256, bytes) of what no unfinished job's steps name, least recently used first."""
    final = [state for state in JobState if state.is_final]
    pinned = (
        sa.select(sa.literal(1))
        .select_from(
            artifacts.join(steps, steps.c.identity == artifacts.c.identity).join(
                jobs, jobs.c.id == steps.c.job_id
            )
        )
        .where(artifacts.c.sha256 == blobs.c.sha256, jobs.c.state.not_in(final))
        .exists()
    )
    query = sa.select(blobs.c.sha256, blobs.c.size_bytes).where(~pinned)
    rows = tx.run(query.order_by(blobs.c.last_used_at, blobs.c.sha256))
    return [(sha256, size) for sha256, size in rows]


def needed_by_others(tx: Tx, sha256s: Collection[str], job_id: str) -> set[str]:
    """Of these contents, those that steps of unfinished jobs beside `job_id` name."""
    final = [state for state in JobState if state.is_final]
    tables = artifacts.join(steps, steps.c.identity == artifacts.c.identity)
    query = (
        sa.select(artifacts.c.sha256)
        .select_from(tables.join(jobs, jobs.c.id == steps.c.job_id))
        .where(artifacts.c.sha256.in_(list(sha256s)))
        .where(jobs.c.state.not_in(final), jobs.c.id != job_id)
    )
    return set(tx.run(query).scalars())


def known_of(tx: Tx, sha256s: Collection[str]) -> set[str]:
    """Of these contents, those that are stored."""
    query = sa.select(blobs.c.sha256).where(blobs.c.sha256.in_(list(sha256s)))
    return set(tx.run(query).scalars())


def known(tx: Tx) -> set[str]:
    return set(tx.run(sa.select(blobs.c.sha256)).scalars())


def _artifact_rows(tx: Tx, identities: list[str]) -> list[ArtifactRow]:
    query = (
        sa.select(*_ARTIFACT)
        .join(blobs, blobs.c.sha256 == artifacts.c.sha256)
        .where(artifacts.c.identity.in_(identities))
    )
    return [ArtifactRow(*row) for row in tx.run(query)]
