"""`concat`: one after another, or faded into each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import ClassVar, Literal

from pydantic import Field

from reelwright.errors import Code, ReelError
from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Inputs, Operator, Params, Port, Strand, as_raw
from reelwright.graph.params import Color, Duration, Integer, Rate
from reelwright.media.geometry import Size
from reelwright.media.streams import Stream, VideoStream
from reelwright.operators.audio.fade import Curve
from reelwright.operators.compose.crossfade import Crossfade, crossfaded
from reelwright.operators.compose.segments import (
    Form,
    Segment,
    alike,
    conformed,
    has_others,
    layout_of,
    picture_of,
    segments_of,
    sound_of,
)
from reelwright.operators.compose.transitions import Transition
from reelwright.operators.times import in_seconds
from reelwright.operators.video.sizing import picture_size

_DEFAULT_RATE = Fraction(25)  # for images alone, which have none


class ConcatParams(Params):
    crossfade: Duration | None = Field(
        None, description="Fade each segment into the next over this time; the result is shorter."
    )
    transition: Transition = Field("fade", description="How the picture changes in a crossfade.")
    curve: Curve = Field("tri", description="Shape of the sound's crossfade; `qsin`: equal power.")
    width: Integer | None = Field(
        None, ge=2, le=65535, description="Width in pixels. Default: that of the first segment."
    )
    height: Integer | None = Field(
        None, ge=2, le=65535, description="Height in pixels. Default: that of the first segment."
    )
    rate: Rate | None = Field(
        None, description="Frames a second. Default: the rate of the first segment."
    )
    sample_rate: Integer | None = Field(
        None,
        ge=8000,
        le=384_000,
        description="Sample rate in Hz. Default: as the first sound.",
    )
    fit: Literal["pad", "cover", "stretch"] = Field(
        "pad", description="Segments of another shape get borders, are cropped, or are stretched."
    )
    color: Color = Field("0x000000FF", description="Of the borders and of missing pictures.")
    still: Duration = Field(Fraction(5), description="How long an image among the segments stands.")


class Concat(Operator):
    name = "concat"
    summary = "Puts segments one after another, whatever they differ in; crossfades if wanted."
    params = ConcatParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("inputs", many=True, doc="segments; subtitles and further sounds are dropped"),
    )
    example = "{id: film, op: concat, inputs: [intro, talk, outro], crossfade: 1s}"

    def build(self, params: ConcatParams, inputs: Inputs, build: Builder) -> Bundle:
        bundles = inputs["inputs"]
        if len(bundles) == 1 and params == ConcatParams():
            return bundles[0]
        segments = segments_of(bundles, in_seconds(params.still, None, "still"))
        for bundle, segment in zip(bundles, segments, strict=True):
            if has_others(bundle, segment):
                build.warn(
                    f"subtitles and further sounds of input {segment.number + 1} are dropped"
                )
        fade = None
        if params.crossfade is not None:
            rate = params.rate or getattr(picture_of(segments), "frame_rate", None)
            fade = in_seconds(params.crossfade, rate, "crossfade")
        if not fade and _asks_nothing(params) and alike(segments):
            return _joined(build, [_strands(s) for s in segments], segments, encoded=True)
        form = _form(params, segments, exact=bool(fade))
        ready = [conformed(build, segment, form) for segment in segments]
        if fade:
            return crossfaded(build, ready, Crossfade(fade, params.transition, params.curve))
        return _joined(build, ready, segments, encoded=False)


def _asks_nothing(params: ConcatParams) -> bool:
    return (params.width, params.height, params.rate, params.sample_rate) == (None,) * 4


def _strands(segment: Segment) -> tuple[Strand, ...]:
    return tuple(s for s in (segment.video, segment.audio) if s is not None)


def _form(params: ConcatParams, segments: Sequence[Segment], *, exact: bool) -> Form:
    """The first segment's format, or what is asked for."""
    picture, sound = picture_of(segments), sound_of(segments)
    form = Form(fit=params.fit, color=params.color, exact=exact)
    if picture is not None:
        found = picture_size(picture)
        form = replace(
            form,
            size=_asked_size(params, found),
            sar=picture.sar or Fraction(1),
            rate=params.rate or _rate(picture),
            pix_fmt=picture.pix_fmt,
        )
    if sound is not None:
        layout = layout_of(sound)
        if layout is None or sound.sample_rate_hz is None:
            raise ReelError(Code.FIELD_INVALID, "the format of the first sound is not known")
        form = replace(
            form,
            sample_rate_hz=params.sample_rate or sound.sample_rate_hz,
            layout=layout,
            channels=sound.channels,
        )
    return form


def _rate(picture: VideoStream) -> Fraction:
    if picture.is_still:
        return _DEFAULT_RATE
    if picture.frame_rate is None:
        raise ReelError(
            Code.FIELD_INVALID,
            "the frame rate of the first segment is not known",
            hint="set `rate`",
        )
    return picture.frame_rate


def _asked_size(params: ConcatParams, found: Size) -> Size:
    """One side alone keeps the first segment's shape, in even numbers."""
    width, height = params.width, params.height
    if width is None and height is None:
        return found
    if height is None:
        assert width is not None
        height = max(2, round(Fraction(found.height_px * width, found.width_px) / 2) * 2)
    if width is None:
        width = max(2, round(Fraction(found.width_px * height, found.height_px) / 2) * 2)
    return Size(width, height)


def _joined(
    build: Builder,
    ready: Sequence[tuple[Strand, ...]],
    segments: Sequence[Segment],
    *,
    encoded: bool,
) -> Bundle:
    columns = list(zip(*ready, strict=True))
    lengths = [_longest(row) for row in ready]
    streams = [_after_each_other(column, lengths, encoded=encoded) for column in columns]
    return Bundle(build.join(ready, streams, encoded=encoded))


def _longest(row: Sequence[Strand]) -> Fraction | None:
    """A segment lasts as long as the longest of its streams: the others wait for it."""
    known = [s.stream.duration for s in row]
    return max((k for k in known if k is not None), default=None) if None not in known else None


def _after_each_other(
    column: Sequence[Strand], lengths: Sequence[Fraction | None], *, encoded: bool
) -> Stream:
    first = column[0].stream if encoded else as_raw(column[0].stream)
    before, last = lengths[:-1], column[-1].stream.duration
    duration = None
    if last is not None and None not in before:
        duration = sum((b for b in before if b is not None), last)
    if not isinstance(first, VideoStream):
        return replace(first, duration=duration, start=first.start if encoded else Fraction(0))
    counts = [s.stream.frame_count for s in column if isinstance(s.stream, VideoStream)]
    known = None if None in counts else sum(c for c in counts if c is not None)
    videos = [s.stream for s in column if isinstance(s.stream, VideoStream)]
    is_vfr = None if any(v.is_vfr is None for v in videos) else any(v.is_vfr for v in videos)
    if len({v.frame_rate for v in videos}) > 1:
        is_vfr = True
    return replace(
        first,
        duration=duration,
        frame_count=known,
        is_vfr=is_vfr,
        start=first.start if encoded else Fraction(0),
    )
