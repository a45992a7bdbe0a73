"""Films in which somebody speaks at known times."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reelwright.tools.models.kinds import ModelKind, VoiceAsk
from reelwright.tools.models.providers import ModelSpec, make
from reelwright.tools.models.voice.wav import samples_of, wav_of
from tests.features import media

RATE_HZ = 48000
SENTENCES = (
    "Good evening, and welcome to the news from the harbour.",
    "The ships came back this morning, and all of their crews are well.",
)
BED_HZ = 7000


@dataclass(frozen=True)
class Film:
    """`spoken`: when somebody speaks, in seconds."""

    path: Path
    spoken: tuple[tuple[float, float], ...]
    duration_s: float


@lru_cache(maxsize=8)
def voice(text: str) -> NDArray[np.float32]:
    """At `RATE_HZ`, from -1 to 1."""
    provider = make(ModelSpec(kind=ModelKind.VOICE, provider="espeak-ng", model="en-us+f3"))
    spoken, _ = asyncio.run(provider.answer(VoiceAsk(text=text)))
    rate_hz, samples = samples_of(spoken.wav, "test")
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 100)
    samples = samples[loud[0] : loud[-1]]
    at = np.arange(int(len(samples) * RATE_HZ / rate_hz)) * rate_hz / RATE_HZ
    return (np.interp(at, np.arange(len(samples)), samples) / 32768).astype(np.float32)


def film(
    ffmpeg: Path, path: Path, *, duration_s: float = 24.0, bed_db: float | None = None
) -> Film:
    """Two sentences, from 1 s and from 14 s on; between them nothing but the bed."""
    sound = np.zeros(int(duration_s * RATE_HZ), np.float32)
    spoken = []
    for start, text in zip((1.0, 14.0), SENTENCES, strict=True):
        said = 0.7 * voice(text)
        first = int(start * RATE_HZ)
        sound[first : first + len(said)] += said
        spoken.append((start, start + len(said) / RATE_HZ))
    if bed_db is not None:
        times = np.arange(len(sound)) / RATE_HZ
        sound += 10 ** (bed_db / 20) * np.sin(2 * np.pi * BED_HZ * times).astype(np.float32)
    wav = path.with_suffix(".wav")
    samples = (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
    wav.write_bytes(wav_of(samples, RATE_HZ))
    picture = f"testsrc2=s=320x180:r=25:d={duration_s},format=yuv420p"
    quality = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-c:a", "flac")
    media.make(ffmpeg, path, "-f", "lavfi", "-i", picture, "-i", str(wav), *quality)
    return Film(path, tuple(spoken), duration_s)
