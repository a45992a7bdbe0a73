"""Takes in what a source lists: every entry is stored before any of them is looked at.

A batch is one transaction. A listing that is broken off, by a kill or a lost connection, is begun
anew, and what is stored already is known by its key: nothing is lost and nothing comes twice. Only
when a list was read to its end the marks that let the next reading be cheap are stored with it.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.app.archive import direct, newest, options, presence
from reelwright.app.archive.identity import key_of_listed, site_of
from reelwright.app.archive.options import ArchiveOptions, Filter
from reelwright.errors import ReelError
from reelwright.store import entries, entry_moves, sources
from reelwright.store.entries import Entry, EntryState, NewEntry
from reelwright.tools.ytdlp.request import Listed, Listing, ListingKind, ListWish

if TYPE_CHECKING:
    from reelwright.app.archive.budgets import Budgets
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx
    from reelwright.store.entries import HeldFile
    from reelwright.store.sources import Source

# A listing is claimed for so long, and its claim renewed with each batch and by the heartbeat,
# every five seconds. After a kill the next run waits so long for a list that was being read.
LEASE_S = 15.0
_FOLDER = "listings"


@dataclass(frozen=True, slots=True)
class Taken:
    """`new`: entries that were not known before."""

    listing: Listing
    new: int


class _EnoughError(Exception):
    """The source wants no more entries than it has now."""


async def take_in(app: App, source: Source, budgets: Budgets) -> Taken:
    """Lists what the claimed `source` stands for, and stores it; its claim is settled by the
    caller. Raises what listing raises, CIRCUIT_OPEN, LEASE_LOST, STORE_*."""
    wanted = ArchiveOptions.from_json(source.options)
    taking = _Taking(app, source, wanted)
    single = direct.single(source.url)
    if single is not None:
        await taking.store([single])
        return Taken(Listing(kind=ListingKind.SINGLE, url=source.url, count=1), taking.new)
    await budgets.enter_listing(source.url)
    try:
        listing = await _list(app, source, wanted, taking)
    except ReelError as error:
        await budgets.leave(source.url, error.code)
        raise
    await budgets.leave(source.url, None)
    return Taken(listing, taking.new)


async def _list(app: App, source: Source, wanted: ArchiveOptions, taking: _Taking) -> Listing:
    from reelwright.tools.ytdlp.listing import list_entries

    folder = app.home / _FOLDER / f"{source.id}-{source.tries}"
    await asyncio.to_thread(_fresh, folder)
    wish = ListWish(
        url=source.url,
        folder=str(folder),
        options=options.listing_options(wanted, app.settings.archive),
        max_entries=None if wanted.is_filtered else wanted.limit,
        etag=source.etag,
        last_modified=source.last_modified,
        digest=source.digest,
        allow_private=app.engine_settings.allow_private,
        net_allow=app.settings.net_allow,
    )
    wish = await asyncio.to_thread(newest.shortened, app, source, wish)
    try:
        listing = await list_entries(
            wish,
            log=folder.with_suffix(".log"),
            sandbox=app.is_sandboxed,
            on_entries=taking.store,
            heartbeat=taking.heartbeat,
            grace_s=app.settings.grace_s,
        )
        return newest.marked(listing, wish)
    except _EnoughError:
        return Listing(
            kind=ListingKind.PLAYLIST, url=source.url, count=taking.accepted, is_whole=False
        )
    finally:
        await asyncio.to_thread(_clear, folder)


class _Taking:
    """The batches of one listing on their way into the table."""

    def __init__(self, app: App, source: Source, wanted: ArchiveOptions) -> None:
        self._app = app
        self._source = source
        self._wanted = wanted
        self._filter = Filter(wanted)
        self.accepted = 0
        self.new = 0

    async def store(self, batch: Sequence[Listed]) -> None:
        """Raises _EnoughError, LEASE_LOST, STORE_*."""
        for start in range(0, len(batch), 500):
            rows = self._rows(batch[start : start + 500])
            self.new += await asyncio.to_thread(self._store, rows)
            limit = self._wanted.limit
            # Without filters the listing itself ends in time, and says what the list is called.
            if limit is not None and self.accepted >= limit and self._wanted.is_filtered:
                raise _EnoughError

    async def heartbeat(self) -> bool:
        """Whether the listing is still ours."""
        try:
            await asyncio.to_thread(
                self._app.store.transact,
                lambda tx: sources.renew(tx, self._source, LEASE_S),
                durable=False,
            )
        except ReelError as error:
            from reelwright.errors import Code

            return error.code is not Code.LEASE_LOST
        return True

    def _rows(self, batch: Sequence[Listed]) -> list[NewEntry]:
        limit = self._wanted.limit
        rows = []
        for listed in batch:
            if limit is not None and self.accepted >= limit:
                break
            wants = self._filter.wants(listed.title, listed.published_at)
            self.accepted += wants
            rows.append(
                NewEntry(
                    position=listed.position,
                    key=key_of_listed(listed),
                    host=site_of(listed.url),
                    url=listed.url,
                    title=listed.title,
                    published_at=listed.published_at,
                    duration_s=listed.duration_s,
                    state=EntryState.PENDING if wants else EntryState.SKIPPED,
                )
            )
        return rows

    def _store(self, rows: Sequence[NewEntry]) -> int:
        """Blocking. What is known needs no more than a look."""
        source, keys = self._source, [row.key for row in rows]
        with self._app.store.read() as tx:
            known = entries.known(tx, source.id, keys)
            new = {row.key: row for row in rows if row.key not in known}
            held = entries.held(tx, source.owner, list(new)) if new else {}
            trouble = entries.trouble(tx, source.owner, list(new), source.id) if new else {}
        if not new:
            return 0
        there = {} if self._wanted.refresh else _present(self._app, held)
        settled = [_settled(row, there.get(row.key), trouble.get(row.key)) for row in new.values()]

        def change(tx: Tx) -> int:
            sources.renew(tx, source, LEASE_S)
            return entry_moves.add(tx, source.id, settled)

        return self._app.store.transact(change)


def _present(app: App, held: Mapping[str, HeldFile]) -> dict[str, HeldFile]:
    root = presence.library(app)
    return {key: file for key, file in held.items() if presence.is_there(root, file)}


def _settled(row: NewEntry, held: HeldFile | None, trouble: Entry | None) -> NewEntry:
    """With what is known of its video already."""
    from dataclasses import replace

    if row.state is not EntryState.PENDING:
        return row
    if held is not None:
        return replace(row, state=EntryState.HELD, asset_id=held.asset_id)
    if trouble is not None:
        return replace(
            row,
            state=EntryState(trouble.state),
            code=trouble.code,
            error=trouble.error,
            tries=trouble.tries,
            next_at=trouble.next_at,
        )
    return row


def _fresh(folder: Path) -> None:
    """Empty, and without what a killed listing of the same source left."""
    from reelwright.app.wiring import make_folder

    source_id = folder.name.partition("-")[0]
    for left in folder.parent.glob(f"{source_id}-*"):
        _remove(left)
    make_folder(folder)


def _clear(folder: Path) -> None:
    _remove(folder)
    _remove(folder.with_suffix(".log"))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
