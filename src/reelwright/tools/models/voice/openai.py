"""Voices behind OpenAI's ``/v1/audio/speech``: its own, and those of servers that speak like it."""

from __future__ import annotations

from reelwright.tools.models.hosted import reaching
from reelwright.tools.models.kinds import ModelIdentity, Spoken, Usage, VoiceAsk
from reelwright.tools.models.prices import is_free
from reelwright.tools.models.providers import ModelSpec
from reelwright.tools.models.voice.wav import spoken_of

_DEFAULT_VOICE = "alloy"
# What the API takes.
_SLOWEST, _FASTEST = 0.25, 4.0


def identify(spec: ModelSpec) -> ModelIdentity:
    """Raises MODEL_UNAVAILABLE without a model, an address, or a key where one is needed."""
    return reaching.identify(spec)


def make(spec: ModelSpec) -> OpenAIVoice:
    return OpenAIVoice(spec)


class OpenAIVoice:
    """``openai:tts-1@nova`` names model and voice; an ask's own voice goes before."""

    def __init__(self, spec: ModelSpec) -> None:
        self.identity = identify(spec)
        self.is_local = is_free(spec)
        self._spec = spec
        self._model, _, self._voice = spec.model.partition("@")

    async def answer(self, ask: VoiceAsk) -> tuple[Spoken, Usage]:
        """Raises what `reaching.post` does, and MODEL_ANSWER_INVALID for what is no WAV."""
        body = {
            "model": self._model,
            "voice": ask.voice or self._voice or _DEFAULT_VOICE,
            "input": ask.text,
            "response_format": "wav",
            "speed": min(_FASTEST, max(_SLOWEST, ask.speed)),
        }
        reply = await reaching.post(self._spec, "audio/speech", body=body)
        spoken = spoken_of(reply.body, self._spec.name)
        return spoken, Usage(characters=len(ask.text), audio_s=spoken.duration_s)

    async def close(self) -> None:
        """A call's connection ends with it."""
