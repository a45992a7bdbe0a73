from fractions import Fraction

import pytest

from reelwright.analysis.sprite import SpriteGrid, name_files, sprite_vtt
from reelwright.media.geometry import Size

GRID = SpriteGrid(columns=3, rows=2, cell=Size(160, 90), interval=Fraction(10))


def test_sheets_and_their_size() -> None:
    assert GRID.size == Size(480, 180)
    assert [GRID.sheets(n) for n in (1, 6, 7, 12, 13)] == [1, 1, 2, 2, 3]


def test_pictures_go_row_by_row_and_on_to_the_next_sheet() -> None:
    assert [GRID.place(n) for n in (0, 2, 3, 5, 6)] == [
        (1, 0, 0),
        (1, 320, 0),
        (1, 0, 90),
        (1, 320, 90),
        (2, 0, 0),
    ]


def test_webvtt() -> None:
    text = sprite_vtt(GRID, 7, Fraction(655, 10))
    assert text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:10.000\n{file:1}#xywh=0,0,160,90\n\n")
    assert text.endswith("00:01:00.000 --> 00:01:05.500\n{file:2}#xywh=0,0,160,90\n")
    assert text.count("-->") == 7


def test_files_are_named_at_delivery() -> None:
    text = sprite_vtt(GRID, 7, Fraction(65))
    named = name_files(text, ["a{file:2}.jpg", "b b.jpg"])
    assert "a{file:2}.jpg#xywh=320,90,160,90" in named
    assert "b b.jpg#xywh=0,0,160,90" in named
    with pytest.raises(IndexError):
        name_files(text, ["only one.jpg"])
