"""Memory of the `reel` process itself while FFmpeg encodes, for a short and a long input."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from benchmarks.measure import Row, Size, environment, reel
from benchmarks.media import long_file
from benchmarks.work import Work, workplace

_MIB = 1 << 20
_LOOK_S = 0.02


def memory(size: Size) -> list[Row]:
    """The peak of the process that was started, not of what it starts."""
    lengths = {"short": max(1, round(size.seconds(10))), "long": max(2, round(size.seconds(1800)))}
    with workplace("memory") as work:
        peaks = {name: _peak_mib(work, name, seconds) for name, seconds in lengths.items()}
    facts = {f"{name}_{lengths[name]}s_MiB": round(peak, 1) for name, peak in peaks.items()}
    grown = peaks["long"] - peaks["short"]
    wrong = (f"grew by {grown:.0f} MiB with the input's length",) if grown > 16 else ()
    value = max(peaks.values())
    return [Row("memory of reel while encoding", 150.0, value, "MiB", 1.0, facts, wrong)]


def _peak_mib(work: Work, name: str, seconds: int) -> float:
    source = long_file(seconds, "320x180", piece_s=10)
    to = {"from": "in", "to": f"{name}.mp4", "video": {"preset": "ultrafast"}}
    spec = work.spec(name, {"inputs": {"in": str(source)}, "outputs": [to]})
    with (work.folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            reel("run", spec, "--json", "--no-cache", "--overwrite"),
            cwd=work.folder,
            env=environment({"REEL_HOME": str(work.home)}),
            stdout=log,
            stderr=log,
        )
    peak_kib = 0
    while process.poll() is None:
        peak_kib = max(peak_kib, _high_water_kib(process.pid))
        time.sleep(_LOOK_S)
    if process.returncode:
        said = (work.folder / f"{name}.log").read_text()[-2000:]
        raise RuntimeError(f"{spec} ended with {process.returncode}: {said}")
    return peak_kib * 1024 / _MIB


def _high_water_kib(pid: int) -> int:
    """The most it ever held (VmHWM), 0 when it is gone; without /proc what ps says of now."""
    status = Path(f"/proc/{pid}/status")
    if not status.parent.parent.joinpath("self").exists():
        said = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return int(said.stdout.strip() or 0)
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
