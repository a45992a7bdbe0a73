"""Sound that is longer than a model can hear, cut where it is quietest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelwright.tools.flac import RATE_HZ

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# No model hears a word in less, and some fail on it.
LEAST_SAMPLES = RATE_HZ // 10
_WINDOW = RATE_HZ // 10
# How much of the end of a piece is searched for silence.
_SEARCHED = 0.3


def quiet_pieces(samples: NDArray[np.int16], most: int) -> list[tuple[int, int]]:
    """First sample and the one after the last, of pieces of at most `most` samples that follow each
    other; none for no samples."""
    pieces: list[tuple[int, int]] = []
    first = 0
    while len(samples) - first > most:
        last = first + most
        cut = _quietest(samples[last - max(_WINDOW, int(most * _SEARCHED)) : last])
        last = last - max(_WINDOW, int(most * _SEARCHED)) + cut
        pieces.append((first, last))
        first = last
    if first < len(samples):
        pieces.append((first, len(samples)))
    return pieces


def _quietest(samples: NDArray[np.int16]) -> int:
    """The middle of the tenth of a second with the least power."""
    import numpy as np

    count = max(1, len(samples) // _WINDOW)
    windows = samples[: count * _WINDOW].astype(np.float64)
    power = (windows**2).reshape(count, -1).mean(axis=1)
    return int(power.argmin()) * _WINDOW + _WINDOW // 2
