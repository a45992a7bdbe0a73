"""Planning: parse and compile of 1,000 operations, and how it grows to 10,000."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT, Row, Size, run

_FEW, _MANY = 1_000, 10_000


def chain(count: int) -> dict[str, Any]:
    """Each reads the one before."""
    kinds: tuple[dict[str, Any], ...] = (
        {"op": "scale", "width": 1280, "height": 720},
        {"op": "crop", "width": 1200, "height": 700},
        {"op": "drawtext", "text": "a word"},
        {"op": "volume", "gain": "-1dB"},
        {"op": "pad", "width": 1920, "height": 1080},
    )
    operations = [
        {"id": f"o{n}", "input": f"o{n - 1}" if n else "in", **kinds[n % len(kinds)]}
        for n in range(count)
    ]
    return _spec(operations, [f"o{count - 1}"])


def fan(count: int) -> dict[str, Any]:
    """All read the one input, each a part of its own."""
    operations = [
        {"id": f"o{n}", "op": "trim", "input": "in", "start": f"{n / 4}s", "duration": "2s",
         "mode": "encode"}
        for n in range(count)
    ]  # fmt: skip
    return _spec(operations, [str(o["id"]) for o in operations])


def ladder(count: int) -> dict[str, Any]:
    """Groups of a cut and three rungs."""
    operations: list[dict[str, Any]] = []
    for n in range(count // 4):
        operations.append({"id": f"c{n}", "op": "trim", "input": "in", "start": f"{n}s",
                           "duration": "2s"})  # fmt: skip
        operations += [
            {"id": f"r{n}x{h}", "op": "scale", "input": f"c{n}", "height": h, "cascade": True}
            for h in (720, 480, 360)
        ]
    return _spec(operations, [str(o["id"]) for o in operations if o["op"] == "scale"])


SHAPES: dict[str, Callable[[int], dict[str, Any]]] = {"chain": chain, "fan": fan, "ladder": ladder}


def _spec(operations: list[dict[str, Any]], ends: list[str]) -> dict[str, Any]:
    outputs = [{"from": end, "to": f"out/{end}.mp4"} for end in ends]
    return {"inputs": {"in": "in.mp4"}, "operations": operations, "outputs": outputs}


def planning(size: Size) -> list[Row]:
    """Every shape in a process of its own; the cheapest of the rounds."""
    scale = 1 if size.name == "full" else 5 if size.name == "quick" else 100
    few, many = _FEW // scale, _MANY // scale
    rows = []
    for shape in SHAPES:
        small = [_planned(shape, few) for _ in range(size.rounds)]
        large = [_planned(shape, many) for _ in range(min(2, size.rounds))]
        noise = max(small) / min(small)
        facts = {f"{few}_cpu_s": small, f"{many}_cpu_s": large}
        growth = min(large) / min(small) / (many / few)
        rows.append(Row(f"plan {few} operations, {shape}", 1.0, min(small), "CPU-s", noise, facts))
        name = f"growth to {many} operations, {shape}"
        rows.append(Row(name, 1.5, growth, "× linear", noise, facts))
    return rows


def _planned(shape: str, count: int) -> float:
    argv = (sys.executable, "-m", "benchmarks.plans", shape, str(count))
    return float(run(argv, ROOT).stdout)


def once(shape: str, count: int) -> float:
    """CPU-seconds of parse and compile, modules loaded and the text at hand."""
    from reelwright.planning import Machine, compile
    from reelwright.planning.facts import Facts
    from reelwright.spec.parse import parse_text

    text = json.dumps(SHAPES[shape](count))
    facts = Facts({"in": _source()}, {"in": "/spec/in.mp4"})
    machine = Machine(cpus=2)
    compile(parse_text(json.dumps(SHAPES[shape](4)), base=Path("/spec")), facts, machine)
    gc.collect()
    begun = time.process_time()
    made = compile(parse_text(text, base=Path("/spec")), facts, machine)
    spent = time.process_time() - begun
    if not made.deliveries:
        raise RuntimeError("nothing was planned")
    return spent


def _source() -> Any:
    """What probing would say of a long 1080p file."""
    from reelwright.media.info import MediaInfo
    from reelwright.media.streams import AudioStream, VideoStream

    length = Fraction(10_800)
    video = VideoStream(
        index=0, codec="h264", profile="High", time_base=Fraction(1, 15360), duration=length,
        start=Fraction(0), width_px=1920, height_px=1080, sar=Fraction(1),
        frame_rate=Fraction(30), is_vfr=False, frame_count=324_000, pix_fmt="yuv420p",
    )  # fmt: skip
    audio = AudioStream(
        index=1, codec="aac", time_base=Fraction(1, 48000), duration=length, start=Fraction(0),
        sample_rate_hz=48000, channels=2, channel_layout="stereo",
    )  # fmt: skip
    return MediaInfo(
        size_bytes=10**9, sha256="1" * 64, demuxer="mov", streams=(video, audio), duration=length
    )


if __name__ == "__main__":
    print(once(sys.argv[1], int(sys.argv[2])))
