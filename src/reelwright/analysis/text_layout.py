"""How wide a text is, and where its lines break.

The drawing filter neither measures ahead nor wraps, so lines are broken before it gets the text.
Widths come from a font's own tables (`advances`, OpenType: cmap formats 4 and 12, hmtx); for the
bundled font they are kept as data (`bundled_font.py`), because nothing here reads files.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

Measure = Callable[[str], float]

# Characters after which a line may end although no space follows (UAX #14: BA, HY, ZW).
_BREAK_AFTER = {"-", "\u00ad", "\u2010", "\u2013", "\u2014", "\u200b", "/"}
_WIDE = {"W", "F"}


@dataclass(frozen=True, slots=True)
class Metrics:
    """Advance widths of a font in thousandths of an em; `missing` for what it does not have."""

    advances: Mapping[int, int]
    missing: int

    def width_em(self, text: str) -> float:
        """Width of one line in em, without kerning (which only ever makes it narrower here)."""
        return sum(self._advance(c) for c in text) / 1000

    def lacking(self, text: str) -> str:
        """The characters of `text` that the font does not have, each once."""
        return "".join(
            c
            for c in dict.fromkeys(text)
            if ord(c) not in self.advances and not _joins(c) and not c.isspace()
        )

    def _advance(self, character: str) -> int:
        known = self.advances.get(ord(character))
        if known is not None:
            return known
        if _joins(character):
            return 0
        # East Asian full-width characters and emoji fill a square, whichever font has them.
        return 1000 if unicodedata.east_asian_width(character) in _WIDE else self.missing


def advances(font: bytes) -> Metrics:
    """Reads a TrueType or OpenType font. Raises ValueError where it is none, or has no Unicode."""
    try:
        tables = _tables(font)
        units: int = struct.unpack_from(">H", font, tables["head"] + 18)[0]
        long_count = struct.unpack_from(">H", font, tables["hhea"] + 34)[0]
        glyphs = dict(_glyphs(font, tables["cmap"]))
    except (struct.error, KeyError, IndexError) as error:
        raise ValueError("the file is no TrueType or OpenType font") from error
    if not glyphs:
        raise ValueError("the font has no Unicode characters")

    def advance(glyph: int) -> int:
        place = tables["hmtx"] + 4 * min(glyph, long_count - 1)
        width: int = struct.unpack_from(">H", font, place)[0]
        return round(width * 1000 / units)

    return Metrics({code: advance(glyph) for code, glyph in glyphs.items()}, advance(0))


def clean(text: str) -> str:
    """Text that can be drawn: line ends as newlines, no other control characters, valid Unicode."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    unified = unified.replace("\u2028", "\n").replace("\u2029", "\n")
    kept = (c for c in unified if c in "\n\t" or unicodedata.category(c) != "Cc")
    return "".join(kept).encode("utf-8", "replace").decode("utf-8")


def wrap(text: str, width: float, measure: Measure) -> list[str]:
    """Lines no wider than `width` (in the unit of `measure`). Newlines stay; a word that is too
    wide by itself is broken between characters, and a character that is too wide stands alone."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += _wrapped(paragraph, width, measure)
    return lines


def _wrapped(paragraph: str, width: float, measure: Measure) -> list[str]:
    lines: list[str] = []
    line = ""
    for piece in _pieces(paragraph):
        if measure((line + piece).rstrip()) <= width:
            line += piece
            continue
        if line.strip():
            lines.append(line.rstrip())
        # No line begins with the space that it was broken at.
        piece = piece.lstrip()
        lines += _broken(piece, width, measure)
        line = lines.pop() if lines and piece else ""
    return [*lines, line.rstrip()]


def _pieces(paragraph: str) -> Iterator[str]:
    """The paragraph cut where a line may end: words with the spaces before them, and every
    character of scripts that do not space their words."""
    piece = ""
    for character in paragraph:
        ends_before = character == " " and piece.strip() != ""
        is_wide = unicodedata.east_asian_width(character) in _WIDE
        if piece and (ends_before or is_wide):
            yield piece
            piece = ""
        piece += character
        if is_wide or (character in _BREAK_AFTER and piece.strip() != ""):
            yield piece
            piece = ""
    if piece:
        yield piece


def _broken(piece: str, width: float, measure: Measure) -> Iterator[str]:
    """A piece cut into parts that fit, at least one character each; marks stay with their base."""
    part = ""
    for character in piece:
        if part and not _joins(character) and measure(part + character) > width:
            yield part
            part = ""
        part += character
    yield part


def _joins(character: str) -> bool:
    """Marks and format characters: they take no room, and stay with what stands before them."""
    return unicodedata.category(character) in {"Mn", "Me", "Cf"}


def _tables(font: bytes) -> dict[str, int]:
    # A collection (ttcf) has an offset for each font: the first is meant.
    start = struct.unpack_from(">I", font, 12)[0] if font[:4] == b"ttcf" else 0
    count = struct.unpack_from(">H", font, start + 4)[0]
    entries = (struct.unpack_from(">4sIII", font, start + 12 + 16 * i) for i in range(count))
    return {tag.decode("latin-1"): offset for tag, _, offset, _ in entries}


def _glyphs(font: bytes, cmap: int) -> Iterator[tuple[int, int]]:
    """(code point, glyph) of the Unicode subtables; later ones, which hold more, win."""
    count = struct.unpack_from(">H", font, cmap + 2)[0]
    for index in range(count):
        platform, encoding, offset = struct.unpack_from(">HHI", font, cmap + 4 + 8 * index)
        if platform == 0 or (platform == 3 and encoding in (1, 10)):
            form = struct.unpack_from(">H", font, cmap + offset)[0]
            if form == 4:
                yield from _segments(font, cmap + offset)
            elif form == 12:
                yield from _groups(font, cmap + offset)


def _segments(font: bytes, at: int) -> Iterator[tuple[int, int]]:
    count = struct.unpack_from(">H", font, at + 6)[0] // 2
    ends, starts = at + 14, at + 16 + 2 * count
    deltas, offsets = starts + 2 * count, starts + 4 * count
    for i in range(count):
        end = struct.unpack_from(">H", font, ends + 2 * i)[0]
        start = struct.unpack_from(">H", font, starts + 2 * i)[0]
        delta = struct.unpack_from(">H", font, deltas + 2 * i)[0]
        offset = struct.unpack_from(">H", font, offsets + 2 * i)[0]
        for code in range(start, min(end, 0xFFFE) + 1):
            glyph = code
            if offset:
                place = offsets + 2 * i + offset + 2 * (code - start)
                glyph = struct.unpack_from(">H", font, place)[0]
                if glyph == 0:
                    continue
            found = (glyph + delta) & 0xFFFF
            if found:
                yield code, found


def _groups(font: bytes, at: int) -> Iterator[tuple[int, int]]:
    count = struct.unpack_from(">I", font, at + 12)[0]
    for i in range(count):
        start, end, glyph = struct.unpack_from(">III", font, at + 16 + 12 * i)
        if end - start > 0x10FFFF:
            raise ValueError("the font's character map is damaged")
        yield from ((code, glyph + code - start) for code in range(start, end + 1))
