"""What it costs to start, and what an unchanged spec costs the second time."""

from __future__ import annotations

import stat
from pathlib import Path

from benchmarks.measure import Row, Size, alternate, reel, repeat, run
from benchmarks.media import clip, tools
from benchmarks.work import Work, events, workplace


def version(size: Size) -> list[Row]:
    """`reel --version`, a new process each time."""
    with workplace("version") as work:
        took = repeat(size.rounds * 3, lambda: run(reel("--version"), work.folder).cpu_s)
    row = Row("reel --version", 0.15, took.best("reel"), "CPU-s", took.noise(), took.facts())
    return [row]


def second_run(size: Size) -> list[Row]:
    """The second run of an unchanged spec; that no ffmpeg starts is shown by a recording one."""
    with workplace("second") as work:
        body = {
            "inputs": {"in": str(clip(size.seconds(4), "640x360"))},
            "operations": [
                {"id": "small", "op": "scale", "input": "in", "height": 240},
                {"id": "still", "op": "thumbnail", "input": "in", "at": ["0.2s"]},
            ],
            "outputs": [{"from": "small", "to": "out.mp4"}, {"from": "still", "to": "still.jpg"}],
        }
        spec = work.spec("second", body)
        recording, started = _recorder(work)
        work.job(spec, env=recording)
        first_starts = _count(started)
        cached = work.job(spec, env=recording)
        work.job(spec)
        took = alternate(
            size.rounds * 2,
            {
                "same": lambda: work.job(spec).cpu_s,
                "recorded": lambda: work.job(spec, env=recording).cpu_s,
            },
        )
        again = _count(started) - first_starts
    wrong = [f"{again} times ffmpeg or ffprobe was started"] if again else []
    if not first_starts:
        wrong.append("the recording ffmpeg was not used: nothing is shown")
    if not any(e.get("state") == "succeeded" for e in events(cached)):
        wrong.append("the job did not succeed")
    facts = {**took.facts(), "starts_first": first_starts, "starts_again": again}
    value = took.best("same")
    row = Row("second run, unchanged", 0.5, value, "CPU-s", took.noise(), facts, tuple(wrong))
    return [row]


def _recorder(work: Work) -> tuple[dict[str, str], Path]:
    """ffmpeg and ffprobe that leave a line each time they are asked to do something."""
    started = work.folder / "started"
    env = {}
    for name, real in zip(("ffmpeg", "ffprobe"), tools(), strict=True):
        script = work.folder / name
        script.write_text(f'#!/bin/sh\necho "$*" >> {started}\nexec {real} "$@"\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        env[f"REEL_{name.upper()}"] = str(script)
    return {**env, "REEL_SANDBOX": "off"}, started


def _count(started: Path) -> int:
    return len(started.read_text().splitlines()) if started.exists() else 0
