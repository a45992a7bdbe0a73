"""`keyframes`: pictures that stand for each shot, chosen in the decode that finds the shots."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from reelwright.graph.operator import (
    Analyser,
    Bundle,
    Inputs,
    Operator,
    Params,
    Port,
    Strand,
    require_video,
)
from reelwright.graph.params import Duration, Integer
from reelwright.media.streams import Stream, StreamKind, VideoStream
from reelwright.media.time import frame_at
from reelwright.media.timecode import Timecode, seconds
from reelwright.operators.analyse import shots
from reelwright.operators.analyse.packs import PicturePack, Planes, planes_of
from reelwright.operators.analyse.sampling import full_range
from reelwright.operators.video.sizing import Wish, fit, picture_size

if TYPE_CHECKING:
    from pathlib import Path

    from reelwright.graph.builder import Builder

LABEL = "keyframes"
PACK = "keyframes.zip"


class KeyframesParams(Params):
    per_shot: Integer = Field(1, ge=1, le=20, description="Pictures of each shot.")
    every: Duration | None = Field(
        None,
        description=(
            "Long shots are looked at in parts of this length, each with `per_shot` pictures (left"
            " out: a shot is one part, however long)."
        ),
    )
    width: Integer = Field(
        640, ge=128, le=3840, description="Wider pictures are scaled down to this width in pixels."
    )

    @field_validator("every")
    @classmethod
    def _moves_on(cls, every: Fraction | Timecode | None) -> Fraction | Timecode | None:
        if every is not None and not every:
            raise ValueError("`every` is longer than 0")
        return every


class Keyframes(Operator):
    name = "keyframes"
    summary = (
        "Chooses pictures that stand for each shot: sharp, not empty, near its middle. As JSON"
        " under the label `keyframes`, and as a zip of JPEGs under `keyframe-pictures`."
    )
    params = KeyframesParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", frozenset({StreamKind.VIDEO}), doc="What is looked at; it passes unchanged."),
    )
    example = "{id: faces, op: keyframes, input: talk}"

    def build(self, params: KeyframesParams, inputs: Inputs, build: Builder) -> Bundle:
        bundle = inputs["input"][0]
        tapped, pack = keyframes(build, bundle, params)
        others = tuple(s for s in bundle if s.label not in (LABEL, PICTURES))
        return Bundle((*others, tapped, pack))

    def analyser(self, name: str, params: Mapping[str, Any], stream: Stream) -> Analyser:
        return KeyframesAnalyser(params)


PICTURES = "keyframe-pictures"


def keyframes(build: Builder, bundle: Bundle, params: KeyframesParams) -> tuple[Strand, Strand]:
    """Taps the bundle's video; gives the strands of the result and of the pack of pictures.

    The result::

        {"keyframes": [{"shot": 0, "time": 1.48, "frame": 37, "file": "000001480.jpg"}, …],
         "width": 640, "height": 360, "frame_rate": "25"}

    Shots are those that a `shots` operation before finds, with what it was asked; else those that
    one without parameters would find.
    """
    strand = require_video(bundle)
    video = strand.stream
    assert isinstance(video, VideoStream)
    size = picture_size(video)
    exact = (Fraction(size.width_px), Fraction(size.height_px))
    bounded = min(params.width, size.width_px)
    picture = fit(exact, Wish(width_px=bounded, upscale=False)).out
    asked = shots.asked_of(build, bundle)
    steady = shots.steady(build, strand)
    every = None if params.every is None else str(seconds(params.every, video.frame_rate))
    tapped = build.tap(
        LABEL,
        full_range(build, steady, picture, "area"),
        raw="yuv420p",
        operator="keyframes",
        params={
            **asked,
            "per_shot": params.per_shot,
            "every": every,
            "width": picture.width_px,
            "height": picture.height_px,
        },
        pack=PACK,
    )
    return tapped, build.beside(tapped, label=PICTURES)


class KeyframesAnalyser(Analyser):
    """Finds the shots by itself, on a small copy of each picture, so that it waits for nobody."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        from reelwright.analysis.keyframes import LOOK_S, MARGIN_S, KeyframeChooser

        self._rate = Fraction(params["rate"])
        self._width: int = params["width"]
        self._height: int = params["height"]
        self.frame_bytes = self._width * self._height * 3 // 2
        self._detector = shots.detector_of(params)
        self._told = 1  # of the detector's cuts; its first is the start
        every = params["every"]
        self._chooser = KeyframeChooser(
            params["per_shot"],
            None if every is None else max(1, frame_at(Fraction(every), self._rate)),
            frame_at(MARGIN_S, self._rate),
        )
        shortest = min(LOOK_S, Fraction(params["min_shot"]) / 2)
        self._stride = max(1, int(shortest * self._rate))
        self._pack: PicturePack | None = None
        self._chosen: list[tuple[int, str]] = []

    def open(self, pack: Path) -> None:
        self._pack = PicturePack(pack)

    def feed(self, data: memoryview) -> None:
        for at in range(0, len(data), self.frame_bytes):
            frame = data[at : at + self.frame_bytes]
            self._look(planes_of(frame, self._width, self._height))

    def _look(self, planes: Planes) -> None:
        from reelwright.analysis.keyframes import pictured
        from reelwright.analysis.shots import shrunk

        frame = self._detector.count
        self._detector.look(shrunk(planes))
        if frame % self._stride == self._stride // 2 or frame == 0:
            self._chooser.add(pictured(frame, planes[0], planes))
        for cut in self._detector.cuts[self._told :]:
            self._chooser.cut(cut)
        self._told = len(self._detector.cuts)
        self._keep(self._chooser.settle(self._detector.settled))

    def _keep(self, chosen: Any) -> None:
        assert self._pack is not None
        for one in chosen:
            file = self._pack.add(one.frame / self._rate, one.picture)
            self._chosen.append((one.frame, file))

    def finish(self) -> dict[str, Any]:
        assert self._pack is not None
        found = self._detector.finish()
        for cut, _ in found[self._told :]:
            self._chooser.cut(cut)
        if found:
            self._keep(self._chooser.finish(self._detector.count))
        self._pack.close()
        return result(found, self._chosen, self._rate, (self._width, self._height))


def result(
    found: list[tuple[int, int]],
    chosen: list[tuple[int, str]],
    rate: Fraction,
    size: tuple[int, int],
) -> dict[str, Any]:
    """`found`: frames of each shot; `chosen`: frames in order, with their files."""
    entries = []
    for number, (first, last) in enumerate(found):
        entries += [
            {"shot": number, "time": round(float(frame / rate), 6), "frame": frame, "file": file}
            for frame, file in chosen
            if first <= frame < last
        ]
    return {
        "keyframes": entries,
        "width": size[0],
        "height": size[1],
        "frame_rate": str(rate),
    }


__all__ = ["Keyframes", "KeyframesParams", "keyframes"]
