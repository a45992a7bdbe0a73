"""`reel cluster`: a cluster of machines, made of parts of Ray."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from reelwright.cli import terminal
from reelwright.cli.options import AsJson

if TYPE_CHECKING:
    from reelwright.app.wiring import App

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Many machines: start, join, look, drain."
)

_WATCH_S = 2.0


@app.command()
def status(
    watch: Annotated[bool, typer.Option("--watch", help="Show it again, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what the cluster is like: nodes, what they run, models, what waits and why.

    It is read from the database, where the service writes what it sees: it works on any machine
    that has the setting `database`, also while Ray is away.

    Examples: `reel cluster status`, `reel cluster status --watch`,
    `reel cluster status --json | jq '.nodes[] | select(.state == "refused")'`
    """
    from reelwright.cli.use import opened

    with opened() as used:
        _status(used, as_json=as_json)
        while watch:
            time.sleep(_WATCH_S)
            _status(used, as_json=as_json, again=True)


def _status(used: App, *, as_json: bool, again: bool = False) -> None:
    import sys

    from reelwright.app.cluster.status import status as found
    from reelwright.cli.cluster_shown import show

    now = found(used)
    if as_json:
        terminal.emit(now)
        return
    if again:
        is_lively = terminal.is_lively(sys.stdout)
        sys.stdout.write("\x1b[H\x1b[2J" if is_lively else "\n")
    show(now)
    sys.stdout.flush()


@app.command()
def drain(
    node: Annotated[
        str,
        typer.Argument(metavar="NODE", help="Its name, address or id, or the beginning of it."),
    ],
    undo: Annotated[bool, typer.Option("--undo", help="Let it take steps again.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return when it runs nothing more.")] = False,
    timeout: Annotated[
        str | None, typer.Option(metavar="SPAN", help="Wait so long at the most: 30m, 12h.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask a node to finish what it runs and to take nothing new; then it leaves.

    A node that joined by `reel cluster join` ends by itself when it is done. One that a cluster
    manager made stays, and takes nothing, until that removes it.

    Examples: `reel cluster drain studio-2 --wait`, `reel cluster drain studio-2 --undo`
    """
    from reelwright.app.cluster.drain import drain as ask
    from reelwright.app.cluster.drain import wait as until_idle
    from reelwright.cli.cluster_shown import node_line
    from reelwright.cli.spans import seconds
    from reelwright.cli.use import opened
    from reelwright.errors import Code, ReelError

    if undo and wait:
        raise ReelError(Code.USAGE, "--wait has nothing to wait for with --undo", where="--wait")
    limit_s = None if timeout is None else seconds(timeout, "--timeout")

    def told(steps: int) -> None:
        if not as_json:
            terminal.note(f"{steps} steps still run there …")

    with opened() as used:
        row = ask(used, node, undo=undo)
        if wait:
            row = until_idle(used, row["id"], limit_s, told)
    if as_json:
        terminal.emit(row)
    elif undo:
        terminal.note(f"{node_line(row)} takes steps again.")
    elif row["steps"]:
        terminal.note(f"{node_line(row)} takes nothing new, and finishes {row['steps']} steps.")
    else:
        terminal.note(f"{node_line(row)} takes nothing new, and runs nothing.")
