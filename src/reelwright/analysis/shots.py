"""Hard cuts by the difference between neighbouring small frames, in constant memory.

The two rules and their constants are those of PySceneDetect 0.7.2 (BSD-3-Clause):
``detectors/content_detector.py`` compares the difference with a fixed threshold,
``detectors/adaptive_detector.py`` with the mean of its two neighbours on either side, which keeps
fast motion from being taken for a cut. Four things differ:

- The difference is the mean absolute one of Y, Cb and Cr in full range, added up, not of hue,
  saturation and value: FFmpeg gives those planes for nothing, and on real material the sum lies
  within a tenth of the other in motion and above it on cuts, so the constants carry over.
- Neighbours are the nearest frames that are no repetition of the one before them: repeated frames
  (a varying rate, film on television, animation) made every step of a motion look like a cut.
- A change that is gone again two frames later (a flash) is not a cut.
- The last two frames begin no shot, as there; a change at the start is subject to `min_shot`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from reelwright.media.time import frame_at

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reelwright.media.streams import VideoStream

Detector = Literal["adaptive", "content"]

# Smaller frames cost nothing more to compare and lose nothing: on the clips with published cuts
# every cut scores above 60 and every other frame below 13 at 64x36 up to 256x144.
WIDTH_PX, HEIGHT_PX = 128, 72
FRAME_BYTES = WIDTH_PX * HEIGHT_PX * 3 // 2
"""One frame: planes Y, Cb, Cr of ``yuv420p`` in full range."""

WINDOW = 2  # AdaptiveDetector: window_width
# How far away a neighbour may be where frames are repeated (VFR, animation on twos and threes);
# changes farther away are no motion, but the next picture of a slide show.
REACH_S = Fraction(1, 4)
REPEATED = 0.5  # a repeated frame after a lossy encode
ADAPTIVE_RATIO = 3.0  # AdaptiveDetector: adaptive_threshold
MIN_DIFFERENCE = 15.0  # AdaptiveDetector: min_content_val
# ContentDetector has 27; a hand-held pan through a street reaches that, cuts begin at 60.
CONTENT_DIFFERENCE = 30.0


@dataclass(slots=True)
class _Change:
    """How much a frame differs from the one before it; `lasts`: two frames later still."""

    difference: float
    lasts: bool = False


class ShotDetector:
    """Feed it every frame in order, then `finish`.

    `threshold` is a ratio for "adaptive" and a difference (0 to 765) for "content"; None takes the
    constant above. `min_shot` in seconds is the shortest shot before a cut, and `rate` the frames a
    second that it is counted with.
    """

    def __init__(
        self,
        rate: Fraction,
        *,
        detector: Detector = "adaptive",
        threshold: float | None = None,
        min_difference: float = MIN_DIFFERENCE,
        min_shot: Fraction = Fraction(3, 5),
    ) -> None:
        self._adaptive = detector == "adaptive"
        default = ADAPTIVE_RATIO if self._adaptive else CONTENT_DIFFERENCE
        self._threshold = default if threshold is None else threshold
        self._min_difference = min_difference
        self._min_frames = max(1, frame_at(min_shot, rate))
        self._reach = max(WINDOW, frame_at(REACH_S, rate))
        self._changes: deque[_Change] = deque(maxlen=2 * self._reach + 1)
        self._frames: deque[NDArray[np.int16]] = deque(maxlen=2 * WINDOW + 1)
        self._cuts: list[int] = [0]
        self.count = 0

    def feed(self, frame: memoryview) -> None:
        """One frame of `FRAME_BYTES` bytes."""
        import numpy as np

        self.look(np.frombuffer(frame, np.uint8).astype(np.int16))

    def look(self, picture: NDArray[np.int16]) -> None:
        """One frame of `FRAME_BYTES` values, 0 to 255; it is kept for a while."""
        if self._frames:
            self._changes.append(_Change(difference(self._frames[-1], picture)))
        self._frames.append(picture)
        self.count += 1
        if len(self._changes) > WINDOW:
            self._look_back(self._changes[-1 - WINDOW])
        if len(self._changes) > self._reach:
            self._judge(self._reach)

    @property
    def cuts(self) -> Sequence[int]:
        """First frames of the shots found so far; the first is 0."""
        return self._cuts

    @property
    def settled(self) -> int:
        """Cuts up to and including this frame have all been found."""
        return self.count - 1 - self._reach

    def finish(self) -> list[tuple[int, int]]:
        """First frame and the one after the last, of each shot."""
        for after in range(min(self._reach, len(self._changes)) - 1, WINDOW - 1, -1):
            self._judge(after)
        if not self.count:
            return []
        return list(zip(self._cuts, [*self._cuts[1:], self.count], strict=True))

    def _look_back(self, change: _Change) -> None:
        """The newest frame is `WINDOW` after the change, the oldest one as much before it."""
        if change.difference >= min(self._min_difference, self._threshold):
            change.lasts = difference(self._frames[0], self._frames[-1]) >= self._min_difference

    def _judge(self, after: int) -> None:
        """The frame that has `after` frames behind it."""
        frame = self.count - 1 - after
        at = len(self._changes) - 1 - after
        change = self._changes[at]
        if change.lasts and frame - self._cuts[-1] >= self._min_frames and self._stands_out(at):
            self._cuts.append(frame)

    def _stands_out(self, at: int) -> bool:
        here = self._changes[at].difference
        if not self._adaptive:
            return here >= self._threshold
        if here < self._min_difference:
            return False
        changes = [change.difference for change in self._changes]
        before = changes[max(0, at - self._reach) : at]
        around = (_nearest(reversed(before)) + _nearest(changes[at + 1 :])) / (2 * WINDOW)
        return here >= self._threshold * around


def _nearest(changes: Iterable[float]) -> float:
    """Sum of the `WINDOW` nearest changes that are any; a repeated frame says nothing of motion."""
    return sum(islice((c for c in changes if c > REPEATED), WINDOW))


def difference(one: NDArray[np.int16], other: NDArray[np.int16]) -> float:
    """Mean absolute difference of each plane, added up: 0 to 765."""
    import numpy as np

    gap = np.abs(one - other)
    luma = WIDTH_PX * HEIGHT_PX
    chroma = luma // 4
    return float(gap[:luma].sum() / luma + gap[luma:].sum() / chroma)


def shots_json(found: Sequence[tuple[int, int]], rate: Fraction, frames: int) -> dict[str, Any]:
    """What `reel shots --json` says. `found`: the first frame of each shot and the one after its
    last; `frames`: in all. Times come twice: rounded for people, exact as text ("1001/30000")."""
    return {
        "shots": [
            {
                "index": index,
                "start": round(float(first / rate), 6),
                "end": round(float(last / rate), 6),
                "start_exact": str(first / rate),
                "end_exact": str(last / rate),
                "start_frame": first,
                "end_frame": last,
            }
            for index, (first, last) in enumerate(found)
        ],
        "frame_rate": str(rate),
        "frames": frames,
    }


def can_look(video: VideoStream) -> bool:
    """Whether `tools.decode` knows what to do with its pictures: they move, are upright once they
    are turned by right angles, and hide nothing beside the stream."""
    return (
        video.index is not None
        and not video.is_still
        and not video.is_mirrored
        and video.rotation_deg is not None
        and not video.has_alpha
    )


def shrunk(planes: Sequence[NDArray[np.uint8]]) -> NDArray[np.int16]:
    """A frame for `ShotDetector.look` from larger planes Y, Cb, Cr: means of areas. Planes that are
    smaller than a frame is are repeated."""
    import numpy as np

    sizes = ((HEIGHT_PX, WIDTH_PX), *2 * ((HEIGHT_PX // 2, WIDTH_PX // 2),))
    return np.concatenate([_area(p, *s).ravel() for p, s in zip(planes, sizes, strict=True)])


def _area(plane: NDArray[np.uint8], height: int, width: int) -> NDArray[np.int16]:
    import numpy as np

    rows, columns = _edges(plane.shape[0], height), _edges(plane.shape[1], width)
    sums = np.add.reduceat(plane, rows[:-1], axis=0, dtype=np.uint32)
    sums = np.add.reduceat(sums, columns[:-1], axis=1)
    sizes = np.outer(np.maximum(np.diff(rows), 1), np.maximum(np.diff(columns), 1))
    means: NDArray[np.int16] = ((sums + sizes // 2) // sizes).astype(np.int16)
    return means


def _edges(length: int, parts: int) -> NDArray[np.intp]:
    import numpy as np

    return np.arange(parts + 1) * length // parts
