"""A film that tells of itself: what is said in it, written in it, and where it is cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.features import media
from tests.features.transcribe.voices import spoken

# The slides, ten seconds each.
SLIDES = ("QUARTERLY REVENUE", "HIRING PLAN - TWELVE ENGINEERS BY MAY", "QUESTIONS")
SLIDE_S = 10


@pytest.fixture(scope="session")
def film(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty seconds: three slides of their own colors, and a voice at the beginning."""
    folder = tmp_path_factory.mktemp("understand")
    spoken(folder / "voice.wav")
    font = Path(__file__).parents[3] / "src/reelwright/assets/fonts/DejaVuSans.ttf"
    colors = ("0x102040", "0xe0d0a0", "0x206020")
    inks = ("white", "black", "white")
    graph = ""
    for number, (text, color, ink) in enumerate(zip(SLIDES, colors, inks, strict=True)):
        drawn = f"drawtext=fontfile={font}:text='{text}':fontsize=24:fontcolor={ink}:x=40:y=140"
        graph += f"color={color}:s=640x360:r=10:d={SLIDE_S},{drawn}[s{number}];"
    graph += "".join(f"[s{n}]" for n in range(len(SLIDES)))
    graph += f"concat=n={len(SLIDES)},format=yuv420p[v];[0:a]apad=whole_dur=30[a]"
    return media.make(
        ffmpeg,
        folder / "film.mp4",
        *("-i", str(folder / "voice.wav"), "-filter_complex", graph, "-map", "[v]", "-map", "[a]"),
        *("-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-c:a", "aac", "-t", "30"),
    )
