"""`reel resume`: goes on with what was left."""

from __future__ import annotations

import typer

from reelwright.cli.options import AsJson, Walls

app = typer.Typer(add_completion=False)


@app.command()
def resume(as_json: AsJson = False, sandbox: Walls = None) -> None:
    """Go on with every unfinished job, from its finished steps: after a crash, a kill, a full disk.

    Example: `reel resume`
    """
    from reelwright.app.jobs import resume as resume_jobs
    from reelwright.cli.again import run_again
    from reelwright.cli.use import opened, sandbox_flag

    with opened(sandbox=sandbox_flag(sandbox)) as used:
        code = run_again(
            lambda on_event, on_start: resume_jobs(used, on_event, on_start), as_json=as_json
        )
    raise typer.Exit(code)
