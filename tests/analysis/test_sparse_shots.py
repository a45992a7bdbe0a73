"""Cuts from some of the frames: clear ones, doubtful ones, and none that are not there."""

from fractions import Fraction

import numpy as np
import pytest

from reelwright.analysis.shots import FRAME_BYTES, HEIGHT_PX, WIDTH_PX, ShotDetector
from reelwright.analysis.sparse_shots import Found, SparseDetector, spaced

RATE = Fraction(25)


def frame(luma: int, seed: int) -> np.ndarray:
    picture = np.full(FRAME_BYTES, 128, np.int16)
    noise = np.random.default_rng(seed).integers(-3, 4, WIDTH_PX * HEIGHT_PX)
    picture[: WIDTH_PX * HEIGHT_PX] = luma + noise
    return picture


def video(*scenes: tuple[int, int]) -> list[np.ndarray]:
    return [frame(luma, n) for luma, count in scenes for n in range(count)]


def found(frames: list[np.ndarray], keep: set[int], suspects: set[int]) -> list[Found]:
    detector = SparseDetector(RATE)
    for number in sorted(keep):
        detector.look(number, frames[number], is_suspect=number in suspects)
    return detector.finish()


def test_with_every_frame_it_finds_what_the_detector_finds() -> None:
    frames = video((50, 30), (120, 40), (60, 30))
    exact = ShotDetector(RATE)
    for one in frames:
        exact.look(one)
    clear = found(frames, set(range(100)), set())
    assert clear == [Found(29, 30, True), Found(69, 70, True)]
    assert [0, *(f.frame for f in clear)] == [first for first, _ in exact.finish()]


def test_a_cut_within_a_gap_is_doubtful() -> None:
    frames = video((50, 30), (120, 40))
    anchors = set(range(0, 70, 4))
    assert found(frames, anchors, {32}) == [Found(28, 32, False)]


def test_a_striking_change_is_doubted_though_no_packet_stands_out() -> None:
    frames = video((50, 30), (120, 40))
    assert found(frames, set(range(0, 70, 4)), set()) == [Found(28, 32, False)]


def test_motion_is_neither() -> None:
    frames = [frame(20 + 2 * n, n) for n in range(80)]
    assert found(frames, set(range(0, 80, 4)), set()) == []


@pytest.mark.parametrize("last", [1, 2])
def test_a_change_in_the_last_frames_is_not_clear(last: int) -> None:
    frames = video((50, 30), (120, last))
    assert all(not f.is_clear for f in found(frames, set(range(30 + last)), {30}))


def test_spaced_keeps_the_shortest_shot() -> None:
    assert spaced([10, 30, 40, 60], 100, 15) == [(0, 30), (30, 60), (60, 100)]
    assert spaced([], 100, 15) == [(0, 100)]
    assert spaced([], 0, 15) == []
    assert spaced([99], 100, 15) == [(0, 100)]
