"""The agent of a node: it runs steps there, as `reel worker` does on a machine of its own.

A detached actor makes it (`tools.ray.actor`), from the node's own environment and settings. Which
steps are its own SQL says; what it is told only makes it quicker. Its event loop is in a thread
that lives as long as the process: commands die with the thread that started them.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import threading
import time
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from reelwright.app.cluster.joining import problems, versions
from reelwright.app.cluster.wire import attempt_of
from reelwright.engine.executor import Need
from reelwright.engine.nodes import SANDBOX_LABEL, SANDBOXED
from reelwright.errors import Code, ReelError
from reelwright.tools.ray.settings import SCRATCH, SCRATCH_UNIT_BYTES

if TYPE_CHECKING:
    from reelwright.app.cluster.node_runner import NodeRunner
    from reelwright.app.wiring import App
    from reelwright.engine.presence import Presence
    from reelwright.engine.resident import Resident

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
# What was found in order is looked at again after so long.
_CHECK_S = 60.0
_HOST = "node:"


class Agent:
    """`node` is Ray's id of the node. What it is called with, and answers, is JSON."""

    def __init__(self, namespace: str, node: str) -> None:
        self._namespace = namespace
        self._node = node
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="agent", daemon=True)
        self._thread.start()
        self._app: App | None = None
        self._lock_file: IO[str] | None = None
        self._presence: Presence | None = None
        self._runner: NodeRunner | None = None
        self._resident: Resident | None = None
        self._checked_for: Mapping[str, Any] | None = None
        self._checked_at = 0.0
        self._problems: list[str] = []
        self._versions: dict[str, str] = {}
        self._drains = False
        self._is_leaving = False
        self._beats = threading.Lock()

    async def look(self, expected: dict[str, Any], ray: dict[str, Any]) -> dict[str, Any]:
        """What the node is and has; runs steps from the first look on that finds nothing amiss.
        `ray`: what Ray says of the node, `resources` and `labels`."""
        return await self._in_loop(self._look(expected, ray))

    async def start(self, attempts: list[dict[str, Any]]) -> None:
        """They were leased in its name."""
        await self._in_loop(self._start(attempts))

    async def stop(self, attempt: dict[str, Any], grace_s: float) -> None:
        """On return nothing of it runs, nor will."""
        await self._in_loop(self._stop(attempt, grace_s))

    async def warm(self, model: str, count: int) -> int:
        """Keeps that many actors of a model loaded; how many are."""
        return await self._in_loop(self._warm(model, count))

    async def close(self) -> None:
        """Gives back what runs, and leaves the service."""
        if self._resident is not None:
            await self._in_loop(self._close(self._resident))

    async def _in_loop(self, work: Coroutine[Any, Any, _T]) -> _T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _look(self, expected: Mapping[str, Any], ray: Mapping[str, Any]) -> dict[str, Any]:
        found = await asyncio.to_thread(self._check, expected, ray)
        if not found and self._resident is None:
            try:
                await self._open()
            except ReelError as error:
                found = [f"{error.problem.message} ({error.code.text})"]
        return await asyncio.to_thread(self._report, found)

    def _check(self, expected: Mapping[str, Any], ray: Mapping[str, Any]) -> list[str]:
        """What is amiss; known for a while where nothing is."""
        now = time.monotonic()
        is_known = self._checked_for == expected and now - self._checked_at < _CHECK_S
        if is_known and not self._problems:
            return []
        try:
            app = self._made_app(ray)
            self._versions = self._versions or versions(app)
            self._problems = problems(app, expected)
        except ReelError as error:
            if error.code.retryable and self._resident is not None:
                return self._problems  # what is away was ours when it was there
            self._problems = [f"{error.problem.message} ({error.code.text})"]
        self._checked_for, self._checked_at = expected, now
        return self._problems

    def _made_app(self, ray: Mapping[str, Any]) -> App:
        """Raises what settings, home and tools raise; NODE_REFUSED where another agent has that
        home."""
        if self._app is None:
            from reelwright.app.settings import load
            from reelwright.app.wiring import App, make_home

            app = App(load())
            make_home(app.home)
            self._lock_home(app.home)
            app.serve_others()
            own = app.engine_settings
            machine = _machine(ray["resources"], own.machine)
            app.__dict__["engine_settings"] = replace(own, machine=machine, largest=None)
            self._app = app
        return self._app

    def _lock_home(self, home: Path) -> None:
        if self._lock_file is not None:
            return
        file = (home / "agent.lock").open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise ReelError(
                Code.NODE_REFUSED, f"another node of this machine uses its home: {home}"
            ) from error
        self._lock_file = file

    async def _open(self) -> None:
        from reelwright.app.cluster.models import share_models
        from reelwright.app.cluster.node_runner import NodeRunner
        from reelwright.engine.events import from_row
        from reelwright.engine.presence import Presence
        from reelwright.engine.resident import Resident
        from reelwright.engine.writing import together
        from reelwright.tools.ray.reservations import Reservations

        app = self._app
        assert app
        share_models(app, self._namespace)
        write = together(app.combiner)
        runner = app.runner(write, NodeRunner)
        assert isinstance(runner, NodeRunner)
        runner.reserve_with(Reservations(self._node))
        presence = Presence.mine(f"{_HOST}{self._node}")
        resident = Resident(runner, presence)
        await resident.open()
        # Failures stand in the node's own log too, as they do where a worker runs.
        app.store.listen(lambda row: app.journal(from_row(row)))
        self._presence, self._runner, self._resident = presence, runner, resident
        with suppress(ReelError):
            self._drains = await asyncio.to_thread(self._beat_once)
        self._beating = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        """Its row among the workers: admission counts its cores, and it may be asked to drain."""
        from reelwright.store import workers

        while not self._is_leaving:
            await asyncio.sleep(workers.BEAT_S)
            with suppress(ReelError):
                self._drains = await asyncio.to_thread(self._beat_once)

    def _beat_once(self) -> bool:
        from reelwright.store import nodes, workers

        app, presence = self._app, self._presence
        assert app
        assert presence
        machine = app.engine_settings.machine
        me = workers.NewWorker(
            id=str(presence),
            host=presence.host,
            pid=presence.pid,
            version=self._versions["reelwright"],
            cpus=machine.cpus,
            memory_bytes=machine.memory_bytes,
        )
        with app.store.read() as tx:
            drains = presence.host in nodes.draining(tx) or workers.is_asked(tx, me.id)
        state = workers.WorkerState.DRAINING if drains else workers.WorkerState.ACTIVE
        with self._beats:
            if self._is_leaving:
                return drains
            asked = app.store.transact(lambda tx: workers.beat(tx, me, state), durable=False)
        return asked or drains

    def _report(self, found: Sequence[str]) -> dict[str, Any]:
        """`worker` is None until it runs steps."""
        if self._app is None or self._resident is None or self._runner is None:
            return {"problems": list(found), "versions": self._versions, "worker": None}
        settings = self._app.engine_settings
        total = self._runner.reserved_or(settings.machine)
        return {
            "problems": list(found),
            "versions": self._versions,
            "worker": str(self._presence),
            "total": {
                "cpus": total.cpus,
                "memory_bytes": total.memory_bytes,
                "disk_bytes": total.disk_bytes,
                "gpus": total.gpus,
            },
            "workspaces": str(settings.workspaces),
            "logs": str(settings.logs),
            "free_disk_bytes": self._resident.free_disk_bytes(),
            "drains": self._drains,
            "held": len(self._resident.held),
            "labels": _labels(self._app),
        }

    async def _start(self, told: Sequence[Mapping[str, Any]]) -> None:
        if self._resident is None:
            raise ReelError(Code.NODE_REFUSED, "this node runs no steps", where=self._node)
        await self._resident.start([attempt_of(one) for one in told])

    async def _close(self, resident: Resident) -> None:
        self._is_leaving = True
        await resident.close()
        app, me = self._app, str(self._presence)
        assert app
        with suppress(ReelError):
            await asyncio.to_thread(self._leave, app, me)

    def _leave(self, app: App, me: str) -> None:
        from reelwright.store import workers

        with self._beats:  # one that is being written would make the row anew
            app.store.transact(lambda tx: workers.remove(tx, me))

    async def _stop(self, told: Mapping[str, Any], grace_s: float) -> None:
        if self._resident is not None:
            await self._resident.stop(attempt_of(told), grace_s)

    async def _warm(self, model: str, count: int) -> int:
        from reelwright.app.cluster.models import ClusterModels

        far = None if self._app is None else self._app.models.far
        if not isinstance(far, ClusterModels):
            return 0
        return await far.warm(model, count)


