"""How long a service that is away, or asks for a pause, is waited for."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: `total_s` from the first failure to the last try; the delay before a try begins at
    about `first_s` and doubles up to `most_s`."""

    total_s: float = 60.0
    first_s: float = 0.2
    most_s: float = 8.0


class Tries:
    """The tries at one request."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._failures = 0
        self._began = 0.0

    def wait_s(self, asked_s: float | None = None) -> float | None:
        """Seconds until the next try, at least `asked_s`; None where that would be too late."""
        now = time.monotonic()
        if not self._failures:
            self._began = now
        bound = min(self._patience.first_s * 2**self._failures, self._patience.most_s)
        self._failures += 1
        # Between half and whole, so that clients that were cut off together do not come together.
        wait = max(random.uniform(bound / 2, bound), asked_s or 0.0)
        return wait if now + wait <= self._began + self._patience.total_s else None

    def succeeded(self) -> None:
        """What fails from now on is a new failure."""
        self._failures = 0
