"""What the library has lost and its origin still has is fetched again, by the archive's own way.

The driver makes a job of it like of any other video; `keep` puts what came in the place of what is
damaged, in one move and only where it has the same content. Where the origin has another version by
now, that stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reelwright.app.library.repair import Action, Way, keep_aside
from reelwright.app.library.verify_asset import How
from reelwright.app.principal import LOCAL, Principal
from reelwright.errors import Code, ReelError
from reelwright.store import entries, entry_moves, sources, troubles
from reelwright.store.asset_files import Role
from reelwright.store.blobs import refused
from reelwright.store.entries import EntryState

if TYPE_CHECKING:
    from reelwright.app.library.verify_asset import Report
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx


def wants(actions: Sequence[Action], *, everything: bool = False) -> bool:
    """Whether the plan has something that is worth fetching the video for: the video itself, and
    what is beside it only where `everything` is asked for."""
    return any(
        action.way is Way.FETCH
        and action.finding is not None
        and (everything or action.finding.file.role is Role.VIDEO)
        for action in actions
    )


def fetch_again(
    app: App, report: Report, actions: Sequence[Action], principal: Principal = LOCAL
) -> str:
    """Asks for the video of the asset again; gives the id of the source, which whoever leads, or
    `archive.running.Run`, works on. What somebody has changed gets another name before.

    Blocking. Raises INPUT_NOT_FOUND where nobody knows its origin, FORBIDDEN, PERMISSION_DENIED,
    STORE_*.
    """
    asset = report.asset
    if asset.url is None:
        raise ReelError(Code.INPUT_NOT_FOUND, f"{asset.title} has no origin", where=asset.id)
    for action in actions:
        if action.finding is not None and action.finding.how in (How.CHANGED, How.NOT_A_FILE):
            path = report.folder / action.path
            try:
                keep_aside(path, action.finding.how)
            except OSError as error:
                raise refused(error, path) from error
    found = app.store.transact(lambda tx: _by_entry(tx, asset.id))
    return found or _by_url(app, asset.url, principal)


def _by_entry(tx: Tx, asset_id: str) -> str | None:
    """By the list that it came from, which knows more of it than its address alone; not by one that
    has other videos waiting, which would come along."""
    for entry in troubles.entries_of_assets(tx, [asset_id]).get(asset_id, []):
        is_quiet = not entries.next_pending(tx, entry.source_id, 1)
        if is_quiet and entry.source_id in sources.of_ids(tx, [entry.source_id]):
            entry_moves.reset(tx, entry.source_id, [EntryState.HELD], ids=[entry.id])
            tx.is_news = True
            return entry.source_id
    return None


def _by_url(app: App, url: str, principal: Principal) -> str:
    from reelwright.app.archive.asking import Wanted, ask
    from reelwright.app.archive.options import ArchiveOptions

    (source,) = ask(app, Wanted(urls=[url], options=ArchiveOptions(refresh=True)), principal)
    return source.id
