"""Lines come in the order in which a person reads them."""

from __future__ import annotations

import random

import pytest

from reelwright.analysis.reading_order import Placed, page_turned_deg, reading_order

LONG = 30


def _line(x: float, y: float, width: float = 300, characters: int = LONG) -> Placed:
    return Placed((x, y, width, 20), 0, characters)


def _turned(line: Placed, degrees: int, size: float = 1000) -> Placed:
    """The line on a page of `size` that is turned clockwise."""
    x, y, width, height = line.box
    box = {
        0: (x, y, width, height),
        90: (size - y - height, x, height, width),
        180: (size - x - width, size - y - height, width, height),
        270: (y, size - x - width, height, width),
    }[degrees]
    return Placed(box, degrees, line.characters)


def _read(lines: list[Placed], degrees: int = 0) -> list[Placed]:
    """Read after they were shuffled."""
    shuffled = list(lines)
    random.Random(3).shuffle(shuffled)
    turned = [_turned(line, degrees) for line in shuffled]
    return [shuffled[index] for index in reading_order(turned)]


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_page_is_read_from_its_top_however_it_lies(degrees: int) -> None:
    page = [_line(50, 100 + 40 * n, 500 - 13 * n) for n in range(8)]
    assert _read(page, degrees) == page


def test_pieces_of_a_line_are_read_from_the_left_though_one_is_lower() -> None:
    row = [_line(50, 103, 20, 1), _line(90, 100, 200), _line(300, 106, 100)]
    page = [*row, _line(50, 140)]
    assert _read(page) == page


def test_columns_are_read_one_after_another_below_their_headline() -> None:
    left = [_line(50, 100 + 30 * n) for n in range(5)]
    right = [_line(400, 100 + 30 * n) for n in range(5)]
    page = [_line(50, 40, 600), *left, *right, _line(50, 290, 640)]
    assert _read(page) == page


def test_a_table_is_read_in_rows() -> None:
    rows = [(_line(50, 100 + 30 * n, 80, 8), _line(400, 100 + 30 * n, 40, 4)) for n in range(5)]
    table = [cell for row in rows for cell in row]
    assert _read(table) == table


def test_nothing_and_one() -> None:
    assert reading_order([]) == []
    assert reading_order([_line(1, 1)]) == [0]


def test_the_page_lies_as_most_of_its_letters_do() -> None:
    lines = [Placed((0, 0, 10, 100), 90, 40), Placed((0, 0, 30, 10), 0, 5)]
    assert page_turned_deg(lines) == 90
