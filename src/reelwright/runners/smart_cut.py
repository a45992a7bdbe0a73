"""Runs a smart cut, and where the media does not allow one, the full encode that the plan holds.

The payload of such a step, written by planning::

    {"start": "31/10", "end": "83/10" | null,   seconds from the start of the file; end: to its end
     "container": "mp4",                        FFmpeg's muxer
     "streams": [{"index": 0, "kind": "video"}, {"index": 1, "kind": "audio"}],   in output order
     "origin": "7/5" | absent,                  first timestamp of the file; absent: asked of it
     "metadata": {"title": "…"},                of the file
     "options": {"movflags": "+faststart"},     of the muxer
     "fallback": ["…/ffmpeg", "-i", …]}         complete argv of the same cut by a full encode

with one input and one output. An entry of `streams` may hold ``"tags": {"language": "deu"}``.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.media.streams import VideoStream
from reelwright.planning.plan import Step, StepKind, StepOutput
from reelwright.runners.context import StepProgress, StepResult
from reelwright.runners.verify import verify
from reelwright.tools.smartcut.child import Outcome, smart_cut

if TYPE_CHECKING:
    from reelwright.runners.context import StepContext
    from reelwright.tools.ffmpeg.progress import Progress
    from reelwright.tools.smartcut.job import Job


async def run(step: Step, context: StepContext) -> StepResult:
    """One exact cut. `report["smart_cut"]` says what was copied and encoded, or, in "fallback",
    why everything was encoded.

    Raises SEAM_DAMAGED where there is no fallback, and what `verify` and the encode raise.
    """
    outcome = await smart_cut(
        _job(step, context),
        context.workspace,
        log=context.log,
        sandbox=context.sandbox,
        on_progress=lambda progress: _tell(step, context, progress),
        heartbeat=context.heartbeat,
        grace_s=context.grace_s,
    )
    if outcome.reason is not None:
        return await _encode(step, context, outcome, outcome.reason)
    try:
        checked = await verify(_counted(step.outputs[0], outcome), context)
    except ReelError as error:
        if error.code.retryable:
            raise
        return await _encode(step, context, outcome, str(error))
    return StepResult(
        files={checked.name: checked.files},
        report={"outputs": {checked.name: checked.facts}, "smart_cut": dict(outcome.report)},
        cpu_seconds=outcome.cpu_seconds,
        max_rss_bytes=outcome.max_rss_bytes,
    )


def _counted(output: StepOutput, outcome: Outcome) -> StepOutput:
    """The planned number of frames is a duration times a rate; the cut has counted the source's,
    which may have gaps."""
    frames = outcome.report.get("frames")
    if output.expect.frame_count is None or frames is None:
        return output
    return replace(output, expect=replace(output.expect, frame_count=frames))


def _tell(step: Step, context: StepContext, progress: Progress) -> None:
    done = None
    if step.duration and progress.time is not None:
        done = min(1.0, float(progress.time / step.duration))
    context.on_progress(StepProgress.of(progress, fraction=done))


def _job(step: Step, context: StepContext) -> Job:
    from reelwright.tools.smartcut.job import Job

    payload = step.payload
    given, output = step.inputs[0], step.outputs[0]
    if given.name not in context.files:
        raise ReelError(Code.PLAN_INVALID, f"nobody provides the input '{given.name}'")
    tags = {s["index"]: s["tags"] for s in payload["streams"] if s.get("tags")}
    return Job(
        input=str(context.files[given.name].resolve()),
        demuxer=given.demuxer,
        output=output.name,
        container=payload["container"],
        start=Fraction(payload["start"]),
        end=_fraction(payload.get("end")),
        origin=_fraction(payload.get("origin")),
        streams=tuple(s["index"] for s in payload["streams"]),
        stream_tags=tags,
        metadata=payload.get("metadata", {}),
        options=payload.get("options", {}),
        threads=step.threads,
    )


def _fraction(text: Any) -> Fraction | None:
    return None if text is None else Fraction(text)


def _upright(output: StepOutput) -> StepOutput:
    """A copy keeps the rotation as metadata; an encode applies it to the pixels."""
    streams = tuple(
        replace(s, rotation_deg=0, is_mirrored=False) if isinstance(s, VideoStream) else s
        for s in output.expect.streams
    )
    return replace(output, expect=replace(output.expect, streams=streams))


async def _encode(step: Step, context: StepContext, outcome: Outcome, reason: str) -> StepResult:
    """The full encode, by the runner of FFmpeg commands."""
    fallback = tuple(step.payload.get("fallback", ()))
    if not fallback:
        raise ReelError(
            Code.SEAM_DAMAGED, f"the smart cut failed: {reason}", evidence=dict(outcome.report)
        )
    from reelwright.runners import ffmpeg

    (context.workspace / step.outputs[0].name).unlink(missing_ok=True)
    encode = replace(
        step,
        kind=StepKind.FFMPEG,
        commands=(fallback,),
        payload={},
        outputs=tuple(_upright(o) for o in step.outputs),
    )
    result = await ffmpeg.run(encode, context)
    report = {**result.report, "smart_cut": {"fallback": reason}}
    return replace(
        result,
        report=report,
        cpu_seconds=result.cpu_seconds + outcome.cpu_seconds,
        max_rss_bytes=max(result.max_rss_bytes, outcome.max_rss_bytes),
    )
