"""A job that begins with an address: fetched, then planned on, then made."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.runners.origin import Served, in_turn, refusal, serving
from tests.runners.smart_cut_media import judge, make, original_shown, shown

SPEC = """
operations:
  - {{id: get, op: fetch, url: "{url}"}}
  - {{id: part, op: trim, input: get, start: 2.6s, end: 6.28s}}
outputs:
  - {{from: part, to: part.mp4}}
"""


def reel(folder: Path, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and JSON lines of a `reel` command."""
    command = [str(Path(sys.executable).with_name("reel")), *arguments, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def spec_for(folder: Path, url: str) -> str:
    path = folder / "job.yaml"
    path.write_text(SPEC.format(url=url))
    return str(path)


@pytest.mark.parametrize("form", ["file", "page"])
def test_fetch_and_trim(ffmpeg: Path, tmp_path: Path, form: str) -> None:
    source = make(ffmpeg, tmp_path, "h264.mp4")
    with serving() as origin:
        origin.answers["/talk.mp4"] = Served(source.read_bytes())
        page = b"<html><video src='/talk.mp4'></video></html>"
        origin.answers["/talk"] = Served(page, content_type="text/html", etag=None)
        url = origin.url("/talk.mp4" if form == "file" else "/talk")
        code, events = reel(tmp_path, "run", spec_for(tmp_path, url))

    assert (code, events[-1]["state"]) == (0, "succeeded")
    made = shown(ffmpeg, tmp_path / "part.mp4", strict=True)
    span = Fraction("2.6"), Fraction("6.28")
    judge(original_shown(ffmpeg, source), made, *span, Fraction(0))


def test_broken_off_and_busy(ffmpeg: Path, tmp_path: Path) -> None:
    """Three tries of one step, of which each takes up what the last one left."""
    source = make(ffmpeg, tmp_path, "h264.mp4")
    body = source.read_bytes()
    with serving() as origin:
        origin.answers["/talk.mp4"] = in_turn(
            Served(body, cut_after=len(body) // 2), refusal(503, Retry_After="1"), Served(body)
        )
        code, events = reel(tmp_path, "run", spec_for(tmp_path, origin.url("/talk.mp4")))

        assert (code, events[-1]["state"]) == (0, "succeeded")
        asked = [headers.get("Range") for _, headers in origin.requests]
        assert asked == [None, f"bytes={len(body) // 2}-", f"bytes={len(body) // 2}-"]


def test_not_there(tmp_path: Path) -> None:
    with serving() as origin:
        url = origin.url("/nothing.mp4")
        code, events = reel(tmp_path, "run", spec_for(tmp_path, url))

    assert code == 3
    assert events[-1]["state"] == "failed"
    assert events[-1]["error"]["code"] == "http_not_found"
    assert len(origin.requests) == 1
    assert not (tmp_path / "part.mp4").exists()
