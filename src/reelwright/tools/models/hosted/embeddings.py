"""Embeddings of texts from ``/v1/embeddings``: OpenAI's, and of servers that speak like it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from reelwright.tools.models.hosted import reaching
from reelwright.tools.models.hosted.reaching import invalid
from reelwright.tools.models.kinds import ModelIdentity, TextsAsk, Usage, Vectors
from reelwright.tools.models.prices import is_free
from reelwright.tools.models.providers import ModelSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# OpenAI takes 2,048 texts and 300,000 tokens at a time.
_MOST_TEXTS = 256


def identify(spec: ModelSpec) -> ModelIdentity:
    """The dimension is not known before the first answer. Raises MODEL_UNAVAILABLE."""
    return reaching.identify(spec)


def make(spec: ModelSpec) -> HostedEmbeddings:
    return HostedEmbeddings(spec)


class HostedEmbeddings:
    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self.identity = identify(spec)
        self.is_local = is_free(spec)

    async def answer(self, ask: TextsAsk) -> tuple[Vectors, Usage]:
        """Many texts are sent in several requests. Raises as `reaching.post`."""
        import numpy as np

        rows: list[NDArray[np.float32]] = []
        tokens = 0
        model: str | None = None
        for start in range(0, len(ask.texts), _MOST_TEXTS):
            part = ask.texts[start : start + _MOST_TEXTS]
            body = await self._asked(part)
            rows += _rows(self.spec, body, len(part))
            tokens += int((body.get("usage") or {}).get("prompt_tokens") or 0)
            model = body.get("model") or model
        usage = Usage(input_tokens=tokens or None, output_tokens=0 if tokens else None, model=model)
        if not rows:
            return Vectors(rows=np.empty((0, 0), dtype=np.float32)), usage
        if len({row.shape for row in rows}) != 1:
            raise invalid(self.spec, "the vectors are not of one length")
        return Vectors(rows=np.stack(rows)), usage

    async def close(self) -> None:
        """A call's connection ends with it."""

    async def _asked(self, texts: tuple[str, ...]) -> dict[str, Any]:
        # An empty text is refused; a space says as little.
        wanted = {"model": self.spec.model, "input": [text or " " for text in texts]}
        reply = await reaching.post(self.spec, "embeddings", body=wanted)
        return reply.json(self.spec)


def _rows(spec: ModelSpec, body: dict[str, Any], count: int) -> list[NDArray[np.float32]]:
    """Vectors of length 1 in the order of the texts. Raises MODEL_ANSWER_INVALID."""
    import numpy as np

    try:
        told = sorted(body["data"], key=lambda one: int(one["index"]))
        rows = [_row(one["embedding"]) for one in told]
    except (KeyError, TypeError, ValueError) as error:
        raise invalid(spec, f"the answer has no embeddings: {error!r}") from error
    if len(rows) != count:
        raise invalid(spec, f"{count} texts were sent, {len(rows)} vectors came")
    lengths = [float(np.linalg.norm(row)) for row in rows]
    if not all(0 < length < float("inf") for length in lengths):
        raise invalid(spec, "a vector has no direction")
    return [row / np.float32(length) for row, length in zip(rows, lengths, strict=True)]


def _row(told: Any) -> NDArray[np.float32]:
    """From numbers, or from base64 of float32."""
    import numpy as np

    if isinstance(told, str):
        return np.frombuffer(base64.b64decode(told), dtype="<f4").astype(np.float32)
    return np.asarray(told, dtype=np.float32).reshape(-1)
