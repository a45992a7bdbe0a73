"""On real media: what is said and written is found where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.reel import reel

pytestmark = [pytest.mark.corpus, pytest.mark.timeout(900)]


def hits(folder: Path, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = reel("search", *words, "--json", cwd=folder).json["hits"]
    return found


def test_real_media_are_found(corpus: Path, tmp_path: Path) -> None:
    files = [
        corpus / "speech" / "jfk.flac",
        corpus / "frames" / "counter.mp4",
        corpus / "cuts" / "bikes.mp4",
    ]
    done = reel("understand", *map(str, files), "--json", cwd=tmp_path)
    assert done.code == 0, done.out
    by_name = {line["name"]: line for line in done.lines if line["event"] == "video"}

    # "Ask not what your country can do for you": poor words, but these.
    (first, *_) = hits(tmp_path, "what your country can do for you")
    assert first["asset"] == by_name["jfk.flac"]["subject"]
    assert first["start"] < 6 < first["end"]

    # Its picture says at which frame it is: frame 21 is shown at 2 s.
    (first, *_) = hits(tmp_path, '"Frame = 21"')
    assert first["asset"] == by_name["counter.mp4"]["subject"]
    assert 1.5 <= first["start"] <= 2.5

    assert by_name["bikes.mp4"]["found"]["shots"] == 6
