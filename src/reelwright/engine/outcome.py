"""How attempts end in SQL: the only writers of a running step's next state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reelwright.engine import events, keys, retry
from reelwright.engine.progress import job_fraction
from reelwright.engine.settings import EngineSettings
from reelwright.errors import Code, Problem
from reelwright.store import artifacts, attempts, jobs, rates, steps
from reelwright.store.blobs import Blob
from reelwright.store.database import Tx
from reelwright.store.rows import Running, StepRow
from reelwright.store.states import OPEN_STEPS, AttemptState, JobState, StepState


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a step gave, its files in the blob store already."""

    files: Mapping[str, Sequence[Blob]] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    max_rss_bytes: int = 0
    learned: Mapping[str, float] = field(default_factory=dict)


def succeed(tx: Tx, step: StepRow, made: Made) -> None:
    """Publishes: fenced state, artifacts, events and readiness in one transaction.

    Raises LEASE_LOST.
    """
    tx.lock_job(step.job_id)
    attempts.settle(
        tx,
        step.id,
        step.attempt,
        StepState.SUCCEEDED,
        AttemptState.SUCCEEDED,
        result=dict(made.results),
        report=dict(made.report),
        cpu_seconds=made.cpu_seconds,
        max_rss_bytes=made.max_rss_bytes,
        fraction=1.0,
    )
    _remember(tx, step, made)
    for name, value in sorted(made.learned.items()):
        rates.learn(tx, name, value)
    counts = steps.counts(tx, step.job_id)
    # One always waits: the last one, which waits for no step in particular.
    is_awaited = counts.get(StepState.WAITING, 0) > 1
    woken = steps.wake(tx, step.job_id, after=step.key) if is_awaited else []
    ended = [] if woken else close(tx, step.job_id, counts)
    if not ended:
        job_fraction(tx, step.job_id)
    jobs.record(
        tx,
        step.job_id,
        events.step_changed(step.key, StepState.SUCCEEDED, attempt=step.attempt),
        *(events.step_changed(key, StepState.READY) for key in woken),
        *ended,
        wants_look=not _goes_on(counts, woken),
    )


def _goes_on(counts: Mapping[StepState, int], woken: Sequence[str]) -> bool:
    """Whether steps run or may, and there is nothing to decide about the others."""
    if counts.get(StepState.UNRESOLVED) or counts.get(StepState.FAILED):
        return False
    return bool(woken or counts.get(StepState.READY) or counts.get(StepState.RUNNING))


def close(tx: Tx, job_id: str, counts: Mapping[StepState, int]) -> list[tuple[str, dict[str, Any]]]:
    """When nothing waits but the last step, that is ready; where it would have nothing to deliver,
    the job is done, and its events are given."""
    open_ = sum(counts.get(state, 0) for state in OPEN_STEPS)
    if open_ != 1 or counts.get(StepState.WAITING) != 1 or counts.get(StepState.FAILED):
        return []
    job = jobs.get(tx, job_id)
    if job.plan["deliveries"] or job.cancel_requested:
        steps.move_all(tx, job_id, StepState.WAITING, StepState.READY, [steps.DELIVER])
        return []
    if not steps.move_all(tx, job_id, StepState.WAITING, StepState.SKIPPED, [steps.DELIVER]):
        return []
    skipped = events.step_changed(steps.DELIVER, StepState.SKIPPED)
    return [skipped, *_succeeded(tx, job_id)]


def _succeeded(tx: Tx, job_id: str) -> list[tuple[str, dict[str, Any]]]:
    now = tx.now()
    done = {"finished_at": now, "fraction": 1.0, "eta_s": 0.0, "error": None}
    jobs.move(tx, job_id, JobState.SUCCEEDED, **done)
    return [events.job_changed(JobState.SUCCEEDED)]


def _remember(tx: Tx, step: StepRow, made: Made) -> None:
    """Into the cache: the step as a whole, and where it gave several outputs, each on its own, so
    that a changed rung of a ladder does not spoil the others."""
    names = keys.output_keys(step.payload)
    files = {names.get(name, name): group for name, group in made.files.items()}
    results = keys.stored(step.payload, made.results)
    said = made.report.get("outputs") or {}
    facts = {names.get(name, name): value for name, value in said.items()}

    def put(identity: str, some: Mapping[str, Sequence[Blob]], cpu_seconds: float) -> None:
        artifacts.put(
            tx,
            identity,
            some,
            result=results if identity == step.identity else _only(results, identity),
            report=made.report,
            cpu_seconds=cpu_seconds,
            facts=facts,
        )

    put(step.identity, files, made.cpu_seconds)
    alone = [key for name, key in names.items() if key not in {name, step.identity}]
    for key in alone if len(names) > 1 else ():
        if key in files:
            put(key, {key: files[key]}, made.cpu_seconds / len(names))


