"""`transcribe`: what is said, word by word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, ClassVar

from pydantic import Field

from reelwright.analysis.segments import Segment, SegmentRule, cut_in_silences
from reelwright.analysis.speech import Span
from reelwright.errors import Code, ReelError
from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Inputs, Operator, Params, Port, Strand
from reelwright.graph.params import Duration
from reelwright.media.streams import StreamKind
from reelwright.media.timecode import seconds
from reelwright.operators.analyse.speech import audio16k

LABEL = "transcript"
FILES = ("transcript.vtt", "transcript.srt", "transcript.txt")
_FILE_LABELS = ("vtt", "srt", "txt")
# CPU-seconds for one of speech, of what is in the box.
_COST = 0.4
_SHORTEST_S, _LONGEST_S = 5.0, 600.0


class TranscribeParams(Params):
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None = Field(
        None, description="The language that is spoken (`en`, `pt-BR`); left out: it is found out."
    )
    prompt: Annotated[str, Field(max_length=2000)] | None = Field(
        None, description="Names and words that may come up, for models that take them."
    )
    segment: Duration = Field(
        Fraction(60),
        description=(
            "Speech is asked about in segments of at most this length (5s to 10m), cut in silences."
        ),
    )


class Transcribe(Operator):
    name = "transcribe"
    summary = (
        "Writes down what is said, with the time of each word: JSON under `transcript`, captions"
        " under `vtt` and `srt`, text under `txt`."
    )
    params = TranscribeParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", frozenset({StreamKind.AUDIO}), doc="Whose first sound is written down."),
    )
    example = "{id: said, op: transcribe, input: talk, language: en}"

    def build(self, params: TranscribeParams, inputs: Inputs, build: Builder) -> Bundle:
        bundle = inputs["input"][0]
        most_s = _most_s(params)
        heard, sound = audio16k(build, bundle)
        segments = segments_of(build.result(heard), most_s)
        parts = [
            _segment(build, sound, segment, number, params)
            for number, segment in enumerate(segments)
        ]
        made = build.task(
            "transcribe.merge",
            heard,
            *parts,
            params={
                "segments": [_times(s) for s in segments],
                "language": params.language,
            },
            files=FILES,
            label=LABEL,
            cpu_seconds=0.1,
            because="the words of all segments, each once",
        )
        files = [build.beside(made, n, label) for n, label in enumerate(_FILE_LABELS, 1)]
        ours = {LABEL, *_FILE_LABELS}
        others = tuple(s for s in bundle if s.label not in ours)
        return Bundle((*others, made, *files))


def _most_s(params: TranscribeParams) -> float:
    most_s = float(seconds(params.segment))
    if not _SHORTEST_S <= most_s <= _LONGEST_S:
        raise ReelError(
            Code.FIELD_INVALID,
            f"a segment of {most_s:g} s: it is {_SHORTEST_S:g} s to {_LONGEST_S:g} s long",
            where="segment",
        )
    return most_s


def segments_of(heard: Mapping[str, Any], most_s: float) -> Sequence[Segment]:
    """Of the result of `speech`."""
    spans = [Span(span["start"], span["end"]) for span in heard["speech"]]
    return cut_in_silences(spans, heard["duration"], SegmentRule(most_s=most_s))


def _segment(
    build: Builder, sound: Strand, segment: Segment, number: int, params: TranscribeParams
) -> Strand:
    return build.task(
        "transcribe.segment",
        sound,
        params={
            # Milliseconds: what a model is asked must not change with the last bit of a float.
            "start": round(segment.start_s, 3),
            "end": round(segment.end_s, 3),
            "language": params.language,
            "prompt": params.prompt,
        },
        model="speech",
        label=f"segment{number:04d}",
        cpu_seconds=_COST * segment.duration_s,
        memory_bytes=500 << 20,
        because=f"what is said from {segment.start_s:.1f} s to {segment.end_s:.1f} s",
    )


def _times(segment: Segment) -> dict[str, float]:
    return {
        "start": round(segment.start_s, 3),
        "end": round(segment.end_s, 3),
        "owns_from": round(segment.owns_from_s, 3),
        "owns_until": round(segment.owns_until_s, 3),
    }
