"""Speech for tests, spoken by eSpeak NG, which is in the box."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

from reelwright.tools.models.kinds import ModelKind, VoiceAsk
from reelwright.tools.models.providers import ModelSpec, make

SENTENCE = (
    "We choose to go to the moon in this decade and do the other things, not because they are"
    " easy, but because they are hard."
)


def spoken(path: Path, text: str = SENTENCE) -> float:
    """A WAV file; how long it is, in seconds."""
    provider: Any = make(ModelSpec(kind=ModelKind.VOICE, provider="espeak-ng"))
    said, _ = asyncio.run(provider.answer(VoiceAsk(text=text, language="en")))
    path.write_bytes(said.wav)
    duration_s: float = said.duration_s
    return duration_s


def with_silences(ffmpeg: Path, path: Path, times: int, silence_s: float = 3.0) -> float:
    """The sentence `times` times, each followed by silence; how long one of them is."""
    one, padded = path.with_name("one.wav"), path.with_name("padded.wav")
    length_s = spoken(one)
    _run(ffmpeg, "-i", one, "-af", f"apad=pad_dur={silence_s}", padded)
    _run(ffmpeg, "-stream_loop", str(times - 1), "-i", padded, "-c", "copy", path)
    return length_s + silence_s


def _run(ffmpeg: Path, *arguments: str | Path) -> None:
    subprocess.run([str(ffmpeg), "-v", "error", "-y", *arguments], check=True)
