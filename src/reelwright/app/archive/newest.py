"""How far a channel that is followed is read again: to where it is known.

Only where all of it was read before by the same wish (its mark is in the table), and only what was
known when that reading ended counts: what a reading stored that was broken off tells nothing of
what stands behind it. Sites put the newest first, but not always: every tenth reading is whole.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reelwright.store import entries
from reelwright.tools.ytdlp.request import Listing, ListingKind, ListWish

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.sources import Source

# In the place of a feed's digest; other options forget it, as they forget those.
_READ_TO_ITS_END = "whole"
_WHOLE_EVERY = 10
# Pinned videos and changed orders mix a few known ones among the new.
_IN_A_ROW = 30
_MOST_KNOWN = 2000


def shortened(app: App, source: Source, wish: ListWish) -> ListWish:
    """Blocking."""
    is_marked = source.kind == ListingKind.CHANNEL and source.digest == _READ_TO_ITS_END
    if not is_marked or source.schedule is None or source.listed_at is None:
        return wish
    if source.tries % _WHOLE_EVERY == 0:
        return wish
    with app.store.read() as tx:
        known = entries.first_urls(tx, source.id, until=source.listed_at, limit=_MOST_KNOWN)
    return replace(wish, known=frozenset(known), stop_after_known=_IN_A_ROW)


def marked(listing: Listing, wish: ListWish) -> Listing:
    """With the mark for the next reading, where everything is known now."""
    is_limited = wish.max_entries is not None and listing.count >= wish.max_entries
    is_read = listing.is_whole or (wish.stop_after_known is not None and not is_limited)
    if listing.kind is not ListingKind.CHANNEL or not is_read:
        return listing
    return replace(listing, is_whole=True, digest=_READ_TO_ITS_END)
