"""WAV as voices give it: parsed leniently, since servers that stream do not know its length."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from reelwright.errors import Code, ReelError
from reelwright.tools.models.kinds import Spoken

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PCM, _EXTENSIBLE = 1, 0xFFFE


def spoken_of(body: bytes, source: str) -> Spoken:
    """A WAV of 16-bit PCM as `Spoken`: mono, with the right lengths in its header. `source` is who
    gave it. Raises MODEL_ANSWER_INVALID for anything else."""
    rate_hz, samples = samples_of(body, source)
    wav = wav_of(samples.tobytes(), rate_hz)
    return Spoken(wav=wav, sample_rate_hz=rate_hz, duration_s=len(samples) / rate_hz)


def samples_of(body: bytes, source: str) -> tuple[int, NDArray[np.int16]]:
    """The rate in Hz, and mono samples. Raises MODEL_ANSWER_INVALID."""
    import numpy as np

    blocks = _blocks(body)
    form, data = blocks.get(b"fmt "), blocks.get(b"data")
    if form is None or data is None or len(form) < 16:
        raise _invalid(source, f"{len(body)} bytes that are no WAV")
    kind, channels, rate_hz, _, _, bits = struct.unpack("<HHIIHH", form[:16])
    if kind not in (_PCM, _EXTENSIBLE) or bits != 16 or not channels or not rate_hz:
        raise _invalid(source, f"WAV of form {kind} with {bits} bits, not PCM with 16")
    whole = len(data) - len(data) % (2 * channels)
    samples = np.frombuffer(data[:whole], "<i2").reshape(-1, channels)
    if not len(samples):
        raise _invalid(source, "a WAV without samples")
    mono = samples[:, 0] if channels == 1 else samples.astype(np.int32).mean(axis=1)
    return rate_hz, mono.astype(np.int16)


def wav_of(samples: bytes, rate_hz: int) -> bytes:
    """`samples` (16 bit, little-endian, mono) as a WAV."""
    form = struct.pack("<HHIIHH", _PCM, 1, rate_hz, 2 * rate_hz, 2, 16)
    size = 20 + len(form) + len(samples)
    head = b"RIFF" + struct.pack("<I", size) + b"WAVE"
    return head + _block(b"fmt ", form) + _block(b"data", samples)


def _block(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body


def _blocks(body: bytes) -> dict[bytes, bytes]:
    """By name. A length that is too large (a stream's, 0xFFFFFFFF) means: to the end."""
    if body[:4] != b"RIFF" or body[8:12] != b"WAVE":
        return {}
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(body):
        name, size = body[at : at + 4], int.from_bytes(body[at + 4 : at + 8], "little")
        found.setdefault(name, body[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    return found


def _invalid(source: str, what: str) -> ReelError:
    return ReelError(Code.MODEL_ANSWER_INVALID, f"{source} gave {what}")
