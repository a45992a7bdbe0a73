"""`reel status`: how far a job is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from reelwright.cli import choice, terminal
from reelwright.cli.options import AsJson, JobId

app = typer.Typer(add_completion=False)


@app.command()
def status(job: JobId = "last", as_json: AsJson = False) -> None:
    """Show a job with its steps and outputs.

    Example: `reel status last --json | jq '.steps[] | {id, state, cpu_seconds}'`
    """
    found = _status(job)
    if as_json:
        terminal.emit(found)
    else:
        _show(found)


def _status(job: str) -> dict[str, Any]:
    target = choice.target()
    if target is not None:
        from reelwright.cli.remote import jobs as remote

        return remote.status(target, job)
    from reelwright.app.jobs import identify, status
    from reelwright.cli.use import opened

    with opened() as used:
        return status(used, identify(used, job)).to_json()


def _show(job: Mapping[str, Any]) -> None:
    from reelwright.cli.watch import shown_operations
    from reelwright.errors import Problem

    eta = f", {terminal.span(job['eta_seconds'])} left" if job["eta_seconds"] else ""
    terminal.out(f"{terminal.bold(job['id'])}  {job['state']}, {job['fraction']:.0%}{eta}")
    rows = [
        (
            step["id"],
            step["state"],
            f"{step['fraction']:.0%}",
            step["attempt"],
            "" if step["cpu_seconds"] is None else f"{step['cpu_seconds']:.2f} s",
            shown_operations(step["operations"]),
        )
        for step in job["steps"]
    ]
    terminal.table(["step", "state", "done", "tries", "cpu", "operations"], rows, right="done cpu")
    for file in job["outputs"]:
        terminal.out(f"{terminal.printable(file['path'])}  {terminal.size(file['bytes'])}")
    if job["error"]:
        terminal.explain([Problem.from_json(job["error"])])
