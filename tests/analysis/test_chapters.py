"""Chapters cover the whole, and their files are read by who they are for."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.analysis.chapters import Beginning, Chapter, covering, ffmetadata, youtube

STARTS = st.lists(st.floats(-5, 4000, allow_nan=False), max_size=12)


@given(STARTS, STARTS, st.floats(0.1, 4000))
def test_they_cover_the_whole_and_never_go_back(
    starts: list[float], more: list[float], duration: float
) -> None:
    begin = [Beginning(s, f"at {s}") for s in starts]
    found = covering(begin, duration, more=[Beginning(s, "more") for s in more])
    assert found[0].start_s == 0
    assert found[-1].end_s == duration
    assert all(a.end_s == b.start_s for a, b in itertools.pairwise(found))
    assert all(one.title for one in found)
    if duration >= 30:
        assert len(found) >= 3
        assert min(one.end_s - one.start_s for one in found) >= 10 - 1e-6


def test_a_beginning_that_is_too_near_is_left_out() -> None:
    begin = [Beginning(s, str(s)) for s in (2.0, 30.0, 35.0, 60.0, 95.0)]
    found = covering(begin, 100.0)
    assert [(one.start_s, one.title) for one in found] == [
        (0.0, "2.0"),
        (30.0, "30.0"),
        (60.0, "60.0"),
    ]


def test_too_few_are_filled_up_by_the_best_that_words_found() -> None:
    more = [Beginning(5.0, "near", True), Beginning(70.0, "far", True)]
    found = covering([Beginning(0.0, "one"), Beginning(40.0, "two")], 100.0, more=more)
    assert [one.title for one in found] == ["one", "two", "far"]
    assert [one.is_extractive for one in found] == [False, False, True]


def test_a_short_video_has_one_and_an_empty_one_none() -> None:
    assert covering([Beginning(0.0, "all")], 9.0) == (Chapter(0.0, 9.0, "all"),)
    assert covering([Beginning(0.0, "all")], 0.0) == ()


def test_youtube_reads_minutes_or_hours() -> None:
    assert youtube([Chapter(0, 61.9, "Intro"), Chapter(61.9, 90, "More")]) == (
        "00:00 Intro\n01:01 More\n"
    )
    assert youtube([Chapter(0, 3600, "Intro"), Chapter(3600, 7205, "More")]) == (
        "0:00:00 Intro\n1:00:00 More\n"
    )


def test_ffmpeg_reads_the_file_and_its_odd_titles(
    ffmpeg: Path, ffprobe: Path, tmp_path: Path
) -> None:
    titles = ["a=b; #1 \\ end", "Überblick – 東京"]
    chapters = [Chapter(0, 1.5, titles[0]), Chapter(1.5, 3, titles[1])]
    (tmp_path / "c.ffmetadata").write_text(ffmetadata(chapters, "All; of=it"), encoding="utf-8")
    command = [str(ffmpeg), "-v", "error", "-f", "lavfi", "-i", "testsrc=d=3:s=64x64"]
    command += ["-i", str(tmp_path / "c.ffmetadata"), "-map_chapters", "1", "-map_metadata", "1"]
    subprocess.run([*command, str(tmp_path / "out.mkv")], check=True)
    asked = [str(ffprobe), "-v", "error", "-show_chapters", "-show_format", "-of", "json"]
    told = subprocess.run([*asked, str(tmp_path / "out.mkv")], capture_output=True, check=True)
    import json

    found = json.loads(told.stdout)
    assert [one["tags"]["title"] for one in found["chapters"]] == titles
    assert [float(one["start_time"]) for one in found["chapters"]] == pytest.approx([0, 1.5])
    assert found["format"]["tags"]["title"] == "All; of=it"
