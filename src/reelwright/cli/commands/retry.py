"""`reel retry`: runs a failed or cancelled job again."""

from __future__ import annotations

import typer

from reelwright.cli import choice
from reelwright.cli.options import AsJson, JobId, Walls

app = typer.Typer(add_completion=False)


@app.command()
def retry(job: JobId = "last", as_json: AsJson = False, sandbox: Walls = None) -> None:
    """Run a failed or cancelled job again, from its finished steps.

    Example: `reel retry last`
    """
    target = choice.target()
    if target is not None:
        from reelwright.cli.remote.running import Remote
        from reelwright.cli.use import home

        raise typer.Exit(Remote(target, home(), as_json).again(job, retry=True))
    from reelwright.app.jobs import identify
    from reelwright.app.jobs import retry as retry_job
    from reelwright.cli.again import run_again
    from reelwright.cli.use import opened, sandbox_flag

    with opened(sandbox=sandbox_flag(sandbox)) as used:
        job_id = identify(used, job)
        code = run_again(
            lambda on_event, on_start: retry_job(used, job_id, on_event, on_start),
            as_json=as_json,
        )
    raise typer.Exit(code)
