"""How attempts end in SQL: the only writers of a running step's next state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reelwright.engine import events, keys, retry
from reelwright.engine.progress import job_progress
from reelwright.engine.settings import EngineSettings
from reelwright.errors import Code, Problem
from reelwright.planning.plan import StepKind
from reelwright.store import artifacts, attempts, jobs, rates, steps, successes
from reelwright.store.blobs import Blob
from reelwright.store.database import Tx
from reelwright.store.rows import Running, StepRow
from reelwright.store.states import OPEN_STEPS, AttemptState, JobState, StepState
from reelwright.store.steps import Share
from reelwright.store.successes import Success


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a step gave, its files in the blob store already."""

    files: Mapping[str, Sequence[Blob]] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    max_rss_bytes: int = 0
    learned: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """A step whose attempt came to a good end."""

    step: StepRow
    made: Made


def succeed(tx: Tx, step: StepRow, made: Made) -> None:
    """Publishes: fenced state, artifacts, events and readiness in one transaction.

    Raises LEASE_LOST.
    """
    succeed_all(tx, [Ended(step, made)])


def succeed_all(tx: Tx, ended: Sequence[Ended]) -> list[None]:
    """`succeed` of several, of one job or many, in few statements: all of them or none."""
    of_job: dict[str, list[StepRow]] = {}
    for one in sorted(ended, key=lambda one: (one.step.job_id, one.step.position)):
        of_job.setdefault(one.step.job_id, []).append(one.step)
    held = jobs.hold(tx, list(of_job))
    successes.succeed_all(tx, [_success(one) for one in ended])
    artifacts.put_all(tx, [entry for one in ended for entry in _entries(one)])
    for name, value in sorted(pair for one in ended for pair in one.made.learned.items()):
        rates.learn(tx, name, value)
    shares = steps.shares(tx, list(of_job))
    # One always waits: the last one, which waits for no step in particular.
    awaited = {job_id for job_id in of_job if _count(shares[job_id], StepState.WAITING) > 1}
    woken: dict[str, list[str]] = {job_id: [] for job_id in of_job}
    pairs = [(job_id, row.key) for job_id in awaited for row in of_job[job_id]]
    for job_id, key in steps.wake_after(tx, pairs):
        woken[job_id].append(key)
    closing = [j for j in of_job if not woken[j] and _is_closing(shares[j])]
    done = _close(tx, closing)
    news: dict[str, jobs.News] = {}
    for job_id, rows in of_job.items():
        told = _told(rows, woken[job_id], job_id in done)
        job = held[job_id]
        fraction, eta_s = job_progress(shares[job_id], job.started_at, tx.now())
        # What may start has been found here: nobody need look for it.
        goes_on = job_id in closing or _goes_on(shares[job_id], woken[job_id])
        goes_on = goes_on and not job.cancel_requested
        news[job_id] = jobs.News(fraction, eta_s, told, job_id in done, wants_look=not goes_on)
    jobs.tell_all(tx, held, news)
    return [None] * len(ended)


def _success(one: Ended) -> Success:
    step, made = one.step, one.made
    return Success(
        step.id, step.attempt, made.results, made.report, made.cpu_seconds, made.max_rss_bytes
    )


def _told(
    ended: Sequence[StepRow], woken: Sequence[str], is_done: bool
) -> list[tuple[str, dict[str, Any]]]:
    told = [events.step_changed(row.key, StepState.SUCCEEDED, attempt=row.attempt) for row in ended]
    told += [events.step_changed(key, StepState.READY) for key in woken]
    return told + _end_of(JobState.SUCCEEDED) if is_done else told


def _goes_on(shares: Mapping[StepState, Share], woken: Sequence[str]) -> bool:
    """Whether steps run or may, and there is nothing to decide about the others."""
    if StepState.UNRESOLVED in shares or StepState.FAILED in shares:
        return False
    return bool(woken or StepState.READY in shares or StepState.RUNNING in shares)


def _count(shares: Mapping[StepState, Share], *states: StepState) -> int:
    return sum(shares[state].count for state in states if state in shares)


def _is_closing(shares: Mapping[StepState, Share]) -> bool:
    """Whether nothing waits but the last step."""
    is_last = _count(shares, *OPEN_STEPS) == 1 == _count(shares, StepState.WAITING)
    return is_last and StepState.FAILED not in shares


