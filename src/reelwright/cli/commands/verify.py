"""`reel verify`: is what is kept still what it was?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command()
def verify(  # size: one line an option
    chosen: Annotated[
        list[str] | None,
        typer.Argument(metavar="ASSET", help="Ids or their first characters, URLs; default: all."),
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="SPAN", help="What was not verified for so long, e.g. 30d."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="By size and time; read only what looks changed.")
    ] = False,
    rate: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Read at most so much a second: 50MB.")
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="From the beginning, also where a run was cut off.")
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what can be done for what was found; do nothing.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Restore what was found damaged or missing.")
    ] = False,
    fetch: Annotated[
        str,
        typer.Option(
            metavar="WHAT",
            help="From its origin: video (with what is beside it), all (also where only that is"
            " missing), none.",
        ),
    ] = "video",
    accept: Annotated[
        bool,
        typer.Option("--accept", help="Take edited, renamed and deleted sidecars as they are."),
    ] = False,
    place: Annotated[
        Path | None,
        typer.Option("--library", metavar="FOLDER", help="Which one. [REEL_LIBRARY]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Read every file of the library against its checksum, those first that were read longest ago.

    A run that was stopped or killed is gone on with by the same command. --plan and --repair take
    what the last run found (or the assets that are named). The exit code is 3 where something is
    damaged or missing.

    Examples: `reel verify --older-than 30d --rate 50MB`, `reel verify --quick`,
    `reel verify --plan`, `reel verify --repair`
    """
    from reelwright.cli.verifying import Arguments, run_verify

    arguments = Arguments(
        chosen=chosen or [],
        older_than=older_than,
        quick=quick,
        rate=rate,
        anew=anew,
        mode=_mode(plan=plan, repair=repair, accept=accept),
        fetch=fetch,
        library=None if place is None else place.expanduser().absolute(),
        as_json=as_json,
    )
    raise typer.Exit(run_verify(arguments))


def _mode(**given: bool) -> str:
    """verify, plan, repair or accept. Raises USAGE for two of them."""
    from reelwright.errors import Code, ReelError

    named = [name for name, is_given in given.items() if is_given]
    if len(named) > 1:
        said = " and ".join(f"--{name}" for name in named)
        raise ReelError(Code.USAGE, f"{said} exclude each other", where=f"--{named[1]}")
    return named[0] if named else "verify"
