"""Facts made by hand: planning does no I/O, so its tests need no files."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from reelwright.media.info import MediaInfo
from reelwright.media.streams import AudioStream, SubtitleStream, VideoStream
from reelwright.planning import Facts, Machine, Plan, compile
from reelwright.spec.parse import parse_text

BASE = Path("/spec")
VIDEO = VideoStream(
    index=0,
    codec="h264",
    profile="High",
    time_base=Fraction(1, 15360),
    duration=Fraction(60),
    start=Fraction(0),
    width_px=1920,
    height_px=1080,
    sar=Fraction(1),
    frame_rate=Fraction(30),
    is_vfr=False,
    frame_count=1800,
    pix_fmt="yuv420p",
    extradata_sha256="v" * 64,
)
AUDIO = AudioStream(
    index=1,
    codec="aac",
    time_base=Fraction(1, 48000),
    duration=Fraction(60),
    start=Fraction(0),
    sample_rate_hz=48000,
    channels=2,
    channel_layout="stereo",
    language="eng",
    is_default=True,
    extradata_sha256="a" * 64,
)
SUBTITLE = SubtitleStream(index=2, codec="subrip", is_bitmap=False, duration=Fraction(60))


def media(*streams: Any, sha256: str = "1" * 64, demuxer: str = "mov") -> MediaInfo:
    found = streams or (VIDEO, AUDIO)
    return MediaInfo(
        size_bytes=1000,
        sha256=sha256,
        demuxer=demuxer,
        streams=tuple(replace(s, index=i) for i, s in enumerate(found)),
        duration=Fraction(60),
    )


def facts(text: str, known: dict[str, MediaInfo] | None = None, **more: Any) -> Facts:
    spec = parse_text(text, base=BASE)
    found = {
        name: (known or {}).get(name) or media(sha256=str(n % 10) * 64)
        for n, name in enumerate(spec.inputs, start=1)
    }
    return Facts(found, {n: i.uri for n, i in spec.inputs.items()}, **more)


def plan(text: str, known: dict[str, MediaInfo] | None = None, cpus: int = 2, **more: Any) -> Plan:
    return compile(parse_text(text, base=BASE), facts(text, known, **more), Machine(cpus=cpus))


def argv(made: Plan, step: int = 0) -> str:
    return " ".join(made.steps[step].commands[0])
