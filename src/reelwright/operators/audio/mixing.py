"""Sounds over each other: in one format, delayed, ducked, summed. For `mix` and `overlay`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from reelwright.errors import Code, ReelError
from reelwright.graph.actions import Value
from reelwright.graph.operator import Strand
from reelwright.media.streams import AudioStream
from reelwright.operators.audio.facts import (
    after_filter,
    audio_of,
    decibels,
    factor,
    layout_of,
    limiter,
    remix,
    resample,
)

if TYPE_CHECKING:
    from reelwright.graph.builder import Builder

# Just under full scale, so that a sum of loud sounds is not clipped by the encoder.
_CEILING_DB = -0.1


@dataclass(frozen=True, slots=True)
class Voice:
    """One sound of a mix: its gain in dB and its delay in seconds."""

    strand: Strand
    gain_db: float = 0.0
    at: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Ducking:
    """Voice `trigger` lowers the others: above `threshold_db`, by `ratio`, in `attack_s`."""

    trigger: int
    threshold_db: float
    ratio: float
    attack_s: Fraction
    release_s: Fraction


def mixed(
    build: Builder,
    voices: Sequence[Voice],
    *,
    duration: str = "longest",
    normalize: bool = False,
    ducking: Ducking | None = None,
) -> Strand:
    """The sum of the voices. `duration` is longest, first or shortest."""
    rate_hz, layout, channels = _common([audio_of(v.strand) for v in voices])
    ready = [_ready(build, v, rate_hz, layout, channels) for v in voices]
    if ducking is not None:
        ready = _ducked(build, ready, ducking)
    if len(ready) == 1:
        return ready[0]
    lengths = [audio_of(s).duration for s in ready]
    out = after_filter(
        audio_of(ready[0]),
        duration=_length(lengths, duration),
        start=Fraction(0),
        language=audio_of(voices[0].strand).language,
    )
    args: dict[str, Value] = {
        "inputs": len(ready),
        "duration": duration,
        "normalize": int(normalize),
        "dropout_transition": 0,
    }
    made = build.filter("amix", args, *ready, stream=out)
    if normalize:
        return made
    return limiter(
        build, made, _CEILING_DB, "a sum may exceed full scale; what does not is untouched"
    )


def _common(streams: Sequence[AudioStream]) -> tuple[int, str, int]:
    """The format that loses nothing: the highest rate, the layout with the most channels."""
    rates = [s.sample_rate_hz for s in streams]
    layouts = [layout_of(s) for s in streams]
    if None in rates or None in layouts:
        raise ReelError(
            Code.FIELD_INVALID,
            "the sample rate and the channels of each sound must be known to mix",
        )
    widest = max(streams, key=lambda s: s.channels or 0)
    layout = layout_of(widest)
    assert layout is not None
    return max(r for r in rates if r is not None), layout, widest.channels or 2


def _ready(build: Builder, voice: Voice, rate_hz: int, layout: str, channels: int) -> Strand:
    made = resample(build, voice.strand, rate_hz, f"the mix runs at {rate_hz} Hz")
    made = remix(build, made, layout, channels, f"the mix is {layout}")
    if voice.gain_db != 0:
        args: dict[str, Value] = {"volume": decibels(voice.gain_db), "precision": "float"}
        made = build.filter("volume", args, made, stream=after_filter(audio_of(made)))
    if voice.at:
        samples = round(voice.at * rate_hz)
        length = audio_of(made).duration
        later = None if length is None else length + Fraction(samples, rate_hz)
        args = {"delays": f"{samples}S", "all": 1}
        stream = after_filter(audio_of(made), duration=later, start=Fraction(0))
        made = build.filter("adelay", args, made, stream=stream)
    return made


def _ducked(build: Builder, ready: list[Strand], ducking: Ducking) -> list[Strand]:
    trigger = ready[ducking.trigger]
    # sidechaincompress ends with the shorter of its inputs.
    endless = build.filter(
        "apad",
        {},
        trigger,
        stream=replace(audio_of(trigger), duration=None),
        because="the trigger must not end before what it ducks",
    )
    args: dict[str, Value] = {
        "threshold": round(factor(ducking.threshold_db), 6),
        "ratio": ducking.ratio,
        "attack": float(ducking.attack_s * 1000),
        "release": float(ducking.release_s * 1000),
    }
    made: list[Strand] = []
    for number, strand in enumerate(ready):
        if number == ducking.trigger:
            made.append(strand)
            continue
        stream = after_filter(audio_of(strand))
        made.append(
            build.filter(
                "sidechaincompress", args, strand, endless, stream=stream, because="ducked"
            )
        )
    return made


def _length(lengths: Sequence[Fraction | None], duration: str) -> Fraction | None:
    known = [length for length in lengths if length is not None]
    if duration == "first":
        return lengths[0]
    if len(known) < len(lengths) or not known:
        return None
    return max(known) if duration == "longest" else min(known)
