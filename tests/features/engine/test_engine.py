"""kill -9 of a running `reel`: nothing is left running, nothing is lost, and it goes on."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.reel import REEL, reel, reel_process
from tests.features.jobs import Studio, processes_of

# Three encodes that do not fuse (each waits for its own measurement) and a join of them.
SPEC = """\
inputs: {in: in.mp4}
operations: [{id: a, op: scale, height: 120}]
outputs:
  - {from: a, to: out/out.mp4, video: {codec: h264, preset: slower}, shards: 4}
"""

pytestmark = pytest.mark.faults


def killed_after(studio: Studio, mark: str, count: int) -> str:
    """Starts the job, kills it by SIGKILL after `count` lines that hold `mark`; gives its id."""
    with subprocess.Popen(
        [REEL, "run", "job.yaml", "--json"],
        cwd=studio.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        assert running.stdout
        seen = 0
        for line in running.stdout:
            seen += mark in line
            if seen == count:
                running.kill()
                break
        running.wait(timeout=60)
    assert running.returncode == -signal.SIGKILL
    job: str = reel("jobs", "--json", cwd=studio.folder).json["jobs"][0]["id"]
    return job


def gone(home: Path) -> bool:
    """The guards see at once that their parent is gone; a loaded machine gets half a minute."""
    for _ in range(300):
        if not processes_of(home):
            return True
        time.sleep(0.1)
    return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for orphans in /proc")
def test_a_killed_run_is_resumed_from_its_finished_steps(
    studio: Studio, talk: Path, reel_home: Path
) -> None:
    studio.bring(talk, "in.mp4")
    studio.write(SPEC)
    job = killed_after(studio, '"state": "succeeded"', 2)
    assert gone(reel_home), processes_of(reel_home)
    assert not studio.path("out").exists()
    before = reel("status", job, "--json", cwd=studio.folder).json
    assert before["state"] not in ("succeeded", "failed", "cancelled")
    finished = {s["id"] for s in before["steps"] if s["state"] == "succeeded"}
    assert len(finished) >= 2

    resumed = reel_process("resume", "--json", cwd=studio.folder)

    assert resumed.code == 0, resumed.out + resumed.err
    assert resumed.lines[-1]["state"] == "succeeded"
    ran = {e["step"] for e in resumed.lines if e["event"] == "step" and e["state"] == "running"}
    assert not ran & finished
    assert studio.numbers("out/out.mp4") == list(range(250))
    assert gone(reel_home)
    # Nothing is left to resume, and the outputs stand once.
    assert reel("resume", "--json", cwd=studio.folder).code == 0
    assert [p.name for p in studio.path("out").iterdir()] == ["out.mp4"]


def test_a_job_that_runs_elsewhere_can_be_cancelled_and_retried(studio: Studio, talk: Path) -> None:
    studio.bring(talk, "in.mp4")
    studio.write(SPEC)
    with subprocess.Popen(
        [REEL, "run", "job.yaml", "--json"],
        cwd=studio.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        assert running.stdout
        for line in running.stdout:
            if '"progress"' in line:
                break
        assert reel("cancel", "last", "--json", cwd=studio.folder).code == 0
        running.communicate(timeout=60)
    assert running.returncode == 5
    assert not studio.path("out").exists()
    again = reel("retry", "last", "--json", cwd=studio.folder)
    assert again.code == 0, again.out
    assert studio.numbers("out/out.mp4") == list(range(250))
