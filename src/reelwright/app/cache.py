"""What the cache holds, and making it smaller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.rows import Outcome


@dataclass(frozen=True, slots=True)
class Entry:
    """One result. `outputs` are the files' names where they were delivered last, or ``-``;
    `cpu_seconds` is its share of what the step cost, and what it saves each time."""

    identity: str
    outputs: tuple[str, ...]
    size_bytes: int
    cpu_seconds: float
    last_used_at: float


@dataclass(frozen=True, slots=True)
class Cached:
    """`size_bytes` of the results' files; `inputs_bytes` of inputs that were brought from afar;
    `parts_bytes` of downloads that broke off and wait to be gone on with."""

    place: Path
    files: int
    size_bytes: int
    limit_bytes: int | None
    inputs_bytes: int
    parts_bytes: int
    entries: tuple[Entry, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "place": str(self.place),
            "files": self.files,
            "bytes": self.size_bytes,
            "limit_bytes": self.limit_bytes,
            "inputs_bytes": self.inputs_bytes,
            "parts_bytes": self.parts_bytes,
            "entries": [
                {
                    "identity": e.identity,
                    "outputs": list(e.outputs),
                    "bytes": e.size_bytes,
                    "cpu_seconds": e.cpu_seconds,
                    "last_used_at": e.last_used_at,
                }
                for e in self.entries
            ],
        }


@dataclass(frozen=True, slots=True)
class Freed:
    files: int
    size_bytes: int


def show(app: App, limit: int | None = 20) -> Cached:
    """The latest used first."""
    from reelwright.app import arrivals
    from reelwright.store import artifacts, jobs

    with app.store.read() as tx:
        files, size = artifacts.totals(tx)
        # A step that made several outputs stands there once for each of them, and as a whole.
        found = [(o, at) for o, at in artifacts.listing(tx) if len(o.outputs) < 2][:limit]
        names = jobs.names_of(tx, {file.sha256 for o, _ in found for file in o.artifacts})
    return Cached(
        place=app.blobs.root,
        files=files,
        size_bytes=size,
        limit_bytes=app.settings.cache.limit_bytes,
        inputs_bytes=arrivals.inputs_bytes(app),
        parts_bytes=arrivals.parts_bytes(app),
        entries=tuple(_entry(outcome, at, names) for outcome, at in found),
    )


def prune(app: App, limit_bytes: int) -> Freed:
    """Drops the least recently used until `limit_bytes` are left; what unfinished jobs need stays.

    Brought inputs and half downloads go as well, where no job is unfinished. So do logs
    that are kept no longer, which otherwise happens once a day.
    """
    from reelwright.app import arrivals
    from reelwright.engine import shared_upkeep
    from reelwright.engine.retention import prune_logs
    from reelwright.store import jobs
    from reelwright.store.prune import prune as prune_store
    from reelwright.store.prune import sweep_orphans
    from reelwright.store.shared_blobs import SharedBlobs
    from reelwright.store.states import JobState

    done = prune_store(app.store, app.blobs, limit_bytes=limit_bytes)
    orphans = sweep_orphans(app.store, app.blobs)
    logs = prune_logs(app.store, app.engine_settings)
    if isinstance(app.blobs, SharedBlobs):
        shared = shared_upkeep.clear(app.store, app.blobs.shared, app.engine_settings)
        done = replace(
            done, files=done.files + shared.files, size_bytes=done.size_bytes + shared.size_bytes
        )
    files = done.files + orphans + logs.files
    size = done.size_bytes + logs.size_bytes
    with app.store.read() as tx:
        busy = jobs.listing(tx, states=[s for s in JobState if not s.is_final], limit=1)
    arrived, arrived_bytes = arrivals.prune(app, is_busy=bool(busy))
    return Freed(files + arrived, size + arrived_bytes)


def _entry(outcome: Outcome, last_used_at: float, names: Mapping[str, str]) -> Entry:
    paths = [names[a.sha256] for a in outcome.artifacts if a.sha256 in names]
    return Entry(
        outcome.identity,
        tuple(dict.fromkeys(path.rpartition("/")[2] for path in paths)) or ("-",),
        sum(artifact.size_bytes for artifact in outcome.artifacts),
        outcome.cpu_seconds,
        last_used_at,
    )
