"""`reel cancel`: stops a job that another process runs."""

from __future__ import annotations

import typer

from reelwright.cli import terminal
from reelwright.cli.options import AsJson, JobId

app = typer.Typer(add_completion=False)


@app.command()
def cancel(job: JobId, as_json: AsJson = False) -> None:
    """Cancel a job: its commands are stopped, finished steps stay in the cache.

    Example: `reel cancel last`
    """
    from reelwright.app.jobs import cancel as cancel_job
    from reelwright.app.jobs import identify, job_json
    from reelwright.cli.use import opened, run

    with opened() as used:
        job_id = identify(used, job)
        found = run(lambda: cancel_job(used, job_id))
    if as_json:
        terminal.emit(job_json(found))
    elif found.state.is_final:
        terminal.out(f"job {found.id}: {found.state.value}")
    else:
        terminal.out(f"job {found.id}: asked to stop")
