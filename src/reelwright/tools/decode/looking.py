"""One decode for shots, keyframes and text candidates.

The packets are listed first. From their sizes follows which frames may begin a shot; from the
wishes, which pictures are wanted. Only those are decoded, and what they are predicted from. Where a
change is then neither clearly a cut nor clearly none, every frame around it is looked at.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from reelwright.analysis.packets import suspicion
from reelwright.analysis.shots import ShotDetector
from reelwright.analysis.sparse_shots import SparseDetector, spaced
from reelwright.media.time import frame_at
from reelwright.tools.decode.frames import DROP, LEADING, LIGHT, WHOLE, decoded
from reelwright.tools.decode.job import CANDIDATES, LOOKS, SHOTS, CannotLook, Job, Wish
from reelwright.tools.decode.listing import Listing, listed
from reelwright.tools.decode.pictures import Small, Upright

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reelwright.tools.decode.wishes import Candidates, Keyframes

Say = Callable[[int, Fraction], None]
_ASKED = ("rate", "detector", "threshold", "min_difference", "min_shot")


def look(job: Job, say: Say) -> dict[str, Any]:
    """The raw results, one a wish (see `runners.look`), and a report. Packs are written into the
    working directory. Raises CannotLook."""
    return _Looking(job, listed(job)).run(say)


@dataclass(frozen=True, slots=True)
class Grid:
    """The frames that are seen at a constant rate from time 0, as FFmpeg's ``fps`` chooses them:
    frame ``frames[k]`` of the listing from number ``starts[k]`` on."""

    frames: array[int]
    starts: array[int]
    count: int

    @staticmethod
    def of(listing: Listing, rate: Fraction) -> Grid:
        frames, starts = array("q"), array("q")
        # start = nearest((time · base - origin) · rate), in integers: there may be millions.
        scaled = listing.time_base * rate
        late = listing.origin * rate
        over = scaled.denominator * late.denominator
        factor, less = scaled.numerator * late.denominator, late.numerator * scaled.denominator
        for frame, time in enumerate(listing.times.tolist()):
            start = max(0, (2 * (time * factor - less) + over) // (2 * over))
            if starts and starts[-1] == start:
                frames[-1] = frame  # the later one is seen
                continue
            frames.append(frame)
            starts.append(start)
        if starts:
            starts[0] = 0  # the first stands in before it comes
        return Grid(frames, starts, max(_nearest(listing.end * rate), len(starts) and 1))

    def place(self, frame: int) -> int | None:
        """Of a frame of the listing in the grid; None: it is never seen."""
        at = bisect_left(self.frames, frame)
        return at if at < len(self.frames) and self.frames[at] == frame else None


def _nearest(value: Fraction) -> int:
    """Halves go up, as FFmpeg's AV_ROUND_NEAR_INF takes those above 0."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


class Shots:
    """The shots for one way of asking."""

    def __init__(self, listing: Listing, asked: Mapping[str, Any]) -> None:
        self.asked = asked
        self.rate = Fraction(asked["rate"])
        self.grid = Grid.of(listing, self.rate)
        self.sparse = SparseDetector(
            self.rate,
            detector=asked["detector"],
            threshold=asked["threshold"],
            min_difference=asked["min_difference"],
        )
        self.shots: list[tuple[int, int]] = []

    def regions(self) -> list[tuple[int, int]]:
        """Places in the grid, from and to (both included), of which every frame has to be seen."""
        around = self.sparse.reach + 3
        found: list[tuple[int, int]] = []
        for one in self.sparse.finish():
            if one.is_clear:
                continue
            begin, end = max(0, one.before - around), one.frame + around
            if found and begin <= found[-1][1] + 1:
                begin = found.pop()[0]
            found.append((begin, min(end, len(self.grid.frames) - 1)))
        return found

    def settle(self, exact: Iterable[int]) -> None:
        """`exact`: places of cuts in the regions."""
        doubtful = [f for f in self.sparse.found if not f.is_clear]
        places = {f.frame for f in self.sparse.found if f.is_clear}
        places |= {p for p in exact if any(f.before < p <= f.frame for f in doubtful)}
        cuts = [self.grid.starts[p] for p in sorted(places)]
        least = max(1, frame_at(Fraction(self.asked["min_shot"]), self.rate))
        self.shots = spaced(cuts, self.grid.count, least)


