"""Ctrl-C and SIGTERM while a job runs: first asked to stop, then left alone."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from reelwright.cli import terminal

if TYPE_CHECKING:
    from reelwright.engine.engine import Engine

T = TypeVar("T")


class Interrupts:
    """The first Ctrl-C cancels the running job; the second, and SIGTERM, leave it for `resume`."""

    def __init__(self) -> None:
        self._job: tuple[str, Engine] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._asked = False

    def running(self, job_id: str, engine: Engine) -> None:
        self._job = (job_id, engine)

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
                terminal.note(f"job {self._job[0]}: left; `reel resume` goes on with it")
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
        job_id, engine = self._job
        terminal.note(f"job {job_id}: stopping (Ctrl-C again leaves at once)")
        try:
            engine.cancel(job_id)
        except ReelError as error:  # it came to its end meanwhile, or the database is away
            terminal.note(str(error))

    def _leave(self) -> None:
        if self._task is not None:
            self._task.cancel()
