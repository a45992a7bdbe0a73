"""A real runner without FFmpeg, and plans for it: `/bin/sh` commands that write real files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from reelwright.engine import scheduler
from reelwright.engine.attempt import AttemptRunner
from reelwright.engine.engine import Engine
from reelwright.engine.events import Event
from reelwright.engine.executor import Executor, Need
from reelwright.engine.local import LocalExecutor
from reelwright.engine.scheduler import Claimed
from reelwright.engine.settings import EngineSettings
from reelwright.engine.submission import NewJob
from reelwright.errors import Code, ReelError
from reelwright.media.digest import identity
from reelwright.planning.plan import (
    Delivery,
    Estimate,
    Plan,
    Step,
    StepInput,
    StepKind,
    StepOutput,
)
from reelwright.runners.context import StepContext, StepResult
from reelwright.store import steps
from reelwright.store.blobs import Blobs
from reelwright.store.rows import Job, StepRow
from reelwright.store.store import Store, open_store
from reelwright.tools.binaries import Tools

T = TypeVar("T")

NO_TOOLS = Tools(
    ffmpeg=Path("/bin/false"),
    ffprobe=Path("/bin/false"),
    ffmpeg_version="none",
    ffprobe_version="none",
    build_id="none",
)


async def run_shell(step: Step, context: StepContext) -> StepResult:
    """Runs the step's one command with `sh` in the workspace; inputs stand in ``$in_NAME``.

    A step may leave ``result.json`` (node id -> JSON). Exit code 75 (EX_TEMPFAIL) is worth a retry.
    """
    env = {f"in_{name}": str(path) for name, path in context.files.items()}
    env |= {"PATH": "/usr/bin:/bin", "log": str(context.log)}
    process = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", step.commands[0][0], cwd=context.workspace, env=env
    )
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if code:
        retryable = code == 75
        raise ReelError(
            Code.TOOL_CRASHED if retryable else Code.TOOL_FAILED, f"exit code {code}", where=step.id
        )
    outputs = {o.name: tuple(sorted(context.workspace.glob(o.name))) for o in step.outputs}
    written = context.workspace / "result.json"
    results = json.loads(written.read_text()) if written.exists() else {}
    return StepResult(files=outputs, results=results, report={"log": "said"}, cpu_seconds=0.01)


def shell(
    key: str,
    script: str,
    *,
    needs: Sequence[str] = (),
    outputs: Sequence[str] = ("out",),
    salt: str = "",
    threads: int = 1,
    **estimate: Any,
) -> Step:
    """A step that writes `outputs`; it reads ``out`` of each need as ``$in_KEY``."""
    return Step(
        id=key,
        kind=StepKind.FFMPEG,
        identity=identity([key, script, list(needs), salt]),
        commands=((script,),),
        inputs=tuple(StepInput(name=need, step=need, output="out") for need in needs),
        outputs=tuple(StepOutput(name=name, container="raw") for name in outputs),
        needs=tuple(needs),
        threads=threads,
        estimate=Estimate(**{"cpu_seconds": 1.0, **estimate}),
    )


def plan(made: Sequence[Step], to: Mapping[str, Path] | None = None, **more: Any) -> Plan:
    """A plan that delivers ``out`` of the steps that `to` names."""
    deliveries = tuple(
        Delivery(index=n, step=key, output="out", to=str(path))
        for n, (key, path) in enumerate((to or {}).items())
    )
    return Plan(steps=tuple(made), deliveries=deliveries, **more)


@dataclass
class World:
    """One home with its store, and engines on it."""

    home: Path
    store: Store
    blobs: Blobs
    settings: EngineSettings
    events: list[Event] = field(default_factory=list)

    def executor(self, **more: Any) -> LocalExecutor:
        options = {"run_step": run_shell, "tools": NO_TOOLS, **more}
        return LocalExecutor(AttemptRunner(self.store, self.blobs, self.settings, **options))

    def engine(self, *, replan: Any = None, **more: Any) -> Engine:
        executor = self.executor(**more)
        executor.on_event = self.events.append
        return Engine(
            self.store,
            self.blobs,
            executor,
            self.settings,
            replan=replan,
            on_event=self.events.append,
        )

    async def claim(self, executor: Executor, only: str | None = None) -> Claimed:
        """Leases what fits, as an engine does."""
        nodes = await executor.capacity()
        return self.store.transact(lambda tx: scheduler.claim(tx, self.settings, nodes, only))

    def states(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def run(self, engine: Engine, made: Plan, **more: Any) -> Job:
        """Submits and runs one job to its end."""
        return await engine.run_job(engine.submit(NewJob(plan=made, **more)))

    def go(self, made: Plan, **more: Any) -> Job:
        """The same, with an engine of its own."""

        async def once() -> Job:
            engine = self.engine()
            try:
                return await self.run(engine, made, **more)
            finally:
                await engine.close()

        return wait(once())

    def steps(self, job_id: str) -> dict[str, StepRow]:
        with self.store.read() as tx:
            return {row.key: row for row in steps.of_job(tx, job_id)}


def wait(work: Coroutine[Any, Any, T], limit_s: float = 60.0) -> T:
    """Runs `work`; what hangs fails."""
    return asyncio.run(asyncio.wait_for(work, limit_s))


def world(home: Path, place: str | Path | None = None, **settings: Any) -> World:
    options: dict[str, Any] = {
        "machine": Need(cpus=2, memory_bytes=1 << 30),
        "poll_s": 0.02,
        "backoff_s": 0.01,
        **settings,
    }
    store = open_store(place or home / "reel.db")
    return World(home, store, Blobs(home / "blobs"), EngineSettings(home=home, **options))
