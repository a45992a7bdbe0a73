"""Which pictures stand for a shot, chosen while cuts come in."""

import numpy as np

from reelwright.analysis.keyframes import KeyframeChooser, Pictured, pictured, sharpness


def one(frame: int, sharp: float = 10.0, *, is_empty: bool = False) -> Pictured:
    return Pictured(frame, f"picture {frame}", sharp, is_empty)


def chosen(pictures: list[Pictured], cuts: list[int], count: int, **asked: int | None) -> list[int]:
    chooser = KeyframeChooser(
        asked.get("per_part") or 1, asked.get("part_frames"), asked.get("margin") or 0
    )
    waiting, found = list(cuts), []
    for picture in pictures:
        while waiting and waiting[0] <= picture.frame + 6:
            chooser.cut(waiting.pop(0))
        chooser.add(picture)
        found += [p.frame for p in chooser.settle(picture.frame)]
    for cut in waiting:
        chooser.cut(cut)
    return found + [p.frame for p in chooser.finish(count)]


def test_the_middle_of_each_shot_where_all_are_alike() -> None:
    assert chosen([one(n) for n in range(0, 100, 10)], [40], 100) == [20, 70]


def test_the_sharp_one_unless_it_is_at_the_end() -> None:
    assert chosen([one(20), one(50, 9), one(60, 18), one(99, 20)], [], 100) == [60]


def test_an_empty_picture_only_where_there_is_no_other() -> None:
    dark = [one(n, 0.0, is_empty=True) for n in (10, 50)]
    assert chosen([*dark, one(90, 0.1)], [], 100) == [90]
    assert chosen(dark, [], 100) == [50]


def test_several_of_a_shot_are_spread_over_it() -> None:
    found = chosen([one(n) for n in range(0, 90, 5)], [], 90, per_part=3)
    assert found == [15, 45, 75]


def test_a_long_shot_in_parts_and_no_picture_for_a_short_rest() -> None:
    frames = [one(n) for n in range(0, 250, 10)]
    assert chosen(frames, [], 230, part_frames=100) == [50, 150]
    assert chosen(frames, [], 250, part_frames=100) == [50, 150, 220]


def test_memory_is_bounded_in_a_long_shot() -> None:
    chooser = KeyframeChooser(1, None, 0)
    for number in range(10_000):
        chooser.add(one(number))
        assert not list(chooser.settle(number))
        assert len(chooser._held) <= 13
    (best,) = chooser.finish(10_000)
    assert 4_000 < best.frame < 6_000


def test_a_blur_is_less_sharp_and_an_even_surface_is_empty() -> None:
    stripes = np.tile(np.array([0, 0, 255, 255], np.uint8), (40, 20))
    blurred = np.tile(np.array([60, 120, 190, 130], np.uint8), (40, 20))
    assert sharpness(stripes) > sharpness(blurred) > 0
    assert not pictured(0, stripes, None).is_empty
    assert pictured(0, np.full((40, 80), 30, np.uint8), None).is_empty
