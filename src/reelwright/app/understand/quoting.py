"""What understanding videos would cost, before any model is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reelwright.app.models.quote import Quote, quote_video, together
from reelwright.app.understand.means import means
from reelwright.app.understand.order import Part, Wish, order
from reelwright.app.understand.running import media_of
from reelwright.tools.models.kinds import ModelKind

if TYPE_CHECKING:
    from reelwright.app.understand.targets import Target
    from reelwright.app.wiring import App

_KINDS = {
    Part.TRANSCRIPT: ModelKind.SPEECH,
    Part.TEXT: ModelKind.OCR,
    Part.FRAMES: ModelKind.IMAGE_EMBEDDING,
    Part.DESCRIPTIONS: ModelKind.VISION,
    Part.SUMMARY: ModelKind.LANGUAGE,
}


async def quote(app: App, found: Sequence[Target], wish: Wish) -> Quote:
    """Of all of them together; the passages are embedded, too. Raises INPUT_*, MEDIA_*,
    STREAM_MISSING, MODEL_UNAVAILABLE, CONFIG_INVALID."""
    given = means(app)
    quotes = []
    for target in found:
        media = await media_of(app, target.uri)
        made = order(target.uri, media, wish, given)
        kinds = {kind for part, kind in _KINDS.items() if part in made.parts}
        duration_s = float(media.duration or 0)
        quotes.append(quote_video(app, duration_s, {*kinds, ModelKind.TEXT_EMBEDDING}))
    return together(quotes)
