"""Voices behind OpenAI's ``/v1/audio/speech``: its own, and those of servers that speak like it."""

from __future__ import annotations

from typing import Any

import httpx

from reelwright.errors import Code, ReelError
from reelwright.tools.models.asking import IDEMPOTENCY
from reelwright.tools.models.kinds import ModelIdentity, Spoken, Usage, VoiceAsk
from reelwright.tools.models.providers import ModelSpec, unavailable
from reelwright.tools.models.voice.wav import spoken_of

_DEFAULT_VOICE = "alloy"
# What the API takes.
_SLOWEST, _FASTEST = 0.25, 4.0
_MOST_BYTES = 256 << 20


def identify(spec: ModelSpec) -> ModelIdentity:
    """Raises MODEL_UNAVAILABLE without a model, an address, or a key where one is needed."""
    if not spec.model:
        raise unavailable(spec, "it needs a model", hint=f"{spec.provider}:MODEL")
    if not spec.url:
        raise unavailable(spec, "it has no address", hint="set models.local_url")
    if spec.provider == "openai" and not spec.key:
        raise unavailable(spec, "it has no key", hint="set models.openai_key")
    return ModelIdentity(provider=spec.provider, model=spec.model)


def make(spec: ModelSpec) -> OpenAIVoice:
    return OpenAIVoice(spec, identify(spec))


class OpenAIVoice:
    """``model@voice`` names both; an ask's own voice goes before."""

    def __init__(self, spec: ModelSpec, identity: ModelIdentity) -> None:
        self.identity = identity
        self.is_local = spec.provider != "openai"
        self._spec = spec
        self._model, _, self._voice = spec.model.partition("@")
        headers = {"Authorization": f"Bearer {spec.key}"} if spec.key else {}
        self._client = httpx.AsyncClient(headers=headers, timeout=spec.timeout_s)

    async def answer(self, ask: VoiceAsk) -> tuple[Spoken, Usage]:
        """Raises MODEL_UNAVAILABLE, MODEL_RATE_LIMITED, MODEL_REFUSED, MODEL_ANSWER_INVALID,
        MODEL_FAILED, NETWORK_TIMEOUT, NETWORK_FAILED."""
        body = {
            "model": self._model,
            "voice": ask.voice or self._voice or _DEFAULT_VOICE,
            "input": ask.text,
            "response_format": "wav",
            "speed": min(_FASTEST, max(_SLOWEST, ask.speed)),
        }
        wav = await self._post(body)
        spoken = spoken_of(wav, self._spec.name)
        return spoken, Usage(characters=len(ask.text), audio_s=spoken.duration_s)

    async def close(self) -> None:
        await self._client.aclose()

    async def _post(self, body: dict[str, Any]) -> bytes:
        name = self._spec.name
        url = f"{(self._spec.url or '').rstrip('/')}/audio/speech"
        key = IDEMPOTENCY.get()
        headers = {"Idempotency-Key": key} if key else {}
        try:
            async with self._client.stream("POST", url, json=body, headers=headers) as response:
                if response.status_code != httpx.codes.OK:
                    await response.aread()
                    raise _refusal(name, response)
                return await _bounded(response, name)
        except httpx.TimeoutException as error:
            raise ReelError(Code.NETWORK_TIMEOUT, f"{name} did not answer in time") from error
        except httpx.TransportError as error:
            code = Code.NETWORK_UNREACHABLE
            if isinstance(error, httpx.ReadError | httpx.RemoteProtocolError):
                code = Code.NETWORK_RESET
            raise ReelError(code, f"{name}: {error or type(error).__name__}") from error


async def _bounded(response: httpx.Response, name: str) -> bytes:
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > _MOST_BYTES:
            raise ReelError(
                Code.MODEL_ANSWER_INVALID, f"{name} gave more than {_MOST_BYTES} bytes of sound"
            )
    return bytes(body)


def _refusal(name: str, response: httpx.Response) -> ReelError:
    status = response.status_code
    text = f"{name} answered {status}: {_message(response)}"
    evidence: dict[str, Any] = {"status": status}
    if status in (401, 403, 404):
        return ReelError(Code.MODEL_UNAVAILABLE, text, evidence=evidence)
    if status in (429, 503):
        after = response.headers.get("retry-after", "")
        if after.replace(".", "", 1).isdigit():
            evidence["retry_after_s"] = float(after)
        return ReelError(Code.MODEL_RATE_LIMITED, text, evidence=evidence)
    if 400 <= status < 500:
        return ReelError(Code.MODEL_REFUSED, text, evidence=evidence)
    return ReelError(Code.MODEL_FAILED, text, evidence=evidence)


def _message(response: httpx.Response) -> str:
    """What the server says of it: OpenAI's ``{"error": {"message": …}}``, or the text."""
    try:
        told = response.json()["error"]
        return str(told["message"] if isinstance(told, dict) else told)[:300]
    except (ValueError, KeyError, TypeError):
        return response.text[:300]
