"""The order in which a person reads lines of text that were found in a picture.

Lines are put upright first (a page may lie on its side or stand on its head), then columns are told
from tables: a gutter parts two columns of running text, while the cells of a table belong to rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

# Two lines are of one row when they share this much of the lower one's height.
SAME_ROW = 0.5
# A gutter is at least this many heights of a line wide.
GUTTER_HEIGHTS = 0.9
# A column has at least so many lines, of so many characters on the average: else it is a table.
COLUMN_LINES = 3
COLUMN_CHARACTERS = 14
# A headline above columns, or what stands below them, has no more rows than this.
HEAD_ROWS = 4


@dataclass(frozen=True, slots=True)
class Placed:
    """A line: its box (left, top, width, height; pixels), how far its text is turned clockwise (0,
    90, 180 or 270 degrees), and how many characters it has."""

    box: tuple[float, float, float, float]
    turned_deg: int
    characters: int


@dataclass(frozen=True, slots=True)
class _Upright:
    index: int
    left: float
    top: float
    right: float
    bottom: float
    characters: int

    @property
    def height(self) -> float:
        return self.bottom - self.top


def reading_order(lines: Sequence[Placed]) -> list[int]:
    """Indices of `lines` as they are read: from the top, columns one after another."""
    if not lines:
        return []
    turned = page_turned_deg(lines)
    upright = [_upright(index, line, turned) for index, line in enumerate(lines)]
    return [line.index for line in _read(upright)]


def page_turned_deg(lines: Sequence[Placed]) -> int:
    """How far the page is turned clockwise: as most of its characters are."""
    weights: dict[int, int] = defaultdict(int)
    for line in lines:
        weights[line.turned_deg] += max(1, line.characters)
    return max(weights, key=lambda turned: (weights[turned], -turned))


def _upright(index: int, line: Placed, turned_deg: int) -> _Upright:
    """The line's place after the page has been turned back."""
    x, y, width, height = line.box
    left, top, right, bottom = {
        0: (x, y, x + width, y + height),
        90: (y, -x - width, y + height, -x),
        180: (-x - width, -y - height, -x, -y),
        270: (-y - height, x, -y, x + width),
    }[turned_deg]
    return _Upright(index, left, top, right, bottom, line.characters)


def _read(lines: list[_Upright]) -> list[_Upright]:
    rows = _rows(lines)
    parts = _columns(lines) or _bands(rows)
    if parts:
        return [line for part in parts for line in _read(part)]
    return [line for row in rows for line in sorted(row, key=lambda one: one.left)]


def _rows(lines: list[_Upright]) -> list[list[_Upright]]:
    """Lines that stand beside each other, from the top."""
    rows: list[list[_Upright]] = []
    for line in sorted(lines, key=lambda one: one.top + one.height / 2):
        if rows and _is_beside(rows[-1][0], line):
            rows[-1].append(line)
        else:
            rows.append([line])
    return rows


def _is_beside(one: _Upright, other: _Upright) -> bool:
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return shared >= SAME_ROW * min(one.height, other.height)


def _columns(lines: list[_Upright]) -> list[list[_Upright]]:
    """Two sides of a gutter that runs from top to bottom; nothing where there is none."""
    if len(lines) < 2 * COLUMN_LINES:
        return []
    least = GUTTER_HEIGHTS * median(line.height for line in lines)
    by_left = sorted(lines, key=lambda one: one.left)
    reach = by_left[0].right
    for number, line in enumerate(by_left):
        if line.left - reach >= least:
            sides = by_left[:number], by_left[number:]
            if all(_is_running_text(side) for side in sides):
                return list(sides)
        reach = max(reach, line.right)
    return []


def _is_running_text(side: list[_Upright]) -> bool:
    if len(side) < COLUMN_LINES:
        return False
    return sum(line.characters for line in side) >= COLUMN_CHARACTERS * len(side)


def _bands(rows: list[list[_Upright]]) -> list[list[_Upright]]:
    """What stands above columns (a headline) and below them, apart from them; nothing where that
    parts nothing. Columns are looked for again within each."""
    count = len(rows)
    for first in range(min(HEAD_ROWS + 1, count)):
        for last in range(count, max(count - HEAD_ROWS - 1, first), -1):
            middle = [line for row in rows[first:last] for line in row]
            if last - first < count and _columns(middle):
                above = [line for row in rows[:first] for line in row]
                below = [line for row in rows[last:] for line in row]
                return [part for part in (above, middle, below) if part]
    return []
