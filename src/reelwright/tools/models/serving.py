"""The door to models: each method asks the configured chain of its kind."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from reelwright.errors import Code, ReelError
from reelwright.tools.models.asking import Asking
from reelwright.tools.models.door import Ledger, Nobody
from reelwright.tools.models.kinds import (
    Heard,
    ModelKind,
    PictureAsk,
    PicturesAsk,
    PromptAsk,
    Said,
    Seen,
    Served,
    SpeechAsk,
    Spoken,
    TextsAsk,
    Vectors,
    VoiceAsk,
)
from reelwright.tools.models.pool import Pool
from reelwright.tools.models.prompts import Prompt, Prompts
from reelwright.tools.models.streaming import Streaming


class Serving:
    """The `Models` of one asker: `pool` is the process's, `ledger` writes in the asker's name."""

    def __init__(self, pool: Pool, ledger: Ledger | None = None) -> None:
        self.pool = pool
        self.ledger = ledger or Nobody()

    async def speech(self, ask: SpeechAsk, *, key: str = "") -> Served[Heard]:
        return await self._asked(ModelKind.SPEECH, ask, key)

    async def read(self, ask: PictureAsk, *, key: str = "") -> Served[Seen]:
        return await self._asked(ModelKind.OCR, ask, key)

    async def embed_texts(self, ask: TextsAsk, *, key: str = "") -> Served[Vectors]:
        return await self._asked(ModelKind.TEXT_EMBEDDING, ask, key)

    async def embed_pictures(self, ask: PicturesAsk, *, key: str = "") -> Served[Vectors]:
        return await self._asked(ModelKind.IMAGE_EMBEDDING, ask, key)

    async def describe(self, ask: PromptAsk, *, key: str = "") -> Served[Said]:
        return await self._asked(ModelKind.VISION, ask, key)

    async def write(self, ask: PromptAsk, *, key: str = "") -> Served[Said]:
        return await self._asked(ModelKind.LANGUAGE, ask, key)

    async def stream(self, ask: PromptAsk, *, key: str = "") -> AsyncGenerator[str]:
        if ask.schema is not None:
            raise ReelError(
                Code.PROMPT_INVALID, "an object does not come in pieces", where=ask.prompt
            )
        asking = Streaming(self.pool, self.ledger, ModelKind.LANGUAGE, ask, key)
        async with aclosing(asking.pieces()) as pieces:
            async for piece in pieces:
                yield piece

    async def speak(self, ask: VoiceAsk, *, key: str = "") -> Served[Spoken]:
        return await self._asked(ModelKind.VOICE, ask, key)

    def prompt(self, name: str) -> Prompt:
        return Prompts(self.pool.configured.prompts).get(name)

    def has(self, kind: ModelKind) -> bool:
        return bool(self.pool.chain(kind))

    async def close(self) -> None:
        """The pool's models stay: they are the process's."""

    async def _asked(self, kind: ModelKind, ask: Any, key: str) -> Served[Any]:
        return await Asking(self.pool, self.ledger, kind, ask, key).served()
