"""What models are asked and what they answer: one small Protocol a kind, and the door to them all.

A *provider* wraps one model of one kind; a *chain* is the configured order of them. `Models` asks
the chain: the first provider that answers serves, and the answer says who it was.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from reelwright.analysis.words import Word as Word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reelwright.tools.models.prompts import Prompt


class ModelKind(StrEnum):
    SPEECH = "speech"
    OCR = "ocr"
    TEXT_EMBEDDING = "text-embedding"
    IMAGE_EMBEDDING = "image-embedding"
    VISION = "vision"
    LANGUAGE = "language"
    VOICE = "voice"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelIdentity:
    """Which model it is, to the byte where that can be known: what it gives is only comparable with
    what the same identity gave. `revision` is a commit, a version or a digest of the weights."""

    provider: str
    model: str
    revision: str = ""
    dtype: str = ""
    preprocessing: str = ""
    dimension: int | None = None

    def text(self) -> str:
        parts = (self.provider, self.model, self.revision, self.dtype, self.preprocessing)
        return "/".join((*parts, str(self.dimension or "")))


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechAsk:
    """What is said in [start_s, end_s) of `audio` (16 kHz, mono, FLAC or WAV)? `language` is a
    BCP 47 tag, None: whatever it is; `prompt`: names and words that may come up."""

    audio: Path
    start_s: float
    end_s: float
    language: str | None = None
    prompt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Words in order, their times seconds of the audio file. `is_poor`: a last resort
    (pocketsphinx), to be labelled so."""

    words: tuple[Word, ...]
    language: str | None = None
    is_poor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureAsk:
    """A picture (PNG or JPEG bytes). `languages`: scripts to expect, where a model has several."""

    image: bytes
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of text in a picture; `box` is x, y, width, height in its pixels from the top left
    (the whole picture where the model does not say), `confidence` 0 to 1, None: not known."""

    text: str
    box: tuple[float, float, float, float]
    confidence: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is written in a picture, in reading order."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextsAsk:
    """Texts to embed. `purpose` is ``passage`` or ``query``: some models set them apart."""

    texts: tuple[str, ...]
    purpose: str = "passage"


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturesAsk:
    """Pictures (PNG or JPEG bytes) to embed, or texts into the same space."""

    images: tuple[bytes, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vectors:
    """One row a text or picture: float32, of length 1; ``rows.shape == (count, dimension)``."""

    rows: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptAsk:
    """A prompt, filled in. `prompt` is its ``name@version``; `schema` (JSON Schema) makes the
    answer an object of that form, None a text. `images` are PNG or JPEG."""

    prompt: str
    system: str
    user: str
    schema: Mapping[str, Any] | None = None
    images: tuple[bytes, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    max_tokens: int = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """`data` where a schema was asked for, else `text`."""

    text: str
    data: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceAsk:
    """A text to be spoken; `speed` is a factor of the voice's own."""

    text: str
    voice: str | None = None
    language: str | None = None
    speed: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """WAV (PCM, 16 bit)."""

    wav: bytes
    sample_rate_hz: int
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a call took. Tokens and seconds of audio are None where they do not apply. `model`:
    which one served, in the provider's own words, where its answer says so. `cost_usd`: where it
    says that too (OpenRouter does)."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    audio_s: float | None = None
    images: int | None = None
    characters: int | None = None
    model: str | None = None
    cost_usd: float | None = None


Ask = TypeVar("Ask", contravariant=True)
Answer = TypeVar("Answer", covariant=True)
T = TypeVar("T")


class Provider(Protocol[Ask, Answer]):
    """One model. A provider never retries and counts nothing: `Models` does.

    Raises MODEL_UNAVAILABLE (not installed, no weights, no key), MODEL_RATE_LIMITED (with
    ``evidence["retry_after_s"]`` where it was said), MODEL_REFUSED, MODEL_ANSWER_INVALID,
    MODEL_FAILED, NETWORK_*.
    """

    @property
    def identity(self) -> ModelIdentity: ...

    @property
    def is_local(self) -> bool:
        """It runs on this machine or at an address of the user's own: it costs nothing."""
        ...

    async def answer(self, ask: Ask) -> tuple[Answer, Usage]: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Served(Generic[T]):
    """An answer with its provenance. `cost_usd` is None where no price is known, 0 where it was
    free or from the response cache (`is_cached`). `passed_over`: who was asked before, and why it
    did not serve (``{"provider", "model", "code", "message"}``). `call`: the record's id, None
    where none is kept (models on this machine)."""

    value: T
    identity: ModelIdentity
    usage: Usage = Usage()
    cost_usd: float | None = None
    is_cached: bool = False
    is_local: bool = True
    passed_over: tuple[Mapping[str, Any], ...] = ()
    call: str | None = None

    def provenance(self) -> dict[str, Any]:
        """As results keep it."""
        return {
            "provider": self.identity.provider,
            "model": self.identity.model,
            "revision": self.identity.revision,
            "passed_over": [dict(one) for one in self.passed_over],
        }


class Models(Protocol):
    """Asks the configured chain of a kind: response cache, budget, rate limit, breaker, retries,
    fallback, the record of the call. `key` tells calls of one step apart (a segment's number).

    Each raises MODEL_UNAVAILABLE when no provider of the chain could serve (its evidence names
    each and why), and BUDGET_REACHED.
    """

    async def speech(self, ask: SpeechAsk, *, key: str = "") -> Served[Heard]: ...

    async def read(self, ask: PictureAsk, *, key: str = "") -> Served[Seen]: ...

    async def embed_texts(self, ask: TextsAsk, *, key: str = "") -> Served[Vectors]: ...

    async def embed_pictures(self, ask: PicturesAsk, *, key: str = "") -> Served[Vectors]: ...

    async def describe(self, ask: PromptAsk, *, key: str = "") -> Served[Said]: ...

    async def write(self, ask: PromptAsk, *, key: str = "") -> Served[Said]: ...

    def stream(self, ask: PromptAsk, *, key: str = "") -> AsyncIterator[str]:
        """As `write`, in pieces as they come; no schema."""
        ...

    async def speak(self, ask: VoiceAsk, *, key: str = "") -> Served[Spoken]: ...

    def prompt(self, name: str) -> Prompt:
        """The prompt ``describe`` (its newest version) or ``describe@2``, the user's own before
        those of the package. Raises PROMPT_UNKNOWN, PROMPT_INVALID."""
        ...

    def has(self, kind: ModelKind) -> bool:
        """Whether anything is configured for it (it may still fail)."""
        ...

    async def close(self) -> None: ...
