"""Peaks of a waveform, in the JSON of BBC's audiowaveform (its doc/DataFormat.md), version 2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT_VERSION = 2


class Peaks:
    """Lowest and highest sample of each `samples_per_pixel`, from 16-bit samples as they come.

    With `split` each channel keeps its own pair; else the channels are averaged, as audiowaveform
    does. Memory: four bytes per pixel and channel, whatever the rate.
    """

    def __init__(
        self, *, sample_rate_hz: int, channels: int, samples_per_pixel: int, split: bool, bits: int
    ) -> None:
        self._rate_hz = sample_rate_hz
        self._channels = channels
        self._per_pixel = samples_per_pixel
        self._split = split and channels > 1
        self._bits = bits
        self._rest: NDArray[np.int16] | None = None
        self._found: list[NDArray[np.int16]] = []

    def feed(self, data: memoryview) -> None:
        """Interleaved little-endian 16-bit samples, whole frames of all channels."""
        import numpy as np

        samples = np.frombuffer(data, dtype="<i2").reshape(-1, self._channels)
        if not self._split:
            mean = np.floor_divide(samples.sum(axis=1, dtype=np.int32), self._channels)
            samples = mean.astype(np.int16)[:, None]
        if self._rest is not None:
            samples = np.concatenate([self._rest, samples])
        whole = len(samples) // self._per_pixel * self._per_pixel
        # A copy: the buffer that `data` shows belongs to the caller.
        self._rest = samples[whole:].copy()
        if whole:
            self._found.append(
                self._pairs(samples[:whole].reshape(-1, self._per_pixel, samples.shape[1]))
            )

    def result(self) -> dict[str, Any]:
        """``data`` holds min, max of each pixel, channel by channel."""
        import numpy as np

        found = list(self._found)
        if self._rest is not None and len(self._rest):
            found.append(self._pairs(self._rest[None, :, :]))
        pixels = np.concatenate(found) if found else np.zeros((0, 1, 2), np.int16)
        if self._bits == 8:
            pixels = pixels >> 8
        return {
            "version": FORMAT_VERSION,
            "channels": self._channels if self._split else 1,
            "sample_rate": self._rate_hz,
            "samples_per_pixel": self._per_pixel,
            "bits": self._bits,
            "length": len(pixels),
            "data": pixels.reshape(-1).tolist(),
        }

    def _pairs(self, pixels: NDArray[np.int16]) -> NDArray[np.int16]:
        """(pixels, samples, channels) -> (pixels, channels, [min, max])."""
        import numpy as np

        return np.stack([pixels.min(axis=1), pixels.max(axis=1)], axis=-1)
