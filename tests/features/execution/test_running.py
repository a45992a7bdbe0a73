"""`reel run` while it runs: progress, Ctrl-C, timeout, damage, and what it leaves behind."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.reel import REEL, reel
from tests.features.jobs import Studio, processes_of
from tests.features.media import make

SPEC = """\
inputs: {in: %s}
operations: [{id: a, op: scale, height: 90}]
outputs: [{from: a, to: out/out.mp4, video: {codec: h264, preset: %s}}]
"""
# Work for minutes, should anybody let it.
ENDLESS = """\
inputs: {in: in.mp4}
operations: [{id: a, op: fps, rate: 240, interpolate: motion}, {id: b, op: scale, height: 1080}]
outputs: [{from: b, to: out/out.mp4, video: {codec: h264, preset: placebo}}]
"""


@pytest.fixture
def at_work(studio: Studio, talk: Path) -> Studio:
    studio.bring(talk, "in.mp4")
    return studio


def test_progress_is_told_line_by_line(at_work: Studio) -> None:
    lines = at_work.run(SPEC % ("in.mp4", "slow")).lines
    assert lines[0]["event"] == "submitted"
    assert lines[-1]["event"] == "job"
    # FFmpeg's first report may come before its first frame, and knows nothing but the time.
    told = [
        line for line in lines if line["event"] == "progress" and (line.get("fraction") or 0) > 0
    ]
    assert told
    for line in told:
        assert line.keys() >= {
            "step", "fraction", "eta_seconds", "frame", "fps", "time", "speed", "bitrate_bps",
        }  # fmt: skip
        assert 0 <= line["fraction"] <= 1
    fractions = [line["fraction"] for line in told]
    assert fractions == sorted(fractions)
    assert told[-1]["frame"] > 200


def test_ctrl_c_leaves_no_process_and_no_file(at_work: Studio, reel_home: Path) -> None:
    at_work.write(ENDLESS)
    with subprocess.Popen(
        [REEL, "run", "job.yaml", "--json"],
        cwd=at_work.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout
        for line in running.stdout:
            if '"progress"' in line:
                assert len(processes_of(reel_home)) >= 1
                running.send_signal(signal.SIGINT)
                break
        out, err = running.communicate(timeout=60)
    assert running.returncode == 5, err
    assert '"state": "cancelled"' in out.splitlines()[-1]
    assert processes_of(reel_home) == []
    assert not (at_work.folder / "out").exists()
    assert not list((reel_home / "work").rglob("*.mp4"))


def test_a_timeout_is_an_error_of_its_own(at_work: Studio, reel_home: Path) -> None:
    at_work.write(ENDLESS)
    done = reel("run", "job.yaml", "--json", "--timeout", "1s", cwd=at_work.folder)
    assert done.code == 6, done.out
    assert done.lines[-1]["error"]["code"] == "timeout"
    assert processes_of(reel_home) == []
    assert not (at_work.folder / "out").exists()


@pytest.fixture
def torn(studio: Studio, talk: Path, ffmpeg: Path) -> Studio:
    """The first part of a file whose index stands at its front: it opens, and then it ends."""
    whole = make(ffmpeg, studio.path("whole.mp4"), "-i", str(talk), "-c", "copy",
                 "-movflags", "+faststart")  # fmt: skip
    data = whole.read_bytes()
    studio.path("torn.mp4").write_bytes(data[: len(data) * 6 // 10])
    return studio


def test_a_truncated_input_is_an_error_though_ffmpeg_ends_well(torn: Studio) -> None:
    done = torn.run(SPEC % ("torn.mp4", "ultrafast"), code=3)
    error = done.lines[-1]["error"]
    assert error["code"] == "media_truncated"
    assert "on_damage: keep" in error["hint"]
    assert not torn.path("out").exists()


def test_what_can_be_read_of_it_is_kept_where_that_is_asked(torn: Studio) -> None:
    kept = "{path: torn.mp4, on_damage: keep}"
    torn.run(SPEC % (kept, "ultrafast"))
    shown = torn.numbers("out/out.mp4")
    assert 100 < len(shown) < 200
    assert shown == list(range(len(shown)))


def test_an_error_of_ffmpeg_keeps_its_evidence(studio: Studio) -> None:
    studio.path("in.mp4").write_bytes(b"this is no video" * 1000)
    error = studio.run(SPEC % ("in.mp4", "fast"), code=3).lines[-1]["error"]
    assert error["where"] == "inputs.in"
    assert error["message"]
    assert error["hint"]


def test_the_log_of_each_try_is_kept(at_work: Studio) -> None:
    job = at_work.run(SPEC % ("in.mp4", "ultrafast")).lines[-1]["id"]
    logs = reel("logs", job, "--json", cwd=at_work.folder).lines
    text = "\n".join(line for log in logs for line in log["lines"])
    assert "libx264" in text
    assert "Stream mapping" in text
