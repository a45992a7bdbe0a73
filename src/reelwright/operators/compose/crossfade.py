"""Segments that fade into each other, picture and sound by the same whole number of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from reelwright.errors import Code, ReelError
from reelwright.graph.operator import Bundle, Strand
from reelwright.media.streams import StreamKind
from reelwright.media.time import seconds_text
from reelwright.operators.audio.facts import after_filter, audio_of, video_of
from reelwright.operators.pixels import converted

if TYPE_CHECKING:
    from reelwright.graph.actions import Value
    from reelwright.graph.builder import Builder


@dataclass(frozen=True, slots=True)
class Crossfade:
    """`length` in seconds; names are those of FFmpeg's xfade and afade."""

    length: Fraction
    transition: str
    curve: str


def crossfaded(build: Builder, ready: Sequence[tuple[Strand, ...]], fade: Crossfade) -> Bundle:
    """The segments, which must all have the same form, joined from left to right. Raises
    RANGE_EMPTY where a segment is shorter than the fade, FIELD_INVALID where its length is not
    known."""
    length = _whole_frames(ready[0], fade.length)
    for number, row in enumerate(ready, start=1):
        for strand in row:
            _check_long_enough(strand, length, number)
    made: list[Strand] = []
    for column in zip(*ready, strict=True):
        strand = column[0]
        for following in column[1:]:
            join = _pictures if strand.kind is StreamKind.VIDEO else _sounds
            strand = join(build, strand, following, length, fade)
        made.append(_subsampled(build, strand, column[0]))
    return Bundle(tuple(made))


def _whole_frames(row: Sequence[Strand], length: Fraction) -> Fraction:
    """xfade mixes whole frames, so the fade lasts a whole number of them."""
    for strand in row:
        if strand.kind is StreamKind.VIDEO:
            rate = video_of(strand).frame_rate
            assert rate is not None
            return max(1, round(length * rate)) / rate
    return length


def _check_long_enough(strand: Strand, length: Fraction, number: int) -> None:
    found = strand.stream.duration
    if found is None:
        raise ReelError(
            Code.FIELD_INVALID,
            f"crossfade: the length of input {number} is not known",
            hint="cut it first with `trim` and a duration",
        )
    if found < length:
        raise ReelError(
            Code.RANGE_EMPTY,
            f"crossfade: {seconds_text(length, 3)} s is longer than input {number}"
            f" ({seconds_text(found, 3)} s)",
        )


def _pictures(
    build: Builder, first: Strand, second: Strand, length: Fraction, fade: Crossfade
) -> Strand:
    one, two = video_of(first), video_of(second)
    assert one.duration is not None
    assert two.duration is not None
    assert one.frame_rate is not None
    duration = one.duration + two.duration - length
    count = round(duration * one.frame_rate)
    out = replace(one, duration=duration, frame_count=count, pix_fmt=None)
    args: dict[str, Value] = {
        "transition": fade.transition,
        "duration": seconds_text(length),
        "offset": seconds_text(one.duration - length),
    }
    return build.filter("xfade", args, first, second, stream=out)


def _subsampled(build: Builder, strand: Strand, before: Strand) -> Strand:
    """xfade works in full chroma alone."""
    if strand.kind is not StreamKind.VIDEO or strand is before or video_of(before).pix_fmt is None:
        return strand
    wanted = video_of(before).pix_fmt
    assert wanted is not None
    return converted(build, strand, wanted, f"back to {wanted}: xfade works in full chroma")


def _sounds(
    build: Builder, first: Strand, second: Strand, length: Fraction, fade: Crossfade
) -> Strand:
    one, two = audio_of(first), audio_of(second)
    assert one.duration is not None
    assert two.duration is not None
    assert one.sample_rate_hz is not None
    samples = max(1, round(length * one.sample_rate_hz))
    duration = one.duration + two.duration - Fraction(samples, one.sample_rate_hz)
    out = after_filter(one, duration=duration)
    args: dict[str, Value] = {"nb_samples": samples, "curve1": fade.curve, "curve2": fade.curve}
    return build.filter("acrossfade", args, first, second, stream=out)
