"""What the queries give back: frozen values, no live rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reelwright.store.states import AttemptState, JobState, StepState

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """A submitted spec with its state. Times are seconds since 1970; `fraction` is 0 to 1."""

    id: str
    state: JobState
    priority: int
    labels: Mapping[str, str]
    spec: Json
    plan: Json  # without its steps
    revision: int
    base: str
    overwrite: bool
    cancel_requested: bool
    timeout_s: float | None
    owner: str | None
    webhook: str | None
    batch_id: str | None
    key_id: str | None
    max_running: int | None
    trace: str | None
    error: Json | None
    fraction: float
    eta_s: float | None
    created_at: float
    started_at: float | None
    deadline_at: float | None
    finished_at: float | None


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step with its state. `payload` is `Step.to_json`; `fraction` is 0 to 1."""

    id: str
    job_id: str
    key: str
    position: int
    identity: str
    kind: str
    state: StepState
    needs: tuple[str, ...]
    payload: Json
    cpus: float
    memory_bytes: int
    disk_bytes: int
    weight: float
    attempt: int
    failures: int
    losses: int
    max_attempts: int
    not_before: float
    host: str | None
    lease_owner: str | None
    lease_until: float | None
    fraction: float
    progress: Json | None
    result: Json | None
    report: Json | None
    error: Json | None
    cpu_seconds: float | None
    max_rss_bytes: int | None
    ready_at: float | None
    started_at: float | None
    finished_at: float | None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try at a step; `log` is the path of its stdout and stderr."""

    step_id: str
    number: int
    worker: str
    state: AttemptState
    workspace: str
    log: str
    error: Json | None
    cpu_seconds: float | None
    max_rss_bytes: int | None
    started_at: float
    finished_at: float | None


@dataclass(frozen=True, slots=True)
class Running:
    """A step that somebody executes: what leases and recovery need to know."""

    step_id: str
    job_id: str
    key: str
    attempt: int
    host: str | None
    owner: str
    lease_until: float


@dataclass(frozen=True, slots=True)
class Delivered:
    """A file of the job that stands where it was asked for."""

    path: str
    sha256: str
    size_bytes: int
    output: int = 0
    position: int = 0


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """A finished output: file `position` of `output` of a step with this identity."""

    identity: str
    output: str
    position: int
    sha256: str
    size_bytes: int
    mtime_ns: int
    inode: str
    facts: Json | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step of this identity gave; `outputs` is the number of files of each output."""

    identity: str
    outputs: Mapping[str, int]
    result: Json
    report: Json
    cpu_seconds: float
    artifacts: tuple[ArtifactRow, ...] = ()

    def files(self, output: str) -> tuple[ArtifactRow, ...]:
        found = (a for a in self.artifacts if a.output == output)
        return tuple(sorted(found, key=lambda a: a.position))

    @property
    def is_whole(self) -> bool:
        """Every file that the step gave still has its row."""
        return all(len(self.files(name)) == count for name, count in self.outputs.items())


@dataclass(frozen=True, slots=True)
class NewStep:
    """A step to insert: its payload and the needs that the scheduler counts with. `asks`: what a
    node must have beside them (`engine.asking`)."""

    key: str
    position: int
    identity: str
    kind: str
    state: StepState
    needs: tuple[str, ...]
    payload: Json
    cpus: float = 1.0
    memory_bytes: int = 0
    disk_bytes: int = 0
    weight: float = 0.0
    asks: str | None = None


@dataclass(frozen=True, slots=True)
class NewJobRow:
    """A job to insert, without its steps. `id` None: a new one is drawn."""

    spec: Json
    plan: Json
    base: str
    id: str | None = None
    revision: int = 1
    priority: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float | None = None
    overwrite: bool = False
    owner: str | None = None
    webhook: str | None = None
    batch_id: str | None = None
    key_id: str | None = None
    max_running: int | None = None
    trace: str | None = None
