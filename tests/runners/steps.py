"""Steps as planning writes them, made by hand."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from reelwright.media.streams import AudioStream, VideoStream
from reelwright.planning.plan import Expectation, Step, StepInput, StepKind, StepOutput

VIDEO = VideoStream(codec="h264", width_px=160, height_px=90, frame_rate=Fraction(25), is_vfr=False)
AUDIO = AudioStream(codec="aac", sample_rate_hz=48000, channels=1)
WHOLE = Expectation(streams=(VIDEO, AUDIO), duration=Fraction(2), frame_count=50)

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")


def step(
    *commands: Sequence[str],
    inputs: Sequence[StepInput] = (),
    outputs: Sequence[StepOutput] = (),
    kind: StepKind = StepKind.FFMPEG,
    **more: Any,
) -> Step:
    return Step(
        id="step1",
        kind=kind,
        identity="0" * 64,
        inputs=tuple(inputs),
        commands=tuple(tuple(c) for c in commands),
        outputs=tuple(outputs),
        **more,
    )


def given(path: Path, name: str = "in0") -> StepInput:
    return StepInput(name=name, uri=str(path), sha256="1" * 64, demuxer="mov")


def encode(
    *arguments: str, out: str = "out.mp4", source: str = "in0", flags: Sequence[str] = X264
) -> tuple[str, ...]:
    pins = ("-protocol_whitelist", "file", "-format_whitelist", "mov", "-f", "mov")
    return ("ffmpeg", "-y", *pins, "-i", source, *arguments, *flags, out)
