"""`kill -9` in the middle of looking: no process is left, nothing is half-written, and the same
command gives what it would have given."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.reel import REEL, reel
from tests.features.jobs import processes_of
from tests.features.media import make

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for orphans in /proc"),
]
_PATIENCE_S = 120


@pytest.fixture(scope="module")
def long(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes at 720p: seconds of work for any machine."""
    folder = tmp_path_factory.mktemp("long")
    source = ("-f", "lavfi", "-i", "testsrc2=s=1280x720:r=25:d=4,format=yuv420p")
    piece = make(ffmpeg, folder / "piece.mp4", *source, "-c:v", "libx264", "-preset", "ultrafast")
    return make(ffmpeg, folder / "long.mp4", "-stream_loop", "29", "-i", str(piece), "-c", "copy")


def wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not until():
        assert time.monotonic() < end
        time.sleep(0.05)


def killed(folder: Path, *words: str) -> None:
    """Starts the command, and kills it once its child decodes."""
    environ = {**os.environ, "TMPDIR": str(folder)}
    process = subprocess.Popen(
        [REEL, *words], cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        wait(lambda: any(_decodes(pid) for pid in processes_of(folder)))
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    wait(lambda: not processes_of(folder))


def _decodes(pid: int) -> bool:
    """The child itself, once it is Python that runs: not the guard that will become it."""
    try:
        told = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return told[1:5] == [b"-P", b"-s", b"-m", b"reelwright.tools.decode"]


def test_a_job(long: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REEL_HOME", str(tmp_path / "home"))
    asked = ("shots", str(long), "--keyframes", "faces", "--json")
    killed(tmp_path, *asked)
    assert not (tmp_path / "faces").exists()
    done = reel(*asked, cwd=tmp_path)
    assert done.code == 0, done.err
    assert len(done.json["keyframes"]) == len(done.json["shots"]) >= 1
    jobs = json.loads(reel("jobs", "--json", cwd=tmp_path).out)["jobs"]
    assert [job["state"] for job in jobs] == ["succeeded"]  # the killed one was gone on with


def test_at_once(long: Path, tmp_path: Path) -> None:
    killed(tmp_path, "shots", str(long), "-o", "cuts.csv")
    assert not (tmp_path / "cuts.csv").exists()
    done = reel("shots", str(long), "-o", "cuts.csv", cwd=tmp_path)
    assert done.code == 0, done.err
    assert (tmp_path / "cuts.csv").read_text().startswith("shot,start,end")
