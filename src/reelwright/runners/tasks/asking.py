"""What tasks ask models through, where there is anything to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.runners.context import StepContext
    from reelwright.tools.models.kinds import Models


def models_of(context: StepContext, kind: str) -> Models:
    """The models, of which one of `kind` is configured. Raises MODEL_UNAVAILABLE with the setting
    that is missing."""
    from reelwright.tools.models.kinds import ModelKind

    models = context.models
    if models is None or not models.has(ModelKind(kind)):
        setting = f"models.{kind.replace('-', '_')}"
        raise ReelError(
            Code.MODEL_UNAVAILABLE,
            f"no {kind} model is configured",
            where=setting,
            hint=f"set {setting}: openai:…, anthropic:…, google:…, or local:… with"
            " models.local_url",
        )
    return models
