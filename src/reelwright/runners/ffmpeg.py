"""Runs a step of FFmpeg commands: workspace, commands under guard, taps, damage, verification."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.runners.context import StepProgress, StepResult
from reelwright.runners.memory import for_want_of_memory, memory_limit
from reelwright.runners.mismatch import STRICT, Slack
from reelwright.runners.verify import Verified, verify
from reelwright.runners.workspace import filled_command, prepare
from reelwright.tools.ffmpeg.damage import TOLERATED_LINES, DamageWatch
from reelwright.tools.ffmpeg.progress import OPTIONS, ProgressParser
from reelwright.tools.probe import probe, real_end
from reelwright.tools.process import Command, Completed, run_command
from reelwright.tools.sandbox import Confinement

if TYPE_CHECKING:
    from reelwright.planning.plan import Step, StepOutput
    from reelwright.runners.context import StepContext
    from reelwright.runners.taps import Taps

# What FFmpeg ends with after it went on past damage: the first complaint says more.
_CONSEQUENCES = frozenset({Code.TOOL_FAILED, Code.DECODE_FAILED, Code.MEDIA_DAMAGED})
_VERIFIED_AT_ONCE = 3
_LOG_LEVEL = ("-loglevel", "level+info")
# A header's duration is a hair longer than what the packets add up to, in most containers.
_END_TOLERANCE = Fraction(1, 2)


@dataclass(slots=True)
class _Run:
    """A step on its way: what its commands cost and complained about."""

    step: Step
    context: StepContext
    readable: tuple[Path, ...] = ()
    damage: DamageWatch = field(default_factory=DamageWatch)
    cpu_seconds: float = 0.0
    max_rss_bytes: int = 0


async def run(step: Step, context: StepContext) -> StepResult:
    """Raises ReelError: what FFmpeg's failure means, MEDIA_TRUNCATED, MEDIA_DAMAGED, OUTPUT_*."""
    state = _Run(step, context, prepare(step, context))
    results: dict[str, Any] = {}
    if step.taps:
        from reelwright.runners.taps import Taps

        async with Taps(step, context) as taps:
            await _until_failure(taps, _run_commands(state))
            _check_damage(state)
            results = await taps.finish(_log_bytes(context.log))
    else:
        await _run_commands(state)
        _check_damage(state)
    checked = await _verified(state)
    return _result(state, checked, results)


