"""`reel cluster`: a cluster of machines, made of parts of Ray."""

from __future__ import annotations

import time
from pathlib import Path
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

Host = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="This machine's address as the others reach it; default: that on its network.",
    ),
]
Cores = Annotated[int | None, typer.Option("--cpus", min=1, max=4096, help="Cores for steps.")]
Marks = Annotated[
    list[str] | None,
    typer.Option("--labels", metavar="NAME=TEXT,…", help="Labels of the node; repeatable."),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(help="The cluster's token; default: `cluster/token` in REEL_HOME."),
]
NodeName = Annotated[
    str | None, typer.Option(help="What people know it by; default: that of this machine.")
]
NodeId = Annotated[
    str | None,
    typer.Argument(
        metavar="[NODE]",
        help="Its name, address or id, or the beginning of it; default: that of this machine.",
    ),
]
Background = Annotated[
    bool, typer.Option("--background", help="Return when it is up; `reel cluster stop` ends it.")
]


@app.command()
def start(
    host: Host = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Default: 6379.")] = None,
    cpus: Annotated[
        int | None, typer.Option(min=0, max=4096, help="Cores for steps; default: 0, none.")
    ] = None,
    labels: Marks = None,
    token_file: TokenFile = None,
    background: Background = False,
    as_json: AsJson = False,
) -> None:
    """Make this machine the head of a new cluster, until Ctrl-C.

    Prints its address, and what to type on the machines that shall run steps. The head runs none
    itself, so that nothing disturbs it. Who has the token may run programs on every node: keep the
    cluster on a private network.

    Examples: `reel cluster start`, `reel cluster start --host 10.0.0.7 --background`
    """
    from reelwright.app.cluster.taking_part import Wish, head
    from reelwright.cli.cluster_running import label_pairs, run_part, words
    from reelwright.cli.use import opened

    options = {"host": host, "port": port, "cpus": cpus, "labels": labels}
    behind = words("start", **options, token_file=token_file) if background else None
    with opened(cluster__token_file=_path(token_file)) as used:
        wish = Wish(host=host, port=port, cpus=cpus, labels=label_pairs(labels))
        run_part(used, head(used, wish), behind, as_json=as_json)


@app.command()
def join(
    address: Annotated[str, typer.Argument(help="The head's, as `reel cluster start` said it.")],
    cpus: Cores = None,
    memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Memory for steps: 12GiB; default: all.")
    ] = None,
    gpus: Annotated[int | None, typer.Option(min=0, max=1024, help="Default: all.")] = None,
    scratch: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Disk for steps; default: all that is free.")
    ] = None,
    labels: Marks = None,
    token_file: TokenFile = None,
    home: Annotated[
        Path | None,
        typer.Option(help="REEL_HOME of its steps; default: a folder in that of this machine."),
    ] = None,
    name: NodeName = None,
    host: Host = None,
    background: Background = False,
    as_json: AsJson = False,
) -> None:
    """Make this machine a node of a cluster: it runs steps of the cluster's service, until Ctrl-C.

    It needs the service's `database` and `cluster.artifacts` in its own settings, the token of the
    cluster, and the same Reelwright, Python, Ray and FFmpeg. The first Ctrl-C (or SIGTERM)
    finishes what runs and takes nothing new, the second stops at once. A head that went away is
    joined again when it is back.

    Examples: `reel cluster join 10.0.0.7:6379 --token-file ~/reel.token`,
    `reel cluster join 10.0.0.7 --cpus 6 --labels disk=ssd --background`
    """
    from reelwright.app.cluster.taking_part import Wish, node
    from reelwright.cli.cluster_running import label_pairs, run_part, words
    from reelwright.cli.use import opened

    options = {"memory": memory, "gpus": gpus, "scratch": scratch, "home": home, "host": host}
    more = {"cpus": cpus, "labels": labels, "token_file": token_file, "name": name}
    behind = words("join", address, **options, **more) if background else None
    wish = Wish(
        host=host,
        name=name,
        cpus=cpus,
        memory_bytes=_size(memory, "--memory"),
        gpus=gpus,
        scratch_bytes=_size(scratch, "--scratch"),
        labels=label_pairs(labels),
        home=_path(home),
    )
    with opened(cluster__token_file=_path(token_file)) as used:
        run_part(used, node(used, address, wish), behind, as_json=as_json)


def _path(path: Path | None) -> Path | None:
    return None if path is None else path.expanduser().absolute()


def _size(text: str | None, option: str) -> int | None:
    from reelwright.errors import Code, ReelError
    from reelwright.graph.params.amounts import parse_byte_size

    if text is None:
        return None
    try:
        return parse_byte_size(text)
    except ValueError as error:
        message = f"'{text}' is no size"
        raise ReelError(Code.USAGE, message, where=option, hint="write 12GiB") from error


@app.command()
def stop(
    name: Annotated[
        str | None,
        typer.Argument(help="`head`, or the name of a node; default: all of this REEL_HOME."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """End this machine's part of a cluster: what was started with this REEL_HOME, nothing else.

    A node finishes what it runs, for `serve.drain_s` seconds at the most; the rest goes to others.

    Example: `reel cluster stop`
    """
    from reelwright.app.cluster.members import shown
    from reelwright.app.cluster.members import stop as end
    from reelwright.cli.use import opened

    with opened() as used:
        ended = end(used.home, name, used.settings.serve.drain_s)
    if as_json:
        terminal.emit({"stopped": [member.name for member in ended]})
    for member in ended if not as_json else ():
        terminal.note(f"{shown(member.name).capitalize()} at {member.host} has ended.")


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
    from reelwright.errors import ReelError

    with opened() as used:
        _status(used, as_json=as_json)
        while watch:
            time.sleep(_WATCH_S)
            try:
                _status(used, as_json=as_json, again=True)
            except ReelError as error:  # the database comes back; who watches wants to see it
                terminal.report(error, as_json=as_json)


def _status(used: App, *, as_json: bool, again: bool = False) -> None:
    import sys

    from reelwright.app.cluster.status import joined
    from reelwright.app.cluster.status import status as found
    from reelwright.cli.cluster_shown import show

    now = found(used)
    now["joined"] = joined(used, now)
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
    node: NodeId = None,
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
    from reelwright.app.cluster.members import this_node
    from reelwright.cli.cluster_shown import node_line
    from reelwright.cli.spans import seconds
    from reelwright.cli.use import opened
    from reelwright.errors import Code, ReelError

    if undo and wait:
        raise ReelError(Code.USAGE, "--wait has nothing to wait for with --undo", where="--wait")
    limit_s = None if timeout is None else seconds(timeout, "--timeout")

    def told(steps: int) -> None:
        if not as_json:
            terminal.note(f"Still running there: {_steps(steps)} …")

    with opened() as used:
        row = ask(used, this_node(used) if node is None else node, undo=undo)
        if wait:
            row = until_idle(used, row["id"], limit_s, told)
    if as_json:
        terminal.emit(row)
    elif undo:
        terminal.note(f"{node_line(row)} takes steps again.")
    elif row["steps"]:
        terminal.note(f"{node_line(row)} takes nothing new, and finishes {_steps(row['steps'])}.")
    else:
        terminal.note(f"{node_line(row)} takes nothing new, and runs nothing.")


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"
