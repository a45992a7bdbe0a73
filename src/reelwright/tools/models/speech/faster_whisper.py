"""Whisper by faster-whisper: a folder of weights that were converted for CTranslate2."""

from __future__ import annotations

import asyncio
import math
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.analysis.words import spread
from reelwright.errors import Code, ReelError
from reelwright.tools.flac import read_samples
from reelwright.tools.models.kinds import Heard, ModelIdentity, SpeechAsk, Usage, Word
from reelwright.tools.models.providers import unavailable
from reelwright.tools.models.speech.pieces import LEAST_SAMPLES
from reelwright.tools.models.speech.weights import digest, folder_of

if TYPE_CHECKING:
    from reelwright.tools.models.providers import ModelSpec

_FILES = ("model.bin", "config.json", "tokenizer.json")
_HINT = (
    "put a Whisper for CTranslate2 (model.bin, config.json, tokenizer.json and the like)"
    " into a folder and set models.speech to faster-whisper:FOLDER"
)
_FULL_SCALE = 32768.0
# 8-bit weights: a third of the time on a CPU, and no more errors that one would notice.
_COMPUTE = "int8"


def identify(spec: ModelSpec) -> ModelIdentity:
    """Raises MODEL_UNAVAILABLE."""
    try:
        release = version("faster-whisper")
    except PackageNotFoundError as error:
        raise unavailable(spec, "faster-whisper is not installed") from error
    folder = folder_of(spec, _missing, _HINT)
    return ModelIdentity(
        provider="faster-whisper",
        model=folder.name,
        revision=digest(folder),
        dtype=_COMPUTE,
        preprocessing=release,
    )


def make(spec: ModelSpec) -> FasterWhisper:
    """Raises MODEL_UNAVAILABLE."""
    return FasterWhisper(spec)


def _missing(folder: Path) -> str | None:
    # Without its tokenizer the library would look for one in the network.
    return next((name for name in _FILES if not (folder / name).is_file()), None)


class FasterWhisper:
    """One ask at a time."""

    def __init__(self, spec: ModelSpec) -> None:
        from faster_whisper import WhisperModel

        self._spec = spec
        self.identity = identify(spec)
        self.is_local = True
        folder = folder_of(spec, _missing, _HINT)
        try:
            self._model: Any = WhisperModel(
                str(folder),
                device="cpu",
                compute_type=_COMPUTE,
                cpu_threads=max(1, spec.threads),
                local_files_only=True,
            )
        except Exception as error:
            raise unavailable(spec, f"{folder} cannot be loaded: {error}", hint=_HINT) from error

    async def answer(self, ask: SpeechAsk) -> tuple[Heard, Usage]:
        """Raises MODEL_REFUSED for a language that the model does not have, DECODE_FAILED."""
        heard = await asyncio.to_thread(self._hear, ask)
        return heard, Usage(audio_s=ask.end_s - ask.start_s)

    async def close(self) -> None:
        self._model = None

    def _hear(self, ask: SpeechAsk) -> Heard:
        import numpy as np

        samples = read_samples(ask.audio, ask.start_s, ask.end_s)
        if len(samples) < LEAST_SAMPLES:
            return Heard(words=(), language=ask.language)
        segments, info = self._model.transcribe(
            samples.astype(np.float32) / _FULL_SCALE,
            language=self._language(ask.language),
            initial_prompt=ask.prompt,
            word_timestamps=True,
            # Silence was cut away before, and what was said before leads into loops.
            vad_filter=False,
            condition_on_previous_text=False,
            hallucination_silence_threshold=2.0,
        )
        words = [word for segment in segments for word in _words(segment, ask.start_s)]
        return Heard(words=tuple(words), language=info.language)

    def _language(self, asked: str | None) -> str | None:
        if asked is None:
            return None
        language = asked.partition("-")[0].lower()
        known = self._model.supported_languages
        if language not in known:
            raise ReelError(
                Code.MODEL_REFUSED,
                f"{self._spec.name} does not know the language '{asked}': {', '.join(known)}",
            )
        return language


def _words(segment: Any, start_s: float) -> list[Word]:
    """Of one of its segments; where it gives no words (its alignment failed), by their length."""
    if segment.words:
        return [
            Word(
                text=word.word.strip(),
                start_s=start_s + float(word.start),
                end_s=start_s + float(word.end),
                confidence=min(1.0, max(0.0, float(word.probability))),
            )
            for word in segment.words
        ]
    sure = math.exp(min(0.0, segment.avg_logprob))
    return list(spread(segment.text, start_s + segment.start, start_s + segment.end, sure))
