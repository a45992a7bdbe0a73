"""A video that was understood is found by what it shows: by a word, and by another picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.cli.reel import reel
from tests.features import media
from tests.tools.models.pictures import tiny_clip


@pytest.fixture
def film(ffmpeg: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three seconds of red, of green and of blue, indexed by a model that knows these."""
    folder = tiny_clip.hugging_face(
        tmp_path / "tiny", image_mean=[0.0, 0.0, 0.0], image_std=[1.0, 1.0, 1.0]
    )
    monkeypatch.setenv("REEL_MODELS__IMAGE_EMBEDDING", f"clip:{folder}")
    inputs = [
        part
        for color in ("red", "lime", "blue")
        for part in ("-f", "lavfi", "-i", f"color={color}:s=320x180:r=25:d=3")
    ]
    joined = ("-filter_complex", "[0][1][2]concat=n=3,format=yuv420p", "-c:v", "libx264")
    path = media.make(ffmpeg, tmp_path / "colors.mp4", *inputs, *joined)
    done = reel("understand", str(path), "--only", "frames", "--json", cwd=tmp_path)
    assert done.code == 0, f"{done.out}\n{done.err}"
    return path


def _first(*arguments: str, cwd: Path) -> dict[str, Any]:
    done = reel("search", *arguments, "-k", "3", "--json", cwd=cwd)
    assert done.code == 0, f"{done.out}\n{done.err}"
    hits: list[dict[str, Any]] = done.json["hits"]
    return next(hit for hit in hits if hit["kind"] == "frame")  # its title may mean the word, too


def test_a_picture_finds_where_it_looks_like_it(film: Path, tmp_path: Path) -> None:
    for color, second in (((250, 10, 10), 1.5), ((5, 240, 20), 4.5), ((10, 0, 230), 7.5)):
        Image.new("RGB", (64, 64), color).save(tmp_path / "like.png")
        hit = _first("--image", "like.png", cwd=tmp_path)
        assert hit["start"] <= second <= hit["end"], hit


def test_a_word_finds_what_is_shown(film: Path, tmp_path: Path) -> None:
    for word, second in (("red", 1.5), ("green", 4.5), ("blue", 7.5)):
        hit = _first(word, cwd=tmp_path)
        assert hit["start"] <= second <= hit["end"], hit
