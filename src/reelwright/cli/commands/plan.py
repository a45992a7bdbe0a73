"""`reel plan`: what would be done, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from reelwright.cli import terminal
from reelwright.cli.options import AllowOutside, AsJson, Sets, SpecFile

if TYPE_CHECKING:
    from reelwright.app.request import Request
    from reelwright.app.wiring import App

app = typer.Typer(add_completion=False)


def _stages(incomplete: str) -> list[str]:
    from reelwright.planning.compiler import STAGES

    return [name for name in STAGES if name.startswith(incomplete)]


@app.command()
def plan(
    spec: SpecFile,
    sets: Sets = None,
    as_json: AsJson = False,
    dot: Annotated[
        bool,
        typer.Option("--dot", help="Print the graph for Graphviz: reel plan … --dot | dot -Tsvg"),
    ] = False,
    stage: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Stop after this pass, show its graph.", autocompletion=_stages
        ),
    ] = None,
    commands: Annotated[
        bool, typer.Option("--commands/--no-commands", help="Show the commands.")
    ] = True,
    allow_outside: AllowOutside = False,
) -> None:
    """Show what `reel run` would do: steps, commands, reasons, estimates. Nothing is written.

    Examples: `reel plan talk.yaml`, `reel plan talk.yaml --stage forms`
    """
    from reelwright.cli.requests import read_request
    from reelwright.cli.use import opened

    with opened() as used:
        request = read_request(used, spec, sets, allow_outside=allow_outside)
        if stage is not None:
            _show_stage(used, request, stage, as_json=as_json)
        else:
            _show_plan(used, request, as_json=as_json, dot=dot, commands=commands)


def _show_stage(used: App, request: Request, stage: str, *, as_json: bool) -> None:
    from reelwright.app.plan import plan_stages
    from reelwright.cli.use import run
    from reelwright.planning.explain import graph_text

    text = graph_text(run(lambda: plan_stages(used, request, stage)).graphs[stage])
    if as_json:
        terminal.emit({"stage": stage, "nodes": text.splitlines()})
    else:
        terminal.out(text)


def _show_plan(used: App, request: Request, *, as_json: bool, dot: bool, commands: bool) -> None:
    from reelwright.app.plan import plan_request, to_json
    from reelwright.cli.use import run
    from reelwright.planning import explain

    planned = run(lambda: plan_request(used, request))
    if as_json:
        terminal.emit(to_json(planned))
    elif dot:
        terminal.out(explain.dot(planned.plan))
    else:
        terminal.out(explain.explain(planned.plan, commands=commands))
        for step in sorted(planned.cached):
            terminal.out(f"{step} is in the cache")
