"""Widths and line breaks."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.analysis.bundled_font import metrics
from reelwright.analysis.text_layout import Metrics, advances, clean, wrap
from tests.conftest import ROOT

FONT = ROOT / "src/reelwright/assets/fonts/DejaVuSans.ttf"


def test_the_packed_widths_are_those_of_the_font() -> None:
    assert metrics() == advances(FONT.read_bytes())


def test_some_widths_are_known_from_the_fonts_tables() -> None:
    # DejaVu Sans, hmtx at 2048 units: A 1401, i 569, space 651.
    found = metrics()
    assert [found.advances[ord(c)] for c in "Ai "] == [684, 278, 318]


def test_what_the_font_lacks() -> None:
    found = Metrics({ord("a"): 500}, 600)
    assert found.width_em("a") == 0.5
    assert found.width_em("q") == 0.6
    assert found.width_em("a\u0301") == 0.5
    assert found.width_em("中") == 1
    assert found.width_em("🎬") == 1


def test_no_font() -> None:
    with pytest.raises(ValueError, match="no TrueType"):
        advances(b"GIF89a")
    with pytest.raises(ValueError, match="no TrueType"):
        advances(FONT.read_bytes()[:400])
    with pytest.raises(ValueError, match="no TrueType"):
        advances(b"")


def test_a_font_of_one_group() -> None:
    """Format 12, two glyphs, A and B, 1000 units to the em."""
    cmap = struct.pack(">HHHHI", 0, 1, 3, 10, 12)
    cmap += struct.pack(">HHIIIIII", 12, 0, 28, 0, 1, 65, 66, 1)
    tables = {
        b"cmap": cmap,
        b"head": bytes(18) + struct.pack(">H", 1000) + bytes(34),
        b"hhea": bytes(34) + struct.pack(">H", 2),
        b"hmtx": struct.pack(">HHHH", 400, 0, 700, 0),
    }
    place = 12 + 16 * len(tables)
    head, body = struct.pack(">IHHHH", 0x10000, len(tables), 0, 0, 0), b""
    for tag, data in tables.items():
        head += struct.pack(">4sIII", tag, 0, place + len(body), len(data))
        body += data
    found = advances(head + body)
    # The last width stands for all glyphs after it.
    assert found == Metrics({65: 700, 66: 700}, 400)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("one two three", ["one two", "three"]),
        ("a\n\nb", ["a", "", "b"]),
        ("exactly8 x", ["exactly8", "x"]),
        ("a  wide   gap", ["a  wide", "gap"]),
        ("unbreakable", ["unbreaka", "ble"]),
        ("so unbreakable", ["so", "unbreaka", "ble"]),
        ("one-two-three", ["one-two-", "three"]),
        ("中文字符没有空格的行", ["中文字符没有空格", "的行"]),
        ("   indent", ["indent"]),
        ("  in", ["  in"]),
        ("e\u0301" * 9, ["e\u0301" * 8, "e\u0301"]),
    ],
)
def test_wrapping(text: str, lines: list[str]) -> None:
    def measure(line: str) -> float:
        return sum(0 if c == "\u0301" else 1 for c in line)

    assert wrap(text, 8, measure) == lines


@given(st.text(max_size=200), st.integers(1, 30))
def test_nothing_is_lost_and_nothing_sticks_out(text: str, width: int) -> None:
    lines = wrap(clean(text), width, len)
    kept = "".join("".join(lines).split())
    assert kept == "".join(clean(text).split())
    for line in lines:
        assert len(line) <= width or _is_one_cluster(line)


def _is_one_cluster(line: str) -> bool:
    """A base with its marks cannot be broken."""
    import unicodedata

    return all(unicodedata.category(c) in {"Mn", "Me", "Cf"} for c in line[1:])


def test_cleaning() -> None:
    assert clean("a\r\nb\rc\x00\x1b[0m\td\ud800") == "a\nb\nc[0m\td?"
