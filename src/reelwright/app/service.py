"""The engine of a service, on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from reelwright.errors import ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.engine.engine import Engine, OnEvent
    from reelwright.engine.events import Event

# The loops and the thread of commits share one interpreter: a thread that comes back from the
# database waits so long for its turn, at each statement. Python's own 5 ms would be most of what a
# transaction takes.
_TURN_S = 0.0005
# The database was not heard of for so long: nobody should count on this process.
_UNHEALTHY_S = 30.0


def _nobody(event: Event) -> None:
    """Events that nobody watches; they are in the table all the same."""


class Service:
    """Dispatcher and worker of this process; without `with_worker` it only decides, where it leads.

    The thread lives until `close`: commands die with the thread that started them. `on_event` is
    called in whatever thread committed the change.
    """

    def __init__(self, app: App, *, with_worker: bool, on_event: OnEvent | None = None) -> None:
        app.serve_others()
        self._app = app
        self._with_worker = with_worker
        self._on_event = on_event or _nobody
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._started = threading.Event()
        self._ended = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._engine: Engine | None = None
        self._error: BaseException | None = None

    def start(self) -> None:
        """Returns when it works. Raises what it cannot work without: TOOL_MISSING, STORE_*."""
        sys.setswitchinterval(_TURN_S)
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error

    @property
    def id(self) -> str:
        """The worker's id in the registry."""
        serving = self._engine.serving if self._engine else None
        return serving.id if serving else ""

    @property
    def is_healthy(self) -> bool:
        """It works, and the database has answered lately."""
        serving = self._engine.serving if self._engine else None
        if serving is None or self._ended.is_set():
            return False
        return time.monotonic() - serving.seen_at < _UNHEALTHY_S

    @property
    def has_ended(self) -> bool:
        """It was drained (somebody may have asked by the registry), and runs nothing any more."""
        return self._ended.is_set()

    def ask_drain(self) -> None:
        """Takes nothing new from now on; `has_ended` when what runs has come to its end."""
        serving = self._engine.serving if self._engine else None
        if serving is not None and self._loop is not None:
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(serving.drain)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Until it has ended; whether it has."""
        return self._ended.wait(timeout_s)

    def drain(self, timeout_s: float | None = None) -> bool:
        """Finishes what runs, for `settings.serve.drain_s` (or `timeout_s`) seconds at the most;
        whether all of it was finished. `close` gives the rest back."""
        self.ask_drain()
        return self.wait(self._app.settings.serve.drain_s if timeout_s is None else timeout_s)

    def close(self) -> None:
        """Stops at once what still runs, gives it back, and ends the thread."""
        if self._loop is not None and self._task is not None:
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._task.cancel)
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - whoever started it hears of it
            self._error = self._error or error
        finally:
            self._ended.set()
            self._started.set()

    async def _serve(self) -> None:
        from reelwright import __version__
        from reelwright.app.archive.driver import Archivist
        from reelwright.app.library.verify_upkeep import Upkeep
        from reelwright.app.log_lines import keep_short
        from reelwright.app.webhooks.sending import Sender

        app = self._app
        if self._with_worker:
            _ = app.machine  # looks at the machine and its tools, here and once
        engine = app.engine(self._on_event)
        self._engine, self._loop = engine, asyncio.get_running_loop()
        serving = engine.serve(version=__version__, takes_steps=self._with_worker)
        self._task = asyncio.create_task(serving.run())
        beside = [
            asyncio.create_task(Sender(app, leads=lambda: serving.leads).run()),
            asyncio.create_task(Archivist(app, leads=lambda: serving.leads).run()),
            asyncio.create_task(Upkeep(app, leads=lambda: serving.leads).run()),
            asyncio.create_task(keep_short(app, leads=lambda: serving.leads)),
        ]
        if app.nodes is not None:
            from reelwright.app.cluster.status_reports import StatusReports

            app.nodes.changed = serving.wake
            told = StatusReports(app, app.nodes, serving.id, models=app.nodes.models)
            beside.append(asyncio.create_task(told.run()))
        self._started.set()
        try:
            with suppress(asyncio.CancelledError):
                await self._task
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            with suppress(ReelError):  # a database that is away: the leases run out
                await engine.close()
