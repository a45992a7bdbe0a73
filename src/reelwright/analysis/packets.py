"""What the sizes of packets tell of cuts before anything is decoded.

The first frame of a new shot cannot be predicted from the old one, so it costs as much as a
keyframe. Frames that others are predicted from in the order of showing, *anchors* (I and P), come
in the order of their times; what is shown between two of them (B) costs little on either side of a
cut. So the anchor at or after a cut stands out, whatever the encoder; docs/decisions/0070 has the
measurements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Of the smaller of the keyframes around: on cuts 0.47 and more, with nine encoders.
_OF_KEYFRAME = 0.2
# Of the median of the anchors around: on cuts 1.7 and more.
_OF_NEIGHBOURS = 1.4
_AROUND = 4  # anchors on either side


@dataclass(frozen=True, slots=True)
class Packets:
    """Packets of one stream in the order of the file; all arrays are of one length.

    `times`: of showing, in the stream's own units, all different. `sizes` in bytes.
    """

    times: NDArray[np.int64]
    sizes: NDArray[np.int64]
    keys: NDArray[np.bool_]

    def anchors(self) -> NDArray[np.bool_]:
        """Packets shown later than all before them, and keyframes."""
        import numpy as np

        if not len(self.times):
            return self.keys
        latest = np.maximum.accumulate(self.times)
        later = np.append(True, self.times[1:] > latest[:-1])
        return later | self.keys


@dataclass(frozen=True, slots=True)
class Suspicion:
    """By packet, in the order of the file. `anchors`: see there. `suspects`: anchors that may be
    the first of a shot; keyframes may, their size tells nothing. `near`: packets whose
    frames are shown just before or around a suspect: they tell where exactly."""

    anchors: NDArray[np.bool_]
    suspects: NDArray[np.bool_]
    near: NDArray[np.bool_]


def suspicion(packets: Packets) -> Suspicion:
    import numpy as np

    anchors = packets.anchors()
    at = np.flatnonzero(anchors)
    sizes = packets.sizes[at].astype(np.float64)
    is_key = packets.keys[at]
    usual = _medians(np.where(is_key, np.nan, sizes))
    big = sizes > _OF_KEYFRAME * _keyframes_around(sizes, is_key)
    stands_out = ~is_key & big & ~(sizes <= _OF_NEIGHBOURS * usual)
    beside = stands_out.copy()
    beside[1:] |= stands_out[:-1]
    beside[:-1] |= stands_out[1:]
    suspects = np.zeros(len(anchors), bool)
    suspects[at] = stands_out | is_key
    # What follows an anchor in the file is shown before it.
    group = np.cumsum(anchors) - 1
    near = (beside | is_key)[group] if len(at) else suspects
    return Suspicion(anchors, suspects, near)


def _keyframes_around(sizes: NDArray[np.float64], is_key: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The smaller of the keyframes before and after each anchor; 0 where there is none."""
    import numpy as np

    at = np.flatnonzero(is_key)
    if not len(at):
        return np.zeros(len(sizes))
    after = np.searchsorted(at, np.arange(len(sizes)), side="right")
    before = sizes[at[np.maximum(after - 1, 0)]]
    following = sizes[at[np.minimum(after, len(at) - 1)]]
    return np.minimum(before, following)


def _medians(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the `_AROUND` anchors on either side, keyframes (NaN) left out; 0 where there are none."""
    import numpy as np
    from numpy.lib.stride_tricks import sliding_window_view

    if not len(sizes):
        return sizes
    padded = np.pad(sizes, _AROUND, constant_values=np.nan)
    windows = sliding_window_view(padded, 2 * _AROUND + 1).copy()
    windows[:, _AROUND] = np.nan
    ordered = np.sort(windows, axis=1)  # NaN last
    count = (~np.isnan(ordered)).sum(axis=1)
    middle = ordered[np.arange(len(sizes)), np.maximum(count - 1, 0) // 2]
    medians: NDArray[np.float64] = np.nan_to_num(middle)
    return medians
