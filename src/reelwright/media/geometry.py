"""Sizes, lengths and places on a picture, in pixels or in percent of it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Unit = Literal["px", "%"]

ANCHORS = (
    "top-left",
    "top",
    "top-right",
    "left",
    "center",
    "right",
    "bottom-left",
    "bottom",
    "bottom-right",
)


@dataclass(frozen=True, slots=True)
class Size:
    width_px: int
    height_px: int

    def __str__(self) -> str:
        return f"{self.width_px}x{self.height_px}"

    @property
    def pixels(self) -> int:
        return self.width_px * self.height_px


@dataclass(frozen=True, slots=True)
class Length:
    """`value` pixels, or `value` percent of what it is measured against."""

    value: Fraction
    unit: Unit = "px"

    def __str__(self) -> str:
        number = str(int(self.value)) if self.value.denominator == 1 else f"{float(self.value):g}"
        return f"{number}{self.unit}"

    def of(self, whole_px: int) -> int:
        """Whole pixels (half rounds up) of a width or height of `whole_px`."""
        exact = self.value if self.unit == "px" else self.value * whole_px / 100
        return (exact + Fraction(1, 2)).__floor__()

    def expression(self, whole: str) -> str:
        """For a filter option: `whole` is the filter's name for the width or height (``W``)."""
        if self.unit == "px":
            return str(self.of(0))
        return f"round({whole}*{self.value.numerator}/{self.value.denominator * 100})"


@dataclass(frozen=True, slots=True)
class Position:
    """An anchor (one of `ANCHORS`), or where the inner picture's top-left corner is: `x`, `y`."""

    anchor: str | None = None
    x: Length | None = None
    y: Length | None = None

    def __str__(self) -> str:
        return self.anchor if self.anchor else f"{self.x},{self.y}"

    def place(self, outer: Size, inner: Size, margin: Length | int = 0) -> tuple[int, int]:
        """Top-left corner of `inner` in `outer`, in pixels. `margin` keeps an anchored picture off
        the edges (percent: of the outer width and height) and does nothing in the middle."""
        if self.x is not None and self.y is not None:
            return self.x.of(outer.width_px), self.y.of(outer.height_px)
        gap = margin if isinstance(margin, Length) else Length(Fraction(margin))
        column, row = self._cell()
        return (
            _along(column, outer.width_px, inner.width_px, gap.of(outer.width_px)),
            _along(row, outer.height_px, inner.height_px, gap.of(outer.height_px)),
        )

    def expressions(
        self,
        outer: tuple[str, str] = ("W", "H"),
        inner: tuple[str, str] = ("w", "h"),
        margin: Length | int = 0,
    ) -> tuple[str, str]:
        """`place` as two expressions of FFmpeg, for sizes that only the filter knows. The names
        are overlay's; drawtext's are ``("w", "h")`` and ``("text_w", "text_h")``."""
        if self.x is not None and self.y is not None:
            return self.x.expression(outer[0]), self.y.expression(outer[1])
        gap = margin if isinstance(margin, Length) else Length(Fraction(margin))
        column, row = self._cell()
        return (
            _along_expression(column, outer[0], inner[0], gap.expression(outer[0])),
            _along_expression(row, outer[1], inner[1], gap.expression(outer[1])),
        )

    def _cell(self) -> tuple[int, int]:
        """Column and row of the anchor: 0 start, 1 middle, 2 end."""
        at = ANCHORS.index(self.anchor or "top-left")
        return at % 3, at // 3


def _along(cell: int, outer: int, inner: int, gap: int) -> int:
    return (gap, (outer - inner) // 2, outer - inner - gap)[cell]


def _along_expression(cell: int, outer: str, inner: str, gap: str) -> str:
    return (gap, f"({outer}-{inner})/2", f"{outer}-{inner}-{gap}")[cell]
