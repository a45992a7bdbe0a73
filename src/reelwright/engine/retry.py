"""When a failed step is tried again: exponential backoff with full jitter."""

from __future__ import annotations

import random

from reelwright.engine.settings import EngineSettings
from reelwright.errors import Code, Problem
from reelwright.planning.plan import StepKind

# Nobody failed: the site is not to be asked now.
_NOT_NOW = frozenset({Code.BUDGET_SPENT, Code.CIRCUIT_OPEN})
# Nobody failed either: an outage of the artifacts' store fails no step, as one of the database.
_STORE_PAUSE_S = 5.0
_NO_ROOM = frozenset({Code.DISK_FULL, Code.DISK_RESERVED})
_STORING = frozenset({StepKind.FETCH, StepKind.KEEP})
_LEAST_PAUSE_S = 0.5
_ROOM_PAUSE_S = 30.0
# As long as `reel archive` waits for the next try of a video.
_LONGEST_ASKED_S = 60.0


def delay_s(failures: int, base_s: float, limit_s: float) -> float:
    """Seconds before the next try after `failures` (1 or more) of them.

    Full jitter: anything from 0 to the bound, which spreads the tries of many workers best
    (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015).
    """
    # 2**60 s is beyond every limit; the exponent must not overflow a float.
    return random.uniform(0.0, min(limit_s, base_s * 2.0 ** min(failures - 1, 60)))


def may_retry(problem: Problem, failures: int, max_attempts: int) -> bool:
    return problem.code.retryable and failures < max_attempts


def pause_s(problem: Problem, kind: str, settings: EngineSettings) -> float | None:
    """How long a step waits that could not begin, through no fault of its own or of what it was to
    fetch; None: it failed. A full disk is waited for where `settings.waits_for_room`."""
    if problem.code in _NOT_NOW:
        return max(asked_s(problem), _LEAST_PAUSE_S)
    if problem.code is Code.ARTIFACTS_UNAVAILABLE:
        return _STORE_PAUSE_S * random.uniform(1.0, 3.0)
    if settings.waits_for_room and problem.code in _NO_ROOM and kind in _STORING:
        return max(asked_s(problem), _ROOM_PAUSE_S)
    return None


def is_sent_away(problem: Problem) -> bool:
    """The server asked to be left alone for longer than a step keeps its place. Whoever keeps the
    video asks again at that time, and others have the place meanwhile."""
    return asked_s(problem) > _LONGEST_ASKED_S


def asked_s(problem: Problem) -> float:
    """How long a server asked to be left alone (Retry-After); 0 where none did."""
    asked = problem.evidence.get("retry_after_s")
    return float(asked) if isinstance(asked, int | float) else 0.0
