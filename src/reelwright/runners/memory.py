"""The bound on what one FFmpeg command takes of the memory, and what it looks like when it is met.

RLIMIT_DATA counts what was reserved: beside what is used 8 MiB for the stack of each thread.
SVT-AV1 has 57 threads on two cores; of encodes of 3840x2160, 90 to 630 MiB were never touched.
"""

from __future__ import annotations

import os

from reelwright.errors import Code, Problem
from reelwright.runners.context import MEMORY_RULE

_RESERVED_BYTES = 512 << 20
_PER_CORE_BYTES = 256 << 20
# Where an encoder falls over for want of memory it held most of what it could have; the rest was
# reserved, or was asked for at once.
_PART = 0.5
# x265 and SVT-AV1 do not look whether they got what they asked for.
_FALLS = frozenset({Code.TOOL_CRASHED, Code.TOOL_FAILED, Code.ENCODER_OPTIONS})


def memory_limit(memory_bytes: int | None) -> int | None:
    """RLIMIT_DATA of a command that may use `memory_bytes`; None: no limit."""
    if not memory_bytes:
        return None
    return memory_bytes + _RESERVED_BYTES + _PER_CORE_BYTES * (os.cpu_count() or 1)


def for_want_of_memory(
    problem: Problem, max_rss_bytes: int, memory_bytes: int | None, rule: str = MEMORY_RULE
) -> Problem:
    """MEMORY_EXHAUSTED in place of a crash at the limit, which `rule` says whose it is; any other
    problem as it is."""
    if not memory_bytes or problem.code not in _FALLS or max_rss_bytes < memory_bytes * _PART:
        return problem
    return Problem(
        Code.MEMORY_EXHAUSTED,
        f"FFmpeg fell over with {max_rss_bytes >> 20} MiB of memory in use; "
        f"{rule} {memory_bytes >> 20} MiB",
        problem.where,
        evidence={**problem.evidence, "said": problem.message},
    )
