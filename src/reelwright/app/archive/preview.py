"""What would be fetched: lists are read, and nothing is stored."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.app.archive import direct, presence
from reelwright.app.archive.identity import key_of_listed
from reelwright.app.archive.options import ArchiveOptions, Filter, listing_options
from reelwright.store import entries
from reelwright.store.jobs import LOCAL_OWNER
from reelwright.tools.ytdlp.request import Listed, ListWish

if TYPE_CHECKING:
    from reelwright.app.wiring import App


@dataclass(frozen=True, slots=True)
class Planned:
    """`state`: would be ``fetched``, is ``held``, or ``skipped`` for the options' sake."""

    listed: Listed
    state: str

    def to_json(self) -> dict[str, Any]:
        return {
            "event": "entry",
            "url": self.listed.url,
            "state": self.state,
            "title": self.listed.title,
            "published_at": self.listed.published_at,
            "duration_seconds": self.listed.duration_s,
        }


class _EnoughError(Exception):
    """As many as were asked for."""


async def planned(
    app: App, url: str, options: ArchiveOptions, owner: str = LOCAL_OWNER
) -> AsyncIterator[Planned]:
    """Each entry of `url`, as it is found. Raises what listing raises."""
    batches: asyncio.Queue[Sequence[Listed] | None] = asyncio.Queue(2)
    listing = asyncio.create_task(_list(app, url, options, batches))
    wanted, left = Filter(options), options.limit
    try:
        while (batch := await batches.get()) is not None:
            states = await asyncio.to_thread(_states, app, batch, wanted, options, owner)
            for one in states:
                if one.state != "skipped" and left is not None:
                    if left == 0:
                        return
                    left -= 1
                yield one
        await listing
    finally:
        listing.cancel()
        await asyncio.gather(listing, return_exceptions=True)


async def _list(
    app: App, url: str, options: ArchiveOptions, batches: asyncio.Queue[Sequence[Listed] | None]
) -> None:
    try:
        single = direct.single(url)
        if single is not None:
            await batches.put([single])
            return
        await app.budgets.enter_listing(url)
        from reelwright.tools.ytdlp.listing import list_entries

        with (
            tempfile.TemporaryDirectory(prefix="reel-list-") as folder,
            tempfile.NamedTemporaryFile(prefix="reel-list-") as log,
        ):
            wish = ListWish(
                url=url,
                folder=folder,
                options=listing_options(options, app.settings.archive),
                max_entries=None if options.is_filtered else options.limit,
                allow_private=app.engine_settings.allow_private,
                net_allow=app.settings.net_allow,
            )
            await list_entries(
                wish,
                log=Path(log.name),
                sandbox=app.is_sandboxed,
                on_entries=batches.put,
                grace_s=app.settings.grace_s,
            )
    finally:
        await batches.put(None)


def _states(
    app: App, batch: Sequence[Listed], wanted: Filter, options: ArchiveOptions, owner: str
) -> list[Planned]:
    keys = [key_of_listed(one) for one in batch]
    with app.store.read() as tx:
        held = entries.held(tx, owner, keys)
    root, found = presence.library(app), []
    for key, one in zip(keys, batch, strict=True):
        is_held = not options.refresh and key in held and presence.is_there(root, held[key])
        if not wanted.wants(one.title, one.published_at):
            found.append(Planned(one, "skipped"))
        else:
            found.append(Planned(one, "held" if is_held else "fetched"))
    return found
