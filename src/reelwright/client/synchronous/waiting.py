"""The same as in `asynchronous`, in the thread that asks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def pause(seconds: float) -> None:
    time.sleep(seconds)


def aside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs what reads or writes files."""
    return work(*args, **kwargs)
