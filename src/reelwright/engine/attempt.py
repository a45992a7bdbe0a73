"""One attempt, from an empty workspace to the commit: the same code whatever the executor is."""

from __future__ import annotations

import asyncio
import shutil
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.engine import blame, expansion, indexing, keeping, outcome
from reelwright.engine.delivery import Delivering, DeliverRemote
from reelwright.engine.executor import Attempt
from reelwright.engine.expansion import PlanJob
from reelwright.engine.indexing import IndexFound
from reelwright.engine.inputs import Gathered, Inputs
from reelwright.engine.keeping import KeepVideo
from reelwright.engine.lifecycle import fail_damaged
from reelwright.engine.log_copies import Finish, LogCopies
from reelwright.engine.outcome import Ended, Made
from reelwright.engine.settings import EngineSettings
from reelwright.engine.submission import DELIVER, PLAN
from reelwright.engine.threads import in_thread, stopping
from reelwright.engine.watch import Watch, nobody
from reelwright.engine.writing import Write, alone
from reelwright.errors import Code, Problem, ReelError, SpecErrors
from reelwright.planning.plan import Step, StepKind
from reelwright.runners.context import Bounds, Gate, ModelsFor, StepContext, StepResult
from reelwright.store import attempts, jobs
from reelwright.store.blobs import Blob, Blobs, Pins, refused
from reelwright.store.combine import OneOf
from reelwright.store.database import Tx
from reelwright.store.rows import AttemptRow, StepRow
from reelwright.store.states import StepState
from reelwright.store.store import Store

if TYPE_CHECKING:
    from reelwright.tools.binaries import Tools

RunStep = Callable[[Step, StepContext], Awaitable[StepResult]]
Learn = Callable[[Step, StepResult], Mapping[str, float]]
Heartbeat = Callable[[], Awaitable[bool]]
Report = Callable[[object], None]

# How long a finished result waits for a database that does not answer: its step cannot be given
# to another before the database is back, and then not before one more lifetime of a lease.
_PATIENCE_S = 600.0
_AGAIN_S = 2.0


