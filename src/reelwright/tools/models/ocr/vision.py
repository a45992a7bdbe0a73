"""A vision model that reads: it knows letters that no OCR knows, but not how sure it is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from reelwright.tools.models.checking import check
from reelwright.tools.models.hosted import chat
from reelwright.tools.models.kinds import Line, ModelIdentity, PictureAsk, Seen, Usage
from reelwright.tools.models.pictures.opening import rgb_of
from reelwright.tools.models.prompts import Prompts

if TYPE_CHECKING:
    from reelwright.tools.models.providers import ModelSpec

_PROMPT = "read-text@1"
# A page of small print has some 4000.
_MOST_TOKENS = 8192
_THOUSANDTHS = 1000


def identify(spec: ModelSpec) -> ModelIdentity:
    """Raises MODEL_UNAVAILABLE."""
    return replace(chat.identify(spec), preprocessing=_PROMPT)


def make(spec: ModelSpec) -> VisionOcr:
    return VisionOcr(spec)


class VisionOcr:
    """`confidence` of its lines is None. A line whose place it does not tell has the whole picture
    for its box."""

    def __init__(self, spec: ModelSpec) -> None:
        self._chat = chat.make(spec)
        self.identity = identify(spec)
        self.is_local = self._chat.is_local

    async def answer(self, ask: PictureAsk) -> tuple[Seen, Usage]:
        """Raises DECODE_FAILED for what is no picture, and what `Provider` says."""
        picture = await asyncio.to_thread(rgb_of, ask.image)
        asked = (
            Prompts()
            .get(_PROMPT)
            .ask(
                {"languages": ", ".join(ask.languages)},
                images=(ask.image,),
                max_tokens=_MOST_TOKENS,
            )
        )
        said, usage = await self._chat.answer(asked)
        read = check(asked, said).data["lines"]
        lines = tuple(
            Line(text=text, box=_box(line["box"], *picture.size), confidence=None)
            for line in read
            if (text := line["text"].strip())
        )
        return Seen(lines=lines), usage

    async def close(self) -> None:
        await self._chat.close()


def _box(
    edges: Sequence[float] | None, width: int, height: int
) -> tuple[float, float, float, float]:
    """From thousandths, bounded; the whole picture where they make no box."""
    if edges is not None:
        left, right = (_inside(edge, width) for edge in (edges[0], edges[2]))
        top, bottom = (_inside(edge, height) for edge in (edges[1], edges[3]))
        if left < right and top < bottom:
            return (left, top, right - left, bottom - top)
    return (0.0, 0.0, float(width), float(height))


def _inside(edge: float, size: int) -> float:
    return round(min(max(edge, 0), _THOUSANDTHS) * size / _THOUSANDTHS, 2)
