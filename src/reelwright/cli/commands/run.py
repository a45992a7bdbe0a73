"""`reel run`: runs a spec to its end."""

from __future__ import annotations

from typing import Annotated

import typer

from reelwright.cli.options import (
    AllowOutside,
    AsJson,
    Labels,
    Sets,
    SpecFile,
    TimeLimit,
    Walls,
)

app = typer.Typer(add_completion=False)


@app.command()
def run(  # size: one line an option
    spec: SpecFile,
    sets: Sets = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace outputs that exist.")
    ] = False,
    as_json: AsJson = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and plan, run nothing.")
    ] = False,
    priority: Annotated[
        int | None,
        typer.Option(min=-100, max=100, help="Higher goes first; in place of the spec's."),
    ] = None,
    timeout: TimeLimit = None,
    label: Labels = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Make everything again.")] = False,
    sandbox: Walls = None,
    allow_outside: AllowOutside = False,
    detach: Annotated[
        bool,
        typer.Option("--detach", help="With --server: print the job's id, and leave it running."),
    ] = False,
) -> None:
    """Run a job spec: plan it, run it, verify and deliver its outputs.

    Examples: `reel run talk.yaml`, `reel run talk.yaml --set height=720 --overwrite`,
    `cat talk.yaml | reel run - --json`
    """
    from reelwright.cli.running import RunOptions, run_spec

    options = RunOptions(
        spec=spec,
        sets=sets or [],
        labels=label or [],
        overwrite=overwrite,
        as_json=as_json,
        dry_run=dry_run,
        no_cache=no_cache,
        allow_outside=allow_outside,
        detach=detach,
        priority=priority,
        timeout=timeout,
        sandbox=sandbox,
    )
    raise typer.Exit(run_spec(options))