class _Looking:
    def __init__(self, job: Job, listing: Listing) -> None:
        self._job = job
        self._listing = listing
        self._suspicion = suspicion(listing.packets)
        self._shots: dict[tuple[Any, ...], Shots] = {}
        self._pictures: list[Keyframes | Candidates] = []
        self._answers: list[Callable[[], dict[str, Any]]] = []
        for wish in job.wishes:
            self._answers.append(self._answer(wish))

    def _answer(self, wish: Wish) -> Callable[[], dict[str, Any]]:
        """What gives the wish's result in the end."""
        if wish.analyser not in LOOKS:
            raise CannotLook(f"nothing here stands in for {wish.analyser}")
        if wish.analyser == SHOTS:
            return partial(_shots_answer, self._shots_for(wish))
        # Not for shots alone: it takes as long to import as a short file to look at.
        from reelwright.tools.decode.wishes import Candidates, Keyframes

        made: Keyframes | Candidates
        if wish.analyser == CANDIDATES:
            made = Candidates(wish, self._listing, self._upright(wish, "BICUBIC"))
        else:
            anchors = self._frames_of(self._suspicion.anchors)
            made = Keyframes(wish, self._shots_for(wish), anchors, self._upright(wish, "AREA"))
        self._pictures.append(made)
        return made.answer

    def _shots_for(self, wish: Wish) -> Shots:
        asked = {name: wish.params[name] for name in _ASKED}
        key = tuple(asked.values())
        if key not in self._shots:
            self._shots[key] = Shots(self._listing, asked)
        return self._shots[key]

    def _upright(self, wish: Wish, flags: str) -> Upright:
        size = (wish.params["width"], wish.params["height"])
        return Upright(*size, self._job.rotation_deg, flags)

    def _frames_of(self, which: NDArray[np.bool_]) -> list[int]:
        numbers: list[int] = sorted(self._listing.number[which].tolist())
        return numbers

    def run(self, say: Say) -> dict[str, Any]:
        seen = self._once(say)
        again = 0
        for shots in self._shots.values():
            exact, looked = self._exactly(shots)
            shots.settle(exact)
            again += looked
        report = {"packets": len(self._listing.shown), "decoded": seen, "looked_again": again}
        return {"results": [answer() for answer in self._answers], "report": report}

    def _once(self, say: Say) -> int:
        """The one decode."""
        fates = self._fates()
        suspects = self._frames_of(self._suspicion.suspects)
        small = Small()
        last, count = -1, 0
        # Pictures that are kept have to be right; those that are only compared need not quite.
        for frame, picture in decoded(self._job, self._listing, fates, rough=not self._pictures):
            count += 1
            is_suspect = bisect_right(suspects, frame) > bisect_right(suspects, last)
            last = frame
            if self._shots:
                self._compare(frame, small.of(picture), is_suspect)
            for wish in self._pictures:
                wish.see(frame, picture)
            if count % 50 == 0:
                say(frame, self._listing.time(frame))
        return count

    def _compare(self, frame: int, picture: NDArray[np.int16], is_suspect: bool) -> None:
        for shots in self._shots.values():
            if (at := shots.grid.place(frame)) is not None:
                shots.sparse.look(at, picture, is_suspect=is_suspect)

    def _fates(self) -> NDArray[np.uint8]:
        import numpy as np

        whole = self._suspicion.anchors | (self._suspicion.near & bool(self._shots))
        fates = np.where(whole, WHOLE, LIGHT).astype(np.uint8)
        for wish in self._pictures:
            fates[self._listing.shown[wish.wanted()]] = WHOLE
        return fates

    def _exactly(self, shots: Shots) -> tuple[list[int], int]:
        """Places of the cuts in the regions, and how many frames were looked at for them."""
        import numpy as np

        regions = shots.regions()
        if not regions:
            return [], 0
        fates = np.full(len(self._listing.shown), DROP, np.uint8)
        frames = shots.grid.frames
        keys = np.flatnonzero(self._listing.packets.keys)
        for begin, end in regions:
            self._reach(fates, keys, frames[begin], frames[end])
        wanted = {frames[at]: at for b, e in regions for at in range(b, e + 1)}
        small = Small()
        pictures: dict[int, NDArray[np.int16]] = {}
        cuts: list[int] = []
        waiting = list(regions)
        for frame, picture in decoded(self._job, self._listing, fates, rough=False):
            if (at := wanted.get(frame)) is None:
                continue
            pictures[at] = small.of(picture)
            if at == waiting[0][1]:
                cuts += self._cuts(shots, waiting.pop(0), pictures)
                pictures = {}
        if waiting:
            raise CannotLook("frames that were decoded once did not come again")
        return cuts, len(wanted)

    def _reach(
        self, fates: NDArray[np.uint8], keys: NDArray[np.intp], first: int, last: int
    ) -> None:
        """Marks what has to be decoded for the frames from `first` to `last`."""
        number = self._listing.number
        before = keys[number[keys] <= first]
        begin = int(before[-1]) if len(before) else 0
        wanted = self._listing.shown[first : last + 1]
        end = int(wanted.max())
        span = fates[begin : end + 1]
        span[span <= LEADING] = LIGHT
        # Shown before the keyframe: predicted from what is not decoded.
        leading = number[begin : end + 1] < number[begin]
        span[leading & (span == LIGHT)] = LEADING
        fates[wanted] = WHOLE
        fates[begin] = WHOLE

    def _cuts(
        self,
        shots: Shots,
        region: tuple[int, int],
        pictures: Mapping[int, NDArray[np.int16]],
    ) -> list[int]:
        """By the exact rule, frame by frame as the constant rate shows them."""
        asked = shots.asked
        detector = ShotDetector(
            shots.rate,
            detector=asked["detector"],
            threshold=asked["threshold"],
            min_difference=asked["min_difference"],
            min_shot=Fraction(0),
        )
        places: list[int] = []
        starts = shots.grid.starts
        for at in range(region[0], region[1] + 1):
            until = starts[at + 1] if at + 1 < len(starts) else shots.grid.count
            # Longer than neighbours are looked for, a repetition says no more.
            times = min(max(1, until - starts[at]), shots.sparse.reach + 3)
            for _ in range(times):
                detector.look(pictures[at])
                places.append(at)
        return [places[first] for first, _ in detector.finish()[1:]]


def _shots_answer(shots: Shots) -> dict[str, Any]:
    return {"shots": [list(one) for one in shots.shots], "count": shots.grid.count}
