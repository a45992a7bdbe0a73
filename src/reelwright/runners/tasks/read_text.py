"""Reads the pictures in which there may be text, and joins what was read to texts over time.

A picture is read only where it differs from the last one that was: see `analysis.changed_area`.
"""

from __future__ import annotations

import asyncio
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from reelwright.analysis.changed_area import Area, changed_area, detail_area
from reelwright.analysis.texts import Box, Picture, TextLine, TimedText, merge_texts
from reelwright.errors import Code, ReelError
from reelwright.runners.context import StepProgress
from reelwright.runners.tasks import Done, Given
from reelwright.tools.models.kinds import Line, PictureAsk

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from reelwright.tools.models.kinds import Models

# What is left out of a picture once is still there: one sample may have been misread.
_MISSED_S = 1.0


@dataclass(frozen=True, slots=True)
class _Read:
    """The last picture that was read, and its lines."""

    luma: NDArray[np.uint8]
    lines: tuple[tuple[Line, int], ...]


async def read(given: Given) -> Done:
    """``{"pictures": [{"time", "until", "how", "lines": [{"text", "box", "confidence", "by"}]}, …],
    "by": [provenance, …]}``: boxes in pixels of the video as displayed; `how` a picture was read:
    `whole`, `part`, `same` (as the one before it) or `blank`.

    Raises MODEL_UNAVAILABLE, BUDGET_REACHED.
    """
    found, pack = given.strands
    models = given.context.models
    if models is None:
        raise ReelError(Code.MODEL_UNAVAILABLE, "this engine asks no models")
    reader = _Reader(models, tuple(given.params["languages"]))
    first, count = given.params["first"], given.params["count"]
    pictures = []
    for number, candidate in enumerate(found.result["candidates"][first : first + count]):
        image = await asyncio.to_thread(_open, pack.path, candidate["file"])
        how, lines = await reader.read(image, key=candidate["file"])
        pictures.append(
            {
                "time": candidate["time"],
                "until": candidate["until"],
                "how": how,
                "lines": [_placed(line, by, found.result) for line, by in lines],
            }
        )
        given.context.on_progress(StepProgress(fraction=(number + 1) / count))
    return Done(
        result={"pictures": pictures, "by": reader.by},
        report={"read_text": _counts(pictures)},
        cpu_seconds=reader.cpu_seconds,
    )


async def merge(given: Given) -> Done:
    """The result of `read_text`: ``{"texts": [{"text", "start", "end", "box": [x, y, width,
    height], "confidence", "pictures", "moved", "provider", "model"}, …], "width", "height",
    "sampled", "pictures": {"whole": 3, …}, "by": [provenance, …]}``."""
    found, *parts = given.strands
    result = found.result
    by: list[dict[str, Any]] = []
    pictures: list[Picture] = []
    for part in parts:
        numbers = [_number(by, one) for one in part.result["by"]]
        pictures += [_picture(one, numbers) for one in part.result["pictures"]]
    texts = await asyncio.to_thread(merge_texts, pictures, gap_s=_MISSED_S)
    return Done(
        result={
            "texts": [text_json(text, by) for text in texts],
            "width": result["frame_width"],
            "height": result["frame_height"],
            "sampled": result["sampled"],
            "pictures": _counts([one for part in parts for one in part.result["pictures"]]),
            "by": by,
        },
        report={"read_text": {"texts": len(texts)}},
    )


