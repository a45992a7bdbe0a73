"""Who watches attempts from outside: logs and traces. Nobody, where the process says nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from reelwright.store.rows import StepRow

# Entered around the work of one attempt, in its task; sees what that raises.
Watch = Callable[[StepRow], AbstractContextManager[None]]


def nobody(row: StepRow) -> AbstractContextManager[None]:
    return nullcontext()
