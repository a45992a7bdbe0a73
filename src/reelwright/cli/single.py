"""Runs one analysis of one file with its progress on standard error, and gives its result."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from reelwright.cli import choice, terminal
from reelwright.errors import Code, Kind, Problem, ReelError

if TYPE_CHECKING:
    from reelwright.app.single import Analysed
    from reelwright.app.wiring import App
    from reelwright.cli.choice import Target
    from reelwright.engine.engine import Engine
    from reelwright.planning.plan import Plan

_KEPT_BY_A_SPEC = frozenset({Code.MEDIA_DAMAGED, Code.MEDIA_TRUNCATED, Code.DECODE_FAILED})


def refuse_server(command: str) -> None:
    """Raises USAGE where a service is to be asked."""
    if choice.target() is not None:
        raise ReelError(
            Code.USAGE,
            f"`reel {command}` works on this machine, not on a service",
            where="--server",
            hint="leave the option out; a service understands videos: POST /v1/understand",
        )


def elsewhere(
    target: Target,
    path: Path,
    operations: Sequence[Mapping[str, Any]],
    want: str,
    *,
    use_cache: bool = True,
) -> Any:
    """As `analysed`, by a service: the file goes there, the result comes here."""
    import json
    from tempfile import TemporaryDirectory

    from reelwright.app.request import Request
    from reelwright.app.single import Analysed, spec_of
    from reelwright.cli.interrupts import Interrupts
    from reelwright.cli.remote.running import Remote
    from reelwright.cli.use import home
    from reelwright.cli.watch import watch

    shown = watch(as_json=False, quiet=not terminal.is_lively(sys.stderr))
    interrupts = Interrupts()
    with TemporaryDirectory(prefix="reel-") as place:
        text = spec_of(path, operations, {"result.json": want})
        request = Request(text=text, base=Path(place), name=path.name, use_cache=use_cache)
        try:
            work = Remote(target, home()).ended(request, shown, interrupts)
            ended = interrupts.run(work)
        finally:
            shown.close()
        made = Path(place) / "result.json"
        result = json.loads(made.read_text("utf-8")) if made.is_file() else None
    return _result(Analysed(ended, result), path)


def refuse_there(options: Mapping[str, bool]) -> None:
    """Raises USAGE for the first of these options that was given: a service has its own."""
    for option, is_given in options.items():
        if is_given:
            said = f"{option} does not go with --server: the service has settings of its own"
            raise ReelError(Code.USAGE, said, where=option, hint="leave it out")


def analysed(
    used: App,
    path: Path,
    operations: Sequence[Mapping[str, Any]],
    want: str,
    *,
    use_cache: bool = True,
    beside: Mapping[str, str] | None = None,
    take: Callable[[Path], None] | None = None,
) -> Any:
    """The JSON result; `beside` and `take` are those of `app.single.analyse`. Raises what the
    analysis does; ends the command where it was cancelled."""
    from reelwright.app.single import analyse
    from reelwright.cli.interrupts import Interrupts
    from reelwright.cli.watch import watch

    # Plain lines would be in the way of what is asked for; bars go when it is there.
    shown = watch(as_json=False, quiet=not terminal.is_lively(sys.stderr))
    interrupts = Interrupts()

    def submitted(job_id: str, plan: Plan, engine: Engine) -> None:
        interrupts.running(job_id, engine.cancel, left="the same command goes on with it")
        shown.submitted(job_id, plan)

    more: dict[str, Any] = {"use_cache": use_cache, "beside": beside, "take": take}
    try:
        found = interrupts.run(
            analyse(used, path, operations, want, shown.on_event, submitted, **more)
        )
    except ReelError as error:
        if error.code.kind is not Kind.MEDIA:
            raise
        raise ReelError.of(_of_file(error.problem, path)) from error
    finally:
        shown.close()
    return _result(found, path)


def _of_file(problem: Problem, path: Path) -> Problem:
    """What is wrong with the media is the file's: nobody wrote the spec that the place is in, and
    nothing can be set there."""
    if problem.code.kind is not Kind.MEDIA:
        return problem
    hint = problem.hint
    if problem.code in _KEPT_BY_A_SPEC:
        hint = "fetch the file again; `on_damage: keep` of an input in a spec takes what decodes"
    return replace(problem, where=str(path), hint=hint)


def _result(found: Analysed, path: Path) -> Any:
    from reelwright.cli.ending import ended_code

    job = found.ended.job
    if job.state.value == "succeeded":
        return found.result
    if job.error:
        raise ReelError.of(_of_file(Problem.from_json(job.error), path))
    raise typer.Exit(ended_code(found.ended))
