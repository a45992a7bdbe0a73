"""A trim of real media copies what it can, and shows exactly the frames that were asked for."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwright.tools.smartcut.cut import cut
from reelwright.tools.smartcut.job import CannotCut, Job
from tests.runners.smart_cut_media import MUXERS, judge, make, original_shown, shown

# Start and end are off the keyframes. With an edit list, a delayed start, open GOPs, variable
# frame rate, rotation, MPEG-TS, several audio tracks and cover pictures among them.
CUTS = [
    ("frames/test_462_frames.mp4", "2.1", "9.9"),
    ("frames/timecode_42s.mp4", "5.02", "38.4"),
    ("mp4/edts.mp4", "2.2", "7.7"),
    ("mp4/delayed_start.mp4", "0.3", None),
    ("mp4/sample_640x360.mov", "3.3", "9.1"),
    ("mp4/bt601.mov", "0", "0.7"),
    ("mp4/h264-png.mp4", "0", "1.3"),
    ("mp4/mov_text.mp4", "0", "1.1"),
    ("mp4/sample_fragmented_seekable.mp4", "0", "0.7"),
    ("rotation/bbb-180rotated.mov", "0.5", "1.5"),
    ("rotation/rotate-buck-bunny.mp4", "0", "1.3"),
    ("ts/sample_h264.ts", "0.3", "0.8"),
    ("ts/hevc.ts", "0", "3.3"),
    ("vfr/fixture-null.webm", "1", "3"),
    ("vfr/sample_android_slow_motion.mp4", "0", "0.4"),
    ("derived/bbb_prores422lt_1s.mov", "0.2", "0.7"),
]
# One GOP only: nothing lies between two keyframes.
NOTHING_TO_COPY = [("frames/counter.mp4", "0.3", "2.1"), ("frames/frames.webm", "1.1", None)]


def job_of(source: Path, output: Path, start: str, end: str | None) -> tuple[Job, Fraction]:
    """The job, and the time of the file's first timestamp."""
    import av

    with av.open(str(source)) as container:
        kinds = {"video", "audio", "subtitle"}
        streams = tuple(s.index for s in container.streams if s.type in kinds)
        origin = Fraction(container.start_time or 0, 1_000_000)
    job = Job(
        input=str(source),
        output=str(output),
        container=MUXERS[output.suffix[1:]],
        start=Fraction(start),
        end=None if end is None else Fraction(end),
        streams=streams,
    )
    return job, origin


@pytest.mark.corpus
@pytest.mark.parametrize(("name", "start", "end"), CUTS)
def test_real_media(
    ffmpeg: Path, corpus: Path, tmp_path: Path, name: str, start: str, end: str | None
) -> None:
    source = corpus / name
    job, origin = job_of(source, tmp_path / f"cut{source.suffix}", start, end)

    report = cut(job, lambda *_: None)

    original = original_shown(ffmpeg, source)
    made = shown(ffmpeg, tmp_path / f"cut{source.suffix}", strict=True)
    same = judge(original, made, job.start, job.end, origin)
    assert len(same) >= report["copied_frames"] > 0


@pytest.mark.corpus
@pytest.mark.parametrize(("name", "start", "end"), NOTHING_TO_COPY)
def test_one_gop(corpus: Path, tmp_path: Path, name: str, start: str, end: str | None) -> None:
    source = corpus / name
    job, _ = job_of(source, tmp_path / f"cut{source.suffix}", start, end)

    with pytest.raises(CannotCut, match="no random-access point"):
        cut(job, lambda *_: None)


def reel(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """The JSON lines of a `reel` command that succeeds."""
    command = [str(Path(sys.executable).with_name("reel")), *arguments, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


SPEC = """
inputs: {{talk: {source}}}
operations:
  - {{id: part, op: trim, input: talk, start: {start}, end: {end}}}
outputs:
  - {{from: part, to: part.mp4}}
"""


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2.6s", "6.28s"),
        ("2.4s", "3.2s"),  # inside one GOP: everything is encoded, and the frames are the same
    ],
)
def test_trim_of_a_job(ffmpeg: Path, reel_home: Path, tmp_path: Path, start: str, end: str) -> None:
    source = make(ffmpeg, tmp_path, "h264.mp4")
    spec = tmp_path / "job.yaml"
    spec.write_text(SPEC.format(source=source, start=start, end=end))

    events = reel(tmp_path, "run", str(spec))

    assert events[-1]["state"] == "succeeded"
    span = Fraction(start.rstrip("s")), Fraction(end.rstrip("s"))
    made = shown(ffmpeg, tmp_path / "part.mp4", strict=True)
    judge(original_shown(ffmpeg, source), made, *span, Fraction(0))
