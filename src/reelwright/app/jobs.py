"""Looking at jobs and changing them: list, status, logs, cancel, retry, resume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.app.log_files import LogFile
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.submit import Ended, Started
    from reelwright.app.wiring import App
    from reelwright.engine.engine import Engine, OnEvent
    from reelwright.store.rows import AttemptRow, Delivered, Job, StepRow
    from reelwright.store.shared import SharedStore

# The step that puts outputs in place is the engine's own; people see the outputs.
_OWN = ":"


@dataclass(frozen=True, slots=True)
class Status:
    """A job with its steps and the files that it has delivered so far."""

    job: Job
    steps: tuple[StepRow, ...]
    outputs: tuple[Delivered, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            **job_json(self.job),
            "steps": [step_json(step) for step in self.steps],
            "outputs": [
                {"path": f.path, "sha256": f.sha256, "bytes": f.size_bytes} for f in self.outputs
            ],
        }


@dataclass(frozen=True, slots=True)
class Log:
    """The log of one try at a step. `path` may not exist where no command ran, or where the job's
    logs were removed for their age: `is_kept` is False then."""

    step: str
    attempt: int
    state: str
    path: Path
    is_kept: bool = True
    shared: SharedStore | None = None

    def text(self) -> str:
        """Raises INPUT_UNREADABLE, ARTIFACTS_UNAVAILABLE."""
        try:
            return b"".join(LogFile(self.path, self.shared).parts()).decode("utf-8", "replace")
        except OSError as error:
            message = f"{self.path} cannot be read: {error.strerror}"
            raise ReelError(Code.INPUT_UNREADABLE, message, where=str(self.path)) from error


def recent(app: App, *, prefix: str = "", states: Sequence[str] = (), limit: int = 20) -> list[Job]:
    """The newest first. Raises USAGE for a state that there is not."""
    from reelwright.store import jobs
    from reelwright.store.states import JobState

    known = [state.value for state in JobState]
    wrong = [state for state in states if state not in known]
    if wrong:
        raise ReelError(
            Code.USAGE, f"'{wrong[0]}' is no state of a job", hint=f"there are: {', '.join(known)}"
        )
    with app.store.read() as tx:
        if prefix:
            return [jobs.get(tx, job_id) for job_id in jobs.find(tx, prefix)]
        return jobs.listing(tx, states=[JobState(s) for s in states], limit=limit)


def identify(app: App, given: str) -> str:
    """The id that begins with `given`; ``last`` is the newest job. Raises JOB_UNKNOWN."""
    from reelwright.store import jobs

    with app.store.read() as tx:
        if given == "last":
            found = [job.id for job in jobs.listing(tx, limit=1)]
        else:
            found = jobs.find(tx, given) if given else []
    if given in found:
        return given
    if len(found) == 1:
        return found[0]
    if found:
        raise ReelError(
            Code.JOB_UNKNOWN, f"'{given}' may be {', '.join(found)}", hint="give more of the id"
        )
    raise ReelError(Code.JOB_UNKNOWN, f"there is no job '{given}'", where=given)


def status(app: App, job_id: str) -> Status:
    """Raises JOB_UNKNOWN."""
    from reelwright.store import jobs, steps

    with app.store.read() as tx:
        return Status(
            jobs.get(tx, job_id),
            tuple(s for s in steps.of_job(tx, job_id) if not s.key.startswith(_OWN)),
            tuple(jobs.delivered(tx, job_id)),
        )


def logs(app: App, job_id: str, *, step: str | None = None) -> list[Log]:
    """Of every try at every step, or at one whose id begins with `step`. Raises STEP_UNKNOWN."""
    from reelwright.store import attempts

    rows = status(app, job_id).steps
    chosen = [row for row in rows if step is None or row.key.startswith(step)]
    if not chosen:
        from reelwright.graph.params.nearest import meant

        near = meant(step or "", [row.key for row in rows])
        raise ReelError(
            Code.STEP_UNKNOWN, f"job {job_id} has no step '{step}'{', ' if near else ''}{near}"
        )
    with app.store.read() as tx:
        rows_ = [(row, found) for row in chosen for found in attempts.of_step(tx, row.id)]
    return [_log(app, row, found) for row, found in rows_]


def _log(app: App, step: StepRow, found: AttemptRow) -> Log:
    # The folder is made with the first try's log, and is removed as a whole.
    path, shared = Path(found.log), app.shared_logs
    is_kept = found.finished_at is None or path.parent.is_dir() or _is_elsewhere(path, shared)
    return Log(step.key, found.number, found.state.value, path, is_kept, shared)


def _is_elsewhere(path: Path, shared: SharedStore | None) -> bool:
    """Whether logs of this job were put into the shared store; where it is away, who reads them is
    told so."""
    if shared is None:
        return False
    try:
        return next(iter(shared.texts(path.parent.name)), None) is not None
    except ReelError as error:
        if error.code is not Code.ARTIFACTS_UNAVAILABLE:
            raise
        return True


async def cancel(app: App, job_id: str) -> Job:
    """Asks whoever runs it to stop. Raises JOB_UNKNOWN, TRANSITION_REFUSED."""
    from reelwright.store import jobs

    engine = app.engine(lambda event: None)
    try:
        engine.cancel(job_id)
    finally:
        await engine.close()
    with app.store.read() as tx:
        return jobs.get(tx, job_id)


async def retry(app: App, job_id: str, on_event: OnEvent, on_start: Started) -> list[Ended]:
    """Runs a failed or cancelled job again, from its finished steps."""
    from reelwright.app.submit import run_again

    async def pick(engine: Engine) -> Sequence[str]:
        engine.retry(job_id)
        return [job_id]

    return await run_again(app, on_event, pick, on_start)


async def resume(app: App, on_event: OnEvent, on_start: Started) -> list[Ended]:
    """Goes on with everything that was left unfinished."""
    from reelwright.app.submit import run_again

    async def pick(engine: Engine) -> Sequence[str]:
        return await engine.resume()

    return await run_again(app, on_event, pick, on_start)


def job_json(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "state": job.state.value,
        "fraction": round(job.fraction, 4),
        "priority": job.priority,
        "labels": dict(job.labels),
        "revision": job.revision,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "eta_seconds": job.eta_s,
        "error": dict(job.error) if job.error else None,
    }


def step_json(step: StepRow) -> dict[str, Any]:
    return {
        "id": step.key,
        "kind": step.kind,
        "state": step.state.value,
        "operations": list(step.payload.get("operations", ())),
        "attempt": step.attempt,
        "fraction": round(step.fraction, 4),
        "cpu_seconds": step.cpu_seconds,
        "max_rss_bytes": step.max_rss_bytes,
        "report": dict(step.report) if step.report else None,
        "error": dict(step.error) if step.error else None,
    }
