"""`reel shots` on a file that nobody has seen before, in a home without anything."""

import csv
import json
from io import StringIO
from pathlib import Path

import pytest

from tests.cli.reel import reel
from tests.features.media import make

# Of `scenes`: 20 frames a second, cuts after each 30.
STARTS = [0, 30, 60]


def starts(said: dict[str, list[dict[str, int]]]) -> list[int]:
    return [shot["start_frame"] for shot in said["shots"]]


def test_json(scenes: Path, tmp_path: Path) -> None:
    done = reel("shots", str(scenes), "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert starts(done.json) == STARTS
    assert [(s["start"], s["end"]) for s in done.json["shots"]] == [(0, 1.5), (1.5, 3), (3, 4.5)]
    assert done.json["shots"][-1]["end_frame"] == done.json["frames"] == 90


def test_a_table_for_people(scenes: Path, tmp_path: Path) -> None:
    done = reel("shots", str(scenes), cwd=tmp_path)
    lines = done.out.splitlines()
    assert len(lines) == 4
    assert lines[2].split() == ["2", "0:00:01.500", "0:00:03.000", "1.50", "s", "30", "–", "59"]


@pytest.mark.parametrize("ending", ["csv", "edl", "otio", "json"])
def test_lists_for_other_programs(ending: str, scenes: Path, tmp_path: Path) -> None:
    done = reel("shots", str(scenes), "-o", f"cuts.{ending}", cwd=tmp_path)
    assert (done.code, done.out) == (0, ""), done.err
    text = (tmp_path / f"cuts.{ending}").read_text()
    if ending == "csv":
        assert [int(row["start_frame"]) for row in csv.DictReader(StringIO(text))] == STARTS
    elif ending == "edl":
        assert "00:00:01:10 00:00:03:00" in text
    elif ending == "otio":
        track = json.loads(text)["tracks"]["children"][0]
        ranges = [clip["source_range"] for clip in track["children"]]
        assert [r["start_time"]["value"] for r in ranges] == STARTS
    else:
        assert starts(json.loads(text)) == STARTS


def test_what_is_there_is_not_written_over(scenes: Path, tmp_path: Path) -> None:
    mine = tmp_path / "cuts.csv"
    mine.write_text("mine")
    done = reel("shots", str(scenes), "-o", "cuts.csv", cwd=tmp_path)
    assert done.code != 0
    assert mine.read_text() == "mine"
    assert reel("shots", str(scenes), "-o", "cuts.csv", "--overwrite", cwd=tmp_path).code == 0
    assert mine.read_text() != "mine"


def test_a_picture_of_each_shot(scenes: Path, tmp_path: Path) -> None:
    done = reel("shots", str(scenes), "--keyframes", "faces", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert starts(done.json) == STARTS
    named = [Path(one["file"]).name for one in done.json["keyframes"]]
    assert named == ["shot-0001.jpg", "shot-0002.jpg", "shot-0003.jpg"]
    found = sorted((tmp_path / "faces").iterdir())
    assert [path.name for path in found] == named
    assert all(path.read_bytes().startswith(b"\xff\xd8") for path in found)
    again = reel("shots", str(scenes), "--keyframes", "faces", cwd=tmp_path)
    assert "shot-0001.jpg exists" in again.err


def test_what_was_asked_counts(scenes: Path, tmp_path: Path) -> None:
    none = reel("shots", str(scenes), "--threshold", "700", "--json", cwd=tmp_path)
    assert starts(none.json) == [0]
    long = reel("shots", str(scenes), "--min-length", "2s", "--json", cwd=tmp_path)
    assert starts(long.json) == [0, 60]
    content = reel("shots", str(scenes), "--detector", "content", "--json", cwd=tmp_path)
    assert set(STARTS) <= set(starts(content.json))


@pytest.mark.parametrize(
    "asked", [("--min-length", "soon"), ("--threshold", "-1"), ("-o", "cuts.xyz")]
)
def test_what_cannot_be_is_refused(asked: tuple[str, str], scenes: Path, tmp_path: Path) -> None:
    done = reel("shots", str(scenes), *asked, cwd=tmp_path)
    assert done.code != 0
    assert done.out == ""
    assert done.err.startswith("error")


def test_sound_has_no_shots(tone: Path, tmp_path: Path) -> None:
    done = reel("shots", str(tone), cwd=tmp_path)
    assert done.code != 0
    assert "no moving picture" in done.err


def test_a_file_that_ends_too_early(ffmpeg: Path, scenes: Path, tmp_path: Path) -> None:
    whole = make(ffmpeg, tmp_path / "whole.mp4", "-i", str(scenes), "-c", "copy",
                 "-movflags", "+faststart")  # fmt: skip
    part = tmp_path / "part.mp4"
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    done = reel("shots", str(part), cwd=tmp_path)
    assert done.code != 0
    assert "media_truncated" in done.err
    assert "analyse-" not in done.err  # a step of a spec that nobody wrote
