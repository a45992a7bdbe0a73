"""Runs a step that only looks at pictures: in a child that decodes what tells something, else by
the FFmpeg command that the plan holds beside it.

The step is an FFmpeg step of taps, with its command; its payload also has::

    {"look": {"stream": 0,         which stream of the input's
              "rotation_deg": 0,   clockwise
              "duration": 12.5}}   seconds that the stream promises, or null
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.planning.plan import Step, StepKind
from reelwright.runners.context import StepProgress, StepResult
from reelwright.tools.decode.child import Outcome, look
from reelwright.tools.decode.job import CANDIDATES, KEYFRAMES, Job, Wish

if TYPE_CHECKING:
    from reelwright.planning.plan import StepTap
    from reelwright.runners.context import StepContext
    from reelwright.tools.ffmpeg.progress import Progress


async def run(step: Step, context: StepContext) -> StepResult:
    """`report["look"]` says how many packets there were and how many frames were decoded, or, in
    "fallback", why FFmpeg decoded all of them. Raises what the FFmpeg runner raises."""
    outcome = await look(
        _job(step, context),
        context.workspace,
        log=context.log,
        sandbox=context.sandbox,
        memory_bytes=context.memory_bytes,
        on_progress=lambda progress: _tell(step, context, progress),
        heartbeat=context.heartbeat,
        grace_s=context.grace_s,
    )
    if outcome.reason is not None:
        return await _decode_all(step, context, outcome, outcome.reason)
    return _result(step, context, outcome)


def _job(step: Step, context: StepContext) -> Job:
    given = step.inputs[0]
    if given.name not in context.files:
        raise ReelError(Code.PLAN_INVALID, f"nobody provides the input '{given.name}'")
    asked = step.payload["look"]
    return Job(
        input=str(context.files[given.name].resolve()),
        demuxer=given.demuxer,
        stream=asked["stream"],
        rotation_deg=asked["rotation_deg"],
        duration_s=asked["duration"],
        wishes=tuple(Wish(analyser=t.analyser, params=t.params, pack=t.pack) for t in step.taps),
    )


def _tell(step: Step, context: StepContext, progress: Progress) -> None:
    done = None
    if step.duration and progress.time is not None:
        done = min(1.0, float(progress.time / step.duration))
    context.on_progress(StepProgress.of(progress, fraction=done))


def _result(step: Step, context: StepContext, outcome: Outcome) -> StepResult:
    results: dict[str, Any] = {}
    files = {}
    for tap, raw in zip(step.taps, outcome.results, strict=True):
        results[tap.node] = _result_of(tap, raw)
        path = context.workspace / tap.output
        body = json.dumps(results[tap.node], allow_nan=False, separators=(",", ":"))
        path.write_text(body, encoding="utf-8")
        files[tap.output] = (path,)
        if tap.pack:
            files[tap.pack] = (context.workspace / tap.pack,)
    return StepResult(
        files=files,
        results=results,
        report={"look": dict(outcome.report)},
        cpu_seconds=outcome.cpu_seconds,
        max_rss_bytes=outcome.max_rss_bytes,
    )


def _result_of(tap: StepTap, raw: Mapping[str, Any]) -> dict[str, Any]:
    """As the analyser of the tap would have given it."""
    from reelwright.analysis.shots import shots_json
    from reelwright.operators.analyse import candidates, keyframes

    params = tap.params
    if tap.analyser == CANDIDATES:
        kept = [(number, file) for number, file in raw["kept"]]
        duration = tap.stream.duration if tap.stream else None
        return candidates.result(params, kept, raw["count"], duration)
    rate = Fraction(params["rate"])
    found = [(first, end) for first, end in raw["shots"]]
    if tap.analyser == KEYFRAMES:
        chosen = [(frame, file) for frame, file in raw["chosen"]]
        return keyframes.result(found, chosen, rate, (params["width"], params["height"]))
    return shots_json(found, rate, raw["count"])


async def _decode_all(
    step: Step, context: StepContext, outcome: Outcome, reason: str
) -> StepResult:
    from reelwright.runners import ffmpeg

    for tap in step.taps:
        if tap.pack:
            (context.workspace / tap.pack).unlink(missing_ok=True)
    result = await ffmpeg.run(replace(step, kind=StepKind.FFMPEG), context)
    return replace(
        result,
        report={**result.report, "look": {"fallback": reason}},
        cpu_seconds=result.cpu_seconds + outcome.cpu_seconds,
        max_rss_bytes=max(result.max_rss_bytes, outcome.max_rss_bytes),
    )
