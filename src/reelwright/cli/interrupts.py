"""Ctrl-C and SIGTERM while a job runs: first asked to stop, then left alone."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from reelwright.cli import terminal

T = TypeVar("T")
# Asks whoever runs the job with this id to stop. Raises TRANSITION_REFUSED, STORE_*.
Cancel = Callable[[str], None]


class Interrupts:
    """The first Ctrl-C cancels the running job; the second, and SIGTERM, leave it for `resume`."""

    def __init__(self) -> None:
        self._job: tuple[str, Cancel] | None = None
        self._left = ""
        self._task: asyncio.Task[Any] | None = None
        self._asked = False

    def running(
        self, job_id: str, cancel: Cancel, left: str = "`reel resume` goes on with it"
    ) -> None:
        """`left` is told where the job is left before its end."""
        self._job, self._left = (job_id, cancel), left

    def finishing(self) -> None:
        """The job is over: from now on the first Ctrl-C leaves, too."""
        self._asked = True

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Raises KeyboardInterrupt where it was left before the end."""
        return asyncio.run(self._guarded(work))

    async def _guarded(self, work: Coroutine[Any, Any, T]) -> T:
        loop = asyncio.get_running_loop()
        self._task = task = asyncio.ensure_future(work)
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        loop.add_signal_handler(signal.SIGTERM, self._leave)
        try:
            return await task
        except asyncio.CancelledError:
            if self._job is not None:
                terminal.note(f"job {self._job[0]}: left; {self._left}")
            raise KeyboardInterrupt from None
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            loop.remove_signal_handler(signal.SIGTERM)

    def _interrupt(self) -> None:
        from reelwright.errors import ReelError

        if self._job is None or self._asked:
            self._leave()
            return
        self._asked = True
        job_id, cancel = self._job
        terminal.note(f"job {job_id}: stopping (Ctrl-C again leaves at once)")
        try:
            cancel(job_id)
        except ReelError as error:  # it came to its end meanwhile, or the database is away
            terminal.note(str(error))

    def _leave(self) -> None:
        if self._task is not None:
            self._task.cancel()


class Resumable:
    """Jobs that the same command goes on with. `stopped`: the ids of those that Ctrl-C ended."""

    def __init__(self, interrupts: Interrupts) -> None:
        self._interrupts = interrupts
        self.stopped: list[str] = []

    def running(self, job_id: str, cancel: Callable[[str], None]) -> None:
        """From now on Ctrl-C cancels this one, by `cancel`."""

        def stop(asked: str) -> None:
            self.stopped.append(asked)
            cancel(asked)

        self._interrupts.running(job_id, stop, left="the same command goes on with it")
