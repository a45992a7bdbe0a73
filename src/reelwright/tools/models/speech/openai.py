"""Speech behind ``/v1/audio/transcriptions``: OpenAI's, and of servers that speak like it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reelwright.analysis.words import dressed, spread
from reelwright.errors import Code, ReelError
from reelwright.tools.flac import flac_of, read_samples
from reelwright.tools.models.hosted import reaching
from reelwright.tools.models.hosted.reaching import invalid
from reelwright.tools.models.kinds import Heard, ModelIdentity, SpeechAsk, Usage, Word
from reelwright.tools.models.prices import is_free

if TYPE_CHECKING:
    from reelwright.tools.models.providers import ModelSpec

# OpenAI's own measure of a segment in which nobody speaks, whatever words it gave.
_NO_SPEECH, _UNSURE = 0.6, -1.0
# What OpenAI calls languages in its answers.
_NAMES = {
    "english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it",
    "portuguese": "pt", "dutch": "nl", "polish": "pl", "russian": "ru", "ukrainian": "uk",
    "czech": "cs", "swedish": "sv", "danish": "da", "norwegian": "no", "finnish": "fi",
    "greek": "el", "turkish": "tr", "arabic": "ar", "hebrew": "he", "hindi": "hi",
    "chinese": "zh", "japanese": "ja", "korean": "ko", "vietnamese": "vi", "thai": "th",
    "indonesian": "id", "hungarian": "hu", "romanian": "ro", "catalan": "ca",
}  # fmt: skip


def identify(spec: ModelSpec) -> ModelIdentity:
    """Raises MODEL_UNAVAILABLE without a model, an address, or a key where one is needed."""
    return reaching.identify(spec)


def make(spec: ModelSpec) -> HostedSpeech:
    return HostedSpeech(spec)


class HostedSpeech:
    """Sends a segment as FLAC. Asks for times of words; a model that has none (``gpt-4o-…``) is
    asked for text, whose words share the segment's time."""

    def __init__(self, spec: ModelSpec) -> None:
        self.identity = identify(spec)
        self.is_local = is_free(spec)
        self._spec = spec
        self._has_times = not spec.model.startswith("gpt-")

    async def answer(self, ask: SpeechAsk) -> tuple[Heard, Usage]:
        """Raises as `reaching.post`, DECODE_FAILED."""
        sound = await asyncio.to_thread(_slice, ask)
        body = await self._asked(sound, ask)
        return _heard(self._spec, body, ask), _usage(body, ask)

    async def close(self) -> None:
        """A call's connection ends with it."""

    async def _asked(self, sound: bytes, ask: SpeechAsk) -> dict[str, Any]:
        if self._has_times:
            try:
                return await self._post(sound, ask, _with_times())
            except ReelError as error:
                # Refused before any work was done: this server knows no such form.
                if error.code is not Code.MODEL_REFUSED or not _is_about_form(error):
                    raise
                self._has_times = False
        return await self._post(sound, ask, {"response_format": "json"})

    async def _post(self, sound: bytes, ask: SpeechAsk, form: Mapping[str, Any]) -> dict[str, Any]:
        data: dict[str, Any] = {"model": self._spec.model, **form}
        if ask.language is not None:
            data["language"] = ask.language.partition("-")[0].lower()
        if ask.prompt is not None:
            data["prompt"] = ask.prompt
        files = {"file": ("segment.flac", sound, "audio/flac")}
        reply = await reaching.post(self._spec, "audio/transcriptions", data=data, files=files)
        return reply.json(self._spec)


def _with_times() -> Mapping[str, Any]:
    return {
        "response_format": "verbose_json",
        "timestamp_granularities[]": ["word", "segment"],
    }


def _is_about_form(error: ReelError) -> bool:
    text = str(error).lower()
    return "response_format" in text or "timestamp_granularities" in text


def _slice(ask: SpeechAsk) -> bytes:
    return flac_of(read_samples(ask.audio, ask.start_s, ask.end_s))


def _heard(spec: ModelSpec, body: Mapping[str, Any], ask: SpeechAsk) -> Heard:
    """Raises MODEL_ANSWER_INVALID."""
    try:
        words = tuple(_words(body, ask))
        language = body.get("language")
        if language is not None:
            language = _NAMES.get(str(language).lower(), str(language).lower())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise invalid(spec, f"the answer is no transcript: {error!r}") from error
    return Heard(words=words, language=language or ask.language)


def _words(body: Mapping[str, Any], ask: SpeechAsk) -> Iterator[Word]:
    text = body["text"]
    if not isinstance(text, str):
        raise TypeError("its text is none")
    segments: Sequence[Mapping[str, Any]] = body.get("segments") or ()
    heard = [s for s in segments if not _is_silent(s)]
    words: Sequence[Mapping[str, Any]] = body.get("words") or [
        word for segment in heard for word in segment.get("words") or ()
    ]
    if words:
        yield from _timed(words, segments, text, ask.start_s)
    elif segments:
        for segment in heard:
            start_s = ask.start_s + float(segment["start"])
            end_s = ask.start_s + float(segment["end"])
            yield from spread(segment["text"], start_s, end_s, _sureness(segment))
    else:
        yield from spread(text, ask.start_s, ask.end_s)


def _timed(
    words: Sequence[Mapping[str, Any]],
    segments: Sequence[Mapping[str, Any]],
    text: str,
    start_s: float,
) -> Iterator[Word]:
    """With the punctuation of the text, which OpenAI's words lack, and without the words of
    segments in which nobody speaks."""
    texts = dressed([str(word["word"]).strip() for word in words], text)
    for word, said in zip(words, texts, strict=True):
        begins, ends = float(word["start"]), float(word["end"])
        around = _around(segments, (begins + ends) / 2)
        if around is not None and _is_silent(around):
            continue
        sure = word.get("probability")
        if sure is None and around is not None:
            sure = _sureness(around)
        confidence = None if sure is None else min(1.0, max(0.0, float(sure)))
        yield Word(text=said, start_s=start_s + begins, end_s=start_s + ends, confidence=confidence)


def _around(segments: Sequence[Mapping[str, Any]], at_s: float) -> Mapping[str, Any] | None:
    return next((s for s in segments if float(s["start"]) <= at_s <= float(s["end"])), None)


def _is_silent(segment: Mapping[str, Any]) -> bool:
    no_speech, logprob = segment.get("no_speech_prob"), segment.get("avg_logprob")
    if no_speech is None or logprob is None:
        return False
    return float(no_speech) > _NO_SPEECH and float(logprob) < _UNSURE


def _sureness(segment: Mapping[str, Any]) -> float | None:
    logprob = segment.get("avg_logprob")
    return None if logprob is None else math.exp(min(0.0, float(logprob)))


def _usage(body: Mapping[str, Any], ask: SpeechAsk) -> Usage:
    told = body.get("usage")
    told = told if isinstance(told, dict) else {}
    return Usage(
        audio_s=ask.end_s - ask.start_s,
        input_tokens=_count(told.get("input_tokens")),
        output_tokens=_count(told.get("output_tokens")),
    )


def _count(told: Any) -> int | None:
    return told if isinstance(told, int) and not isinstance(told, bool) and told >= 0 else None
