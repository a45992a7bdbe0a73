"""`describe`: what is shown, segment by segment, by a model that sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from pydantic import Field, field_validator

from reelwright.errors import Code, ReelError
from reelwright.graph.builder import Builder, Unknown
from reelwright.graph.operator import Bundle, Cost, Inputs, Operator, Params, Port, Strand
from reelwright.graph.params import Boolean, Duration, Integer, String
from reelwright.media.streams import StreamKind
from reelwright.media.timecode import Timecode, seconds
from reelwright.operators.analyse import keyframes, results
from reelwright.operators.analyse.shots import shots_of, tapped

LABEL = results.DESCRIPTIONS
# Wide enough to read a headline; most models scale down to about a thousand anyway, and cost by it.
_WIDTH_PX = 768


class DescribeParams(Params):
    segment: Duration = Field(
        Fraction(20),
        description="Whole shots are shown together up to this length; longer ones in parts.",
    )
    pictures: Integer = Field(4, ge=1, le=20, description="The most pictures of a segment.")
    transcript: Boolean = Field(
        True, description="Tell the model what is said meanwhile, where it was transcribed before."
    )
    language: String | None = Field(
        None, description="Language of the descriptions (left out: what is spoken in the video)."
    )
    prompt: String | None = Field(
        None,
        description="Which prompt is asked: name or name@version (left out: `describe@1`, or"
        " `describe-segment@1` with a transcript).",
    )

    @field_validator("segment")
    @classmethod
    def _is_long_enough(cls, length: Fraction | Timecode) -> Fraction | Timecode:
        if seconds(length, Fraction(25)) < 1:
            raise ValueError("a segment is 1 s or longer")
        return length


@dataclass(frozen=True, slots=True)
class _Span:
    """A shot in seconds."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class _Segment:
    start_s: float
    end_s: float
    pictures: tuple[Mapping[str, Any], ...]  # entries of `keyframes`


class Describe(Operator):
    name = "describe"
    summary = (
        "Describes what is shown, segment by segment, by a vision model: JSON under the label"
        " `descriptions`. Needs `models.vision`."
    )
    params = DescribeParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", frozenset({StreamKind.VIDEO}), doc="What is looked at; it passes unchanged."),
        *results.ports(results.TRANSCRIPT),
    )
    model = "vision"
    example = "{id: seen, op: describe, input: talk, segment: 30s}"

    def build(self, params: DescribeParams, inputs: Inputs, build: Builder) -> Bundle:
        bundle = inputs["input"][0]
        length = float(seconds(params.segment, None))
        told = results.found(inputs, results.TRANSCRIPT) if params.transcript else None
        # Both are there, and awaited, before either is needed: so one decode finds them together.
        cuts = tapped(build, bundle)
        listed, pack = _pictures(build, bundle, params)
        with suppress(Unknown):
            build.result(listed)
        shots = [_span(one.range) for one in shots_of(build, Bundle((*bundle, cuts)))]
        pictures = build.result(listed)["keyframes"]
        asked = {"language": params.language, "prompt": params.prompt or _prompt(told)}
        segments = [
            _task(build, number, segment, asked, pack, told)
            for number, segment in enumerate(_segments(shots, pictures, length, params.pictures))
        ]
        if not segments:
            raise ReelError(Code.DECODE_FAILED, "the video has no picture that could be described")
        merged = build.task("describe.merge", *segments, label=LABEL, cpu_seconds=0.1)
        return Bundle((*(s for s in bundle if s.label != LABEL), merged))

    def estimate(self, params: DescribeParams, inputs: Inputs) -> Cost | None:
        return Cost(cpu_seconds=1.0)


def _prompt(told: Strand | None) -> str:
    return "describe@1" if told is None else "describe-segment@1"


def _span(range_: Any) -> _Span:
    return _Span(float(range_.start), float(range_.end))


def _pictures(build: Builder, bundle: Bundle, params: DescribeParams) -> tuple[Strand, Strand]:
    """Those that `keyframes` before has chosen; else as many as are needed, in the decode that
    finds the shots."""
    listed = next((s for s in bundle if s.label == keyframes.LABEL), None)
    pack = next((s for s in bundle if s.label == keyframes.PICTURES), None)
    if listed is not None and pack is not None:
        return listed, pack
    every = seconds(params.segment, None) / params.pictures
    asked = keyframes.KeyframesParams(every=every, width=_WIDTH_PX)
    return keyframes.keyframes(build, bundle, asked)


def _segments(
    shots: Sequence[_Span], pictures: Sequence[Mapping[str, Any]], length_s: float, most: int
) -> list[_Segment]:
    """Whole shots packed together, each with its pictures; what has none is left out. A part of a
    long shot that has none of its own is seen by the nearest of that shot."""
    from reelwright.analysis.segments import pack_shots

    made: list[_Segment] = []
    for packed in pack_shots(shots, length_s):
        own = [p for p in pictures if packed.start_s <= p["time"] < packed.end_s]
        if not own:
            first, last = packed.parts[0].start_s, packed.parts[-1].end_s
            middle = (packed.start_s + packed.end_s) / 2
            near = [p for p in pictures if first <= p["time"] < last]
            own = sorted(near, key=lambda p: abs(p["time"] - middle))[:1]
        if own:
            made.append(_Segment(packed.start_s, packed.end_s, _spread(own, most)))
    return made


def _spread(pictures: Sequence[Mapping[str, Any]], most: int) -> tuple[Mapping[str, Any], ...]:
    """`most` of them at even distances."""
    if len(pictures) <= most:
        return tuple(pictures)
    step = len(pictures) / most
    return tuple(pictures[int((n + 0.5) * step)] for n in range(most))


def _task(
    build: Builder,
    number: int,
    segment: _Segment,
    asked: Mapping[str, Any],
    pack: Strand,
    told: Strand | None,
) -> Strand:
    params = {
        **asked,
        "number": number,
        "start": round(segment.start_s, 6),
        "end": round(segment.end_s, 6),
        "pictures": [{"time": p["time"], "file": p["file"]} for p in segment.pictures],
    }
    return build.task(
        "describe.segment",
        pack,
        *(() if told is None else (told,)),
        params=params,
        model="vision",
        cpu_seconds=0.5,
        because="a segment is described, retried and remembered by itself" if not number else "",
    )
