"""Looking at jobs of a service: the answers have the form of those of this machine."""

from __future__ import annotations

from typing import Any

from reelwright.cli.choice import Target
from reelwright.cli.remote.session import ask
from reelwright.client import models
from reelwright.client.asynchronous.client import AsyncClient
from reelwright.errors import Code, ReelError

_PAGE = 500
_ID_LENGTH = 17
# What `reel jobs` of this machine says of a job; a service knows more.
_JOB = (
    "id", "state", "fraction", "priority", "labels", "revision", "created_at", "started_at",
    "finished_at", "eta_seconds", "error",
)  # fmt: skip
_STATES = ("queued", "running", "succeeded", "failed", "cancelled")


def recent(target: Target, states: list[str], limit: int) -> list[dict[str, Any]]:
    """The newest first. Raises USAGE for a state that there is not."""
    wrong = [state for state in states if state not in _STATES]
    if wrong:
        message = f"'{wrong[0]}' is no state of a job"
        raise ReelError(Code.USAGE, message, hint=f"there are: {', '.join(_STATES)}")

    async def read(client: AsyncClient) -> list[dict[str, Any]]:
        found: list[models.Job] = []
        cursor: str | None = None
        while len(found) < limit:
            wanted: Any = states or None
            page = await client.list_jobs(
                state=wanted, limit=min(_PAGE, limit - len(found)), cursor=cursor
            )
            found += page.jobs
            cursor = page.next
            if cursor is None:
                break
        return [job_json(job) for job in found]

    return ask(target, read)


def status(target: Target, given: str) -> dict[str, Any]:
    async def read(client: AsyncClient) -> dict[str, Any]:
        job_id = await identify(client, given)
        job = await client.get_job(job_id)
        steps = await client.list_steps(job_id)
        made = await client.list_artifacts(job_id)
        return {
            **job_json(job),
            "steps": [step.model_dump() for step in steps.steps],
            "outputs": [
                {"path": a.path, "sha256": a.sha256, "bytes": a.bytes} for a in made.artifacts
            ],
        }

    return ask(target, read)


def cancel(target: Target, given: str) -> dict[str, Any]:
    async def order(client: AsyncClient) -> dict[str, Any]:
        return job_json(await client.cancel_job(await identify(client, given)))

    return ask(target, order)


def logs(target: Target, given: str, wanted: str | None) -> list[dict[str, Any]]:
    """Of every try at every step, or at those whose id begins with `wanted`. Raises STEP_UNKNOWN.

    The paths of the logs are the service's own business.
    """

    async def read(client: AsyncClient) -> list[dict[str, Any]]:
        job_id = await identify(client, given)
        steps = (await client.list_steps(job_id)).steps
        chosen = [step for step in steps if wanted is None or step.id.startswith(wanted)]
        if not chosen:
            raise ReelError(Code.STEP_UNKNOWN, f"job {job_id} has no step '{wanted}'")
        return [
            await _log(client, job_id, step, attempt)
            for step in chosen
            for attempt in range(1, step.attempt + 1)
        ]

    return ask(target, read)


async def _log(client: AsyncClient, job_id: str, step: models.Step, attempt: int) -> dict[str, Any]:
    text = await client.log(job_id, step=step.id, attempt=attempt)
    return {
        "step": step.id,
        "attempt": attempt,
        # A step is tried again when a try failed.
        "state": step.state if attempt == step.attempt else "failed",
        "path": None,
        "kept": True,
        "lines": text.splitlines(),
    }


async def identify(client: AsyncClient, given: str) -> str:
    """The id that begins with `given`; ``last`` is the newest job. Raises JOB_UNKNOWN."""
    if len(given) == _ID_LENGTH:
        return given
    page = await client.list_jobs(limit=1 if given == "last" else _PAGE)
    found = [job.id for job in page.jobs if given == "last" or job.id.startswith(given)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ReelError(
            Code.JOB_UNKNOWN, f"'{given}' may be {', '.join(found)}", hint="give more of the id"
        )
    hint = None
    if page.next is not None and given != "last":
        hint = f"of older jobs than the last {_PAGE} the whole id is needed"
    raise ReelError(Code.JOB_UNKNOWN, f"there is no job '{given}'", where=given, hint=hint)


def job_json(job: models.Job) -> dict[str, Any]:
    body = job.model_dump()
    if body["error"]:
        body["error"] = {k: v for k, v in body["error"].items() if v is not None or k != "evidence"}
    return {name: body[name] for name in _JOB}
