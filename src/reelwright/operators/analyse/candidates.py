"""Pictures in which there may be text: sampled in time, kept where something has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from reelwright.analysis.change import ChangeGate
from reelwright.graph.operator import (
    Analyser,
    Bundle,
    Inputs,
    Operator,
    Params,
    Port,
    require_video,
)
from reelwright.graph.params import Duration, Integer
from reelwright.media.streams import Stream, StreamKind, VideoStream
from reelwright.media.timecode import Timecode, seconds
from reelwright.operators.analyse.packs import PicturePack, Planes, planes_of
from reelwright.operators.analyse.sampling import full_range, sampled
from reelwright.operators.video.sizing import Wish, fit, picture_size

if TYPE_CHECKING:
    from pathlib import Path

    from reelwright.graph.builder import Builder
    from reelwright.graph.operator import Strand

LABEL = "candidates"
PACK = "candidates.zip"
PICTURES = "candidate-pictures"


class CandidateParams(Params):
    every: Duration = Field(
        Fraction(1), description="Time from one picture that is looked at to the next."
    )
    width: Integer = Field(
        1280,
        ge=64,
        le=8192,
        description="Wider pictures are scaled down to this width in pixels before they are read.",
    )

    @field_validator("every")
    @classmethod
    def _moves_on(cls, every: Fraction | Timecode) -> Fraction | Timecode:
        if not every:
            raise ValueError("`every` is longer than 0")
        return every


class Candidates(Operator):
    name = "candidates"
    summary = (
        "Keeps a picture each time something in it has changed: slides, captions, scenes. As JSON"
        " under the label `candidates`, and as a zip of JPEGs under `candidate-pictures`."
    )
    params = CandidateParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", frozenset({StreamKind.VIDEO}), doc="What is looked at; it passes unchanged."),
    )
    example = "{id: slides, op: candidates, input: talk, every: 2s}"

    def build(self, params: CandidateParams, inputs: Inputs, build: Builder) -> Bundle:
        bundle = inputs["input"][0]
        others = tuple(s for s in bundle if s.label not in (LABEL, PICTURES))
        return Bundle((*others, *candidates(build, bundle, params)))

    def analyser(self, name: str, params: Mapping[str, Any], stream: Stream) -> Analyser:
        return CandidatesAnalyser(params, stream.duration)


def candidates(build: Builder, bundle: Bundle, params: CandidateParams) -> tuple[Strand, Strand]:
    """Taps the bundle's video; gives the strands of the result and of the pack of pictures.

    The result::

        {"candidates": [{"time": 3.0, "until": 7.0, "file": "000003000.jpg"}, …],
         "width": 1280, "height": 720,             of the pictures, in pixels
         "frame_width": 1920, "frame_height": 1080, of the video as displayed
         "scale_x": 1.5, "scale_y": 1.5,           a pixel of a picture in pixels of the video
         "every": 1.0, "sampled": 60, "end": 60.0}

    A picture stands for the half-open time `time` to `until` (seconds): all that was looked at in
    between looked like it. The pack is a stored zip of the `file`s.
    """
    strand = require_video(bundle)
    video = strand.stream
    assert isinstance(video, VideoStream)
    size = picture_size(video)
    exact = (Fraction(size.width_px), Fraction(size.height_px))
    bounded = min(params.width, size.width_px)
    picture = fit(exact, Wish(width_px=bounded, upscale=False)).out
    every = seconds(params.every, video.frame_rate)
    steady = sampled(build, strand, every)
    tapped = build.tap(
        LABEL,
        full_range(build, steady, picture, "bicubic"),
        raw="yuv420p",
        operator="candidates",
        params={
            "every": str(every),
            "width": picture.width_px,
            "height": picture.height_px,
            "frame_width": size.width_px,
            "frame_height": size.height_px,
        },
        pack=PACK,
    )
    return tapped, build.beside(tapped, label=PICTURES)


class CandidatesAnalyser(Analyser):
    """Counts what it is fed: picture n is what is on screen at n · `every` seconds."""

    def __init__(self, params: Mapping[str, Any], duration: Fraction | None) -> None:
        """`duration` of the video in seconds; None: not known."""
        self._duration = duration
        self._params = params
        self._every = Fraction(params["every"])
        self._width: int = params["width"]
        self._height: int = params["height"]
        self.frame_bytes = self._width * self._height * 3 // 2
        self._gate = ChangeGate()
        self._kept: list[tuple[int, str]] = []
        self._count = 0
        self._pack: PicturePack | None = None

    def open(self, pack: Path) -> None:
        self._pack = PicturePack(pack)

    def feed(self, data: memoryview) -> None:
        for at in range(0, len(data), self.frame_bytes):
            frame = data[at : at + self.frame_bytes]
            self.look(planes_of(frame, self._width, self._height))

    def look(self, planes: Planes) -> None:
        """The next picture, as `packs.planes_of` gives it."""
        number = self._count
        self._count += 1
        if self._gate.passes(planes[0]):
            assert self._pack is not None
            self._kept.append((number, self._pack.add(number * self._every, planes)))

    def finish(self) -> dict[str, Any]:
        assert self._pack is not None
        self._pack.close()
        return result(self._params, self._kept, self._count, self._duration)


def result(
    params: Mapping[str, Any],
    kept: Sequence[tuple[int, str]],
    count: int,
    duration: Fraction | None,
) -> dict[str, Any]:
    """`kept`: the number of each picture among the `count` that were looked at, and its file."""
    every = Fraction(params["every"])
    end = count * every
    if duration is not None and kept:
        end = max(kept[-1][0] * every, min(end, duration))
    untils = [number * every for number, _ in kept[1:]] + [end]
    return {
        "candidates": [
            {"time": _rounded(number * every), "until": _rounded(until), "file": file}
            for (number, file), until in zip(kept, untils, strict=False)
        ],
        "width": params["width"],
        "height": params["height"],
        "frame_width": params["frame_width"],
        "frame_height": params["frame_height"],
        "scale_x": params["frame_width"] / params["width"],
        "scale_y": params["frame_height"] / params["height"],
        "every": _rounded(every),
        "sampled": count,
        "end": _rounded(end),
    }


def _rounded(time: Fraction) -> float:
    return round(float(time), 6)
