"""`reel jobs`: what was submitted."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from reelwright.cli import choice, terminal
from reelwright.cli.options import AsJson

app = typer.Typer(add_completion=False)


@app.command()
def jobs(
    state: Annotated[
        list[str] | None,
        typer.Option(metavar="STATE", help="Only these: queued, running, succeeded, failed, …"),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many at the most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first.

    Example: `reel jobs --state failed --json`
    """
    found = _found(state or [], limit)
    if as_json:
        terminal.emit({"jobs": found})
        return
    now = time.time()
    rows = [
        (
            job["id"],
            job["state"],
            f"{job['fraction']:.0%}",
            f"{terminal.span(now - job['created_at'])} ago",
            ", ".join(f"{k}={v}" for k, v in job["labels"].items()),
            str((job["error"] or {}).get("message", "")),
        )
        for job in found
    ]
    terminal.table(["job", "state", "done", "submitted", "labels", "error"], rows, right="done")


def _found(states: list[str], limit: int) -> list[dict[str, Any]]:
    target = choice.target()
    if target is not None:
        from reelwright.cli.remote import jobs as remote

        return remote.recent(target, states, limit)
    from reelwright.app.jobs import job_json, recent
    from reelwright.cli.use import opened

    with opened() as used:
        return [job_json(job) for job in recent(used, states=states, limit=limit)]
