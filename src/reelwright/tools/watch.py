"""Who hears of the commands that ran: set once a process by whoever puts it together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One command, when it is over. `program` is its file's name, or the module of a Python child:
    no path, and nothing that a user wrote.

    `exit_code` None: it could not be started, or was killed with its guard; -N after signal N.
    Times are nanoseconds since 1970.
    """

    program: str
    start_ns: int
    end_ns: int
    exit_code: int | None = None
    cpu_seconds: float | None = None
    max_rss_bytes: int | None = None


Listener = Callable[[Ran], None]

_listener: Listener | None = None


def listen(listener: Listener | None) -> None:
    """`listener` is called in the task that ran the command; None: nobody."""
    global _listener
    _listener = listener


def tell(argv: Sequence[str], wall_s: float, said: Mapping[str, Any]) -> None:
    """`said` is what the guard reported, as far as it came."""
    if _listener is None:
        return
    end_ns = time.time_ns()
    _listener(
        Ran(
            program=_program(argv),
            start_ns=end_ns - int(wall_s * 1e9),
            end_ns=end_ns,
            exit_code=said.get("exit_code"),
            cpu_seconds=said.get("cpu_s"),
            max_rss_bytes=said.get("max_rss_bytes"),
        )
    )


def _program(argv: Sequence[str]) -> str:
    own = [argv[n + 1] for n in range(1, min(len(argv) - 1, 5)) if argv[n] == "-m"]
    return own[0] if own else PurePath(argv[0]).name
