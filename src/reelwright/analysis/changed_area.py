"""Which part of a picture has to be read again: where it differs from one that has been read.

Reading is the dearest step on a CPU, and its cost goes with the area. What did not change keeps its
text; a picture without any edge has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Luma: TypeAlias = NDArray[np.uint8]

BLOCK_PX = 16
# Mean difference of luma in a block, 0 to 255. Re-encoding a still picture makes up to 4; one thin
# letter that changes in a block makes 8 and more.
DIFFERENCE = 6.0
# Brightest minus darkest in a block. Legible letters have 60 and more, noise and gradients 20.
CONTRAST = 40
# Letters are read with their surroundings.
MARGIN_PX = 16
# Above this part of the picture the whole of it is read: a seam through a line costs more.
WHOLE = 0.6


@dataclass(frozen=True, slots=True)
class Area:
    """Half-open, in pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size_px(self) -> int:
        return max(0, self.right - self.left) * max(0, self.bottom - self.top)

    def touches(self, box: Sequence[float]) -> bool:
        x, y, width, height = box
        return (
            x < self.right and self.left < x + width and y < self.bottom and self.top < y + height
        )

    def with_box(self, box: Sequence[float]) -> Area:
        x, y, width, height = box
        return Area(
            min(self.left, int(x)),
            min(self.top, int(y)),
            max(self.right, int(-(-(x + width) // 1))),
            max(self.bottom, int(-(-(y + height) // 1))),
        )


def detail_area(colors: Luma) -> Area | None:
    """`colors`: height x width x 3, 0 to 255. All of it that has an edge in any of them, with a
    margin; None where it is too flat for any letter: black, faded, a plain colour."""
    import numpy as np

    has_edges = (_blocks(colors, np.maximum) - _blocks(colors, np.minimum)) >= CONTRAST
    return _around(np.asarray(has_edges.any(axis=2)), colors.shape)


def changed_area(before: Luma, now: Luma, boxes: Sequence[Sequence[float]]) -> Area | None:
    """What of `now` has to be read, given that `before` was read and its lines stand at `boxes`
    (left, top, width, height): None where nothing has changed. Lines that it touches are in it
    whole. Both pictures have one shape."""
    import numpy as np

    height, width = now.shape
    gap = np.maximum(before, now) - np.minimum(before, now)
    changed = np.asarray(_blocks(gap, np.add) / _block_sizes(height, width) > DIFFERENCE)
    area = _around(changed, now.shape)
    return None if area is None else _whole_lines(area, boxes, width, height)


def _around(blocks: NDArray[np.bool_], shape: tuple[int, ...]) -> Area | None:
    """The blocks that are set and a margin, inside a picture of `shape`."""
    import numpy as np

    rows, columns = np.flatnonzero(blocks.any(axis=1)), np.flatnonzero(blocks.any(axis=0))
    if not len(rows):
        return None
    return Area(
        max(0, int(columns[0]) * BLOCK_PX - MARGIN_PX),
        max(0, int(rows[0]) * BLOCK_PX - MARGIN_PX),
        min(shape[1], int(columns[-1] + 1) * BLOCK_PX + MARGIN_PX),
        min(shape[0], int(rows[-1] + 1) * BLOCK_PX + MARGIN_PX),
    )


def _whole_lines(area: Area, boxes: Sequence[Sequence[float]], width: int, height: int) -> Area:
    """Taking one line in may make it touch the next."""
    left = list(boxes)
    while touched := [box for box in left if area.touches(box)]:
        for box in touched:
            area = area.with_box(box)
            left.remove(box)
    return area if area.size_px <= WHOLE * width * height else Area(0, 0, width, height)


def _blocks(plane: Luma, of: np.ufunc) -> NDArray[np.int64]:
    import numpy as np

    height, width = plane.shape[:2]
    wide = of.reduceat(plane, np.arange(0, width, BLOCK_PX), axis=1, dtype=_wide(of))
    found: NDArray[np.int64] = of.reduceat(wide, np.arange(0, height, BLOCK_PX), axis=0)
    return found.astype(np.int64)


def _wide(of: np.ufunc) -> type[np.generic]:
    import numpy as np

    return np.uint32 if of is np.add else np.uint8


def _block_sizes(height: int, width: int) -> NDArray[np.int64]:
    """How many pixels each block has: those at the right and lower edge may be smaller."""
    import numpy as np

    heights = np.diff(np.append(np.arange(0, height, BLOCK_PX), height))
    widths = np.diff(np.append(np.arange(0, width, BLOCK_PX), width))
    sizes: NDArray[np.int64] = np.outer(heights, widths)
    return sizes
