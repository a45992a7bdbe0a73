"""Short, unique ids that sort by the time of their making.

45 bits of milliseconds and 40 random bits in 17 characters of Crockford's base 32 (no i, l, o, u):
they can be read aloud, and stand in file names and URLs.
"""

from __future__ import annotations

import secrets
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS = 40
_LENGTH = 17  # 85 bits

_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """An id that is greater than every one this process made before."""
    global _last
    drawn = (time.time_ns() // 1_000_000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    with _lock:
        # Within one millisecond, and when the clock is set back, order is kept by counting on.
        _last = drawn if drawn > _last else _last + 1
        value = _last
    return encode(value)


def encode(value: int) -> str:
    """`value` (0 to 2**85 - 1) as 17 characters whose order as text is the order of the numbers."""
    return "".join(_ALPHABET[value >> shift & 31] for shift in range((_LENGTH - 1) * 5, -1, -5))
