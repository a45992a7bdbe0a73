"""Asks that name a file, made such that another machine can answer them: what is asked of the
sound goes along, and the answer is the same to the bit.

It is kept as samples in NUT, whose times are exact to the sample and need not begin at 0: the ask
keeps its own times, and so do the words of its answer.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from reelwright.tools.flac import RATE_HZ, read_samples
from reelwright.tools.models.kinds import SpeechAsk

_SAMPLES = 16000


def detached(ask: Any) -> tuple[Any, bytes | None]:
    """The ask without its file, and the part of the file that is asked about. Blocking. Raises
    DECODE_FAILED."""
    if not isinstance(ask, SpeechAsk):
        return ask, None
    return replace(ask, audio=Path()), _nut(ask)


@contextmanager
def attached(ask: Any, sound: bytes | None) -> Iterator[Any]:
    """The ask again, with a file for as long as it is asked."""
    if sound is None:
        yield ask
        return
    with tempfile.TemporaryDirectory(prefix="reel-sound-") as folder:
        path = Path(folder) / "sound.nut"
        path.write_bytes(sound)
        yield replace(ask, audio=path)


def _nut(ask: SpeechAsk) -> bytes:
    import av
    import numpy as np

    samples = read_samples(ask.audio, ask.start_s, ask.end_s)
    if not len(samples):  # a file without any cannot be read; models hear nothing in so little
        samples = np.zeros(1, np.int16)
    target = io.BytesIO()
    first = round(ask.start_s * RATE_HZ)
    with av.open(target, "w", format="nut") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE_HZ)
        stream.codec_context.layout = "mono"
        for at in range(0, len(samples), _SAMPLES):
            part = samples[at : at + _SAMPLES]
            frame = av.AudioFrame.from_ndarray(part.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE_HZ, first + at
            frame.time_base = Fraction(1, RATE_HZ)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target.getvalue()
