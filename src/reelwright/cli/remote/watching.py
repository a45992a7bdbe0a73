"""Shows a job of a service as one of this machine is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from reelwright.cli.watch import Watch
from reelwright.client import models
from reelwright.client.asynchronous import watching
from reelwright.client.asynchronous.client import AsyncClient
from reelwright.client.events import Event as Told
from reelwright.engine.events import Event, JobChanged, JobProgress, StepChanged, StepProgress
from reelwright.errors import Code
from reelwright.store.rows import Job
from reelwright.store.states import JobState

_OWN = ":"


@dataclass(frozen=True, slots=True)
class ShownStep:
    id: str
    operations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """What a watch wants to know of a plan."""

    steps: tuple[ShownStep, ...]
    warnings: tuple[str, ...]


async def follow(
    client: AsyncClient, job_id: str, shown: Watch, after: int | None = None
) -> models.Job:
    """Shows what happens to the job, from event `after` on, and gives it at its end."""
    is_planned = False
    reports = Reports(job_id)
    async with aclosing(watching.beats(client, job_id, after)) as found:
        async for told in found:
            if told is None:
                continue
            for event in reports.events(told):
                if not is_planned and _tells_of_plan(event):
                    shown.submitted(job_id, plan_of(await client.get_plan(job_id)))
                    is_planned = True
                shown.on_event(event)
    return await client.get_job(job_id)


async def last_event(client: AsyncClient, job_id: str) -> int:
    """Where the story of a job stands now."""
    from reelwright.client.events import Reader

    reader, last = Reader(), 0
    async with client.get_events(job_id, follow=False) as answer:
        async for data in answer.aiter_bytes():
            for told in reader.feed(data):
                last = told.id or last
    return last


class Reports:
    """Events of the engine, made of those of the stream."""

    def __init__(self, job_id: str) -> None:
        self._job_id = job_id
        self._told: dict[str, Any] = {}

    def events(self, told: Told) -> Iterator[Event]:
        """Outputs are left out: they are told when they are here."""
        data = told.data
        if told.kind == "job":
            yield JobChanged(job_id=self._job_id, state=str(data.get("state")))
        elif told.kind == "step":
            if not str(data.get("key", _OWN)).startswith(_OWN):
                yield self._step(data)
        elif told.kind == "plan":
            # The first revision is told as the plan itself.
            if data.get("revision", 0) > 1:
                yield self._revised(data)
        elif told.kind == "progress":
            yield from self._progress(data)

    def _step(self, data: Mapping[str, Any]) -> StepChanged:
        return StepChanged(
            job_id=self._job_id,
            key=str(data["key"]),
            state=str(data.get("state")),
            attempt=int(data.get("attempt") or 0),
            error=data.get("error"),
            retry_in_s=data.get("retry_in_s"),
            paused=bool(data.get("paused")),
        )

    def _revised(self, data: Mapping[str, Any]) -> Event:
        from reelwright.engine.events import PlanRevised

        added = tuple(key for key in data.get("added", ()) if not str(key).startswith(_OWN))
        return PlanRevised(job_id=self._job_id, revision=data["revision"], added=added)

    def _progress(self, data: Mapping[str, Any]) -> Iterator[Event]:
        for step in data.get("steps", ()):
            key = str(step.get("key", _OWN))
            if key.startswith(_OWN) or self._told.get(key) == step:
                continue
            self._told[key] = step
            yield StepProgress(
                job_id=self._job_id,
                key=key,
                attempt=int(step.get("attempt") or 0),
                fraction=float(step.get("fraction") or 0.0),
                progress=step.get("progress") or {},
            )
        yield JobProgress(
            job_id=self._job_id,
            fraction=float(data.get("fraction") or 0.0),
            eta_s=data.get("eta_seconds"),
        )


def _tells_of_plan(event: Event) -> bool:
    """Whether a plan must be there: a step is named."""
    return not isinstance(event, JobChanged | JobProgress)


def plan_of(plan: models.Plan) -> ShownPlan:
    return ShownPlan(
        tuple(ShownStep(step.id, tuple(step.operations)) for step in plan.steps),
        tuple(plan.warnings),
    )


def job_row(job: models.Job, *, error: Mapping[str, Any] | None = None) -> Job:
    """`error`: what kept its outputs from coming here, though the job itself went well."""
    state = JobState(job.state) if error is None else JobState.FAILED
    return Job(
        id=job.id,
        state=state,
        priority=job.priority,
        labels=job.labels,
        spec={},
        plan={},
        revision=job.revision,
        base="",
        overwrite=False,
        cancel_requested=job.cancel_requested,
        timeout_s=None,
        owner=job.owner,
        webhook=None,
        batch_id=job.batch_id,
        key_id=None,
        max_running=None,
        trace=None,
        error=error or _known(job.error),
        fraction=job.fraction,
        eta_s=job.eta_seconds,
        created_at=job.created_at,
        started_at=job.started_at,
        deadline_at=None,
        finished_at=job.finished_at,
    )


def _known(fault: models.Fault | None) -> dict[str, Any] | None:
    """A newer service may know codes that this release has not."""
    if fault is None:
        return None
    body = fault.model_dump(exclude_none=True)
    body.setdefault("where", None)
    if body["code"].upper() not in Code.__members__:
        body["message"] = f"{body['message']} [{body['code']}]"
        body["code"] = Code.INTERNAL.text
    return body
