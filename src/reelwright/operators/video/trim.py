"""`trim`: a part of the time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from reelwright.errors import Code, ReelError
from reelwright.graph.builder import Builder, covered
from reelwright.graph.operator import Bundle, Fan, Inputs, Operator, Params, Port, Strand
from reelwright.graph.params import Duration, Moment
from reelwright.media.streams import DataStream, Stream, StreamKind, VideoStream
from reelwright.media.time import TimeRange
from reelwright.media.timecode import Timecode, duration_text, seconds
from reelwright.operators.analyse.shots import shots_of
from reelwright.operators.times import rate_of

Mode = Literal["exact", "keyframe", "encode"]
# By so much streams of one file usually end apart.
_ROUNDING = Fraction(1, 10)


class Span(Params):
    start: Moment = Field(
        Fraction(0), description="Where the part begins; -5s means 5 seconds before the end."
    )
    end: Moment | None = Field(
        None, description="Where it ends (that frame is out); left out: the end of the input."
    )
    duration: Duration | None = Field(None, description="How long it is, in place of `end`.")

    @model_validator(mode="after")
    def _one_end(self) -> Span:
        if self.end is not None and self.duration is not None:
            raise ValueError("give either end or duration")
        return self


class TrimParams(Span):
    mode: Mode = Field(
        "exact",
        description=(
            "exact: to the frame, copying what can be copied. keyframe: copies all, from the"
            " keyframe before the start (MP4 and MOV hide the lead from players, others show it)."
            " encode: to the frame, everything encoded anew."
        ),
    )
    each: Literal["shots"] | tuple[Span, ...] | None = Field(
        None,
        description=(
            "Several parts, one result each: `shots` for every shot of the video, or a list of"
            " {start, end or duration}. {index} in the output's path is its number, from 1;"
            " without it the number is put before the ending."
        ),
    )

    @model_validator(mode="after")
    def _each_alone(self) -> TrimParams:
        if self.each is not None and {"start", "end", "duration"} & self.model_fields_set:
            raise ValueError("`each` names the parts: start, end and duration do not go with it")
        if self.each == ():
            raise ValueError("`each` is an empty list")
        return self


class Trim(Operator):
    name = "trim"
    summary = "Keeps a part of the time, exact to the frame and the sample."
    params = TrimParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", doc="Any streams; all of them are cut at the same times."),
    )
    example = "{id: cut, op: trim, input: talk, start: 10s, duration: 5m}"

    def build(self, params: TrimParams, inputs: Inputs, build: Builder) -> Bundle | Fan:
        bundle = inputs["input"][0]
        if params.each is None:
            return _part(build, bundle, _range(params, bundle, ""), params.mode)
        if params.each == "shots":
            ranges = [shot.range for shot in shots_of(build, bundle)]
        else:
            ranges = [_range(span, bundle, f"each[{n}].") for n, span in enumerate(params.each)]
        return Fan(tuple(_part(build, bundle, span, params.mode) for span in ranges))


def _range(span: Span, bundle: Bundle, where: str) -> TimeRange:
    """`span` in seconds from the start. Raises RANGE_EMPTY where nothing is left of it."""
    rate = rate_of(bundle)
    total = length(bundle)
    start = resolved(span.start, rate, total, f"{where}start")
    end = None
    if span.end is not None:
        end = resolved(span.end, rate, total, f"{where}end")
    elif span.duration is not None:
        end = start + resolved(span.duration, rate, total, f"{where}duration")
    if end is not None and end <= start:
        raise ReelError(
            Code.RANGE_EMPTY,
            f"the part ends at {duration_text(end)}, not after its start at {duration_text(start)}",
            where=f"{where}{'duration' if span.end is None else 'end'}",
        )
    if total is not None and start >= total:
        raise ReelError(
            Code.RANGE_EMPTY,
            f"the part starts at {duration_text(start)}, but the input ends at"
            f" {duration_text(total)}",
            where=f"{where}start",
        )
    return TimeRange(start, end)


def resolved(
    value: Fraction | Timecode, rate: Fraction | None, total: Fraction | None, where: str
) -> Fraction:
    """Seconds from the start. Raises FIELD_INVALID for a timecode that does not exist at `rate`, or
    a time from the end where the end is not known; RANGE_EMPTY where it lies before the start."""
    try:
        time = seconds(value, rate)
    except ValueError as error:
        raise ReelError(Code.FIELD_INVALID, str(error), where=where) from None
    if time >= 0:
        return time
    if total is None:
        raise ReelError(
            Code.FIELD_INVALID,
            "a time from the end needs an input whose duration is known",
            where=where,
            hint="give the time from the start",
        )
    if total + time < 0:
        raise ReelError(
            Code.RANGE_EMPTY,
            f"{duration_text(-time)} before the end lies before the start: the input has"
            f" {duration_text(total)}",
            where=where,
        )
    return total + time


def length(bundle: Bundle) -> Fraction | None:
    """Where the last video or audio stream ends; None while one of their durations is not known."""
    moving = [s.stream for s in bundle if _runs(s) and s.kind.value in ("video", "audio")]
    known = [end for s in moving if (end := ending(s)) is not None]
    return max(known) if moving and len(known) == len(moving) else None


def ending(stream: Stream) -> Fraction | None:
    """Where a stream ends, in the times of its file."""
    return None if stream.duration is None else (stream.start or 0) + stream.duration


def _runs(strand: Strand) -> bool:
    """Whether the stream has a course in time: a cover picture and a font have none."""
    stream = strand.stream
    if isinstance(stream, VideoStream):
        return not stream.is_still
    return not isinstance(stream, DataStream)


def _part(build: Builder, bundle: Bundle, span: TimeRange, mode: Mode) -> Bundle:
    kept = tuple(_kept(build, bundle, span, mode))
    for strand in kept:
        if isinstance(strand.stream, VideoStream) and strand.stream.frame_count == 0:
            raise ReelError(
                Code.RANGE_EMPTY,
                f"no frame of the video begins in the part from {duration_text(span.start)}"
                + ("" if span.end is None else f" to {duration_text(span.end)}"),
            )
    _warn_of_missing(build, bundle, span)
    if not any(_runs(strand) for strand in kept):
        raise ReelError(
            Code.STREAM_KIND, "trim needs a stream with a duration; the input is a still picture"
        )
    return Bundle(kept)


def _warn_of_missing(build: Builder, bundle: Bundle, span: TimeRange) -> None:
    """A shorter result than asked for, or one without a stream, should not come as a surprise."""
    total = length(bundle)
    # A container's rounding of times is no surprise.
    if total is not None and span.end is not None and span.end > total + _ROUNDING:
        build.warn(
            f"the part ends at {duration_text(span.end)}, but the input already at"
            f" {duration_text(total)}"
        )
    for strand in bundle:
        end = ending(strand.stream)
        is_seen = strand.kind in (StreamKind.VIDEO, StreamKind.AUDIO) and _runs(strand)
        if is_seen and end is not None and covered(strand.stream, span).is_empty:
            begin = duration_text(strand.stream.start or Fraction(0))
            build.warn(
                f"the {strand.kind.value} is left out: it runs from {begin} to"
                f" {duration_text(end)}, and has nothing in the part"
            )


def _kept(
    build: Builder, strands: Iterable[Strand], span: TimeRange, mode: Mode
) -> Iterable[Strand]:
    exact = mode != "keyframe"
    for strand in strands:
        if not _runs(strand):
            if _is_timeless(strand):
                yield strand
        elif not covered(strand.stream, span).is_empty:
            yield build.cut(strand, span, exact=exact, mode="auto" if mode == "exact" else mode)


def _is_timeless(strand: Strand) -> bool:
    """Cover pictures and attached fonts stay; results and timecode tracks speak of other times."""
    stream = strand.stream
    return not isinstance(stream, DataStream) or stream.filename is not None


__all__: Sequence[str] = ("Span", "Trim", "TrimParams", "ending", "length", "resolved")
