"""When a failed step is tried again: exponential backoff with full jitter."""

from __future__ import annotations

import random

from reelwright.errors import Problem


def delay_s(failures: int, base_s: float, limit_s: float) -> float:
    """Seconds before the next try after `failures` (1 or more) of them.

    Full jitter: anything from 0 to the bound, which spreads the tries of many workers best
    (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015).
    """
    # 2**60 s is beyond every limit; the exponent must not overflow a float.
    return random.uniform(0.0, min(limit_s, base_s * 2.0 ** min(failures - 1, 60)))


def may_retry(problem: Problem, failures: int, max_attempts: int) -> bool:
    return problem.code.retryable and failures < max_attempts


def asked_s(problem: Problem) -> float:
    """How long a server asked to be left alone (Retry-After); 0 where none did."""
    asked = problem.evidence.get("retry_after_s")
    return float(asked) if isinstance(asked, int | float) else 0.0
