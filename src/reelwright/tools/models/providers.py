"""Which providers there are, by kind and name, and how each is made; none is imported before it is
asked for.

A provider's module has two functions of a `ModelSpec`:

- ``identify(spec) -> ModelIdentity``: which model it would be. Cheap, loads nothing; raises
  MODEL_UNAVAILABLE where it could not serve (a library, weights, a key is missing).
- ``make(spec) -> Provider``: the model, loaded. Called where it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any

from reelwright.errors import Code, ReelError
from reelwright.tools.models.kinds import ModelIdentity, ModelKind, Provider


class Runs(StrEnum):
    """Where a model runs: `child`, a warm process of its own; `here`, what needs little CPU and
    starts what it needs; `hosted`, at the other end of an HTTP connection."""

    CHILD = "child"
    HERE = "here"
    HOSTED = "hosted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One member of a chain, with all that its provider needs. `model` is empty where the provider
    has one of its own; `folder` is where weights are; `url` and `key` are those of a hosted one.
    `threads`: how many a local model may use."""

    kind: ModelKind
    provider: str
    model: str = ""
    folder: Path = Path()
    url: str | None = None
    key: str | None = field(default=None, repr=False)
    timeout_s: float = 120.0
    threads: int = 2
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As chains write it: ``openai:gpt-5-mini``."""
        return f"{self.provider}:{self.model}" if self.model else self.provider


@dataclass(frozen=True, slots=True)
class Entry:
    """`module` below ``reelwright.tools.models``; `about`: for `reel doctor`."""

    module: str
    runs: Runs
    about: str

    def load(self) -> Any:
        return import_module(f"reelwright.tools.models.{self.module}")


_OF_SPEECH = {
    "onnx-asr": Entry("speech.onnx_asr", Runs.CHILD, "Parakeet and others, by ONNX"),
    "faster-whisper": Entry("speech.faster_whisper", Runs.CHILD, "Whisper, by CTranslate2"),
    "pocketsphinx": Entry("speech.pocketsphinx", Runs.CHILD, "a last resort: poor text"),
    "openai": Entry("speech.openai", Runs.HOSTED, "/v1/audio/transcriptions"),
    "local": Entry("speech.openai", Runs.HOSTED, "/v1/audio/transcriptions of your own server"),
}
_OF_OCR = {
    "rapidocr": Entry("ocr.rapidocr", Runs.CHILD, "PP-OCR, by ONNX"),
    "openai": Entry("ocr.vision", Runs.HOSTED, "a vision model reads"),
    "anthropic": Entry("ocr.vision", Runs.HOSTED, "a vision model reads"),
    "google": Entry("ocr.vision", Runs.HOSTED, "a vision model reads"),
    "local": Entry("ocr.vision", Runs.HOSTED, "a vision model reads"),
    "ollama": Entry("ocr.vision", Runs.HOSTED, "a vision model reads"),
}
_OF_TEXTS = {
    "minilm": Entry("text_embedding.minilm", Runs.CHILD, "all-MiniLM-L6-v2, 384 dimensions"),
    "openai": Entry("hosted.embeddings", Runs.HOSTED, "/v1/embeddings"),
    "local": Entry("hosted.embeddings", Runs.HOSTED, "/v1/embeddings of your own server"),
    "ollama": Entry("hosted.embeddings", Runs.HOSTED, "/v1/embeddings of Ollama"),
}
_OF_PICTURES = {
    "clip": Entry("pictures.clip", Runs.CHILD, "CLIP or SigLIP, by ONNX"),
}
_OF_PROMPTS = {
    "openai": Entry("hosted.chat", Runs.HOSTED, "OpenAI"),
    "anthropic": Entry("hosted.chat", Runs.HOSTED, "Anthropic"),
    "google": Entry("hosted.chat", Runs.HOSTED, "Google Gemini"),
    "local": Entry("hosted.chat", Runs.HOSTED, "your own server, as OpenAI's: vLLM, llama.cpp"),
    "ollama": Entry("hosted.chat", Runs.HOSTED, "Ollama"),
}
_OF_VOICE = {
    "espeak-ng": Entry("voice.espeak", Runs.HERE, "eSpeak NG: clear, of a machine"),
    "openai": Entry("voice.openai", Runs.HOSTED, "/v1/audio/speech"),
    "local": Entry("voice.openai", Runs.HOSTED, "/v1/audio/speech of your own server"),
}

PROVIDERS: Mapping[ModelKind, Mapping[str, Entry]] = {
    ModelKind.SPEECH: _OF_SPEECH,
    ModelKind.OCR: _OF_OCR,
    ModelKind.TEXT_EMBEDDING: _OF_TEXTS,
    ModelKind.IMAGE_EMBEDDING: _OF_PICTURES,
    ModelKind.VISION: _OF_PROMPTS,
    ModelKind.LANGUAGE: _OF_PROMPTS,
    ModelKind.VOICE: _OF_VOICE,
}

# Where no chain is configured: what may be in the box and needs no network, best first.
DEFAULTS: Mapping[ModelKind, tuple[str, ...]] = {
    ModelKind.SPEECH: ("onnx-asr", "faster-whisper", "pocketsphinx"),
    ModelKind.OCR: ("rapidocr",),
    ModelKind.TEXT_EMBEDDING: ("minilm",),
    ModelKind.IMAGE_EMBEDDING: ("clip",),
    ModelKind.VISION: (),
    ModelKind.LANGUAGE: (),
    ModelKind.VOICE: ("espeak-ng",),
}


def entry(spec: ModelSpec) -> Entry:
    """Raises CONFIG_INVALID for a provider that this kind does not have."""
    known = PROVIDERS[spec.kind]
    if spec.provider not in known:
        raise ReelError(
            Code.CONFIG_INVALID,
            f"'{spec.provider}' is no provider of {spec.kind}: {', '.join(known)}",
            where=setting(spec.kind),
        )
    return known[spec.provider]


def identify(spec: ModelSpec) -> ModelIdentity:
    """Raises MODEL_UNAVAILABLE, CONFIG_INVALID."""
    try:
        found: ModelIdentity = entry(spec).load().identify(spec)
    except ImportError as error:
        raise unavailable(spec, f"{error.name or error} is not installed") from error
    return found


def make(spec: ModelSpec) -> Provider[Any, Any]:
    """In this process. Raises MODEL_UNAVAILABLE, CONFIG_INVALID, MODEL_FAILED."""
    try:
        made: Provider[Any, Any] = entry(spec).load().make(spec)
    except ImportError as error:
        raise unavailable(spec, f"{error.name or error} is not installed") from error
    return made


def unavailable(spec: ModelSpec, why: str, *, hint: str | None = None) -> ReelError:
    """The error of a provider that cannot serve, named by its place in the settings."""
    return ReelError(
        Code.MODEL_UNAVAILABLE, f"{spec.name}: {why}", where=setting(spec.kind), hint=hint
    )


def setting(kind: ModelKind) -> str:
    """``models.text_embedding``"""
    return f"models.{kind.value.replace('-', '_')}"
