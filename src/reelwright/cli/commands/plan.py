"""`reel plan`: what would be done, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelwright.cli import choice, terminal
from reelwright.cli.options import AllowOutside, AsJson, Sets, SpecFile
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.request import Request
    from reelwright.app.wiring import App
    from reelwright.planning.plan import Plan

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
    from reelwright.cli.use import opened, spec_bytes

    target = choice.target()
    if target is not None:
        _refuse_stage(stage)
        from reelwright.cli.remote import looking

        asked = read_request(spec_bytes(), spec, sets, allow_outside=allow_outside)
        body = looking.plan(target, asked, as_json=as_json)
        _show_body(looking.plan_of(body), body, as_json=as_json, dot=dot, commands=commands)
        return
    with opened() as used:
        request = read_request(
            used.settings.limits.spec_bytes, spec, sets, allow_outside=allow_outside
        )
        if stage is not None:
            _show_stage(used, request, stage, as_json=as_json)
        else:
            _show_plan(used, request, as_json=as_json, dot=dot, commands=commands)


def _refuse_stage(stage: str | None) -> None:
    if stage is not None:
        raise ReelError(
            Code.USAGE,
            "the graphs between the passes stay on the server",
            where="--stage",
            hint="leave --server out to plan on this machine",
        )


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

    planned = run(lambda: plan_request(used, request))
    body = to_json(planned)
    _show_body(planned.plan, body, as_json=as_json, dot=dot, commands=commands)


def _show_body(
    plan: Plan, body: Mapping[str, Any], *, as_json: bool, dot: bool, commands: bool
) -> None:
    from reelwright.planning import explain

    if as_json:
        terminal.emit(body)
    elif dot:
        terminal.out(explain.dot(plan))
    else:
        terminal.out(explain.explain(plan, commands=commands))
        for step in sorted(step["id"] for step in body["steps"] if step["cached"]):
            terminal.out(f"{step} is in the cache")