def _only(results: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {key: results[key]} if key in results else {}


def deliver(tx: Tx, step: StepRow) -> None:
    """The last step is done, and the job with it. Raises LEASE_LOST."""
    tx.lock_job(step.job_id)
    number = step.attempt
    attempts.settle(tx, step.id, number, StepState.SUCCEEDED, AttemptState.SUCCEEDED, fraction=1.0)
    done = events.step_changed(step.key, StepState.SUCCEEDED, attempt=number)
    jobs.record(tx, step.job_id, done, *_succeeded(tx, step.job_id))


def fail(tx: Tx, step: StepRow, problem: Problem, settings: EngineSettings) -> None:
    """Ready again after a while where that can help, else failed. Raises LEASE_LOST."""
    tx.lock_job(step.job_id)
    failures = step.failures + 1
    error = problem.to_json()
    if retry.may_retry(problem, failures, step.max_attempts):
        wait_s = retry.delay_s(failures, settings.backoff_s, settings.backoff_max_s)
        wait_s += retry.asked_s(problem)
        target, more = StepState.READY, {"retry_in_s": round(wait_s, 3)}
        values = {"not_before": tx.now() + wait_s}
    else:
        target, more, values = StepState.FAILED, {}, {}
    attempts.settle(
        tx,
        step.id,
        step.attempt,
        target,
        AttemptState.FAILED,
        error=error,
        failures=failures,
        **values,
    )
    body = events.step_changed(step.key, target, attempt=step.attempt, error=error, **more)
    jobs.record(tx, step.job_id, body)


def lose(tx: Tx, lost: Running, settings: EngineSettings) -> None:
    """The worker is gone: ready at once, without counting against the step's tries."""
    tx.lock_job(lost.job_id)
    row = steps.get(tx, lost.step_id)
    losses = row.losses + 1
    if losses < settings.max_losses:
        problem = Problem(Code.WORKER_LOST, "the worker died", where=lost.key)
        target = StepState.READY
    else:
        said = f"{losses} workers died while they ran this step"
        problem = Problem(Code.ATTEMPTS_EXHAUSTED, said, where=lost.key)
        target = StepState.FAILED
    error = problem.to_json()
    attempts.settle(
        tx, lost.step_id, lost.attempt, target, AttemptState.LOST, error=error, losses=losses
    )
    body = events.step_changed(lost.key, target, attempt=lost.attempt, error=error)
    jobs.record(tx, lost.job_id, body)


def give_back(tx: Tx, held: Running) -> None:
    """Its worker was told to stop: ready again, nothing counted. Raises LEASE_LOST."""
    tx.lock_job(held.job_id)
    attempts.settle(
        tx, held.step_id, held.attempt, StepState.READY, AttemptState.RELEASED, not_before=0.0
    )
    jobs.record(
        tx, held.job_id, events.step_changed(held.key, StepState.READY, attempt=held.attempt)
    )


def finish_early(tx: Tx, job_id: str, target: JobState, problem: Problem) -> None:
    """Ends a job that does not succeed: what runs or waits is cancelled, and the job with it.

    Whoever still runs one of its steps learns so from its lease. Raises TRANSITION_REFUSED.
    """
    tx.lock_job(job_id)
    ended: list[str] = []
    for held in attempts.running(tx, job_id=job_id):
        attempts.settle(tx, held.step_id, held.attempt, StepState.CANCELLED, AttemptState.CANCELLED)
        ended.append(held.key)
    for origin in (StepState.READY, StepState.WAITING, StepState.UNRESOLVED):
        ended += steps.move_all(tx, job_id, origin, StepState.CANCELLED)
    error = problem.to_json()
    jobs.move(tx, job_id, target, finished_at=tx.now(), error=error, eta_s=None)
    changes = (events.step_changed(key, StepState.CANCELLED) for key in ended)
    jobs.record(tx, job_id, *changes, events.job_changed(target, error))