async def _until_failure(taps: Taps, commands: Any) -> None:
    """The commands, stopped as soon as an analyser fails."""
    running = asyncio.ensure_future(commands)
    failing = asyncio.ensure_future(taps.failed())
    try:
        await asyncio.wait({running, failing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        failing.cancel()
        if not running.done():
            running.cancel()
        with suppress(asyncio.CancelledError, ReelError):
            await running
    taps.raise_failure()
    await running


async def _run_commands(state: _Run) -> None:
    commands = state.step.commands
    for number, argv in enumerate(commands, 1):
        done, complete = await _run_one(state, argv, number)
        state.cpu_seconds += done.cpu_seconds
        state.max_rss_bytes = max(state.max_rss_bytes, done.max_rss_bytes)
        if done.exit_code != 0:
            # Its patterns are compiled when something failed, not in each run.
            from reelwright.tools.ffmpeg.failures import classify

            problem = classify(done.stderr_tail, done.exit_code, complete)
            bound = state.context.memory_bytes, state.context.memory_rule
            problem = for_want_of_memory(problem, done.max_rss_bytes, *bound)
            if problem.code in _CONSEQUENCES:
                _check_damage(state)
            raise ReelError.of(problem)


async def _run_one(
    state: _Run, planned: Sequence[str], number: int
) -> tuple[Completed, tuple[str, ...]]:
    context, count = state.context, len(state.step.commands)
    argv = _complete(state.step, filled_command(planned, context.results), context)
    parser = ProgressParser()

    def on_stdout(line: str) -> None:
        seen = parser.feed(line)
        if seen is not None:
            fraction = _fraction(seen.time, state.step.duration, number, count, done=seen.done)
            more = {"fraction": fraction, "command": number, "commands": count}
            context.on_progress(StepProgress.of(seen, **more))

    state.damage.joins = "-ss" in argv or "mpegts" in argv
    log = context.log if number == 1 else context.log.with_name(f"{context.log.name}.{number}")
    limit = memory_limit(context.memory_bytes)
    walls = Confinement(read=state.readable, write=(context.workspace,), memory_bytes=limit)
    command = Command(
        argv=argv,
        cwd=context.workspace,
        confinement=walls if context.sandbox else None,
        env={} if context.devices is None else {"CUDA_VISIBLE_DEVICES": context.devices},
        log=log,
        heartbeat=context.heartbeat,
        grace_s=context.grace_s,
    )
    try:
        done = await run_command(command, on_stdout, state.damage.feed)
    finally:
        if number > 1:
            _append(log, context.log)
    return done, argv


def _complete(step: Step, argv: Sequence[str], context: StepContext) -> tuple[str, ...]:
    """The program's path, and what reading progress and complaints needs, where it is missing."""
    missing: tuple[str, ...] = ()
    if "-progress" not in argv:
        missing += OPTIONS
    if not {"-v", "-loglevel"} & set(argv):
        missing += _LOG_LEVEL
    if step.on_damage == "keep":
        missing += ("-max_error_rate", "1")  # else more than two thirds lost is a failure
    return (str(context.tools.ffmpeg), *missing, *argv[1:])


def _fraction(
    time: Fraction | None, duration: Fraction | None, number: int, count: int, *, done: bool
) -> float | None:
    """How much of the step is done, where its commands take equal parts."""
    if done:
        return number / count
    if time is None or not duration:
        return None
    return (number - 1 + min(float(time / duration), 1.0)) / count


def _append(part: Path, log: Path) -> None:
    with suppress(FileNotFoundError):
        with log.open("ab") as file:
            file.write(part.read_bytes())
        part.unlink()


def _log_bytes(log: Path) -> bytes:
    return log.read_bytes() if log.is_file() else b""


def _check_damage(state: _Run) -> None:
    """FFmpeg went on past damage and said so. Raises unless the user keeps what there is."""
    damage = state.damage
    if not damage.is_severe or state.step.on_damage == "keep":
        return
    code = Code.MEDIA_TRUNCATED if damage.is_truncated else Code.MEDIA_DAMAGED
    what = "ends too early" if damage.is_truncated else "is damaged"
    raise ReelError(
        code,
        f"an input {what}: {damage.lines[0]}",
        where=_input_names(state.step),
        evidence={"complaints": list(damage.lines), "complaint_count": damage.count},
    )


async def _verified(state: _Run) -> list[Verified]:
    keep = state.step.on_damage == "keep"
    lost = min(state.damage.count, TOLERATED_LINES)
    slack = Slack(lost, keep) if lost or keep else STRICT
    try:
        return await _verify_all(state, slack)
    except ReelError as error:
        if error.code in (Code.OUTPUT_MISMATCH, Code.OUTPUT_MISSING):
            await _blame_short_input(state, error)
        raise


async def _verify_all(state: _Run, slack: Slack) -> list[Verified]:
    """A few at a time: each waits for an ffprobe. The first output's error is the one raised."""
    gate = asyncio.Semaphore(_VERIFIED_AT_ONCE)

    async def one(output: StepOutput) -> Verified:
        async with gate:
            return await verify(output, state.context, slack)

    outputs = state.step.outputs
    found = await asyncio.gather(*(one(o) for o in outputs), return_exceptions=True)
    checked = []
    for item in found:
        if isinstance(item, BaseException):
            raise item
        checked.append(item)
    return checked


async def _blame_short_input(state: _Run, mismatch: ReelError) -> None:
    """A header can promise more than the file holds, and no demuxer complains (MP3, WAV, TS): the
    output is too short then. Raises MEDIA_TRUNCATED where an input's last packets are missing."""
    for given in state.step.inputs:
        path = state.context.files[given.name]
        if given.demuxer is None or given.step is not None:
            continue
        sandbox = state.context.sandbox
        info = await probe(path, state.context.tools, sha256="", sandbox=sandbox)
        if info.duration is None:
            continue
        end = await real_end(path, state.context.tools, info, sandbox=sandbox)
        promised = (info.start or Fraction(0)) + info.duration
        if end is None or promised - end > _END_TOLERANCE:
            held = "nothing near its end" if end is None else f"{float(end):.2f} s"
            raise ReelError(
                Code.MEDIA_TRUNCATED,
                f"the input {path.name} promises {float(promised):.2f} s and holds {held}",
                where=given.name,
                evidence={"mismatch": mismatch.problem.to_json()},
            ) from mismatch


def _input_names(step: Step) -> str:
    return ", ".join(given.name for given in step.inputs if given.demuxer) or step.id


def _result(state: _Run, checked: Sequence[Verified], results: dict[str, Any]) -> StepResult:
    files = {c.name: c.files for c in checked}
    for tap in state.step.taps:
        for name in (tap.output, *((tap.pack,) if tap.pack else ())):
            files.setdefault(name, (state.context.workspace / name,))
    report: dict[str, Any] = {"outputs": {c.name: dict(c.facts) for c in checked}}
    for node, result in results.items():
        for topic, told in result.get("report", {}).items():
            report.setdefault(topic, {})[node] = told
    notes = [f"{c.name}: {note}" for c in checked for note in c.notes]
    if state.damage.lines or notes:
        report["damage"] = [*state.damage.lines, *notes]
    return StepResult(
        files=files,
        results=results,
        report=report,
        cpu_seconds=state.cpu_seconds,
        max_rss_bytes=state.max_rss_bytes,
    )
