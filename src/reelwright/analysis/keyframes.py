"""Which frames stand for a shot: sharp, not empty, away from its ends, near its middle.

The shots need not be known beforehand: pictures come in as they are decoded, cuts a little later,
and no more than a few pictures of one shot are held.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A picture is looked at this often: a shot of the shortest default length has one at least.
LOOK_S = Fraction(1, 2)
# Blended frames of a sloppy cut, and the blur of a camera that comes to rest.
MARGIN_S = Fraction(1, 5)
# Pictures held of one part of a shot, for each one that is wanted of it.
_HELD = 12
# Standard deviation of luma, 0 to 255: an even surface, or a picture that has faded nearly away.
_EMPTY_CONTRAST = 6.0
# How much nearness to the middle counts against sharpness: at the very end of a shot a picture has
# to be twice as sharp to win.
_MIDDLE = 0.5
# Of sharpness: even surfaces are all alike, and the middle one wins.
_FLOOR = 1e-3
# An empty picture stands for a shot only where all of them are.
_EMPTY_WORTH = 0.01


@dataclass(slots=True)
class Pictured:
    """A picture that may be chosen: number of its frame, what it shows, how sharp (0 upwards) and
    whether it is empty (black, white, an even surface)."""

    frame: int
    picture: Any
    sharpness: float
    is_empty: bool
    worth: float = 0.0


def pictured(frame: int, luma: NDArray[np.uint8], picture: Any) -> Pictured:
    """`luma`: height x width; `picture` is handed on."""
    contrast = float(luma.std())
    return Pictured(frame, picture, sharpness(luma), contrast < _EMPTY_CONTRAST)


def sharpness(luma: NDArray[np.uint8]) -> float:
    """Mean square of the second differences: what a blur takes away first."""
    import numpy as np

    plane = luma.astype(np.int16)
    across = plane[:, 2:] - 2 * plane[:, 1:-1] + plane[:, :-2]
    down = plane[2:] - 2 * plane[1:-1] + plane[:-2]
    return _mean_square(across) + _mean_square(down)


def _mean_square(values: NDArray[np.int16]) -> float:
    import numpy as np

    return float(np.square(values, dtype=np.int32).mean()) if values.size else 0.0


class KeyframeChooser:
    """Feed it pictures (`add`) in order, cuts (`cut`), and how far cuts are known (`settle`); it
    yields what it chose. `per_part` of each part of a shot; a part is `part_frames` long, or the
    whole shot where that is None. `margin_frames`: a picture nearer to a cut is a last resort."""

    def __init__(self, per_part: int, part_frames: int | None, margin_frames: int) -> None:
        self._wanted = per_part
        self._part_frames = part_frames
        self._margin = margin_frames
        self._waiting: deque[Pictured] = deque()
        self._cuts: deque[int] = deque()
        self._start = 0  # of the part
        self._is_first = True  # part of its shot
        self._held: list[Pictured] = []
        self._stride = 1
        self._seen = 0

    def add(self, one: Pictured) -> None:
        self._waiting.append(one)

    def cut(self, frame: int) -> None:
        """`frame` begins a shot. Cuts come in order, before they are settled."""
        self._cuts.append(frame)

    def settle(self, frame: int) -> Iterator[Pictured]:
        """All cuts up to and including `frame` have been told."""
        while self._waiting and self._waiting[0].frame <= frame:
            one = self._waiting.popleft()
            while (end := self._end()) is not None and one.frame >= end:
                yield from self._close(end)
            self._hold(one)

    def finish(self, count: int) -> Iterator[Pictured]:
        """`count`: frames in all."""
        yield from self.settle(count)
        while self._cuts:
            yield from self._close(self._cuts[0])
        yield from self._close(count)

    def _end(self) -> int | None:
        """Where the part ends, as far as that is known."""
        cut = self._cuts[0] if self._cuts else None
        if self._part_frames is None:
            return cut
        full = self._start + self._part_frames
        return full if cut is None else min(cut, full)

    def _hold(self, one: Pictured) -> None:
        """Every picture, then every second one… of a long part, evenly spread."""
        if self._seen % self._stride == 0:
            self._held.append(one)
        self._seen += 1
        if len(self._held) > _HELD * self._wanted:
            self._held = self._held[::2]
            self._stride *= 2

    def _close(self, end: int) -> Iterator[Pictured]:
        """The part ends before frame `end`. A rest shorter than half a part needs no picture of its
        own; a part in which nothing was looked at has none."""
        is_shot_end = bool(self._cuts) and self._cuts[0] == end
        length = end - self._start
        is_rest = not self._is_first and self._part_frames and 2 * length < self._part_frames
        if self._held and not is_rest:
            yield from self._best(end)
        if is_shot_end:
            self._cuts.popleft()
        self._start, self._is_first = end, is_shot_end
        self._held, self._stride, self._seen = [], 1, 0

    def _best(self, end: int) -> Iterator[Pictured]:
        """One of each of as many equal stretches as are wanted."""
        sharpest = max(one.sharpness for one in self._held)
        for one in self._held:
            one.worth = self._worth(one, sharpest, end)
        length = end - self._start
        stretches: dict[int, list[Pictured]] = {}
        for one in self._held:
            number = (one.frame - self._start) * self._wanted // max(length, 1)
            stretches.setdefault(number, []).append(one)
        for number in sorted(stretches):
            yield max(stretches[number], key=lambda one: (one.worth, -one.frame))

    def _worth(self, one: Pictured, sharpest: float, end: int) -> float:
        length = max((end - self._start) / self._wanted, 1)
        within = (one.frame - self._start) % length
        off = abs(2 * within / length - 1)
        worth = math.sqrt((one.sharpness + _FLOOR) / (sharpest + _FLOOR)) * (1 - _MIDDLE * off)
        if min(one.frame - self._start, end - 1 - one.frame) < self._margin:
            worth *= 0.5
        return worth * _EMPTY_WORTH if one.is_empty else worth
