"""Jobs whose plan grows, that take too long, that are left and taken up again."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from reelwright.app import machine
from reelwright.app.settings import load
from reelwright.app.wiring import App
from tests.cli.reel import REEL, make_clip, reel

SHOTS = """\
inputs: {clip: clip.mp4}
operations:
  - {id: shot, op: trim, input: clip, each: shots}
  - {id: pic, op: thumbnail, input: clip, at: each-shot}
outputs:
  - {from: shot, to: "shot-{index}.mp4", video: {preset: ultrafast}}
  - {from: pic, to: "pic-{index}.jpg"}
"""


@pytest.fixture
def three_scenes(tmp_path: Path, ffmpeg: Path) -> Path:
    scenes = ("color=c=red", "testsrc2", "color=c=blue")
    sources = [f"{scene}{':' if '=' in scene else '='}s=128x96:r=25:d=1" for scene in scenes]
    graph = ";".join(f"{source}[v{i}]" for i, source in enumerate(sources))
    arguments = [
        *("-v", "error", "-filter_complex", f"{graph};[v0][v1][v2]concat=n=3[v]", "-map", "[v]"),
        *("-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast"),
    ]
    subprocess.run([ffmpeg, *arguments, str(tmp_path / "clip.mp4")], check=True)
    return tmp_path


def test_a_plan_that_waits_for_shots_is_made_in_two_revisions(three_scenes: Path) -> None:
    (three_scenes / "spec.yaml").write_text(SHOTS)
    done = reel("run", "spec.yaml", "--json", cwd=three_scenes)
    assert done.code == 0, done.out
    assert [line["revision"] for line in done.lines if line["event"] == "plan"] == [2]
    names = sorted(Path(output["path"]).name for output in done.lines[-1]["outputs"])
    assert names == [f"{kind}-{n}.{end}" for kind, end in (("pic", "jpg"), ("shot", "mp4"))
                     for n in (1, 2, 3)]  # fmt: skip
    again = reel("run", "spec.yaml", "--json", cwd=three_scenes)
    assert again.code == 0
    ran = [line for line in again.lines if line["event"] == "step" and line["state"] == "running"]
    assert not ran


def test_a_job_that_takes_too_long_ends_for_want_of_time(tmp_path: Path, ffmpeg: Path) -> None:
    make_clip(ffmpeg, tmp_path / "clip.mp4", seconds=30)
    (tmp_path / "spec.yaml").write_text(
        "inputs: {clip: clip.mp4}\n"
        "operations: [{id: big, op: scale, input: clip, height: 1080}]\n"
        "outputs: [{from: big, to: big.mp4, video: {preset: veryslow}}]\n"
    )
    done = reel("run", "spec.yaml", "--json", "--timeout", "1s", cwd=tmp_path)
    assert (done.code, done.lines[-1]["state"]) == (6, "failed")
    assert done.lines[-1]["error"]["code"] == "timeout"
    assert not (tmp_path / "big.mp4").exists()


def test_a_job_whose_process_was_killed_is_taken_up_again(tmp_path: Path, ffmpeg: Path) -> None:
    make_clip(ffmpeg, tmp_path / "clip.mp4", seconds=20)
    (tmp_path / "spec.yaml").write_text(
        "inputs: {clip: clip.mp4}\n"
        "operations: [{id: big, op: scale, input: clip, height: 360}]\n"
        "outputs: [{from: big, to: big.mp4, video: {preset: medium}}]\n"
    )
    command = [str(REEL), "run", "spec.yaml", "--json"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        next(line for line in running.stdout if '"running"' in line)
        os.kill(running.pid, signal.SIGKILL)
    left = reel("jobs", "--json", cwd=tmp_path).json["jobs"]
    assert [job["state"] for job in left] == ["running"]
    done = reel("resume", "--json", cwd=tmp_path)
    assert done.code == 0, done.out
    assert done.lines[-1]["state"] == "succeeded"
    assert (tmp_path / "big.mp4").is_file()
    steps = reel("status", "last", "--json", cwd=tmp_path).json["steps"]
    assert [step["attempt"] for step in steps] == [2]


def test_another_process_can_cancel(tmp_path: Path, ffmpeg: Path) -> None:
    make_clip(ffmpeg, tmp_path / "clip.mp4", seconds=30)
    (tmp_path / "spec.yaml").write_text(
        "inputs: {clip: clip.mp4}\n"
        "operations: [{id: big, op: scale, input: clip, height: 1080}]\n"
        "outputs: [{from: big, to: big.mp4, video: {preset: veryslow}}]\n"
    )
    command = [str(REEL), "run", "spec.yaml", "--json"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        next(line for line in running.stdout if '"running"' in line)
        assert reel("cancel", "last", "--json", cwd=tmp_path).code == 0
        rest = running.stdout.read()
    assert running.returncode == 5
    assert '"state": "cancelled"' in rest.splitlines()[-1]


def test_the_machine_is_read(tmp_path: Path) -> None:
    assert 0 < machine.cores() <= (os.cpu_count() or 1)
    assert machine.memory_bytes() > 64 << 20
    assert machine.disk_bytes(tmp_path / "not" / "yet" / "there") > 0
    with App(load({"limits.cpus": 2.5, "limits.memory_bytes": 1 << 30})) as app:
        assert (app.machine.cpus, app.machine.memory_bytes) == (2, 1 << 30)
        assert "libx264" in app.machine.encoders
        assert app.engine_settings.machine.cpus == 2.5


def test_logs_that_were_removed_for_their_age_are_said_to_be(tmp_path: Path, ffmpeg: Path) -> None:
    make_clip(ffmpeg, tmp_path / "clip.mp4")
    (tmp_path / "spec.yaml").write_text(
        "inputs: {clip: clip.mp4}\n"
        "operations: [{id: small, op: scale, input: clip, height: 48}]\n"
        "outputs: [{from: small, to: small.mp4, video: {preset: ultrafast}}]\n"
    )
    assert reel("run", "spec.yaml", cwd=tmp_path).code == 0
    before = reel("logs", "last", "--json", cwd=tmp_path)
    assert all(line["kept"] for line in before.lines)
    assert "no longer kept" not in reel("logs", "last", cwd=tmp_path).err
    # The cache may stay as large as it likes; only the logs are too old now.
    none = {"REEL_LOGS__KEEP_DAYS": "0"}
    freed = reel("cache", "prune", "--limit", "1TB", "--json", cwd=tmp_path, **none).json
    assert freed["files"] == len(before.lines)
    after = reel("logs", "last", "--json", cwd=tmp_path)
    assert [line["kept"] for line in after.lines] == [False] * len(before.lines)
    told = reel("logs", "last", cwd=tmp_path)
    assert told.code == 0
    assert "no longer kept" in told.err
