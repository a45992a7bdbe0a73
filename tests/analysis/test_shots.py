"""The detector on made-up frames: what counts as a cut and what does not."""

from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import pytest

from reelwright.analysis.shots import FRAME_BYTES, HEIGHT_PX, WIDTH_PX, ShotDetector, difference

LUMA = WIDTH_PX * HEIGHT_PX
RATE = Fraction(25)


def frame(luma: int, chroma: int = 128, noise: int = 0, seed: int = 0) -> memoryview:
    planes = np.full(FRAME_BYTES, chroma, np.int16)
    planes[:LUMA] = luma
    if noise:
        planes[:LUMA] += np.random.default_rng(seed).integers(-noise, noise, LUMA, np.int16)
    return memoryview(planes.clip(0, 255).astype(np.uint8).tobytes())


def shots(frames: Iterable[memoryview], **asked: object) -> list[tuple[int, int]]:
    detector = ShotDetector(RATE, **asked)  # type: ignore[arg-type]
    for one in frames:
        detector.feed(one)
    return detector.finish()


def scene(count: int, luma: int, noise: int = 3) -> list[memoryview]:
    return [frame(luma, noise=noise, seed=n) for n in range(count)]


def test_difference_adds_the_planes_up() -> None:
    one = np.zeros(FRAME_BYTES, np.int16)
    other = one.copy()
    other[:LUMA] = 10
    other[LUMA:] = 7
    assert difference(one, other) == pytest.approx(10 + 7 + 7)
    assert difference(one, one) == 0


def test_no_frames_have_no_shots_and_one_frame_is_one() -> None:
    assert shots([]) == []
    assert shots(scene(1, 50)) == [(0, 1)]


def test_a_cut_stands_on_the_first_frame_of_the_new_shot() -> None:
    assert shots(scene(20, 50) + scene(30, 120)) == [(0, 20), (20, 50)]


def test_a_change_of_color_alone_is_a_cut() -> None:
    frames = [frame(100, 90)] * 20 + [frame(100, 150)] * 20
    assert shots(frames) == [(0, 20), (20, 40)]


def test_a_slide_show_without_any_motion() -> None:
    frames = [frame(30)] * 25 + [frame(90)] * 25 + [frame(200)] * 25
    assert shots(frames) == [(0, 25), (25, 50), (50, 75)]


def test_a_small_change_is_none() -> None:
    assert shots(scene(20, 50) + scene(20, 60)) == [(0, 40)]


def test_fast_motion_is_no_cut_unless_it_is_asked_for() -> None:
    # 35 levels up and down with every frame, as in a shaken picture.
    frames = [frame(60 + 35 * (n % 2)) for n in range(60)]
    assert shots(frames) == [(0, 60)]
    moving = [frame((35 * n) % 200) for n in range(60)]
    assert len(shots(moving, detector="content")) > 1


def test_a_fade_is_no_cut() -> None:
    frames = scene(20, 20) + [frame(20 + 5 * n) for n in range(30)] + scene(20, 170)
    assert shots(frames) == [(0, 70)]


def test_a_flash_is_no_cut() -> None:
    frames = scene(30, 60)
    frames[20] = frame(250)
    assert shots(frames) == [(0, 30)]
    assert shots(frames, detector="content") == [(0, 30)]


@pytest.mark.parametrize("repeats", [2, 3])
def test_animation_on_twos_and_threes_is_motion(repeats: int) -> None:
    frames = [frame(40 + 20 * (n % 3)) for n in range(20) for _ in range(repeats)]
    cut = [frame(200 + 20 * (n % 3)) for n in range(20) for _ in range(repeats)]
    half = 20 * repeats
    assert shots(frames + cut) == [(0, half), (half, 2 * half)]


def test_a_cut_shortly_before_the_end() -> None:
    assert shots(scene(30, 50) + scene(3, 120)) == [(0, 30), (30, 33)]
    assert shots(scene(30, 50) + scene(2, 120)) == [(0, 32)]


def test_the_shortest_shot() -> None:
    frames = scene(20, 50) + scene(10, 120) + scene(20, 200)
    assert shots(frames) == [(0, 20), (20, 50)]
    assert shots(frames, min_shot=Fraction(2, 5)) == [(0, 20), (20, 30), (30, 50)]


def test_the_threshold() -> None:
    frames = scene(20, 50) + scene(20, 80)
    assert shots(frames, detector="content", threshold=25.0) == [(0, 20), (20, 40)]
    assert shots(frames, detector="content", threshold=60.0) == [(0, 40)]
    assert shots(frames, min_difference=60.0) == [(0, 40)]


def test_memory_does_not_grow() -> None:
    detector = ShotDetector(RATE)
    for n in range(200):
        detector.feed(frame(n))
    held = sum(f.nbytes for f in detector._frames)
    assert held <= 5 * FRAME_BYTES * 2
