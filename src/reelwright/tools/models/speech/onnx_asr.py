"""Parakeet and other models by onnx-asr: a folder with an ONNX export and its ``config.json``."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.analysis.words import is_unspaced, spread
from reelwright.tools.flac import RATE_HZ, read_samples
from reelwright.tools.models.kinds import Heard, ModelIdentity, SpeechAsk, Usage, Word
from reelwright.tools.models.providers import unavailable
from reelwright.tools.models.speech.pieces import LEAST_SAMPLES, quiet_pieces
from reelwright.tools.models.speech.weights import digest, folder_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reelwright.tools.models.providers import ModelSpec

_HINT = (
    "put an export for onnx-asr (config.json with its model_type, the .onnx files, vocab.txt) into"
    " a folder and set models.speech to onnx-asr:FOLDER"
)
_FULL_SCALE = 32768.0
# The last piece of a word has no next one that would end it.
_LAST_S = 0.24
# Whisper hears 30 s and no more; the others grow with the square of what they hear.
_WHISPER_S, _OTHERS_S = 28.0, 300.0
# Models that give a language in their answer there are none of: only their config may name it.
_LANGUAGE = "language"


def identify(spec: ModelSpec) -> ModelIdentity:
    """Raises MODEL_UNAVAILABLE."""
    try:
        release = version("onnx-asr")
    except PackageNotFoundError as error:
        raise unavailable(spec, "onnx-asr is not installed") from error
    folder = folder_of(spec, _missing, _HINT)
    return ModelIdentity(
        provider="onnx-asr",
        model=folder.name,
        revision=digest(folder),
        dtype=_quantization(folder) or "float32",
        preprocessing=release,
    )


def make(spec: ModelSpec) -> OnnxAsr:
    """Raises MODEL_UNAVAILABLE."""
    return OnnxAsr(spec)


def _missing(folder: Path) -> str | None:
    if not _config(folder).get("model_type"):
        return "config.json with a model_type"
    return None if any(folder.glob("*.onnx")) else ".onnx files"


def _config(folder: Path) -> dict[str, Any]:
    try:
        body = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def _quantization(folder: Path) -> str | None:
    """``int8`` where there are only such files."""
    names = [path.name for path in folder.glob("*.onnx")]
    return "int8" if names and all(name.endswith("int8.onnx") for name in names) else None


class OnnxAsr:
    """One ask at a time."""

    def __init__(self, spec: ModelSpec) -> None:
        self.identity = identify(spec)
        self.is_local = True
        folder = folder_of(spec, _missing, _HINT)
        config = _config(folder)
        self._language: str | None = config.get(_LANGUAGE)
        is_whisper = str(config["model_type"]).startswith("whisper")
        self._most_s = _WHISPER_S if is_whisper else _OTHERS_S
        self._model = _loaded(spec, folder)

    async def answer(self, ask: SpeechAsk) -> tuple[Heard, Usage]:
        """Raises DECODE_FAILED."""
        words = await asyncio.to_thread(self._hear, ask)
        language = ask.language or self._language
        return Heard(words=words, language=language), Usage(audio_s=ask.end_s - ask.start_s)

    async def close(self) -> None:
        self._model = None

    def _hear(self, ask: SpeechAsk) -> tuple[Word, ...]:
        samples = read_samples(ask.audio, ask.start_s, ask.end_s)
        if len(samples) < LEAST_SAMPLES:
            return ()
        words: list[Word] = []
        for first, last in quiet_pieces(samples, round(self._most_s * RATE_HZ)):
            words += self._piece(samples[first:last], ask.start_s + first / RATE_HZ, ask.language)
        return tuple(words)

    def _piece(
        self, samples: NDArray[np.int16], start_s: float, language: str | None
    ) -> Sequence[Word]:
        import numpy as np

        options = {} if language is None else {"language": language.partition("-")[0].lower()}
        found = self._model.recognize(
            samples.astype(np.float32) / _FULL_SCALE, sample_rate=RATE_HZ, **options
        )
        end_s = start_s + len(samples) / RATE_HZ
        if not found.tokens or found.timestamps is None:
            return spread(found.text, start_s, end_s)
        logprobs = found.logprobs or [None] * len(found.tokens)
        return words_of_tokens(found.tokens, found.timestamps, logprobs, start_s, end_s)


def _loaded(spec: ModelSpec, folder: Path) -> Any:
    import onnxruntime
    from onnx_asr.loader import Manager

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = max(1, spec.threads)
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        manager = Manager(options, ["CPUExecutionProvider"])
        model = manager.create_asr(None, folder, quantization=_quantization(folder), offline=True)
    except Exception as error:
        raise unavailable(spec, f"{folder} cannot be loaded: {error}", hint=_HINT) from error
    return model.with_timestamps()


def words_of_tokens(
    tokens: Sequence[str],
    times_s: Sequence[float],
    logprobs: Sequence[float | None],
    start_s: float,
    end_s: float,
) -> list[Word]:
    """Pieces of words, each with when it begins (seconds after `start_s`), as words: a piece that
    begins with a space, or in a script without spaces, begins one. It lasts until the next piece,
    at most `_LAST_S`."""
    words: list[Word] = []
    text, begins, ends = "", start_s, start_s
    sure: list[float] = []

    def close() -> None:
        if text.strip():
            confidence = math.exp(min(0.0, sum(sure) / len(sure))) if sure else None
            words.append(Word(text=text.strip(), start_s=begins, end_s=ends, confidence=confidence))

    for number, token in enumerate(tokens):
        at = min(start_s + times_s[number], end_s)
        following = times_s[number + 1] if number + 1 < len(tokens) else math.inf
        if token[:1].isspace() or not text.strip() or is_unspaced(token[:1]):
            close()
            text, begins, sure = "", at, []
        text += token
        ends = min(start_s + following, at + _LAST_S, end_s)
        logprob = logprobs[number]
        if logprob is not None:
            sure.append(logprob)
    close()
    return words
