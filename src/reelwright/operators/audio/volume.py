"""`volume`: louder, quieter, or silent; throughout or for a part."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, model_validator

from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Inputs, Operator, Params, Port, Strand
from reelwright.graph.params import Boolean, Duration, Level
from reelwright.media.streams import StreamKind
from reelwright.media.time import seconds_text
from reelwright.operators.audio.facts import after_filter, audio_of, decibels, factor, limiter
from reelwright.operators.times import Span, rate_of, span_of

_RAMP = "0.005"  # seconds; a jump of the gain would click


class VolumeParams(Params):
    gain: Level = Field(
        0.0, description="Gain: `-6dB`, a factor (`0.5`), or percent (`50%`). 0 dB changes nothing."
    )
    mute: Boolean = Field(False, description="Silence, whatever `gain` says.")
    start: Duration | None = Field(
        None, description="Where the change begins, in seconds of the input. Default: at once."
    )
    end: Duration | None = Field(
        None, description="Where it stops (not included). Default: at the end."
    )
    limiter: Boolean = Field(
        False,
        description="Keep peaks below `ceiling` by a look-ahead limiter, instead of clipping.",
    )
    ceiling: Level = Field(
        -1.0, description="Highest sample peak that the limiter lets pass, -24 dB to 0 dB."
    )

    @model_validator(mode="after")
    def _ranges(self) -> VolumeParams:
        if self.limiter and not -24 <= self.ceiling <= 0:
            raise ValueError("ceiling lies between -24 dB and 0 dB")
        if self.gain > 60:
            raise ValueError("gain is at most 60 dB")
        return self


class Volume(Operator):
    name = "volume"
    summary = "Makes sound louder or quieter, throughout or for a part."
    params = VolumeParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", frozenset({StreamKind.AUDIO}), doc="sound; other streams pass through"),
    )
    example = "{id: quiet, op: volume, input: talk, gain: -6dB, start: 10s, end: 20s}"

    def build(self, params: VolumeParams, inputs: Inputs, build: Builder) -> Bundle:
        bundle = inputs["input"][0]
        span = span_of(params.start, params.end, rate_of(bundle))
        for strand in bundle.of_kind(StreamKind.AUDIO):
            bundle = bundle.swap(strand, _changed(params, strand, span, build))
        return bundle


def _changed(params: VolumeParams, strand: Strand, span: Span, build: Builder) -> Strand:
    gain_db = float("-inf") if params.mute else params.gain
    made = strand
    if gain_db != 0:
        stream = after_filter(audio_of(strand))
        if span.is_whole:
            args = {"volume": decibels(gain_db), "precision": "float"}
            made = build.filter("volume", args, made, stream=stream)
        else:
            # volume's own timeline switches at frames (21 ms of AAC); aeval does at samples.
            args = {"exprs": _expression(factor(gain_db), span), "channel_layout": "same"}
            made = build.filter("aeval", args, made, stream=stream, because="timed to the sample")
    if params.limiter:
        made = limiter(build, made, params.ceiling, "a limiter instead of clipping, as asked")
    return made


def _expression(gain: float, span: Span) -> str:
    """The sample times its gain; the gain moves in straight ramps inside the range."""
    inside = f"clip((t-{seconds_text(span.start)})/{_RAMP},0,1)" if span.start else "1"
    if span.end is not None:
        inside += f"*clip(({seconds_text(span.end)}-t)/{_RAMP},0,1)"
    return f"val(ch)*(1+{gain - 1:.6f}*{inside})"
