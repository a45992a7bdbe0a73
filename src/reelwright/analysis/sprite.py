"""Sprite sheets: many small pictures in one, and the WebVTT that says which time is where.

The cue payload is ``<sheet>#xywh=<x>,<y>,<w>,<h>``: a media fragment of W3C's Media Fragments URI
1.0 (4.2.2), as players (JW Player, Video.js, Plyr, Shaka) read it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from reelwright.media.geometry import Size
from reelwright.media.time import clock_text

_FILE = re.compile(r"\{file:([0-9]+)\}")


@dataclass(frozen=True, slots=True)
class SpriteGrid:
    """`columns` x `rows` cells of size `cell` a sheet; one picture every `interval` seconds."""

    columns: int
    rows: int
    cell: Size
    interval: Fraction

    def sheets(self, pictures: int) -> int:
        return -(-pictures // (self.columns * self.rows))

    @property
    def size(self) -> Size:
        return Size(self.columns * self.cell.width_px, self.rows * self.cell.height_px)

    def place(self, picture: int) -> tuple[int, int, int]:
        """Sheet (from 1), x and y of picture `picture` (from 0), row by row."""
        sheet, cell = divmod(picture, self.columns * self.rows)
        row, column = divmod(cell, self.columns)
        return sheet + 1, column * self.cell.width_px, row * self.cell.height_px


def sprite_vtt(grid: SpriteGrid, pictures: int, duration: Fraction) -> str:
    """A cue a picture, the last one to the end. Sheet n is called ``{file:n}`` (`name_files`)."""
    cues = ["WEBVTT\n"]
    for picture in range(pictures):
        start = grid.interval * picture
        end = duration if picture == pictures - 1 else start + grid.interval
        sheet, x, y = grid.place(picture)
        box = f"{x},{y},{grid.cell.width_px},{grid.cell.height_px}"
        cues.append(f"{clock_text(start)} --> {clock_text(end)}\n{{file:{sheet}}}#xywh={box}\n")
    return "\n".join(cues)


def name_files(text: str, names: Sequence[str]) -> str:
    """`text` with ``{file:n}`` replaced by ``names[n - 1]``. Raises IndexError beyond them."""
    return _FILE.sub(lambda found: names[int(found[1]) - 1], text)
