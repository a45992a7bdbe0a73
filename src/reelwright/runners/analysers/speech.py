"""Listens for speech with Silero's network, and keeps what it heard as FLAC.

Both take samples in portions of their own, whatever portions they come in, so that the same sound
always gives the same result and the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reelwright.analysis.speech import RATE_HZ, WINDOW_SAMPLES, SpeechFinder, SpeechRule
from reelwright.errors import Code, ReelError
from reelwright.graph.operator import Analyser
from reelwright.media.streams import Stream
from reelwright.tools.flac import Flac

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

_MODEL = "silero_vad_v6.onnx"
_CONTEXT_SAMPLES = 64  # of the window before, put in front of each
_BATCH = 256  # windows: 8 s
_FULL_SCALE = 32768.0


def speech(params: Mapping[str, Any], stream: Stream) -> Analyser:
    """The analyser of the tap ``speech:speech``."""
    return SpeechAnalyser(SpeechRule(**params))


class Silero:
    """How likely speech is in each window of 512 samples at 16 kHz; it remembers what came before.

    Raises MODEL_UNAVAILABLE where the network is not installed.
    """

    def __init__(self) -> None:
        import numpy as np
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # One thread: the decoder beside it wants the other cores, and more make it no faster.
        options.inter_op_num_threads = options.intra_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(
            str(_network()), options, providers=["CPUExecutionProvider"]
        )
        self._memory = (np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32))
        self._last = np.zeros(_CONTEXT_SAMPLES, np.float32)

    def listen(self, samples: NDArray[np.int16]) -> NDArray[np.float32]:
        """Of whole windows: probabilities, shape (windows,)."""
        import numpy as np

        windows = samples.astype(np.float32).reshape(-1, WINDOW_SAMPLES) / _FULL_SCALE
        contexts = np.vstack((self._last, windows[:-1, -_CONTEXT_SAMPLES:]))
        self._last = windows[-1, -_CONTEXT_SAMPLES:]
        asked = np.hstack((contexts, windows))
        hidden, cell = self._memory
        likely, hidden, cell = self._session.run(None, {"input": asked, "h": hidden, "c": cell})
        self._memory = (hidden, cell)
        found: NDArray[np.float32] = np.asarray(likely, np.float32).reshape(-1)
        return found


def _network() -> Path:
    """It comes with faster-whisper."""
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec("faster_whisper")
    places = spec.submodule_search_locations if spec is not None else None
    for place in places or ():
        path = Path(place, "assets", _MODEL)
        if path.is_file():
            return path
    raise ReelError(
        Code.MODEL_UNAVAILABLE,
        f"the network that hears speech ({_MODEL}) is not installed",
        hint="install Reelwright again: it comes with faster-whisper",
    )


class SpeechAnalyser(Analyser):
    """16-bit samples, mono, 16 kHz."""

    frame_bytes = 2

    def __init__(self, rule: SpeechRule) -> None:
        self._silero: Silero | None = None
        self._finder = SpeechFinder(rule)
        self._waiting = bytearray()
        self._samples = 0
        self._loudest = 0
        self._flac: Flac | None = None

    def open(self, pack: Path) -> None:
        self._flac = Flac(pack)

    def feed(self, data: memoryview) -> None:
        if self._silero is None:
            # Here, in the thread of the tap: loading takes longer than an event loop may stand.
            self._silero = Silero()
        self._samples += len(data) // 2
        self._waiting += data
        if self._flac is not None:
            self._flac.feed(data)
        portion = _BATCH * WINDOW_SAMPLES * 2
        while len(self._waiting) >= portion:
            self._listen(bytes(self._waiting[:portion]))
            del self._waiting[:portion]

    def _listen(self, portion: bytes) -> None:
        import numpy as np

        assert self._silero is not None
        samples = np.frombuffer(portion, np.int16)
        self._loudest = max(self._loudest, int(np.abs(samples.astype(np.int32)).max()))
        self._finder.feed(self._silero.listen(samples).tolist())

    def finish(self) -> dict[str, Any]:
        if self._waiting:
            missing = -len(self._waiting) % (WINDOW_SAMPLES * 2)
            self._listen(bytes(self._waiting) + bytes(missing))
            self._waiting.clear()
        if self._flac is not None:
            self._flac.close()
        duration_s = self._samples / RATE_HZ
        found = self._finder.finish(duration_s)
        return {
            "speech": [
                {"start": round(span.start_s, 6), "end": round(span.end_s, 6)} for span in found
            ],
            "duration": round(duration_s, 6),
            "sample_rate": RATE_HZ,
            "loudest": round(self._loudest / _FULL_SCALE, 4),
        }
