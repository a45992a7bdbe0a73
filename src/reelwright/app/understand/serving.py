"""A video that a client of the service wants understood."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reelwright.app import intake
from reelwright.app.models.asker import ASSET_LABEL, BUDGET_LABEL
from reelwright.app.principal import Scope
from reelwright.app.understand.means import means
from reelwright.app.understand.order import Order, Wish, order
from reelwright.app.understand.running import LABEL
from reelwright.errors import ReelError

if TYPE_CHECKING:
    from reelwright.app.intake import Accepted, Key, Origin
    from reelwright.app.principal import Principal
    from reelwright.app.wiring import App
    from reelwright.media.info import MediaInfo

_ASSET = "asset:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`video` as inputs of specs are written: ``asset:ID``, ``upload:ID``, an absolute path."""

    video: str
    wish: Wish = field(default_factory=Wish)
    budget_usd: float | None = None
    priority: int | None = None
    use_cache: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    accepted: Accepted
    order: Order

    def to_json(self) -> dict[str, Any]:
        return {
            "job": self.accepted.to_json(),
            "parts": [part.value for part in self.order.parts],
            "left_out": [one.to_json() for one in self.order.left_out],
        }


async def planned(app: App, asked: Asked, origin: Origin) -> Order:
    """What will be looked for: the video is looked at. In the event loop that starts commands.

    Raises FORBIDDEN, FOLDER_REFUSED, INPUT_*, MEDIA_*, STREAM_MISSING, MODEL_UNAVAILABLE.
    """
    origin.principal.check(Scope.JOBS)
    media = await _media(app, asked.video, origin.principal)
    given = await asyncio.to_thread(means, app)
    return order(asked.video, media, asked.wish, given)


async def submit(
    app: App, asked: Asked, made: Order, origin: Origin, key: Key | None = None
) -> Taken:
    """Raises what `intake` raises."""
    labels = {**asked.labels, LABEL: asked.video}
    if asked.video.startswith(_ASSET):
        labels[ASSET_LABEL] = asked.video.removeprefix(_ASSET)
    if asked.budget_usd is not None:
        labels[BUDGET_LABEL] = f"{asked.budget_usd:g}"
    spec = intake.Asked(
        text=made.text, use_cache=asked.use_cache, priority=asked.priority, labels=labels
    )
    row = await asyncio.to_thread(intake.prepare, app, spec, origin)
    return Taken(await intake.accept(app, row, origin, key), made)


async def _media(app: App, video: str, principal: Principal) -> MediaInfo:
    from dataclasses import replace

    from reelwright.app.lookups import look

    try:
        found = await look(app, video, principal)
    except ReelError as error:
        raise ReelError.of(replace(error.problem, where="video")) from error
    return found[0] if isinstance(found, tuple) else found
