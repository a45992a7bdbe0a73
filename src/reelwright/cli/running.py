"""What `reel run` does, whoever read its arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reelwright.cli import choice, terminal
from reelwright.cli.exits import exit_code
from reelwright.cli.requests import read_request
from reelwright.cli.use import opened, sandbox_flag
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.request import Request
    from reelwright.app.wiring import App
    from reelwright.cli.choice import Target
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
    detach: bool = False
    priority: int | None = None
    timeout: str | None = None
    sandbox: bool | None = None


def run_spec(options: RunOptions) -> int:
    """Runs a spec to its end and gives the exit code; prints everything, errors too."""
    try:
        target = choice.target()
        if target is not None:
            return _elsewhere(target, options)
        if options.detach:
            raise ReelError(
                Code.USAGE,
                "nobody would go on with the job: a run of this machine ends with its command",
                where="--detach",
                hint="`reel --server URL run SPEC --detach`",
            )
        with opened(sandbox=sandbox_flag(options.sandbox)) as used:
            request = _request(used.settings.limits.spec_bytes, options)
            go = _dry if options.dry_run else run_request
            return go(used, request, options.as_json)
    except ReelError as error:
        return _refused(error, as_json=options.as_json)


def _request(limit_bytes: int, options: RunOptions) -> Request:
    return read_request(
        limit_bytes,
        options.spec,
        options.sets,
        overwrite=options.overwrite,
        use_cache=not options.no_cache,
        priority=options.priority,
        timeout=options.timeout,
        labels=options.labels,
        allow_outside=options.allow_outside,
    )


def _elsewhere(target: Target, options: RunOptions) -> int:
    """On a service."""
    from reelwright.cli.use import home, spec_bytes

    if options.sandbox is not None:
        message = "the walls are those of the server"
        raise ReelError(Code.USAGE, message, where="--sandbox", hint="leave the option out")
    request = _request(spec_bytes(), options)
    if options.dry_run:
        from reelwright.cli.remote import looking

        body = looking.plan(target, request, as_json=options.as_json, home=home())
        if options.as_json:
            terminal.emit({"event": "plan", **body})
        else:
            from reelwright.planning.explain import explain

            terminal.out(explain(looking.plan_of(body), commands=False))
        return 0
    from reelwright.cli.remote.running import Remote

    return Remote(target, home(), options.as_json, options.detach).run(request)


def run_request(used: App, request: Request, as_json: bool) -> int:
    """Runs it to its end with the display and the signals. Raises SpecErrors and the like."""
    from reelwright.app.submit import submit_and_run
    from reelwright.cli.ending import ended_code
    from reelwright.cli.interrupts import Interrupts
    from reelwright.cli.watch import watch

    shown, interrupts = watch(as_json=as_json), Interrupts()

    def submitted(job_id: str, plan: Plan, engine: Engine) -> None:
        interrupts.running(job_id, engine.cancel)
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