def _close(tx: Tx, job_ids: Sequence[str]) -> set[str]:
    """The last steps of these jobs are ready, or where they would have nothing to deliver, skipped:
    gives those jobs, which are done."""
    if not job_ids:
        return set()
    empty = jobs.without_deliveries(tx, job_ids)
    steps.ready_last(tx, [job_id for job_id in job_ids if job_id not in empty])
    return steps.skip_last(tx, sorted(empty))


def close(tx: Tx, job_id: str, shares: Mapping[StepState, Share]) -> bool:
    """When nothing waits but the last step of the (locked) job, that is ready, or the job is done.
    False where nothing changed."""
    if not _is_closing(shares):
        return False
    if job_id in _close(tx, [job_id]):
        jobs.move(tx, job_id, JobState.SUCCEEDED, **_done(tx))
        jobs.record(tx, job_id, *_end_of(JobState.SUCCEEDED))
    return True


def _end_of(state: JobState) -> list[tuple[str, dict[str, Any]]]:
    """The events of a job that has nothing to deliver."""
    return [events.step_changed(steps.DELIVER, StepState.SKIPPED), events.job_changed(state)]


def _done(tx: Tx) -> dict[str, Any]:
    return {"finished_at": tx.now(), "fraction": 1.0, "eta_s": 0.0, "error": None}


def _entries(one: Ended) -> Iterator[artifacts.Entry]:
    """Of the cache: the step as a whole, and where it gave several outputs, each on its own, so
    that a changed rung of a ladder does not spoil the others."""
    step, made = one.step, one.made
    names = keys.output_keys(step.payload)
    files = {names.get(name, name): group for name, group in made.files.items()}
    results = keys.stored(step.payload, made.results)
    said = made.report.get("outputs") or {}
    facts = {names.get(name, name): value for name, value in said.items()}

    def entry(
        identity: str, some: Mapping[str, Sequence[Blob]], cpu_seconds: float
    ) -> artifacts.Entry:
        return artifacts.Entry(
            identity=identity,
            files=some,
            result=results if identity == step.identity else _only(results, identity),
            report=made.report,
            cpu_seconds=cpu_seconds,
            facts=facts,
        )

    yield entry(step.identity, files, made.cpu_seconds)
    alone = [key for name, key in names.items() if key not in {name, step.identity}]
    for key in alone if len(names) > 1 else ():
        if key in files:
            yield entry(key, {key: files[key]}, made.cpu_seconds / len(names))


def _only(results: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {key: results[key]} if key in results else {}


def deliver_all(tx: Tx, ended: Sequence[StepRow]) -> list[None]:
    """The last steps of jobs are done, and the jobs with them. Raises LEASE_LOST."""
    held = jobs.hold(tx, [row.job_id for row in ended])
    successes.succeed_all(tx, [Success(row.id, row.attempt) for row in ended])
    jobs.tell_all(
        tx,
        held,
        {
            row.job_id: jobs.News(
                1.0,
                0.0,
                [
                    events.step_changed(row.key, StepState.SUCCEEDED, attempt=row.attempt),
                    events.job_changed(JobState.SUCCEEDED),
                ],
                is_done=True,
            )
            for row in ended
        },
    )
    return [None] * len(ended)


def fail(tx: Tx, step: StepRow, problem: Problem, settings: EngineSettings) -> None:
    """Ready again after a while where that can help, else failed. Raises LEASE_LOST."""
    pause_s = retry.pause_s(problem, step.kind, settings)
    if pause_s is not None:
        _put_off(tx, step, problem, pause_s)
        return
    tx.lock_job(step.job_id)
    failures = step.failures + 1
    error = problem.to_json()
    if retry.may_retry(problem, failures, step.max_attempts) and not _gives_way(tx, step, problem):
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


def _gives_way(tx: Tx, step: StepRow, problem: Problem) -> bool:
    """Whether the job ends here, as what it keeps is asked for again when the server wants it."""
    return retry.is_sent_away(problem) and steps.has_kind(tx, step.job_id, StepKind.KEEP)


def _put_off(tx: Tx, step: StepRow, problem: Problem, pause_s: float) -> None:
    """Nothing failed and nothing is counted: ready again when the time has come."""
    tx.lock_job(step.job_id)
    error = problem.to_json()
    attempts.settle(
        tx,
        step.id,
        step.attempt,
        StepState.READY,
        AttemptState.RELEASED,
        error=error,
        not_before=tx.now() + pause_s,
    )
    more = {"retry_in_s": round(pause_s, 3), "paused": True}
    body = events.step_changed(step.key, StepState.READY, attempt=step.attempt, error=error, **more)
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
