"""What becomes of the pictures of the one decode: keyframes chosen, text candidates kept."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.analysis.change import ChangeGate
from reelwright.analysis.keyframes import (
    LOOK_S,
    MARGIN_S,
    KeyframeChooser,
    Pictured,
    pictured,
)
from reelwright.media.time import frame_at
from reelwright.operators.analyse.packs import PicturePack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reelwright.tools.decode.job import Wish
    from reelwright.tools.decode.listing import Listing
    from reelwright.tools.decode.looking import Shots
    from reelwright.tools.decode.pictures import Upright


class Candidates:
    """Pictures on screen at 0, `every`, 2·`every`…, kept where something has changed."""

    def __init__(self, wish: Wish, listing: Listing, upright: Upright) -> None:
        assert wish.pack is not None
        self._every = Fraction(wish.params["every"])
        self._upright = upright
        self._pack = PicturePack(Path(wish.pack))
        self._gate = ChangeGate()
        self._kept: list[tuple[int, str]] = []
        self._count = max(1, -(-listing.end // self._every))
        self._samples = _on_screen(listing, self._every, self._count)

    def wanted(self) -> list[int]:
        return list(self._samples)

    def see(self, frame: int, picture: Any) -> None:
        number = self._samples.get(frame)
        if number is None:
            return
        planes = self._upright.planes(picture)
        if self._gate.passes(planes[0]):
            self._kept.append((number, self._pack.add(number * self._every, planes)))

    def answer(self) -> dict[str, Any]:
        self._pack.close()
        return {"kept": [list(one) for one in self._kept], "count": self._count}


def _on_screen(listing: Listing, every: Fraction, count: int) -> dict[int, int]:
    """The first sample that each sampled frame is seen in, by frame."""
    found: dict[int, int] = {}
    frame, last = 0, len(listing.shown) - 1
    for number in range(count):
        while frame < last and listing.time(frame + 1) <= number * every:
            frame += 1
        found.setdefault(frame, number)
    return found


class Keyframes:
    """Pictures about twice a second, of frames that are decoded anyway where there are any."""

    def __init__(self, wish: Wish, shots: Shots, anchors: Sequence[int], upright: Upright) -> None:
        assert wish.pack is not None
        self._shots = shots
        self._upright = upright
        self._pack = PicturePack(Path(wish.pack))
        self._per_shot: int = wish.params["per_shot"]
        every = wish.params["every"]
        self._is_parted = every is not None
        rate = shots.rate
        self._chooser = KeyframeChooser(
            self._per_shot,
            None if every is None else max(1, frame_at(Fraction(every), rate)),
            frame_at(MARGIN_S, rate),
        )
        shortest = min(LOOK_S, Fraction(wish.params["min_shot"]) / 2)
        self._wanted = set(_nearby(anchors, max(1, int(shortest * rate)), shots))
        self._told = 0
        self._chosen: list[tuple[Pictured, str]] = []

    def wanted(self) -> list[int]:
        return sorted(self._wanted)

    def see(self, frame: int, picture: Any) -> None:
        """After the frame was compared: `shots` may know more."""
        if frame in self._wanted:
            planes = self._upright.planes(picture)
            self._chooser.add(pictured(self._start(frame), planes[0], planes))
        # Whatever is not clearly no cut: two pictures of one shot do less harm than none of one.
        for found in self._shots.sparse.found[self._told :]:
            self._chooser.cut(self._shots.grid.starts[found.frame])
        self._told = len(self._shots.sparse.found)
        settled = self._shots.sparse.settled
        if settled >= 0:
            self._keep(self._chooser.settle(self._shots.grid.starts[settled]))

    def _start(self, frame: int) -> int:
        """The frame's number at the constant rate."""
        at = self._shots.grid.place(frame)
        assert at is not None
        return self._shots.grid.starts[at]

    def _keep(self, chosen: Iterable[Pictured]) -> None:
        for one in chosen:
            file = self._pack.add(one.frame / self._shots.rate, one.picture)
            one.picture = None
            self._chosen.append((one, file))

    def answer(self) -> dict[str, Any]:
        for found in self._shots.sparse.found[self._told :]:
            self._chooser.cut(self._shots.grid.starts[found.frame])
        self._keep(self._chooser.finish(self._shots.grid.count))
        self._pack.close()
        kept: list[tuple[Pictured, str]] = []
        for first, end in self._shots.shots:
            own = [one for one in self._chosen if first <= one[0].frame < end]
            if not self._is_parted:
                own = sorted(own, key=lambda one: -one[0].worth)[: self._per_shot]
            kept += sorted(own, key=lambda one: one[0].frame)
        return {
            "chosen": [[one.frame, file] for one, file in kept],
            "shots": [list(one) for one in self._shots.shots],
        }


def _nearby(anchors: Sequence[int], stride: int, shots: Shots) -> list[int]:
    """A frame of each stretch of `stride`: an anchor near its middle, else the one in its middle.
    The first frame too: a shot may be that short."""
    frames = shots.grid.frames
    found = [frames[0]]
    for at in range(stride // 2, len(frames), stride):
        middle = frames[at]
        place = bisect_left(anchors, middle)
        near = [
            a for a in anchors[max(0, place - 1) : place + 1] if shots.grid.place(a) is not None
        ]
        best = min(near, key=lambda a: abs(a - middle), default=middle)
        found.append(best if 2 * abs(best - middle) <= stride else middle)
    return found
