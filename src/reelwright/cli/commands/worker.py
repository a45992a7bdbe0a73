"""`reel worker`: runs the steps of jobs that others submit."""

from __future__ import annotations

import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelwright.cli import terminal
from reelwright.cli.options import AsJson, Engine, HeadAddress, Walls, cluster_flags

if TYPE_CHECKING:
    from reelwright.app.service import Service
    from reelwright.engine.events import Event

app = typer.Typer(add_completion=False, invoke_without_command=True)

# Signals are looked at so often while a drain is waited for.
_LOOK_S = 0.2


@app.callback()
def worker(
    context: typer.Context,
    engine: Engine = None,
    address: HeadAddress = None,
    sandbox: Walls = None,
    as_json: AsJson = False,
) -> None:
    """Run the steps of jobs that come in over the API, until Ctrl-C.

    With `--engine ray` it hands them to the nodes of a cluster, and runs only the short ones here:
    the dispatcher, which needs a part of the cluster (a head or a node) on its machine.

    The first Ctrl-C (or SIGTERM) finishes what runs and takes nothing new, the second stops at
    once; another worker goes on with what was stopped.

    Examples: `reel worker --json`, `reel worker --engine ray --address 10.0.0.7:6379`
    """
    if context.invoked_subcommand is not None:
        return
    from reelwright.app.cluster.checks_settings import check_service
    from reelwright.app.service import Service
    from reelwright.cli.use import opened, sandbox_flag

    flags = {"sandbox": sandbox_flag(sandbox), **cluster_flags(engine, address)}
    with opened(**flags) as used:
        check_service(used)
        used.observe("worker", sys.stderr, is_json=as_json)
        service = Service(used, with_worker=True, on_event=_json_lines if as_json else None)
        asked = _Signals()
        service.start()
        try:
            _say(as_json, "ready", f"Worker {service.id} runs steps; Ctrl-C ends it.", service)
            _serve(service, asked, used.settings.serve.drain_s, as_json=as_json)
        finally:
            service.close()


@app.command("list")
def listing(as_json: AsJson = False) -> None:
    """List the processes of the service, the oldest first: workers, and those that only answer
    requests (`api`).

    Example: `reel worker list`
    """
    from reelwright.app.workers import listing as found
    from reelwright.cli.use import opened

    with opened() as used:
        rows = found(used)
    if as_json:
        terminal.emit({"workers": rows})
        return
    now = time.time()
    terminal.table(
        ["worker", "role", "state", "cores", "since", "last seen"],
        [
            (
                row["id"],
                row["role"],
                row["state"],
                f"{row['cpus']:g}" if row["role"] == "worker" else "",
                f"{terminal.span(now - row['started_at'])} ago",
                f"{terminal.span(now - row['heartbeat_at'])} ago",
            )
            for row in rows
        ],
        right="cores",
    )


@app.command()
def drain(
    worker_id: Annotated[str, typer.Argument(metavar="WORKER", help="Its id, or the beginning.")],
    as_json: AsJson = False,
) -> None:
    """Ask a worker to finish what it runs, to take nothing new, and to leave.

    Example: `reel worker drain web-1`
    """
    from reelwright.app.workers import drain as ask
    from reelwright.cli.use import opened

    with opened() as used:
        row = ask(used, worker_id)
    if as_json:
        terminal.emit(row)
    else:
        terminal.note(f"Worker {row['id']} takes nothing new, and leaves when it is done.")


class _Signals:
    """Counts SIGINT and SIGTERM."""

    def __init__(self) -> None:
        self.count = 0
        self.first = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._hear)

    def _hear(self, _number: int, _frame: object) -> None:
        self.count += 1
        self.first.set()


def _serve(service: Service, asked: _Signals, drain_s: float, *, as_json: bool) -> None:
    while not asked.first.wait(_LOOK_S):
        if service.has_ended:  # somebody asked for it by `reel worker drain`
            break
    if not service.has_ended:
        _say(as_json, "draining", "Finishing what runs (Ctrl-C again stops at once) …", service)
        service.ask_drain()
        until = time.monotonic() + drain_s
        while asked.count < 2 and time.monotonic() < until and not service.wait(_LOOK_S):
            pass
    _say(as_json, "ended", "The worker has ended.", service)


def _say(as_json: bool, event: str, text: str, service: Service) -> None:
    if as_json:
        terminal.emit({"event": event, "worker": service.id})
    else:
        terminal.note(text)


def _json_lines(event: Event) -> None:
    """What was committed here; several threads commit."""
    line = _line(event)
    if line is not None:
        with _WRITING:
            terminal.emit(line)


_WRITING = threading.Lock()


def _line(event: Event) -> dict[str, Any] | None:
    from reelwright.engine.events import JobChanged, OutputDelivered, StepChanged

    match event:
        case JobChanged():
            error = dict(event.error) if event.error else None
            return {"event": "job", "id": event.job_id, "state": event.state, "error": error}
        case StepChanged() if not event.key.startswith(":"):
            body: dict[str, Any] = {"step": event.key, "state": event.state}
            return {"event": "step", "job": event.job_id, **body, "attempt": event.attempt}
        case OutputDelivered():
            body = {"path": event.path, "sha256": event.sha256, "bytes": event.size_bytes}
            return {"event": "output", "job": event.job_id, **body}
        case _:
            return None
