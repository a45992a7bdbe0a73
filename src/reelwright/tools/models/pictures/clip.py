"""CLIP, OpenCLIP, SigLIP and SigLIP 2 by ONNX: pictures and texts as vectors in one space."""

from __future__ import annotations

import asyncio
import string
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.tools.models.kinds import ModelIdentity, PicturesAsk, Usage, Vectors
from reelwright.tools.models.onnx_session import session
from reelwright.tools.models.pictures.folders import Parts, digest, parts
from reelwright.tools.models.pictures.opening import rgb_of
from reelwright.tools.models.pictures.preparing import Preparation, preparation
from reelwright.tools.models.providers import unavailable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reelwright.tools.models.providers import ModelSpec

    Rows = NDArray[np.float32]

# What exports call the vector; SigLIP's has no projection behind its pooling.
_OUTPUTS = ("image_embeds", "text_embeds", "embedding", "embeddings", "pooler_output")
_AT_ONCE = 8
# Of a text, where nothing says it: CLIP's 77.
_LENGTH = 77
# What exports call the tokens.
_IDS = ("input_ids", "text")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def identify(spec: ModelSpec) -> ModelIdentity:
    """Raises MODEL_UNAVAILABLE where a part of the model is missing."""
    found = parts(spec)
    return ModelIdentity(
        provider="clip",
        model=found.folder.name,
        revision=digest(found),
        dtype="float32",
        preprocessing=_preparation(spec, found).text(),
        dimension=_dimension(found),
    )


def make(spec: ModelSpec) -> Clip:
    """Raises MODEL_UNAVAILABLE."""
    return Clip(spec)


class Clip:
    """The vision half is loaded for the first picture, the text half for the first text."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._parts = parts(spec)
        self._preparation = _preparation(spec, self._parts)
        self._vision: Any = None
        self._text: Any = None
        self._tokenizer: Any = None
        self.identity = identify(spec)
        self.is_local = True

    async def answer(self, ask: PicturesAsk) -> tuple[Vectors, Usage]:
        """Rows of the pictures, then of the texts. Raises DECODE_FAILED, MODEL_UNAVAILABLE,
        MODEL_FAILED."""
        rows = await asyncio.to_thread(self.embed, ask)
        characters = sum(len(text) for text in ask.texts)
        return Vectors(rows=rows), Usage(images=len(ask.images), characters=characters)

    async def close(self) -> None:
        self._vision = self._text = self._tokenizer = None

    def embed(self, ask: PicturesAsk) -> Rows:
        """Blocking: as `answer`."""
        import numpy as np

        rows = [*self._pictures(ask.images), *(self._words(text) for text in ask.texts)]
        if not rows:
            return np.zeros((0, self.identity.dimension or 0), np.float32)
        if len({row.shape for row in rows}) > 1:
            raise unavailable(
                self._spec, "its pictures and its texts have vectors of different lengths"
            )
        found = np.stack(rows).astype(np.float32)
        norms = np.linalg.norm(found, axis=1, keepdims=True)
        if not np.isfinite(norms).all() or not norms.all():
            raise ReelError(Code.MODEL_FAILED, f"{self._spec.name} gave a vector without a length")
        return np.asarray(found / norms, dtype=np.float32)

    def _pictures(self, images: Sequence[bytes]) -> list[Rows]:
        import numpy as np

        if not images:
            return []
        if self._vision is None:
            self._vision = session(self._spec, self._parts.vision)
        (entry, *_) = self._vision.get_inputs()
        step = 1 if isinstance(entry.shape[0], int) else _AT_ONCE
        found: list[Rows] = []
        for first in range(0, len(images), step):
            batch = [self._preparation.apply(rgb_of(one)) for one in images[first : first + step]]
            values = np.stack(batch).astype(_dtype(entry))
            found += list(self._run(self._vision, {entry.name: values}))
        return found

    def _words(self, text: str) -> Rows:
        """One at a time: what a shorter text is filled up with would change it in some models."""
        import numpy as np

        if self._text is None:
            self._text = session(self._spec, self._parts.text)
            self._tokenizer = _tokenizer(self._spec, self._parts, self._text)
        encoded = self._tokenizer.encode(_cleaned(text, self._parts))
        given = {"attention_mask": encoded.attention_mask, "position_ids": range(len(encoded.ids))}
        feeds = {
            entry.name: np.asarray([given.get(entry.name, encoded.ids)], dtype=_dtype(entry))
            for entry in self._text.get_inputs()
        }
        rows = self._run(self._text, feeds)
        return np.asarray(rows[0], dtype=np.float32)

    def _run(self, model: Any, feeds: dict[str, Any]) -> Rows:
        """Raises MODEL_FAILED."""
        name = _output(self._spec, model)
        try:
            (found,) = model.run([name], feeds)
        except Exception as error:
            raise ReelError(Code.MODEL_FAILED, f"{self._spec.name}: {error}") from error
        rows: Rows = found
        return rows


def _preparation(spec: ModelSpec, found: Parts) -> Preparation:
    try:
        return preparation(found.prepared)
    except (KeyError, TypeError, ValueError) as error:
        raise unavailable(
            spec, f"what is said of its pictures in {found.folder} cannot be meant: {error}"
        ) from error


def _dimension(found: Parts) -> int | None:
    """As the model's configuration says; None: only the model knows."""
    text = found.config.get("text_config") or {}
    said = found.config.get("projection_dim") or found.config.get("embed_dim")
    said = said or text.get("projection_size") or text.get("hidden_size")
    return said if isinstance(said, int) else None


