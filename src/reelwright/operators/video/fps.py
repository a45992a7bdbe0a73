"""`fps`: a constant frame rate."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import ClassVar, Literal

from pydantic import Field

from reelwright.graph.actions import Value
from reelwright.graph.builder import Builder
from reelwright.graph.operator import (
    Bundle,
    Cost,
    Inputs,
    Operator,
    Params,
    Port,
    Strand,
    require_video,
)
from reelwright.graph.params import Rate
from reelwright.media.streams import StreamKind, VideoStream

# minterpolate on 640x272 film, CPU-seconds a pixel that it gives out (FFmpeg 9).
_BLEND_S, _MOTION_S = 3e-9, 1.1e-7


class FpsParams(Params):
    rate: Rate = Field(description="Frames a second: 25, 29.97 (means 30000/1001), ntsc, film.")
    round: Literal["near", "down", "up", "zero", "inf"] = Field(
        "near",
        description="How a frame's time is moved onto the new grid: near, down, up, zero, inf.",
    )
    interpolate: Literal["none", "blend", "motion"] = Field(
        "none",
        description=(
            "none repeats and drops frames; blend mixes neighbours; motion moves what moves"
            " (slow: 0.1 s of CPU for each frame of 1280x720)."
        ),
    )


class Fps(Operator):
    name = "fps"
    summary = "Gives the video a constant frame rate; its duration stays."
    params = FpsParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", frozenset({StreamKind.VIDEO}), doc="What gets the rate; its sound passes."),
    )
    example = "{id: smooth, op: fps, input: screen, rate: 30}"

    def build(self, params: FpsParams, inputs: Inputs, build: Builder) -> Bundle:
        bundle = inputs["input"][0]
        strand = require_video(bundle)
        video = strand.stream
        assert isinstance(video, VideoStream)
        if video.is_vfr is False and video.frame_rate == params.rate:
            return bundle
        out = _at_rate(video, params)
        if params.interpolate == "none":
            args: dict[str, Value] = {"fps": params.rate, "round": params.round}
            made = build.filter("fps", args, strand, stream=out)
        else:
            made = _interpolated(build, strand, out, params)
        return bundle.swap(strand, made)

    def estimate(self, params: FpsParams, inputs: Inputs) -> Cost | None:
        video = require_video(inputs["input"][0]).stream
        assert isinstance(video, VideoStream)
        known = video.duration and video.width_px and video.height_px
        if params.interpolate == "none" or not known:
            return None
        assert video.duration
        assert video.width_px
        assert video.height_px
        made = float(video.duration * params.rate) * video.width_px * video.height_px
        return Cost(cpu_seconds=made * (_BLEND_S if params.interpolate == "blend" else _MOTION_S))


def _at_rate(video: VideoStream, params: FpsParams) -> VideoStream:
    """The facts behind the filter: counted where the source is counted and starts at 0."""
    count = None
    if video.is_vfr is False and video.frame_rate and video.frame_count and not video.start:
        rounding = "near" if params.interpolate != "none" else params.round
        count = _rounded(Fraction(video.frame_count) / video.frame_rate * params.rate, rounding)
    return replace(
        video,
        frame_rate=params.rate,
        is_vfr=False,
        frame_count=count,
        duration=video.duration if count is None else count / params.rate,
        time_base=1 / params.rate,
    )


def _rounded(frames: Fraction, rounding: str) -> int:
    """As av_rescale_rnd rounds where the stream ends (vf_fps.c, update_eof_pts); never negative."""
    if rounding in ("down", "zero"):
        return int(frames)
    if rounding in ("up", "inf"):
        return -int(-frames // 1)
    return int(frames + Fraction(1, 2))


def _interpolated(build: Builder, strand: Strand, out: VideoStream, params: FpsParams) -> Strand:
    # minterpolate looks two frames ahead and drops what it cannot look beyond: it gets two more.
    assert isinstance(strand.stream, VideoStream)
    longer = replace(strand.stream, frame_count=None)
    padded = build.filter("tpad", {"stop": 2, "stop_mode": "clone"}, strand, stream=longer)
    mode = "mci" if params.interpolate == "motion" else "blend"
    made = build.filter(
        "minterpolate",
        {"fps": params.rate, "mi_mode": mode},
        padded,
        stream=replace(out, frame_count=None),
    )
    if out.frame_count is None:
        return made
    return build.filter("trim", {"end_frame": out.frame_count}, made, stream=out)
