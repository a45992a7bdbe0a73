"""What has to be read again is where the picture changed, with the lines that it touches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reelwright.analysis.changed_area import Area, changed_area, detail_area

RNG = np.random.default_rng(5)


def _picture(height: int = 360, width: int = 645) -> NDArray[np.uint8]:
    return RNG.integers(90, 100, (height, width), dtype=np.uint8)


def _written(picture: NDArray[np.uint8], x: int, y: int, width: int = 64) -> NDArray[np.uint8]:
    """Strokes, as letters have them."""
    copy = picture.copy()
    copy[y : y + 16, x : x + width : 4] = 255
    return copy


def test_noise_and_encoding_are_no_change() -> None:
    still = _picture()
    noise = RNG.integers(-3, 4, still.shape)
    again = np.clip(still.astype(int) + noise, 0, 255).astype(np.uint8)
    assert changed_area(still, again, []) is None


def test_only_what_changed_is_read_again() -> None:
    before = _picture()
    area = changed_area(before, _written(before, 320, 160), [])
    assert area == Area(304, 144, 400, 192)


def test_a_line_that_is_touched_is_in_it_whole_and_so_is_the_next() -> None:
    before = _picture()
    now = _written(before, 320, 160)
    area = changed_area(before, now, [(200.5, 150.0, 150.0, 20.0), (150.0, 140.0, 60.0, 15.5)])
    assert area == Area(150, 140, 400, 192)
    assert changed_area(before, now, [(10.0, 10.0, 50.0, 20.0)]) == Area(304, 144, 400, 192)


def test_a_text_that_went_is_a_change() -> None:
    before = _picture()
    area = changed_area(_written(before, 320, 160), before, [(320.0, 160.0, 64.0, 16.0)])
    assert area is not None
    assert area.touches((320.0, 160.0, 64.0, 16.0))


def test_the_whole_picture_is_read_where_most_of_it_changed() -> None:
    before = _picture()
    assert changed_area(before, 255 - before, []) == Area(0, 0, 645, 360)
    corners = _written(_written(before, 0, 0), 560, 330)
    assert changed_area(before, corners, []) == Area(0, 0, 645, 360)


def test_edges_that_are_no_whole_block_are_looked_at() -> None:
    before = _picture(25, 37)
    now = before.copy()
    now[20:, 33:] = 255
    area = changed_area(before, now, [])
    assert area is not None
    assert (area.right, area.bottom) == (37, 25)


def _colored(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(plane[:, :, None], 3, axis=2)


def test_flat_pictures_hold_no_text() -> None:
    assert detail_area(np.zeros((720, 1280, 3), np.uint8)) is None
    assert detail_area(_colored(_picture())) is None
    gradient = np.tile(np.linspace(0, 255, 1280).astype(np.uint8), (720, 1))
    assert detail_area(_colored(gradient)) is None


def test_text_is_looked_for_where_there_are_edges() -> None:
    assert detail_area(_colored(_written(_picture(), 320, 160, 8))) == Area(304, 144, 352, 192)
    assert detail_area(_colored(_written(_picture(), 0, 0, 645))) == Area(0, 0, 645, 32)


def test_letters_that_differ_in_one_color_only_are_edges() -> None:
    blue_on_black = np.zeros((360, 640, 3), np.uint8)
    blue_on_black[:, :, 2] = _written(np.zeros((360, 640), np.uint8), 320, 160, 8)
    assert detail_area(blue_on_black) == Area(304, 144, 352, 192)
