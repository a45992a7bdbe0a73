"""From a plan to rows: submitting a job, and taking the next revision of its plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reelwright.engine import asking, events
from reelwright.engine.settings import EngineSettings
from reelwright.errors import Code, ReelError
from reelwright.planning.plan import Plan, Step, StepKind
from reelwright.store import jobs, steps
from reelwright.store.database import Tx
from reelwright.store.rows import Job, NewJobRow, NewStep, StepRow
from reelwright.store.states import JobState, StepState

# The last step of each job, beside those of its plan: it puts the outputs where they are wanted.
DELIVER = steps.DELIVER
# The first step of a job that was accepted without a plan: it makes the plan.
PLAN = steps.PLAN
# Their kinds, which no plan has either.
PLAN_KIND, DELIVER_KIND = "plan", "deliver"
# What the header says as long as there is no plan.
NO_PLAN: Mapping[str, Any] = {"revision": 0, "deliveries": [], "warnings": [], "unresolved": {}}

# Waiting for a server or a disk, or writing a text, keeps no core busy.
_IDLE_KINDS = frozenset({StepKind.FETCH, StepKind.KEEP, StepKind.INDEX, StepKind.WRITE})
_LEAST_WEIGHT = 0.01
# Planning keeps a core busy, but for a moment only, and its answer is waited for.
_PLAN_CPUS = 0.25
_UNSTARTED = frozenset({StepState.WAITING, StepState.READY, StepState.UNRESOLVED})
_OPEN = frozenset({StepState.UNRESOLVED, StepState.EXPANDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What is submitted: the spec as written, its plan, and the folder it is relative to.

    `timeout_s` counts from the start of the job, not while it is left, and anew when it is retried.
    """

    plan: Plan
    spec: Mapping[str, Any] = field(default_factory=dict)
    base: str = "/"
    priority: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float | None = None
    overwrite: bool = False
    owner: str | None = None
    webhook: str | None = None
    id: str | None = None
    batch_id: str | None = None
    key_id: str | None = None
    max_running: int | None = None
    trace: str | None = None


def submit(tx: Tx, new: NewJob, settings: EngineSettings) -> str:
    """Raises PLAN_INVALID, NEEDS_TOO_MUCH."""
    rows = rows_of(new.plan, settings)
    row = NewJobRow(
        spec=new.spec,
        plan=header(new.plan),
        base=new.base,
        revision=new.plan.revision,
        priority=new.priority,
        labels=new.labels,
        timeout_s=new.timeout_s,
        overwrite=new.overwrite,
        owner=new.owner,
        webhook=new.webhook,
        id=new.id,
        batch_id=new.batch_id,
        key_id=new.key_id,
        max_running=new.max_running,
        trace=new.trace,
    )
    job_id = jobs.insert(tx, row, events.job_changed(JobState.QUEUED))
    steps.insert(tx, job_id, [*rows, _deliver_row()], max_attempts=settings.max_attempts)
    return job_id


def accept(tx: Tx, new: NewJobRow) -> str:
    """A job without a plan, in as few statements as can be: whoever begins it gives it the step
    that plans it (`first_steps`). Its `plan` and `revision` are not looked at.
    """
    return accept_many(tx, [new])[0]


def accept_many(tx: Tx, new: Sequence[NewJobRow]) -> list[str]:
    """As `accept`, in as many statements as for one."""
    bare = [replace(job, plan=NO_PLAN, revision=0) for job in new]
    return jobs.insert_many(tx, bare, events.job_changed(JobState.QUEUED))


def first_steps(tx: Tx, job_ids: Sequence[str], settings: EngineSettings) -> None:
    """The steps of jobs that were accepted without a plan, when they begin."""
    for job_id in job_ids:
        own = [_plan_row(), _deliver_row()]
        steps.insert(tx, job_id, own, max_attempts=settings.max_attempts)


def header(plan: Plan) -> dict[str, Any]:
    """The plan without its steps: they are rows."""
    return {
        "revision": plan.revision,
        "deliveries": [_delivery(d) for d in plan.deliveries],
        "warnings": list(plan.warnings),
        "unresolved": {k: list(v) for k, v in plan.unresolved.items()},
    }


def plan_of(job: Job, rows: Sequence[StepRow]) -> Plan:
    """The job's plan as it was submitted or last revised."""
    live = [r for r in rows if not steps.is_own(r.key) and r.state is not StepState.EXPANDED]
    return Plan.from_json({**job.plan, "steps": [r.payload for r in live]})


def rows_of(plan: Plan, settings: EngineSettings) -> list[NewStep]:
    known: set[str] = set()
    for step in plan.steps:
        missing = [n for n in step.needs if n not in known]
        if step.id in known or missing or steps.is_own(step.id):
            what = f"needs {missing[0]}, which does not come before it" if missing else "is no id"
            raise ReelError(Code.PLAN_INVALID, f"step {step.id!r} {what}", where=step.id)
        known.add(step.id)
    _refuse_sequences(plan)
    for delivery in plan.deliveries:
        if delivery.step not in known:
            raise ReelError(Code.PLAN_INVALID, f"nothing makes {delivery.to}", where=delivery.step)
    return [_row(step, position, settings) for position, step in enumerate(plan.steps)]


