"""Times among the parameters of an operation: in seconds of the stream they speak of."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from reelwright.errors import Code, ReelError
from reelwright.graph.operator import Bundle
from reelwright.media.streams import VideoStream
from reelwright.media.time import seconds_text
from reelwright.media.timecode import Timecode, seconds


def rate_of(bundle: Bundle) -> Fraction | None:
    """The frame rate that timecodes of this bundle count in; None where there is none."""
    video = bundle.video
    if video is None or not isinstance(video.stream, VideoStream):
        return None
    return video.stream.frame_rate


def in_seconds(value: Fraction | Timecode, rate: Fraction | None, field: str) -> Fraction:
    """Raises FIELD_INVALID where `value` is a timecode and the rate does not fit it."""
    try:
        return seconds(value, rate)
    except ValueError as error:
        raise ReelError(Code.FIELD_INVALID, f"{field}: {error}") from error


@dataclass(frozen=True, slots=True)
class Span:
    """The half-open part ``[start, end)`` of a stream in which something shows; `end` None: to its
    end, whether that is known or not."""

    start: Fraction = Fraction(0)
    end: Fraction | None = None

    @property
    def is_whole(self) -> bool:
        return self.start == 0 and self.end is None

    def enable(self) -> dict[str, str]:
        """The timeline option of a filter; nothing where the span is the whole stream."""
        if self.is_whole:
            return {}
        after = f"gte(t,{seconds_text(self.start)})"
        return {"enable": after if self.end is None else f"{after}*lt(t,{seconds_text(self.end)})"}


def span_of(
    start: Fraction | Timecode | None, end: Fraction | Timecode | None, rate: Fraction | None
) -> Span:
    """Raises RANGE_EMPTY where the end is not after the start, FIELD_INVALID as `in_seconds`."""
    first = Fraction(0) if start is None else in_seconds(start, rate, "start")
    last = None if end is None else in_seconds(end, rate, "end")
    if last is not None and last <= first:
        raise ReelError(
            Code.RANGE_EMPTY,
            f"end ({seconds_text(last)} s) is not after start ({seconds_text(first)} s)",
        )
    return Span(first, last)


def fade_end(span: Span, duration: Fraction | None) -> Fraction:
    """When something that shows during `span` is gone. Raises FIELD_INVALID where nobody knows."""
    end = span.end if span.end is not None else duration
    if end is None:
        raise ReelError(
            Code.FIELD_INVALID,
            "fade: the length of the video is not known, so neither is when to fade out",
            hint="say when it is gone (`end: 10s`)",
        )
    return end
