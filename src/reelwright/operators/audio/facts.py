"""What audio filters do to the facts of a stream, and conversions that several operators need."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from reelwright.graph.operator import Strand
from reelwright.media.streams import AudioStream, VideoStream

if TYPE_CHECKING:
    from reelwright.graph.builder import Builder


def audio_of(strand: Strand) -> AudioStream:
    """The stream of an audio strand."""
    assert isinstance(strand.stream, AudioStream)
    return strand.stream


def video_of(strand: Strand) -> VideoStream:
    assert isinstance(strand.stream, VideoStream)
    return strand.stream


def after_filter(stream: AudioStream, **changes: Any) -> AudioStream:
    """Filters that compute choose their own sample format, so that is not known any more."""
    values: dict[str, Any] = {"sample_fmt": None, **changes}
    return replace(stream, **values)


def decibels(level_db: float) -> str:
    """A level as the ``volume`` filter takes it; the factor 0 for -inf."""
    return "0" if level_db == float("-inf") else f"{level_db:.4f}".rstrip("0").rstrip(".") + "dB"


def factor(level_db: float) -> float:
    """The amplitude factor of a level in dB."""
    return 0.0 if level_db == float("-inf") else 10 ** (level_db / 20)


def resample(build: Builder, strand: Strand, rate_hz: int, because: str) -> Strand:
    """`strand` at `rate_hz`; itself where it is there already."""
    stream = audio_of(strand)
    if stream.sample_rate_hz == rate_hz:
        return strand
    out = after_filter(stream, sample_rate_hz=rate_hz)
    return build.filter("aresample", {"sample_rate": rate_hz}, strand, stream=out, because=because)


def remix(build: Builder, strand: Strand, layout: str, channels: int, because: str) -> Strand:
    """`strand` with the channel layout `layout` (FFmpeg's name); itself where it has it."""
    stream = audio_of(strand)
    if stream.channel_layout == layout:
        return strand
    out = after_filter(stream, channel_layout=layout, channels=channels)
    args = {"channel_layouts": layout}
    return build.filter("aformat", args, strand, stream=out, because=because)


def fit_length(build: Builder, strand: Strand, duration: Fraction, because: str) -> Strand:
    """Exactly `duration` seconds from 0: gaps and the end filled with silence, what is over cut."""
    rate_hz = audio_of(strand).sample_rate_hz
    assert rate_hz is not None
    samples = round(duration * rate_hz)
    filled = build.filter(
        # async=1 fills gaps and first_pts=0 a late start; both leave samples that fit untouched.
        "aresample",
        {"async": 1, "first_pts": 0},
        strand,
        stream=after_filter(audio_of(strand)),
        because=because,
    )
    padded = build.filter("apad", {"whole_len": samples}, filled, because=because)
    out = replace(audio_of(padded), duration=Fraction(samples, rate_hz), start=Fraction(0))
    return build.filter("atrim", {"end_sample": samples}, padded, stream=out, because=because)


def limiter(build: Builder, strand: Strand, ceiling_db: float, because: str) -> Strand:
    """Look-ahead limiting of sample peaks. Sound below the ceiling passes bit by bit: `level=0`
    switches off the make-up gain, `latency=1` takes the look-ahead out of the timestamps."""
    args = {"limit": round(factor(ceiling_db), 6), "level": 0, "latency": 1}
    stream = after_filter(audio_of(strand))
    return build.filter("alimiter", args, strand, stream=stream, because=because)


# Layout names that FFmpeg gives a bare number of channels (av_channel_layout_default).
DEFAULT_LAYOUTS = {
    1: "mono",
    2: "stereo",
    3: "2.1",
    4: "4.0",
    5: "5.0",
    6: "5.1",
    7: "6.1",
    8: "7.1",
}


def layout_of(stream: AudioStream) -> str | None:
    """The layout, or FFmpeg's default for the number of channels; None where neither is known."""
    if stream.channel_layout is not None:
        return stream.channel_layout
    return DEFAULT_LAYOUTS.get(stream.channels or 0)


__all__ = [
    "DEFAULT_LAYOUTS",
    "after_filter",
    "audio_of",
    "decibels",
    "factor",
    "fit_length",
    "layout_of",
    "limiter",
    "remix",
    "resample",
    "video_of",
]