class AttemptRunner:
    """What an attempt needs beside its own row.

    `learn` says what a finished step teaches about costs: name -> CPU-seconds per unit. `plan_job`
    plans the jobs that came in without a plan. `write` commits how attempts ended. `keep` puts
    what was fetched into the library, `index` what was found into the search index; `gate` is asked
    before a site is; `models` gives a step the models that it may ask; `log_copies` puts its log
    where other machines read it.
    """

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        settings: EngineSettings,
        *,
        run_step: RunStep,
        tools: Tools,
        deliver_remote: DeliverRemote | None = None,
        learn: Learn | None = None,
        plan_job: PlanJob | None = None,
        write: Write | None = None,
        watch: Watch = nobody,
        keep: KeepVideo | None = None,
        gate: Gate | None = None,
        index: IndexFound | None = None,
        models: ModelsFor | None = None,
        log_copies: LogCopies | None = None,
    ) -> None:
        self.store = store
        self.settings = settings
        self._blobs = blobs
        self._run_step = run_step
        self._tools = tools
        self._learn = learn
        self._plan_job = plan_job
        self._write = write or alone(store)
        self._watch = watch
        self._keep_video = keep
        self._gate = gate
        self._index_found = index
        self._models = models
        self._log_copies = log_copies
        self._inputs = Inputs(store, blobs)
        self._delivering = Delivering(store, blobs, deliver_remote)

    def look_up(self, attempt: Attempt) -> tuple[StepRow, AttemptRow]:
        """What is to run, and where. Raises LEASE_LOST, STORE_*."""
        with self.store.read() as tx:
            row, place = attempts.with_step(tx, attempt.step_id, attempt.number)
        if row.attempt != attempt.number or row.state is not StepState.RUNNING:
            raise ReelError(Code.LEASE_LOST, "this attempt is over already", where=attempt.key)
        return row, place

    async def run(
        self, row: StepRow, place: AttemptRow, report: Report, heartbeat: Heartbeat
    ) -> None:
        """Runs it and commits how it ended. A cancelled one leaves its state to who cancelled it.

        Raises LEASE_LOST when the result came too late, and STORE_UNAVAILABLE when it could not be
        written for ten minutes.
        """
        try:
            change = await self._end(row, place, report, heartbeat)
            await self.commit(change, row.job_id)
        finally:
            _remove(Path(place.workspace))

    def bounds(self, row: StepRow) -> Bounds:
        """What this step may have of the machine."""
        return Bounds(self.settings.machine.memory_bytes or None)

    async def _end(
        self, row: StepRow, place: AttemptRow, report: Report, heartbeat: Heartbeat
    ) -> Callable[[Tx], None]:
        """The change that says how it ended."""
        try:
            with self._watch(row), Pins() as pins:
                return await self._work(row, place, report, heartbeat, pins)
        except ReelError as error:
            if error.code is Code.LEASE_LOST:
                raise
            problem = await in_thread(self._named, row, _first(error))
        except OSError as error:
            problem = refused(error, Path(place.workspace)).problem
        except Exception as error:  # noqa: BLE001 - a mistake in one step must not end the engine
            problem = _mistake(error, row.key)
        # Before the commit: on a full disk this makes the room that the commit needs.
        _remove(Path(place.workspace))
        if problem.code is Code.ARTIFACT_DAMAGED:
            args = (self.store, self._blobs, row, problem, self.settings)
            return await in_thread(fail_damaged, *args)
        return partial(outcome.fail, step=row, problem=problem, settings=self.settings)

    def _named(self, row: StepRow, problem: Problem) -> Problem:
        if problem.where is None or not row.payload.get("inputs"):
            return problem
        try:
            with self.store.read() as tx:
                inputs = jobs.get(tx, row.job_id).spec.get("inputs") or {}
        except ReelError:  # the failure itself waits for the database; its place need not
            return problem
        return blame.named(problem, row.payload, inputs)

    async def _work(
        self, row: StepRow, place: AttemptRow, report: Report, heartbeat: Heartbeat, pins: Pins
    ) -> Callable[[Tx], None]:
        if row.key == DELIVER:
            await self._delivering.run(row)
            return OneOf(outcome.deliver_all, row)
        if row.key == PLAN:
            return await self._plan(row)
        if row.kind == StepKind.KEEP:
            return await self._keep(row, pins)
        if row.kind == StepKind.INDEX:
            return await self._index(row, pins)
        log = Path(place.log)
        async with nullcontext() if self._log_copies is None else self._log_copies.of(log) as copy:
            made = await self._make(row, place, report, heartbeat, pins, copy)
        return OneOf(outcome.succeed_all, Ended(row, made))

    async def _plan(self, row: StepRow) -> Callable[[Tx], None]:
        if self._plan_job is None:
            raise ReelError(Code.PLAN_INVALID, "this engine cannot plan", where=row.job_id)
        prepared = await self._plan_job(row.job_id)
        return await in_thread(
            expansion.enter, self.store, self._blobs, row, prepared, self.settings
        )

    async def _keep(self, row: StepRow, pins: Pins) -> Callable[[Tx], None]:
        if self._keep_video is None:
            raise ReelError(Code.PLAN_INVALID, "this engine keeps nothing", where=row.key)
        order = await stopping(pins, keeping.order_of, self.store, self._blobs, row, pins)
        kept = await self._keep_video(order)
        return partial(keeping.succeed, step=row, kept=kept)

    async def _index(self, row: StepRow, pins: Pins) -> Callable[[Tx], None]:
        if self._index_found is None:
            raise ReelError(Code.PLAN_INVALID, "this engine has no search index", where=row.key)
        work = (indexing.order_of, self.store, self._inputs, row, pins, self._models)
        order = await stopping(pins, *work)
        indexed = await self._index_found(order)
        return partial(indexing.succeed, step=row, indexed=indexed)

    async def _make(
        self,
        row: StepRow,
        place: AttemptRow,
        report: Report,
        heartbeat: Heartbeat,
        pins: Pins,
        copy: Finish | None,
    ) -> Made:
        step = Step.from_json(row.payload)
        files = await stopping(pins, self._inputs.gather, row.job_id, step, pins)
        context = self._context(row, place, files)
        context.on_progress, context.heartbeat = report, heartbeat
        result = await self._run_step(step, context)
        self._inputs.check_unchanged(files)
        if copy is not None:
            copy.begin()
        stored = await self._published(step, result)
        return Made(
            files=stored,
            results=result.results,
            report=result.report,
            cpu_seconds=result.cpu_seconds,
            max_rss_bytes=result.max_rss_bytes,
            learned={} if self._learn is None else self._learn(step, result),
        )

    def _context(self, row: StepRow, place: AttemptRow, files: Gathered) -> StepContext:
        """Its workspace is made."""
        workspace, log = _places(place)
        bounds, settings = self.bounds(row), self.settings
        return StepContext(
            workspace=workspace,
            files=files.paths,
            results=files.results,
            tools=self._tools,
            log=log,
            sandbox=settings.sandbox,
            grace_s=settings.grace_s,
            memory_bytes=bounds.memory_bytes,
            memory_rule=bounds.memory_rule,
            devices=bounds.devices,
            scratch=settings.scratch,
            allow_private=settings.allow_private,
            net_allow=settings.net_allow,
            proxy=settings.proxy,
            fetch_bytes=settings.fetch_bytes,
            fetch_s=settings.fetch_s,
            gate=self._gate,
            models=None if self._models is None else self._models(row),
        )

    async def _published(self, step: Step, result: StepResult) -> dict[str, list[Blob]]:
        """What took hours is not thrown away because a shared store is away for some minutes."""
        done: dict[Path, Blob] = {}
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return await in_thread(self._publish, step, result, done)
            except ReelError as error:
                if error.code is not Code.ARTIFACTS_UNAVAILABLE or time.monotonic() > until:
                    raise
                await asyncio.sleep(_AGAIN_S)

    def _publish(
        self, step: Step, result: StepResult, done: dict[Path, Blob]
    ) -> dict[str, list[Blob]]:
        """Moves the files into the store. They have no name there before the commit."""
        missing = [output.name for output in step.outputs if output.name not in result.files]
        if missing:
            raise ReelError(Code.OUTPUT_MISSING, f"the step made no {missing[0]}", where=step.id)
        known = result.digests
        return {
            name: self._blobs.put_all(paths, [known.get(path) for path in paths], done=done)
            for name, paths in result.files.items()
        }

    async def commit(self, change: Callable[[Tx], None], job_id: str) -> None:
        """The result waits for the database as long as nobody else can have its step."""
        until = time.monotonic() + _PATIENCE_S
        wait_s = 0.1
        while True:
            try:
                await self._write(change, order=job_id)
            except ReelError as error:
                retryable = {Code.STORE_UNAVAILABLE, Code.STORE_LOCKED, Code.DISK_FULL}
                if error.code not in retryable or time.monotonic() > until:
                    raise
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, 5.0)
            else:
                return


def _places(place: AttemptRow) -> tuple[Path, Path]:
    workspace, log = Path(place.workspace), Path(place.log)
    workspace.mkdir(mode=0o700, parents=True)
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return workspace, log


def _first(error: ReelError) -> Problem:
    """The problem that stands for all of them: one that trying again would not end, if any is."""
    if not isinstance(error, SpecErrors):
        return error.problem
    problems = sorted(error.problems, key=lambda problem: problem.code.retryable)
    first = problems[0]
    if len(problems) == 1:
        return first
    evidence = {**first.evidence, "problems": [problem.to_json() for problem in problems]}
    return replace(first, evidence=evidence)


def _mistake(error: Exception, where: str) -> Problem:
    trace = traceback.format_exception(error)
    return Problem(
        Code.INTERNAL,
        f"{type(error).__name__}: {error}",
        where=where,
        evidence={"traceback": "".join(trace)[-4000:]},
    )


def _remove(workspace: Path) -> None:
    shutil.rmtree(workspace, ignore_errors=True)
