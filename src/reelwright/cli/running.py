"""What `reel run` does, whoever read its arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reelwright.cli import terminal
from reelwright.cli.exits import exit_code
from reelwright.cli.requests import read_request
from reelwright.cli.use import opened, sandbox_flag
from reelwright.errors import ReelError

if TYPE_CHECKING:
    from reelwright.app.request import Request
    from reelwright.app.wiring import App
    from reelwright.engine.engine import Engine
    from reelwright.planning.plan import Plan


@dataclass(slots=True, kw_only=True)
class RunOptions:
    """The arguments of `reel run`; `sandbox` None: as the settings say."""

    spec: str
    sets: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    overwrite: bool = False
    as_json: bool = False
    dry_run: bool = False
    no_cache: bool = False
    allow_outside: bool = False
    priority: int | None = None
    timeout: str | None = None
    sandbox: bool | None = None


def run_spec(options: RunOptions) -> int:
    """Runs a spec to its end and gives the exit code; prints everything, errors too."""
    try:
        with opened(sandbox=sandbox_flag(options.sandbox)) as used:
            request = read_request(
                used,
                options.spec,
                options.sets,
                overwrite=options.overwrite,
                use_cache=not options.no_cache,
                priority=options.priority,
                timeout=options.timeout,
                labels=options.labels,
                allow_outside=options.allow_outside,
            )
            go = _dry if options.dry_run else run_request
            return go(used, request, options.as_json)
    except ReelError as error:
        return _refused(error, as_json=options.as_json)


def run_request(used: App, request: Request, as_json: bool) -> int:
    """Runs it to its end with the display and the signals. Raises SpecErrors and the like."""
    from reelwright.app.submit import submit_and_run
    from reelwright.cli.ending import ended_code
    from reelwright.cli.interrupts import Interrupts
    from reelwright.cli.watch import watch

    shown, interrupts = watch(as_json=as_json), Interrupts()

    def submitted(job_id: str, plan: Plan, engine: Engine) -> None:
        interrupts.running(job_id, engine)
        shown.submitted(job_id, plan)

    try:
        ended = interrupts.run(submit_and_run(used, request, shown.on_event, submitted))
        shown.ended(ended)
    finally:
        shown.close()
    return ended_code(ended)


def _dry(used: App, request: Request, as_json: bool) -> int:
    from reelwright.app import destinations
    from reelwright.app.plan import plan_request, to_json
    from reelwright.cli.use import run as run_async

    planned = run_async(lambda: plan_request(used, request))
    destinations.refuse(used, planned)
    if as_json:
        terminal.emit({"event": "plan", **to_json(planned)})
    else:
        from reelwright.planning.explain import explain

        terminal.out(explain(planned.plan, commands=False))
    return 0


def _refused(error: ReelError, *, as_json: bool) -> int:
    """Before a job was made of it: nothing is written, and all that is wrong is listed."""
    if not as_json:
        return terminal.report(error, as_json=False)
    problems = [problem.to_json() for problem in error.problems]
    terminal.emit(
        {
            "event": "job",
            "id": None,
            "state": "failed",
            "outputs": [],
            "error": problems[0],
            "problems": problems,
        }
    )
    return exit_code(error.code)
