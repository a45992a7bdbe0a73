"""`reel logs`: what the commands of a job printed."""

from __future__ import annotations

from typing import Annotated

import typer

from reelwright.cli import terminal
from reelwright.cli.options import AsJson, JobId

app = typer.Typer(add_completion=False)


@app.command()
def logs(
    job: JobId = "last",
    step: Annotated[
        str | None, typer.Option(metavar="STEP", help="Only this step (the start of its id).")
    ] = None,
    tail: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the last N lines of each.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the logs of a job, every try at every step.

    Example: `reel logs last --tail 20`
    """
    from reelwright.app.jobs import identify
    from reelwright.app.jobs import logs as logs_of
    from reelwright.cli.use import opened

    with opened() as used:
        found = logs_of(used, identify(used, job), step=step)
    for log in found:
        lines = log.text().splitlines()
        lines = lines[-tail:] if tail else lines
        if as_json:
            head = {"step": log.step, "attempt": log.attempt, "state": log.state}
            terminal.emit({**head, "path": str(log.path), "kept": log.is_kept, "lines": lines})
            continue
        terminal.out(terminal.bold(f"{log.step}, try {log.attempt}: {log.state}  {log.path}"))
        for line in lines:
            terminal.out(terminal.printable(line))
    if not as_json and any(not log.is_kept for log in found):
        terminal.note("the logs of this job are no longer kept: it ended too long ago")
        terminal.note("`logs.keep_days` says how long they are; `reel status` has its errors")
    if not found and not as_json:
        terminal.note("no command ran: everything came from the cache")
