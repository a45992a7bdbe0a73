"""`reel status`: how far a job is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from reelwright.cli import terminal
from reelwright.cli.options import AsJson, JobId

if TYPE_CHECKING:
    from reelwright.app.jobs import Status

app = typer.Typer(add_completion=False)


@app.command()
def status(job: JobId = "last", as_json: AsJson = False) -> None:
    """Show a job with its steps and outputs.

    Example: `reel status last --json | jq '.steps[] | {id, state, cpu_seconds}'`
    """
    from reelwright.app.jobs import identify
    from reelwright.app.jobs import status as status_of
    from reelwright.cli.use import opened

    with opened() as used:
        found = status_of(used, identify(used, job))
    if as_json:
        terminal.emit(found.to_json())
    else:
        _show(found)


def _show(found: Status) -> None:
    from reelwright.cli.watch import shown_operations
    from reelwright.errors import Problem

    job = found.job
    eta = f", {terminal.span(job.eta_s)} left" if job.eta_s else ""
    terminal.out(f"{terminal.bold(job.id)}  {job.state.value}, {job.fraction:.0%}{eta}")
    rows = [
        (
            step.key,
            step.state.value,
            f"{step.fraction:.0%}",
            step.attempt,
            "" if step.cpu_seconds is None else f"{step.cpu_seconds:.2f} s",
            shown_operations(step.payload.get("operations", ())),
        )
        for step in found.steps
    ]
    terminal.table(["step", "state", "done", "tries", "cpu", "operations"], rows, right="done cpu")
    for file in found.outputs:
        terminal.out(f"{terminal.printable(file.path)}  {terminal.size(file.size_bytes)}")
    if job.error:
        terminal.explain([Problem.from_json(job.error)])
