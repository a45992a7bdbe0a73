"""PocketSphinx with the US English model in its wheel: it needs nothing, and understands little."""

from __future__ import annotations

import asyncio
import re
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.tools.flac import RATE_HZ, read_samples
from reelwright.tools.models.kinds import Heard, ModelIdentity, SpeechAsk, Usage, Word
from reelwright.tools.models.providers import unavailable
from reelwright.tools.models.speech.pieces import LEAST_SAMPLES

if TYPE_CHECKING:
    from reelwright.tools.models.providers import ModelSpec

_MODEL = "en-us"
_FRAMES_PER_S = 100
# Raise it when the options of the decoder change what is heard.
_SEARCH = "1"
# ``and(2)`` is another way to say "and"; what stands in brackets is no word but a noise.
_VARIANT = re.compile(r"\(\d+\)$")
_NOISE = re.compile(r"^(?:<.*>|\[.*\]|\+\+.*\+\+)$")


def identify(spec: ModelSpec) -> ModelIdentity:
    """Raises MODEL_UNAVAILABLE."""
    try:
        release = version("pocketsphinx")
    except PackageNotFoundError as error:
        raise unavailable(spec, "pocketsphinx is not installed") from error
    if find_spec("pocketsphinx") is None:
        raise unavailable(spec, "pocketsphinx is not installed")
    if spec.model not in ("", _MODEL):
        raise unavailable(spec, f"it has one model, {_MODEL}", hint="write pocketsphinx alone")
    return ModelIdentity(
        provider="pocketsphinx", model=_MODEL, revision=release, preprocessing=_SEARCH
    )


def make(spec: ModelSpec) -> PocketSphinx:
    """Raises MODEL_UNAVAILABLE."""
    return PocketSphinx(spec)


class PocketSphinx:
    """One ask at a time."""

    def __init__(self, spec: ModelSpec) -> None:
        from pocketsphinx import Decoder

        self.identity = identify(spec)
        self.is_local = True
        # Without the flat search, and with a third of the usual hypotheses a frame, it needs
        # half the time (0.4 s a second of speech) and errs no more.
        self._decoder: Any = Decoder(
            samprate=RATE_HZ, loglevel="FATAL", fwdflat=False, maxhmmpf=10000
        )

    async def answer(self, ask: SpeechAsk) -> tuple[Heard, Usage]:
        """Raises MODEL_REFUSED for another language than English, DECODE_FAILED."""
        if ask.language is not None and ask.language.partition("-")[0].lower() != "en":
            raise ReelError(
                Code.MODEL_REFUSED,
                f"pocketsphinx understands English only, not '{ask.language}'",
                hint="set models.speech: faster-whisper:FOLDER, onnx-asr:FOLDER, openai:whisper-1",
            )
        words = await asyncio.to_thread(self._hear, ask)
        heard = Heard(words=words, language="en", is_poor=True)
        return heard, Usage(audio_s=ask.end_s - ask.start_s)

    async def close(self) -> None:
        self._decoder = None

    def _hear(self, ask: SpeechAsk) -> tuple[Word, ...]:
        samples = read_samples(ask.audio, ask.start_s, ask.end_s)
        if len(samples) < LEAST_SAMPLES:
            return ()
        decoder = self._decoder
        # What it has adapted to in another sound must not change what it hears in this one.
        decoder.reinit_feat()
        decoder.start_utt()
        decoder.process_raw(samples.tobytes(), full_utt=True)
        decoder.end_utt()
        return tuple(
            Word(
                text=_VARIANT.sub("", found.word),
                start_s=ask.start_s + found.start_frame / _FRAMES_PER_S,
                end_s=ask.start_s + (found.end_frame + 1) / _FRAMES_PER_S,
                confidence=min(1.0, max(0.0, float(found.prob))),
            )
            for found in decoder.seg() or ()
            if not _NOISE.match(found.word)
        )
