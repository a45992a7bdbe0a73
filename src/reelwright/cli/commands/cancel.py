"""`reel cancel`: stops a job that another process runs."""

from __future__ import annotations

from typing import Any

import typer

from reelwright.cli import choice, terminal
from reelwright.cli.options import AsJson, JobId

app = typer.Typer(add_completion=False)
_FINAL = ("succeeded", "failed", "cancelled")


@app.command()
def cancel(job: JobId, as_json: AsJson = False) -> None:
    """Cancel a job: its commands are stopped, finished steps stay in the cache.

    Example: `reel cancel last`
    """
    found = _cancelled(job)
    if as_json:
        terminal.emit(found)
    elif found["state"] in _FINAL:
        terminal.out(f"job {found['id']}: {found['state']}")
    else:
        terminal.out(f"job {found['id']}: asked to stop")


def _cancelled(job: str) -> dict[str, Any]:
    target = choice.target()
    if target is not None:
        from reelwright.cli.remote import jobs as remote

        return remote.cancel(target, job)
    from reelwright.app.jobs import cancel, identify, job_json
    from reelwright.cli.use import opened, run

    with opened() as used:
        job_id = identify(used, job)
        return job_json(run(lambda: cancel(used, job_id)))
