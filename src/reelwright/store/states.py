"""The states of jobs and steps, and which change may follow which.

The table is checked by the UPDATE that makes the change (`moves.py`), so two processes cannot both
be right about a state that only one of them saw.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

_State = TypeVar("_State", bound=StrEnum)


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Nothing more happens unless somebody asks for it."""
        return self in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


class StepState(StrEnum):
    UNRESOLVED = "unresolved"  # becomes steps when the results it waits for are there
    WAITING = "waiting"  # for other steps
    READY = "ready"  # for a worker, or for its next try (`not_before`)
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    CACHED = "cached"  # its artifacts were there already
    SKIPPED = "skipped"  # nobody needs it: everything made from it is cached
    EXPANDED = "expanded"  # a later revision of the plan has other steps in its place
    FAILED = "failed"
    CANCELLED = "cancelled"


class AttemptState(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RELEASED = "released"  # its worker was told to stop; no fault of the step
    LOST = "lost"  # its worker died, or its lease ran out


_J, _S = JobState, StepState

JOB_MOVES: Mapping[JobState, frozenset[JobState]] = {
    _J.QUEUED: frozenset({_J.RUNNING, _J.FAILED, _J.CANCELLED}),
    _J.RUNNING: frozenset({_J.SUCCEEDED, _J.FAILED, _J.CANCELLED}),
    _J.SUCCEEDED: frozenset(),
    _J.FAILED: frozenset({_J.QUEUED}),
    _J.CANCELLED: frozenset({_J.QUEUED}),
}

STEP_MOVES: Mapping[StepState, frozenset[StepState]] = {
    _S.UNRESOLVED: frozenset({_S.WAITING, _S.EXPANDED, _S.CANCELLED}),
    _S.WAITING: frozenset({_S.READY, _S.CACHED, _S.SKIPPED, _S.EXPANDED, _S.CANCELLED}),
    _S.READY: frozenset({_S.RUNNING, _S.WAITING, _S.CACHED, _S.EXPANDED, _S.FAILED, _S.CANCELLED}),
    _S.RUNNING: frozenset({_S.SUCCEEDED, _S.READY, _S.FAILED, _S.CANCELLED}),
    # An artifact that is gone, or that a later revision wants after all, is made again.
    _S.SUCCEEDED: frozenset({_S.WAITING}),
    _S.CACHED: frozenset({_S.WAITING}),
    _S.SKIPPED: frozenset({_S.WAITING, _S.CACHED}),
    # What waited together with others may have to wait alone again.
    _S.EXPANDED: frozenset({_S.UNRESOLVED}),
    _S.FAILED: frozenset({_S.WAITING}),
    _S.CANCELLED: frozenset({_S.WAITING, _S.UNRESOLVED}),
}

DONE_STEPS = frozenset({_S.SUCCEEDED, _S.CACHED})
SETTLED_STEPS = frozenset({_S.SUCCEEDED, _S.CACHED, _S.SKIPPED, _S.EXPANDED})
OPEN_STEPS = frozenset({_S.UNRESOLVED, _S.WAITING, _S.READY, _S.RUNNING})


def sources(moves: Mapping[_State, frozenset[_State]], target: _State) -> tuple[_State, ...]:
    """Every state from which `target` may be reached in one change."""
    return tuple(state for state, targets in moves.items() if target in targets)
