"""A narrator: each line spoken so that it fits its gap, and all of them as one sound."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reelwright.analysis.narration import levelled, shortened, speed_for, trimmed, words_in
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from reelwright.tools.models.kinds import Models, Served, Spoken

RATE_HZ = 24000
# About -20 LUFS: between speech on the web (-16) and on television (-23).
_LEVEL_DB = -20.0
# Between two lines in one gap.
_BREATH_S = 0.3
_AT_ONCE = 4
_FRAME_SAMPLES = 4096


@dataclass(frozen=True)
class SpokenLine:
    """`samples`: mono at `RATE_HZ`; `speed`: by which factor it was spoken faster."""

    start_s: float
    text: str
    speed: float
    samples: NDArray[np.int16] = field(repr=False, compare=False)

    @property
    def end_s(self) -> float:
        return self.start_s + len(self.samples) / RATE_HZ

    def to_json(self) -> dict[str, Any]:
        return {
            "start": round(self.start_s, 3),
            "end": round(self.end_s, 3),
            "text": self.text,
            "speed": round(self.speed, 3),
        }


@dataclass(frozen=True)
class Told:
    """What was said, what was not and why, and who spoke."""

    lines: tuple[SpokenLine, ...]
    dropped: tuple[Mapping[str, Any], ...]
    provenance: Mapping[str, Any] | None


class Narrator:
    """`params`: ``{"voice", "language", "fastest"}``. A line that is longer than its room is spoken
    faster, up to `fastest`; what is still too long is shortened; and what cannot be is dropped."""

    def __init__(self, models: Models, params: Mapping[str, Any], language: str | None) -> None:
        self._models = models
        self._voice: str | None = params["voice"]
        self._language: str | None = params["language"] or language
        self._fastest: float = params["fastest"]
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._served: dict[str, Any] | None = None
        self._lines: list[SpokenLine] = []
        self._refused: ReelError | None = None

    async def speak(self, script: Sequence[Mapping[str, Any]]) -> Told:
        """`script`: lines as `commentate.write` wrote them, in the order of their gaps. One waits
        for that before it."""
        plain = await self._all([line["text"] for line in script])
        dropped: list[Mapping[str, Any]] = []
        clock_s = 0.0
        for line, samples in zip(script, plain, strict=True):
            start_s = max(line["at"], clock_s)
            room_s = line["gap"][1] - start_s
            fitted = await self._fitted(line["text"], samples, start_s, room_s)
            if fitted is None:
                why = f"it does not fit into {max(0.0, room_s):.1f} s"
                why = why if len(samples) else "the voice will not say it"
                dropped.append({"at": line["at"], "text": line["text"], "why": why})
                continue
            self._lines.append(fitted)
            clock_s = fitted.end_s + _BREATH_S
        return Told(tuple(self._lines), tuple(dropped), self._served)

    async def save(self, path: Path) -> None:
        """The narration from time 0: FLAC, mono, 16 bit. Raises DISK_FULL."""
        await asyncio.to_thread(_write, path, tuple(self._lines))

    async def _all(self, texts: Sequence[str]) -> list[NDArray[np.int16]]:
        """A text that is refused is one line less; a voice that refuses all of them is an error.
        When one fails nobody goes on to ask, and to pay, for the others."""
        asked = [asyncio.ensure_future(self._say(text)) for text in texts]
        try:
            plain = await asyncio.gather(*asked)
        finally:
            for one in asked:
                one.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        if self._refused is not None and not any(len(samples) for samples in plain):
            raise self._refused
        return plain

    async def _fitted(
        self, text: str, samples: NDArray[np.int16], start_s: float, room_s: float
    ) -> SpokenLine | None:
        for _ in range(3):
            length_s = len(samples) / RATE_HZ
            if not length_s:
                return None
            speed = speed_for(length_s, room_s, self._fastest)
            if speed == 1.0:
                return SpokenLine(start_s, text, 1.0, samples)
            if speed is not None:
                faster = await self._say(text, speed)
                if len(faster) / RATE_HZ <= room_s:
                    return SpokenLine(start_s, text, speed, faster)
            fits = int(words_in(text) * max(0.0, room_s) / length_s)
            shorter = shortened(text, min(fits, words_in(text) - 1))
            if not shorter:
                return None
            text, samples = shorter, await self._say(shorter)
        return None

    async def _say(self, text: str, speed: float = 1.0) -> NDArray[np.int16]:
        """Samples at `RATE_HZ`, none where the voice will not say it."""
        import numpy as np

        from reelwright.tools.models.kinds import VoiceAsk

        ask = VoiceAsk(text=text, voice=self._voice, language=self._language, speed=speed)
        try:
            async with self._turn:
                served = await self._models.speak(ask, key=f"commentate/{text[:40]}")
        except ReelError as error:
            if error.code is not Code.MODEL_REFUSED:
                raise
            self._refused = error
            return np.zeros(0, np.int16)
        self._served = served.provenance()
        return await asyncio.to_thread(_samples, served)


def _samples(served: Served[Spoken]) -> NDArray[np.int16]:
    """Mono at `RATE_HZ`, without the silence around, as loud as every other line."""
    import av
    import numpy as np

    from reelwright.tools.models.voice.wav import samples_of

    rate_hz, samples = samples_of(served.value.wav, served.identity.provider)
    if rate_hz != RATE_HZ:
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
        parts = [*resampler.resample(frame), *resampler.resample(None)]
        samples = np.concatenate([part.to_ndarray().reshape(-1) for part in parts])
    return levelled(trimmed(samples, RATE_HZ), RATE_HZ, _LEVEL_DB)


def _write(path: Path, lines: Sequence[SpokenLine]) -> None:
    """Frame by frame: hours of silence between lines are never in memory at once."""
    import errno

    import av
    import numpy as np

    try:
        with av.open(str(path), "w", format="flac", options={"fflags": "+bitexact"}) as target:
            stream = target.add_stream("flac", rate=RATE_HZ, layout="mono")
            stream.codec_context.format = "s16"
            stream.codec_context.flags |= av.codec.context.Flags.bitexact
            for at, block in _blocks(lines):
                frame = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(block).reshape(1, -1), format="s16", layout="mono"
                )
                frame.sample_rate, frame.pts = RATE_HZ, at
                target.mux(stream.encode(frame))
            target.mux(stream.encode(None))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise ReelError(Code.DISK_FULL, "the disk is full", where=str(path)) from error
        raise


def _blocks(lines: Sequence[SpokenLine]) -> Any:
    """Samples of the whole, with the number of the first, `_FRAME_SAMPLES` or fewer at a time."""
    import numpy as np

    at = 0
    silence = np.zeros(_FRAME_SAMPLES, np.int16)
    pieces: list[tuple[int, Any]] = [(round(x.start_s * RATE_HZ), x.samples) for x in lines]
    for start, samples in pieces or [(0, silence)]:
        while at < start:
            count = min(_FRAME_SAMPLES, start - at)
            yield at, silence[:count]
            at += count
        for first in range(0, len(samples), _FRAME_SAMPLES):
            block = samples[first : first + _FRAME_SAMPLES]
            yield at, block
            at += len(block)