def _refuse_sequences(plan: Plan) -> None:
    """What one step reads of another is one file: a sequence of stills has no name to link."""
    many = {
        (step.id, output.name)
        for step in plan.steps
        for output in step.outputs
        if "%06d" in output.name and output.expect.stills != 1
    }
    for step in plan.steps:
        for item in step.inputs:
            if (item.step, item.output) in many:
                said = f"step {step.id} reads {item.output} of {item.step}, which is many files"
                raise ReelError(Code.PLAN_INVALID, said, where=step.id)


def revise(tx: Tx, job: Job, plan: Plan, settings: EngineSettings) -> bool:
    """Takes `plan` in place of the job's; False where another process took one before.

    What exists keeps its state; what has not started yet takes what the new plan says; what is
    not in it any more is marked `expanded`. Raises PLAN_INVALID where it contradicts a step that
    has started.
    """
    tx.lock_job(job.id)
    new = {row.key: row for row in rows_of(plan, settings)}
    if not jobs.revise(tx, job.id, old=job.revision, new=plan.revision, plan=header(plan)):
        return False
    old = {row.key: row for row in steps.of_job(tx, job.id) if not steps.is_own(row.key)}
    added = [row for key, row in new.items() if key not in old]
    steps.insert(tx, job.id, added, max_attempts=settings.max_attempts)
    for key, row in old.items():
        _merge(tx, row, new.get(key))
    body = {"revision": plan.revision, "added": [row.key for row in added]}
    jobs.record(tx, job.id, (events.REVISED, body))
    return True


def _merge(tx: Tx, row: StepRow, new: NewStep | None) -> None:
    if new is None:
        if row.state in _UNSTARTED:
            steps.move(tx, row.id, StepState.EXPANDED)
            jobs.record(tx, row.job_id, events.step_changed(row.key, StepState.EXPANDED))
        return
    if row.state in _OPEN and new.state is StepState.UNRESOLVED:
        steps.replace(tx, row, new)
        if row.state is StepState.EXPANDED:
            steps.move(tx, row.id, StepState.UNRESOLVED)
    elif row.state in _UNSTARTED and new.state is not StepState.UNRESOLVED:
        steps.replace(tx, row, new)
        if row.state is not StepState.WAITING:
            steps.move(tx, row.id, StepState.WAITING)
    elif row.identity != new.identity:
        raise ReelError(
            Code.PLAN_INVALID,
            f"step {row.key} is {row.state} and revision says something else of it",
            where=row.key,
        )


def _row(step: Step, position: int, settings: EngineSettings) -> NewStep:
    limit = settings.largest or settings.machine
    estimate = step.estimate
    if limit.memory_bytes and estimate.memory_bytes > limit.memory_bytes:
        raise ReelError(
            Code.NEEDS_TOO_MUCH,
            f"step {step.id} needs {estimate.memory_bytes >> 20} MiB of memory, "
            f"{_where(settings)} gives {limit.memory_bytes >> 20} MiB",
            where=step.id,
        )
    is_open = step.kind is StepKind.UNRESOLVED
    return NewStep(
        key=step.id,
        position=position,
        identity=step.identity,
        kind=step.kind.value,
        state=StepState.UNRESOLVED if is_open else StepState.WAITING,
        needs=step.needs,
        payload=step.to_json(),
        # More threads than cores are slow, not impossible.
        cpus=0.1 if step.kind in _IDLE_KINDS else min(float(step.threads), limit.cpus),
        memory_bytes=estimate.memory_bytes,
        disk_bytes=estimate.disk_bytes,
        weight=max(estimate.cpu_seconds, _LEAST_WEIGHT),
        asks=asking.text_of(step, walls=settings.walls),
    )


def _where(settings: EngineSettings) -> str:
    return "this machine" if settings.largest is None else "the largest node"


def _plan_row() -> NewStep:
    return NewStep(
        key=PLAN,
        position=-1,
        identity="",
        kind=PLAN_KIND,
        state=StepState.WAITING,
        needs=(),
        payload={},
        cpus=_PLAN_CPUS,
        weight=_LEAST_WEIGHT,
    )


def _deliver_row() -> NewStep:
    return NewStep(
        key=DELIVER,
        position=1 << 30,
        identity="",
        kind=DELIVER_KIND,
        state=StepState.WAITING,
        needs=(),
        payload={},
        cpus=0.0,
        weight=_LEAST_WEIGHT,
    )


def _delivery(delivery: Any) -> dict[str, Any]:
    return {name: getattr(delivery, name) for name in ("index", "step", "output", "to", "first")}
