"""Worker processes for tests: started, frozen, killed, and gone at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.engine.jobs import World

ROOT = Path(__file__).resolve().parents[2]
# Generous: only what hangs fails.
LIMIT_S = 120.0


def until(holds: Callable[[], object], limit_s: float = LIMIT_S) -> None:
    """Waits for a condition."""
    end = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


@contextmanager
def worker(
    here: World, lease_s: float, *, max_losses: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A process of `worker_process` on this world's home and store, killed at the end."""
    words = [str(here.home), here.store.url, str(lease_s)]
    if max_losses is not None:
        words.append(str(max_losses))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.engine.worker_process", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Kills it and what it started, frozen or not."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(LIMIT_S)
    if process.stdout is not None:
        process.stdout.close()
