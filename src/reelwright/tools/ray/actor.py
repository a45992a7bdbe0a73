"""What our actors on nodes are: what they are about is loaded there, from that node's install."""

from __future__ import annotations

import asyncio
import importlib
import traceback
from typing import Any

from reelwright.errors import Code, Problem, ReelError

# Calls are short, or wait without holding anything up.
CONCURRENCY = 1000


class Hosted:
    """Makes what `factory` ("module:name") gives, and hands calls to it.

    Ray carries no code of ours: both sides have their own, and `call` is all that has to be the
    same. What went wrong comes back as a Problem, as exceptions of one version may be unknown to
    another.
    """

    def __init__(self, factory: str, given: dict[str, Any]) -> None:
        self._problem: Problem | None = None
        self._made: Any = None
        try:
            module, _, name = factory.partition(":")
            self._made = getattr(importlib.import_module(module), name)(**given)
        except Exception as error:  # noqa: BLE001 - it is told to whoever asks
            self._problem = told(error)

    async def call(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """``{"ok": what it gave}`` or ``{"error": a Problem as JSON}``."""
        if self._problem is not None:
            return {"error": self._problem.to_json()}
        try:
            return {"ok": await getattr(self._made, name)(**body)}
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - handed on to whoever asked
            return {"error": told(error).to_json()}


def told(error: Exception) -> Problem:
    if isinstance(error, ReelError):
        return error.problem
    trace = "".join(traceback.format_exception(error))[-4000:]
    text = f"{type(error).__name__}: {error}"[:1000]
    return Problem(Code.INTERNAL, text, None, None, {"traceback": trace})
