"""`reel captions` on files, on videos, and on what is neither."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.reel import reel

SRT = "1\n00:00:00,500 --> 00:00:01,500\n<i>One</i> line\n\n2\n00:00:02,000 --> 00:00:02,750\nTwo\n"


def _cues(path: Path, *more: str) -> list[dict[str, Any]]:
    done = reel("captions", str(path), "--json", *more, cwd=path.parent)
    assert done.code == 0, done.err
    found: list[dict[str, Any]] = done.json["cues"]
    return found


def test_the_machine_form(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.write_text(SRT)
    assert _cues(path) == [
        {"id": "1", "start": 0.5, "end": 1.5, "text": "One line", "plain": "One line"},
        {"id": "2", "start": 2.0, "end": 2.75, "text": "Two", "plain": "Two"},
    ]
    path = tmp_path / "no_ending"
    path.write_text("WEBVTT\n\nx\n00:01.000 --> 00:02.000\n<b>A</b> &amp; b\n")
    assert _cues(path) == [
        {"id": "x", "start": 1.0, "end": 2.0, "text": "<b>A</b> &amp; b", "plain": "A & b"}
    ]


def test_the_human_form_names_what_was_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.vtt"
    path.write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nyes\n\n00:03,000 --> 00:04,000\nno\n")
    done = reel("captions", "a.vtt", cwd=tmp_path)
    assert (done.code, done.out) == (0, "00:00:01.000 – 00:00:02.000  yes\n")
    assert "line 6: left out" in done.err


@pytest.mark.parametrize("name", ["a.srt", "a.vtt", "a.ass"])
def test_what_is_no_captions_is_refused_with_its_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("\nhello\nworld\n")
    done = reel("captions", name, "--json", cwd=tmp_path)
    assert done.code != 0
    assert done.json["error"]["code"] == "media_unrecognised"
    assert "line 2 is 'hello'" in done.json["error"]["message"]
    assert done.json["cues"] == []


def test_an_empty_file_of_captions_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text("")
    assert _cues(tmp_path / "a.srt") == []


def test_a_track_of_a_video(tmp_path: Path, ffmpeg: Path) -> None:
    (tmp_path / "a.srt").write_text(SRT)
    (tmp_path / "b.ass").write_text(
        "[Script Info]\nScriptType: v4.00+\n[V4+ Styles]\n"
        "Format: Name, Fontname, Fontsize\nStyle: Default,Arial,20\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\i1}Other{\\i0} track\n"
    )
    video = tmp_path / "v.mkv"
    subprocess.run(
        [str(ffmpeg), "-v", "error", "-f", "lavfi", "-i", "color=s=32x32:d=3", "-i", "a.srt", "-i",
         "b.ass", "-map", "0", "-map", "1", "-map", "2", "-c:s", "copy", video],
        check=True, cwd=tmp_path,
    )  # fmt: skip
    assert [(c["start"], c["end"], c["plain"]) for c in _cues(video)] == [
        (0.5, 1.5, "One line"), (2.0, 2.75, "Two"),
    ]  # fmt: skip
    assert [(c["start"], c["plain"]) for c in _cues(video, "--track", "1")] == [
        (1.0, "Other track")
    ]
    done = reel("captions", "v.mkv", "--track", "2", "--json", cwd=tmp_path)
    assert done.json["error"]["code"] == "stream_missing"
    assert "it has 2" in done.json["error"]["message"]


@pytest.mark.corpus
def test_every_w3c_case_through_the_command(corpus: Path) -> None:
    """The parser is tested case by case in tests/media; here, that the command hands it on."""
    truth = json.loads((corpus / "truth" / "webvtt_vttjs.json").read_text())["files"]
    for name in sorted(truth):
        done = reel("captions", str(corpus / "webvtt_vttjs" / name), "--json", cwd=corpus)
        assert (done.code == 0) == ("error" not in done.json)
        found = done.json["cues"]
        wanted = [
            {"id": c["id"], "start": c["startTime"], "end": c["endTime"], "text": c["text"]}
            for c in truth[name]["cues"]
        ]
        assert [{k: c[k] for k in ("id", "start", "end", "text")} for c in found] == wanted, name
