"""What the engine tells whoever listens. Changes come after their commit, in the order of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reelwright.store.database import EventRow

# Kinds of rows in the table of events.
JOB_STATE = "job"
STEP_STATE = "step"
REVISED = "plan"
DELIVERED = "output"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChanged:
    """`error` is `Problem.to_json`."""

    job_id: str
    state: str
    error: Mapping[str, Any] | None = None
    at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepChanged:
    """`key` is the step's id in the plan. `retry_in_s`: it failed and is tried again then; with
    `paused` it did not fail, but a site or the disk wants it to wait."""

    job_id: str
    key: str
    state: str
    attempt: int = 0
    error: Mapping[str, Any] | None = None
    retry_in_s: float | None = None
    paused: bool = False
    log: str | None = None
    at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRevised:
    job_id: str
    revision: int
    added: tuple[str, ...] = ()
    at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputDelivered:
    """`output` counts the spec's outputs from 0."""

    job_id: str
    path: str
    sha256: str
    size_bytes: int
    output: int = 0
    at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProgress:
    """`fraction` is 0 to 1; `progress` holds frame, fps, time, speed, bitrate_bps if known."""

    job_id: str
    key: str
    attempt: int
    fraction: float
    progress: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """`fraction` is weighted by the estimates of the steps; `eta_s` None while nothing is known."""

    job_id: str
    fraction: float
    eta_s: float | None = None


Event = JobChanged | StepChanged | PlanRevised | OutputDelivered | StepProgress | JobProgress

_CLASSES: dict[str, Callable[..., Event]] = {
    JOB_STATE: JobChanged,
    STEP_STATE: StepChanged,
    REVISED: PlanRevised,
    DELIVERED: OutputDelivered,
}


def from_row(row: EventRow) -> Event:
    """The event of a row of the table."""
    body = {k: tuple(v) if isinstance(v, list) else v for k, v in row.body.items()}
    return _CLASSES[row.kind](job_id=row.job_id, at=row.at, **body)


def job_changed(state: str, error: Mapping[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
    return JOB_STATE, {"state": str(state), "error": error}


def step_changed(key: str, state: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return STEP_STATE, {"key": key, "state": str(state), **more}