def _machine(resources: Mapping[str, float], own: Need) -> Need:
    """What Ray says that the node has; of disk what the settings say where Ray does not."""
    scratch = resources.get(SCRATCH)
    return Need(
        cpus=float(resources.get("CPU", own.cpus)),
        memory_bytes=int(resources.get("memory", own.memory_bytes)),
        disk_bytes=own.disk_bytes if scratch is None else int(scratch) * SCRATCH_UNIT_BYTES,
        gpus=int(resources.get("GPU", 0)),
    )


def _labels(app: App) -> dict[str, str]:
    """What a step may ask of a node beside what Ray's own labels say: walls, and encoders of
    devices that are there (those in software come with the build, which is everywhere the same)."""
    from reelwright.tools.sandbox import sandbox_status

    labels = {SANDBOX_LABEL: SANDBOXED if sandbox_status().files else "none"}
    there = tuple(end for end, device in _DEVICES.items() if Path(device).exists())
    for name in app.tools.encoders() if there else ():
        if name.endswith(there):
            labels[f"reelwright/encoder-{name}"] = "yes"
    return labels


_DEVICES = {
    "_nvenc": "/proc/driver/nvidia/gpus",
    "_qsv": "/dev/dri/renderD128",
    "_vaapi": "/dev/dri/renderD128",
}
