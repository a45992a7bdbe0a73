"""`reel watch`: a job of a server, to its end."""

from __future__ import annotations

import typer

from reelwright.cli import choice
from reelwright.cli.options import AsJson, JobId
from reelwright.errors import Code, ReelError

app = typer.Typer(add_completion=False)


@app.command()
def watch(job: JobId = "last", as_json: AsJson = False) -> None:
    """Watch a job of a server to its end, and bring its outputs here.

    A job that was run from here with `--detach`, or that Ctrl-C left, has its outputs put where its
    spec says. Those of other jobs stay on the server.

    Example: `reel --server http://127.0.0.1:8000 watch last`
    """
    target = choice.target()
    if target is None:
        raise ReelError(
            Code.USAGE,
            "jobs of this machine are watched by who runs them",
            hint="`reel status JOB` shows how far one is; `reel --server URL watch JOB`",
        )
    from reelwright.cli.remote.running import Remote
    from reelwright.cli.use import home

    raise typer.Exit(Remote(target, home(), as_json).again(job, retry=False))
