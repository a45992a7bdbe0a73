"""Submits a job, and runs it to its end in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelwright.app import destinations, memo
from reelwright.app.request import Request

if TYPE_CHECKING:
    from reelwright.app.plan import Planned
    from reelwright.app.wiring import App
    from reelwright.engine.engine import Engine, OnEvent
    from reelwright.engine.submission import NewJob
    from reelwright.planning.plan import Plan
    from reelwright.store.rows import Delivered, Job


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that has come to its end, and the files that stand where they were asked for."""

    job: Job
    outputs: tuple[Delivered, ...]

    def to_json(self) -> dict[str, Any]:
        """The last line of `reel run --json`."""
        return {
            "event": "job",
            "id": self.job.id,
            "state": self.job.state.value,
            "outputs": [
                {"path": file.path, "sha256": file.sha256, "bytes": file.size_bytes}
                for file in self.outputs
            ],
            "error": dict(self.job.error) if self.job.error else None,
        }


# Gets the id of the job that runs now, its plan, and the engine (to cancel it with).
Started = Callable[[str, "Plan", "Engine"], None]


async def submit_and_run(app: App, request: Request, on_event: OnEvent, on_start: Started) -> Ended:
    """Raises SpecErrors and the like before anything is written. How a submitted job ends is in
    what is given back.
    """
    memo_key = memo.key(app, request)
    new, planned = await _new_job(app, request, memo_key)
    engine = app.engine(on_event)
    try:
        job_id = engine.submit(new)
        on_start(job_id, new.plan, engine)
        ended = await _to_the_end(app, engine, job_id)
    finally:
        await engine.close()
    if planned and ended.job.state.value == "succeeded" and ended.job.revision == 1:
        memo.remember(app, memo_key, job_id, planned)
    return ended


async def run_again(
    app: App,
    on_event: OnEvent,
    pick: Callable[[Engine], Awaitable[Sequence[str]]],
    on_start: Started,
) -> list[Ended]:
    """Runs jobs that exist already, one after another: `pick` queues them and gives their ids."""
    engine = app.engine(on_event)
    ended: list[Ended] = []
    try:
        for job_id in await pick(engine):
            on_start(job_id, _plan(app, job_id), engine)
            ended.append(await _to_the_end(app, engine, job_id))
    finally:
        await engine.close()
    return ended


def _plan(app: App, job_id: str) -> Plan:
    from reelwright.engine.submission import plan_of
    from reelwright.store import jobs, steps

    with app.store.read() as tx:
        return plan_of(jobs.get(tx, job_id), steps.of_job(tx, job_id))


async def _to_the_end(app: App, engine: Engine, job_id: str) -> Ended:
    from reelwright.store import jobs

    await engine.run_job(job_id)
    with app.store.read() as tx:
        ended = Ended(jobs.get(tx, job_id), tuple(jobs.delivered(tx, job_id)))
    if ended.job.webhook is not None:
        from reelwright.app.webhooks.sending import Sender

        await Sender(app).send_of(job_id)
    return ended


async def _new_job(app: App, request: Request, memo_key: str) -> tuple[NewJob, Planned | None]:
    """From memory (without a `Planned`), or newly planned."""
    from reelwright.engine.submission import NewJob

    known = memo.recall(app, memo_key) if request.use_cache else None
    if known is not None:
        job, plan = known
        await asyncio.to_thread(destinations.refuse_links, request, plan)
        return NewJob(
            plan=plan,
            spec=job.spec,
            base=job.base,
            priority=job.priority,
            labels=job.labels,
            timeout_s=job.timeout_s,
            overwrite=request.overwrite,
            webhook=job.webhook,
        ), None
    from reelwright.app.plan import plan_request

    planned = await plan_request(app, request)
    await asyncio.to_thread(destinations.refuse, app, planned)
    return _from_plan(planned), planned


def _from_plan(planned: Planned) -> NewJob:
    from reelwright.engine.submission import NewJob

    request, spec = planned.request, planned.spec
    timeout_s = request.timeout_s
    if timeout_s is None and spec.timeout is not None:
        timeout_s = float(spec.timeout)
    return NewJob(
        plan=planned.plan,
        spec=planned.kept.to_json(),
        base=str(request.base),
        priority=spec.priority if request.priority is None else request.priority,
        labels={**spec.labels, **request.labels},
        timeout_s=timeout_s,
        overwrite=request.overwrite,
        webhook=spec.webhook,
    )
