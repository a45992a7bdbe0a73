"""`reel serve`: the HTTP API, and a worker with it."""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from reelwright.cli import terminal
from reelwright.cli.options import AsJson, Engine, HeadAddress, Walls, cluster_flags

if TYPE_CHECKING:
    from reelwright.app.wiring import App

app = typer.Typer(add_completion=False)


@app.command()
def serve(
    host: Annotated[
        str | None,
        typer.Option(
            "--host", metavar="ADDRESS", help="Where to listen; default: 127.0.0.1, this machine."
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="Default: 8000; 0 takes any that is free."),
    ] = None,
    worker: Annotated[
        bool, typer.Option("--worker/--no-worker", help="Run steps in this process, too.")
    ] = True,
    allow_remote: Annotated[
        bool,
        typer.Option(
            "--allow-remote",
            help="Listen beyond this machine though the local token is the only way in.",
        ),
    ] = False,
    engine: Engine = None,
    address: HeadAddress = None,
    sandbox: Walls = None,
    as_json: AsJson = False,
) -> None:
    """Serve the HTTP API until Ctrl-C; jobs run here, or in `reel worker`.

    Prints a link with a token, which programs send as `Authorization: Bearer TOKEN`. The first
    Ctrl-C (or SIGTERM) finishes what runs and takes nothing new, the second stops at once.

    Examples: `reel serve --port 8000`, `reel serve --port 0 --json`, `reel serve --no-worker`,
    `reel serve --engine ray --address 10.0.0.7:6379` (steps run on the nodes of a cluster)
    """
    from reelwright.app.cluster.checks_settings import check_service
    from reelwright.app.reach import check_reach
    from reelwright.cli.use import opened, sandbox_flag

    flags = {"serve__host": host, "serve__port": port, "sandbox": sandbox_flag(sandbox)}
    with opened(**flags, **cluster_flags(engine, address)) as used:
        check_service(used)
        check_reach(used, allow_remote=allow_remote)
        # Stdout belongs to whoever reads the line that says "ready".
        used.observe("service" if worker else "api", sys.stderr, is_json=as_json)
        _run(used, with_worker=worker, as_json=as_json)


def _run(used: App, *, with_worker: bool, as_json: bool) -> None:
    from reelwright.app.auth.local_token import token as token_of
    from reelwright.app.service import Service

    token = token_of(used)

    def ready(url: str) -> None:
        if as_json:
            terminal.emit({"event": "ready", "url": url, "token": token})
            return
        terminal.note(f"Reelwright serves at {url}; Ctrl-C ends it. To log in, open:")
        terminal.out(f"{url}/login?token={token}")

    service = Service(used, with_worker=with_worker)
    # While the API serves it hears both signals; after that a second one ends the wait.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    service.start()
    try:
        # By name: the two outermost rooms do not import each other; this is where one starts
        # the other.
        has_time = import_module("reelwright.api.server").run(used, service, ready)
        if has_time:
            if with_worker and not as_json:
                terminal.note("Finishing what runs (Ctrl-C again stops at once) …")
            service.drain()
    finally:
        service.close()
