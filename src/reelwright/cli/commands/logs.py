"""`reel logs`: what the commands of a job printed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from reelwright.cli import choice, terminal
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
    found = _logs(job, step)
    for log in found:
        log["lines"] = log["lines"][-tail:] if tail else log["lines"]
        if as_json:
            terminal.emit(log)
            continue
        place = f"  {log['path']}" if log["path"] else ""
        terminal.out(terminal.bold(f"{log['step']}, try {log['attempt']}: {log['state']}{place}"))
        for line in log["lines"]:
            terminal.out(terminal.printable(line))
    if not as_json and any(not log["kept"] for log in found):
        terminal.note("the logs of this job are no longer kept: it ended too long ago")
        terminal.note("`logs.keep_days` says how long they are; `reel status` has its errors")
    if not found and not as_json:
        terminal.note("no command ran: everything came from the cache")


def _logs(job: str, step: str | None) -> list[dict[str, Any]]:
    target = choice.target()
    if target is not None:
        from reelwright.cli.remote import jobs as remote

        return remote.logs(target, job, step)
    from reelwright.app.jobs import identify, logs
    from reelwright.cli.use import opened

    with opened() as used:
        return [
            {
                "step": log.step,
                "attempt": log.attempt,
                "state": log.state,
                "path": str(log.path),
                "kept": log.is_kept,
                "lines": log.text().splitlines(),
            }
            for log in logs(used, identify(used, job), step=step)
        ]
