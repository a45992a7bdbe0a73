"""Whether a picture shows anything new, also where only a small part of it has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A letter of small print is about one block; grain and the noise of an encoder average out in it.
BLOCK_PX = 16
# Mean difference of luma in a block, 0 to 255. The edge of a stroke that is legible reaches 30;
# grain that is plainly seen, 8.
BLOCK_DIFFERENCE = 12.0
# One block alone is a cursor, a spark, a digit of a clock that runs.
LEAST_BLOCKS = 2


class ChangeGate:
    """Compares each picture with the last one that it let pass, so that what changes slowly passes
    too, once enough has changed."""

    def __init__(
        self, difference: float = BLOCK_DIFFERENCE, least_blocks: int = LEAST_BLOCKS
    ) -> None:
        self._difference = difference
        self._least = least_blocks
        self._last: NDArray[np.uint8] | None = None

    def passes(self, luma: NDArray[np.uint8]) -> bool:
        """`luma`: height x width, 0 to 255, all of one shape. The first one passes. It is kept
        where it passes: the caller may not write into it afterwards."""
        if self._last is not None and self.changed_blocks(luma) < self._least:
            return False
        self._last = luma
        return True

    def changed_blocks(self, luma: NDArray[np.uint8]) -> int:
        """How many blocks differ from the last picture that passed."""
        import numpy as np

        assert self._last is not None
        gap = np.maximum(luma, self._last) - np.minimum(luma, self._last)
        return int((_block_means(gap) > self._difference).sum())


def _block_means(plane: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Means of blocks of `BLOCK_PX`; those at the right and lower edge may be smaller."""
    import numpy as np

    height, width = plane.shape
    rows, columns = np.arange(0, height, BLOCK_PX), np.arange(0, width, BLOCK_PX)
    sums = np.add.reduceat(plane, columns, axis=1, dtype=np.uint32)
    sums = np.add.reduceat(sums, rows, axis=0)
    heights = np.diff(np.append(rows, height))
    widths = np.diff(np.append(columns, width))
    means: NDArray[np.float64] = sums / np.outer(heights, widths)
    return means
