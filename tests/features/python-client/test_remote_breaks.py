"""`reel --server URL` when something breaks, is stopped, or happens twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cli.reel import REEL, SPEC, make_clip, reel, reel_process
from tests.client.cutting import cutting
from tests.client.remotely import made
from tests.served import Served, serving, until

SLOW = """\
inputs: {clip: clip.mp4}
operations:
  - {id: big, op: scale, input: clip, width: 1280, height: 960}
outputs:
  - {from: big, to: big.mp4, video: {codec: h264, preset: veryslow, crf: 1}}
"""


def test_two_at_once(served: Served, folder: Path, tmp_path: Path, ffmpeg: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    make_clip(ffmpeg, other / "clip.mp4", seconds=1.2)
    (other / "job.yaml").write_text(SPEC.replace("0.6s", "0.9s"))
    words = ["--server", served.url, "run", "job.yaml", "--json"]

    with ThreadPoolExecutor(2) as pool:
        runs = [
            pool.submit(reel_process, *words, cwd=place, REEL_TOKEN=served.token)
            for place in (folder, other)
        ]
        done = [run.result() for run in runs]

    assert [one.code for one in done] == [0, 0], [one.out + one.err for one in done]
    assert made(folder)["small.mp4"] != made(other)["small.mp4"]


def test_a_run_survives_every_broken_connection(served: Served, folder: Path) -> None:
    (folder / "clip.mp4").write_bytes((folder / "clip.mp4").read_bytes() + os.urandom(400_000))
    with cutting(served.url) as way:
        way.up = [200_000]
        done = reel(
            *("--server", way.url, "--token", served.token, "run", "job.yaml", "--json"),
            cwd=folder,
        )
        assert way.cuts == 1
        way.begin()
        way.down = [1500, 1500, 9000]
        again = reel(
            *("--server", way.url, "--token", served.token, "run", "job.yaml", "--json"),
            *("--no-cache", "--overwrite"),
            cwd=folder,
        )

    assert done.code == 0, done.out + done.err
    assert again.code == 0, again.out + again.err
    assert way.cuts >= 3


@pytest.fixture
def running(served: Served, folder: Path, ffmpeg: Path) -> Iterator[subprocess.Popen[str]]:
    """A run that takes long, in a process of its own."""
    make_clip(ffmpeg, folder / "clip.mp4", seconds=20, sound=False)
    (folder / "job.yaml").write_text(SLOW)
    process = subprocess.Popen(
        [REEL, "--server", served.url, "run", "job.yaml", "--json", "--no-cache"],
        cwd=folder,
        env={**os.environ, "REEL_TOKEN": served.token},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.wait()


def queued(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        told = json.loads(line)
        assert "event" in told, told
        if told["event"] == "queued":
            return str(told["id"])
    raise AssertionError("it ended before it was queued")


def test_ctrl_c_cancels_there(served: Served, folder: Path, running: subprocess.Popen[str]) -> None:
    job = queued(running)
    until(lambda: served.job(job)["state"] == "running")

    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)

    assert running.returncode == 5, out + err
    assert json.loads(out.splitlines()[-1])["state"] == "cancelled"
    assert served.ended(job)["state"] == "cancelled"
    assert not (folder / "big.mp4").exists()


def test_a_second_ctrl_c_leaves_at_once(served: Served, running: subprocess.Popen[str]) -> None:
    """Also where the server cannot be asked any more: it is stopped, not dead."""
    job = queued(running)
    until(lambda: served.job(job)["state"] == "running")
    served.process.send_signal(signal.SIGSTOP)
    try:
        running.send_signal(signal.SIGINT)
        assert running.stderr is not None
        while "stopping" not in running.stderr.readline():
            assert running.poll() is None
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
    finally:
        served.process.send_signal(signal.SIGCONT)

    assert running.returncode == 5
    served.client.delete(f"/v1/jobs/{job}")
    served.ended(job)


def test_sigterm_leaves_the_job_to_the_server(
    served: Served, running: subprocess.Popen[str]
) -> None:
    job = queued(running)

    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=60)

    assert running.returncode == 5
    assert f"reel watch {job}" in err or f"watch {job}" in err
    assert not served.job(job)["cancel_requested"]
    served.client.delete(f"/v1/jobs/{job}")
    served.ended(job)


def test_a_server_that_is_restarted_is_waited_for(folder: Path, tmp_path: Path) -> None:
    """It dies without a word in the middle of a job, and another takes its place."""
    (folder / "job.yaml").write_text(SPEC.replace("0.6s", "0.5s"))
    home = tmp_path / "server"
    with serving(home) as first:
        port = first.url.rpartition(":")[2]
        process = subprocess.Popen(
            [REEL, "--server", first.url, "run", "job.yaml", "--json"],
            cwd=folder,
            env={**os.environ, "REEL_TOKEN": first.token},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            job = queued(process)
            first.process.kill()
            first.process.wait()
            time.sleep(0.5)
            with serving(home, "--port", port) as second:
                out, err = process.communicate(timeout=120)
                assert process.returncode == 0, out + err
                assert second.job(job)["state"] == "succeeded"
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
    assert made(folder).keys() == {"small.mp4", "still.jpg"}
    numbers = [line for line in out.splitlines() if '"event": "output"' in line]
    assert len(numbers) == 2
