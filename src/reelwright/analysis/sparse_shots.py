"""Cuts from some of the frames of a video: what is clear without the others, what is not.

The rule is that of `shots.ShotDetector`. Where frames are missing, or were decoded less exactly,
a change counts only when it is well above the rule's measure, and is none only when it is well
below; what lies between is *doubtful*, and whoever decodes looks at every frame there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from reelwright.analysis.shots import (
    ADAPTIVE_RATIO,
    CONTENT_DIFFERENCE,
    MIN_DIFFERENCE,
    REACH_S,
    REPEATED,
    WINDOW,
    Detector,
    difference,
)
from reelwright.media.time import frame_at

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# How far from the rule's measure a change has to be, with every frame around and without.
_DENSE, _SPARSE = 1.25, 1.5
_NONE_DENSE, _NONE_SPARSE = 0.8, 0.4
# Without a suspicious packet: only what looks so much like a cut is doubted.
_STRIKING = 1.0


@dataclass(frozen=True, slots=True)
class Found:
    """A change from frame `before` to frame `frame`, the first of a new shot if it is a cut."""

    before: int
    frame: int
    is_clear: bool


@dataclass(slots=True)
class _Change:
    before: int
    frame: int
    difference: float
    is_suspect: bool
    lasts: bool | None = None  # None: nobody has looked, or could


class SparseDetector:
    """Feed it frames in order, with their numbers; `found` grows."""

    def __init__(
        self,
        rate: Fraction,
        *,
        detector: Detector = "adaptive",
        threshold: float | None = None,
        min_difference: float = MIN_DIFFERENCE,
    ) -> None:
        self._ratio: float | None = None
        if detector == "adaptive":
            self._ratio = ADAPTIVE_RATIO if threshold is None else threshold
            self._least = min_difference
        else:
            self._least = CONTENT_DIFFERENCE if threshold is None else threshold
        self._lasting = min_difference
        self.reach = max(WINDOW, frame_at(REACH_S, rate))
        self._frames: deque[tuple[int, NDArray[np.int16]]] = deque(maxlen=2 * WINDOW + 1)
        self._behind = self.reach  # changes after the one that is judged
        self._changes: deque[_Change] = deque(maxlen=2 * self._behind + 1)
        self.found: list[Found] = []

    @property
    def settled(self) -> int:
        """Changes up to and including this frame have been judged."""
        if len(self._changes) <= self._behind:
            return -1
        return self._changes[-1 - self._behind].frame

    def look(self, frame: int, picture: NDArray[np.int16], *, is_suspect: bool) -> None:
        """`is_suspect`: its packet, or one between it and the frame before, stands out."""
        if self._frames:
            before, last = self._frames[-1]
            changed = difference(last, picture)
            self._changes.append(_Change(before, frame, changed, is_suspect))
        self._frames.append((frame, picture))
        if len(self._changes) > WINDOW and len(self._frames) > 2 * WINDOW:
            self._look_back(self._changes[-1 - WINDOW])
        if len(self._changes) > self._behind:
            self._judge(len(self._changes) - 1 - self._behind)

    def finish(self) -> list[Found]:
        for at in range(max(0, len(self._changes) - self._behind), len(self._changes)):
            self._judge(at)
        return self.found

    def _look_back(self, change: _Change) -> None:
        if change.difference >= _NONE_SPARSE * self._least:
            over = difference(self._frames[0][1], self._frames[-1][1])
            change.lasts = over >= self._lasting

    def _judge(self, at: int) -> None:
        change = self._changes[at]
        around = self._around(at)
        is_dense = all(c.frame - c.before == 1 for c in (change, *around))
        score = self._score(change, around)
        enough, none = (_DENSE, _NONE_DENSE) if is_dense else (_SPARSE, _NONE_SPARSE)
        if score < none or not (is_dense or change.is_suspect or score >= _STRIKING):
            return
        is_exact = change.frame - change.before == 1
        if is_dense and change.lasts is False and score < enough:
            return
        is_clear = is_exact and change.lasts is True and score >= enough
        self.found.append(Found(change.before, change.frame, is_clear))

    def _score(self, change: _Change, around: Sequence[_Change]) -> float:
        """1 is the rule's measure."""
        score = change.difference / self._least
        if self._ratio is not None:
            usual = sum(c.difference for c in around) / (2 * WINDOW)
            if usual:
                score = min(score, change.difference / (self._ratio * usual))
        return score

    def _around(self, at: int) -> list[_Change]:
        """The `WINDOW` nearest changes on either side that are any, and near enough."""
        here = self._changes[at]
        changes = list(self._changes)
        before = [
            c
            for c in reversed(changes[:at])
            if c.difference > REPEATED and here.frame - c.frame <= self.reach
        ]
        after = [
            c
            for c in changes[at + 1 :]
            if c.difference > REPEATED and c.before - here.frame < self.reach
        ]
        return before[:WINDOW] + after[:WINDOW]


def spaced(cuts: Sequence[int], count: int, min_frames: int) -> list[tuple[int, int]]:
    """Shots of `count` frames from `cuts` in order; one that comes too soon after the one before,
    or in the last frames, is none, as `ShotDetector` has it."""
    if not count:
        return []
    kept = [0]
    for cut in cuts:
        if cut - kept[-1] >= min_frames and cut < count - WINDOW + 1:
            kept.append(cut)
    return list(zip(kept, [*kept[1:], count], strict=True))