def text_json(text: TimedText, by: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    who = by[text.source]
    return {
        "text": text.text,
        "start": round(text.start_s, 6),
        "end": round(text.end_s, 6),
        "box": [round(edge, 2) for edge in text.box],
        "confidence": rounded(text.confidence),
        "pictures": text.pictures,
        "moved": text.moved,
        "provider": who["provider"],
        "model": who["model"],
    }


def rounded(confidence: float | None) -> float | None:
    return None if confidence is None else round(confidence, 4)


class _Reader:
    """Asks for what is new in each picture. `by`: who answered."""

    def __init__(self, models: Models, languages: tuple[str, ...]) -> None:
        self._models = models
        self._languages = languages
        self._last: _Read | None = None
        self.by: list[dict[str, Any]] = []
        self.cpu_seconds = 0.0

    async def read(self, image: Image, key: str) -> tuple[str, tuple[tuple[Line, int], ...]]:
        """How it was read, and its lines in reading order, each with its place in `by`."""
        luma, area = await asyncio.to_thread(self._look, image)
        last = self._last
        if area is None:
            assert last is not None
            return "same", last.lines
        if not area.size_px:
            self._last = _Read(luma, ())
            return "blank", ()
        is_whole = area.size_px == luma.size
        kept = () if is_whole or last is None else _outside(last.lines, area)
        read = await self._ask(image, area, key)
        lines = read if is_whole else _in_order((*kept, *read))
        self._last = _Read(luma, lines)
        return ("whole" if is_whole else "part"), lines

    def _look(self, image: Image) -> tuple[NDArray[np.uint8], Area | None]:
        """What is to be read of it: None: nothing new; an empty area: there is nothing at all."""
        import numpy as np

        began = time.thread_time()
        luma = np.asarray(image.convert("L"))
        height, width = luma.shape
        area: Area | None = Area(0, 0, width, height)
        if detail_area(np.asarray(image)) is None:
            area = Area(0, 0, 0, 0)
        elif self._last is not None and self._last.luma.shape == luma.shape:
            area = changed_area(self._last.luma, luma, [line.box for line, _ in self._last.lines])
        self.cpu_seconds += time.thread_time() - began
        return luma, area

    async def _ask(self, image: Image, area: Area, key: str) -> tuple[tuple[Line, int], ...]:
        data = await asyncio.to_thread(_png, image, area)
        ask = PictureAsk(image=data, languages=self._languages)
        served = await self._models.read(ask, key=key)
        number = _number(self.by, served.provenance())
        return tuple((_moved(line, area), number) for line in served.value.lines)


def _outside(lines: Sequence[tuple[Line, int]], area: Area) -> tuple[tuple[Line, int], ...]:
    return tuple(one for one in lines if not area.touches(one[0].box))


def _in_order(lines: tuple[tuple[Line, int], ...]) -> tuple[tuple[Line, int], ...]:
    from reelwright.analysis.reading_order import Placed, reading_order

    places = [Placed(line.box, 0, len(line.text)) for line, _ in lines]
    return tuple(lines[index] for index in reading_order(places))


def _moved(line: Line, area: Area) -> Line:
    """From pixels of the area to those of the picture."""
    x, y, width, height = line.box
    box = (x + area.left, y + area.top, width, height)
    return Line(text=line.text, box=box, confidence=line.confidence)


def _open(pack: Path, name: str) -> Image:
    from PIL import Image

    with zipfile.ZipFile(pack) as pictures:
        return Image.open(BytesIO(pictures.read(name))).convert("RGB")


def _png(image: Image, area: Area) -> bytes:
    """Quickly: it is read once, by a process beside ours."""
    to = BytesIO()
    part = image.crop((area.left, area.top, area.right, area.bottom))
    part.save(to, "PNG", compress_level=1)
    return to.getvalue()


def _number(by: list[dict[str, Any]], provenance: dict[str, Any]) -> int:
    if provenance not in by:
        by.append(provenance)
    return by.index(provenance)


def _placed(line: Line, by: int, result: Mapping[str, Any]) -> dict[str, Any]:
    """The line in pixels of the video as displayed."""
    x, y, width, height = line.box
    per_x, per_y = result["scale_x"], result["scale_y"]
    box = (x * per_x, y * per_y, width * per_x, height * per_y)
    return {
        "text": line.text,
        "box": [round(edge, 2) for edge in box],
        "confidence": rounded(line.confidence),
        "by": by,
    }


def _picture(one: Mapping[str, Any], numbers: Sequence[int]) -> Picture:
    lines = tuple(
        TextLine(line["text"], _box(line["box"]), line["confidence"], numbers[line["by"]])
        for line in one["lines"]
    )
    return Picture(one["time"], one["until"], lines)


def _box(edges: Sequence[float]) -> Box:
    x, y, width, height = edges
    return (x, y, width, height)


def _counts(pictures: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    how = [one["how"] for one in pictures]
    return {name: how.count(name) for name in ("whole", "part", "same", "blank")}
