"""Which models there are, kind by kind, and what the others need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelwright.errors import ReelError
from reelwright.tools.models import providers
from reelwright.tools.models.kinds import ModelKind
from reelwright.tools.models.providers import DEFAULTS, PROVIDERS

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.tools.models.pool import Pool

# What goes on without a model.
_WITHOUT = {
    ModelKind.LANGUAGE: "none configured: summaries and answers are extractive",
    ModelKind.VISION: "none configured: nothing is described",
    ModelKind.IMAGE_EMBEDDING: "none: pictures are not searched by what they show",
}


@dataclass(frozen=True, slots=True)
class Found:
    """Of one kind of models. `is_there`: one can be asked, or nothing needs one."""

    kind: str
    is_there: bool
    text: str
    hint: str = ""


def examine_models(app: App) -> Iterator[Found]:
    """Loads and asks none of them; raises nothing."""
    for kind in ModelKind:
        try:
            yield _found(app.models, kind)
        except ReelError as error:
            hint = error.problem.hint or error.code.hint
            yield Found(kind.value, False, error.problem.message, hint)


def _found(pool: Pool, kind: ModelKind) -> Found:
    chain = pool.chain(kind)
    if not chain:
        names = ", ".join(PROVIDERS[kind])
        hint = f"`{providers.setting(kind)}` takes {names}"
        if kind in _WITHOUT:
            return Found(kind.value, True, f"{_WITHOUT[kind]} ({hint})")
        return Found(kind.value, False, f"none of {', '.join(DEFAULTS[kind])} is there", hint)
    there, missing, hints = [], [], []
    for spec in chain:
        try:
            identity = pool.identity(spec)
        except ReelError as error:
            missing.append(error.problem.message)
            hints.append(error.problem.hint or "")
        else:
            model = identity.model or spec.model
            runs = providers.entry(spec).runs
            there.append(f"{spec.provider}{':' if model else ''}{model} ({runs})")
    text = ", then ".join(there) or "none"
    if missing:
        text += f"; not: {'; '.join(missing)}"
    return Found(kind.value, bool(there), text, "; ".join(filter(None, hints)))
