"""A model for tests of the process it runs in: it says what it is told to do."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from reelwright.errors import Code, ReelError
from reelwright.tools.models.kinds import Line, ModelIdentity, PictureAsk, Seen, Usage
from reelwright.tools.models.providers import ModelSpec


def identify(spec: ModelSpec) -> ModelIdentity:
    return ModelIdentity(provider=spec.provider, model="echo", revision="1")


def make(spec: ModelSpec) -> Echo:
    if spec.options.get("is_broken"):
        raise ReelError(Code.MODEL_UNAVAILABLE, "no weights", where="models.ocr")
    return Echo(spec)


class Echo:
    is_local = True

    def __init__(self, spec: ModelSpec) -> None:
        self.identity = identify(spec)

    async def answer(self, ask: PictureAsk) -> tuple[Seen, Usage]:
        line = Line(
            text=_done(*ask.image.decode().split()), box=(0.0, 1.0, 2.0, 3.0), confidence=0.5
        )
        return Seen(lines=(line,)), Usage(images=1)

    async def close(self) -> None: ...


def _done(told: str, *rest: str) -> str:
    """As a model does it: in the way of the event loop."""
    mark = Path(*rest)
    if told == "die":
        os._exit(9)
    if told == "once" and not mark.exists():  # dies, but not when it is asked again
        mark.touch()
        os._exit(9)
    if told == "hang":
        mark.touch()
        time.sleep(600)
    if told == "fail":
        raise ValueError("no such thing")
    if told == "print":
        sys.stdout.write("noise on standard output\n")
    return f"{told} {os.getpid()} {os.environ.get('OMP_NUM_THREADS')}"
