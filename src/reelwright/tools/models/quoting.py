"""What a call may take at the most, before it is made: tokens by the length of what is asked."""

from __future__ import annotations

from typing import Any

from reelwright.tools.models.kinds import (
    ModelIdentity,
    PictureAsk,
    PromptAsk,
    SpeechAsk,
    TextsAsk,
    Usage,
    VoiceAsk,
)
from reelwright.tools.models.prices import cost_usd

# English has four characters a token, other languages fewer; scripts without spaces one or two.
_CHARACTERS_OF_TOKEN = 2.5
# What the largest picture that we send costs with the providers that we know (1,600 with Anthropic,
# 1,445 with OpenAI, 1,290 with Google).
_TOKENS_OF_PICTURE = 1600
_TOKENS_OF_READING = 1024
_TOKENS_OF_SECOND = 32


def tokens_of(text: str) -> int:
    """A bound from above, for ordinary text."""
    wide = sum(1 for character in text if character > "\u2e7f")
    return round((len(text) - wide) / _CHARACTERS_OF_TOKEN + 1.5 * wide) + 1


def usage_of(ask: Any) -> Usage:
    """What answering `ask` may take at the most."""
    if isinstance(ask, PromptAsk):
        return _of_prompt(ask)
    if isinstance(ask, SpeechAsk):
        audio_s = max(0.0, ask.end_s - ask.start_s)
        return Usage(
            audio_s=audio_s,
            input_tokens=round(audio_s * _TOKENS_OF_SECOND),
            output_tokens=round(audio_s * 8) + 64,
        )
    if isinstance(ask, PictureAsk):
        return Usage(input_tokens=_TOKENS_OF_PICTURE + 300, output_tokens=_TOKENS_OF_READING)
    if isinstance(ask, TextsAsk):
        return Usage(input_tokens=sum(tokens_of(text) for text in ask.texts), output_tokens=0)
    if isinstance(ask, VoiceAsk):
        return Usage(
            characters=len(ask.text),
            input_tokens=tokens_of(ask.text),
            output_tokens=tokens_of(ask.text) * 16,
        )
    return Usage()


def quote_usd(identity: ModelIdentity, ask: Any, *, is_local: bool) -> float | None:
    """What it may cost at the most; None where no price is known."""
    return cost_usd(identity, usage_of(ask), is_local=is_local)


def _of_prompt(ask: PromptAsk) -> Usage:
    import json

    schema = json.dumps(ask.schema) if ask.schema else ""
    text = sum(tokens_of(part) for part in (ask.system, ask.user, schema))
    return Usage(
        input_tokens=text + _TOKENS_OF_PICTURE * len(ask.images) + 100,
        output_tokens=ask.max_tokens,
        images=len(ask.images),
    )
