"""FLAC of 16-bit mono at 16 kHz, as models of speech want it: written, and read in parts."""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

RATE_HZ = 16000
_FLAC_SAMPLES = 4096
# A decoder that was put into the middle of a file begins with whole frames before it.
_EARLIER_S = 0.5


@dataclass(slots=True)
class _Encoder:
    container: Any
    stream: Any


class Flac:
    """A file whose bytes depend on the samples alone."""

    def __init__(self, target: Path | io.BytesIO) -> None:
        import av
        from av.codec.context import Flags

        to = target if isinstance(target, io.BytesIO) else str(target)
        container = av.open(to, "w", format="flac", options={"fflags": "+bitexact"})
        stream = container.add_stream("flac", rate=RATE_HZ)
        context = stream.codec_context
        context.format, context.layout = "s16", "mono"
        context.flags |= Flags.bitexact  # else the version of the library stands in the file
        self._encoder = _Encoder(container, stream)
        self._waiting = bytearray()
        self._at = 0

    def feed(self, data: memoryview) -> None:
        """16-bit samples, little endian."""
        self._waiting += data
        size = _FLAC_SAMPLES * 2
        whole = len(self._waiting) // size * size
        for at in range(0, whole, size):
            self._encode(bytes(self._waiting[at : at + size]))
        del self._waiting[:whole]

    def _encode(self, portion: bytes) -> None:
        import av

        frame = av.AudioFrame(format="s16", layout="mono", samples=len(portion) // 2)
        frame.planes[0].update(portion)
        frame.sample_rate, frame.pts = RATE_HZ, self._at
        frame.time_base = Fraction(1, RATE_HZ)
        self._at += frame.samples
        self._encoder.container.mux(self._encoder.stream.encode(frame))

    def close(self) -> None:
        if self._waiting:
            self._encode(bytes(self._waiting))
            self._waiting.clear()
        self._encoder.container.mux(self._encoder.stream.encode(None))
        self._encoder.container.close()


def flac_of(samples: NDArray[np.int16]) -> bytes:
    """`samples` as a file."""
    target = io.BytesIO()
    flac = Flac(target)
    flac.feed(memoryview(samples.tobytes()))
    flac.close()
    return target.getvalue()


def read_samples(path: Path, start_s: float, end_s: float) -> NDArray[np.int16]:
    """The sound from `start_s` up to `end_s`, of FLAC or any other file, as mono at 16 kHz. Shorter
    where the file ends before. Blocking. Raises DECODE_FAILED."""
    import av
    import numpy as np

    parts: list[NDArray[np.int16]] = []
    first = None
    until = round(end_s * RATE_HZ)
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    try:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            if start_s > _EARLIER_S:
                container.seek(int((start_s - _EARLIER_S) * av.time_base))
            at = 0
            for frame in container.decode(stream):
                for part in resampler.resample(frame):
                    samples = _flat(part)
                    if first is None:
                        first = round(float(frame.time or 0.0) * RATE_HZ)
                        at = first
                    parts.append(samples)
                    at += len(samples)
                if at >= until:
                    break
            parts += [_flat(part) for part in resampler.resample(None)]
    except (av.FFmpegError, IndexError, OSError) as error:
        raise ReelError(
            Code.DECODE_FAILED, f"its sound cannot be read: {error}", where=str(path)
        ) from error
    if first is None:
        return np.zeros(0, np.int16)
    begin = max(0, round(start_s * RATE_HZ) - first)
    return np.concatenate(parts)[begin : max(begin, until - first)]


def _flat(frame: Any) -> NDArray[np.int16]:
    samples: NDArray[np.int16] = frame.to_ndarray().reshape(-1)
    return samples
