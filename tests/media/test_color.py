"""Colours become FFmpeg's 0xRRGGBBAA."""

import subprocess
from pathlib import Path

import pytest

from reelwright.media.color import NAMES, parse_color


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("red", "0xFF0000FF"),
        ("RED", "0xFF0000FF"),
        (" Light Blue ".replace(" ", ""), "0xADD8E6FF"),
        ("#f00", "0xFF0000FF"),
        ("#f008", "0xFF000088"),
        ("#ff0000", "0xFF0000FF"),
        ("#ff000080", "0xFF000080"),
        ("0xFF0000", "0xFF0000FF"),
        ("ff000080", "0xFF000080"),
        ("red@0.5", "0xFF000080"),
        ("red@50%", "0xFF000080"),
        ("#ff000080@1", "0xFF0000FF"),
        ("rgb(255, 0, 128)", "0xFF0080FF"),
        ("rgba(255,0,128,0.25)", "0xFF008040"),
        ("transparent", "0x00000000"),
        ("grey", "0x808080FF"),
        ("lightgray", "0xD3D3D3FF"),
    ],
)
def test_forms(text: str, expected: str) -> None:
    assert parse_color(text) == expected


@pytest.mark.parametrize(
    "text", ["", "rde", "#12", "#12345", "abc", "rgb(256,0,0)", "red@2", "red@x", "red@", "@0.5"]
)
def test_what_is_no_color(text: str) -> None:
    with pytest.raises(ValueError, match=r"^$|digits|opacity|rgb"):
        parse_color(text)


def test_the_names_are_ffmpegs(ffmpeg: Path) -> None:
    listed = subprocess.run([ffmpeg, "-colors"], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()[1:]]
    theirs = {row[0].lower(): row[1].lstrip("#").lower() for row in rows if len(row) == 2}
    assert theirs == NAMES