def _output(spec: ModelSpec, model: Any) -> str:
    there = {entry.name: entry for entry in model.get_outputs()}
    for name in _OUTPUTS:
        if name in there:
            return name
    for name, entry in there.items():
        if len(entry.shape) == 2:
            return str(name)
    raise unavailable(spec, f"none of its outputs is a vector: {', '.join(there)}")


def _dtype(entry: Any) -> str:
    """numpy's name of an input's type."""
    return {
        "tensor(float)": "float32",
        "tensor(float16)": "float16",
        "tensor(int64)": "int64",
        "tensor(int32)": "int32",
    }.get(entry.type, "float32")


def _tokenizer(spec: ModelSpec, found: Parts, model: Any) -> Any:
    """It cuts texts that are too long, and fills up where the model wants all of one length."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(found.tokenizer))
    except Exception as error:
        raise unavailable(spec, f"{found.tokenizer} cannot be read: {error}") from error
    ids = next((e for e in model.get_inputs() if e.name in _IDS), model.get_inputs()[0])
    fixed = ids.shape[-1] if isinstance(ids.shape[-1], int) else None
    length = fixed or _length(found)
    tokenizer.enable_truncation(length)
    if fixed or _fills_up(found):
        pad = tokenizer.padding or {}
        token = pad.get("pad_token") or _pad_token(found)
        number = pad.get("pad_id", tokenizer.token_to_id(token) or 0)
        tokenizer.enable_padding(length=length, pad_id=number, pad_token=token)
    else:
        tokenizer.no_padding()
    return tokenizer


def _cleaned(text: str, found: Parts) -> str:
    """As texts were where the model was trained: SigLIP's had neither capitals nor punctuation."""
    text = " ".join(text.split())
    if found.open_clip.get("tokenizer_kwargs", {}).get("clean") == "canonicalize":
        return " ".join(text.replace("_", " ").translate(_NO_PUNCTUATION).lower().split())
    return text.lower() if found.tokens.get("do_lower_case", False) else text


def _fills_up(found: Parts) -> bool:
    """Whether texts of all lengths are filled up to one: SigLIP's, and OpenCLIP's always."""
    return bool(found.open_clip) or str(found.config.get("model_type", "")).startswith("siglip")


def _length(found: Parts) -> int:
    if found.open_clip:
        return int(found.open_clip.get("context_length", _LENGTH))
    said = found.tokens.get("model_max_length")
    if isinstance(said, int) and said <= 4096:  # "no limit" is written as 10^30
        return said
    text = found.config.get("text_config") or {}
    most = text.get("max_position_embeddings")
    return most if isinstance(most, int) else _LENGTH


def _pad_token(found: Parts) -> str:
    token = found.tokens.get("pad_token", "[PAD]")
    return str(token["content"] if isinstance(token, dict) else token)
