"""Subscriptions: sources with a schedule, how they are listed, changed and ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelwright.app.archive.asking import check_files
from reelwright.app.archive.options import ArchiveOptions
from reelwright.app.archive.schedule import next_after, normal
from reelwright.app.principal import LOCAL, Principal, Scope
from reelwright.app.settings import without_password
from reelwright.errors import Code, ReelError
from reelwright.store import entries, entry_moves, sources
from reelwright.store.entries import EntryState

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx
    from reelwright.store.sources import Source


@dataclass(frozen=True, slots=True)
class Shown:
    """A source, and how many of its entries are in each state."""

    source: Source
    counts: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """As `reel follow --json` and the API tell it; times in seconds since 1970."""
        source = self.source
        return {
            "id": source.id,
            "url": without_password(source.url),
            "kind": source.kind,
            "title": source.title,
            "owner": source.owner,
            "schedule": source.schedule,
            "enabled": source.is_enabled,
            "state": source.state,
            "options": {
                name: without_password(value) if isinstance(value, str) else value
                for name, value in source.options.items()
            },
            "entries": {str(state): self.counts.get(state, 0) for state in EntryState},
            "created_at": source.created_at,
            "listed_at": source.listed_at,
            "next_at": source.next_at if source.is_enabled else None,
            "error": dict(source.error) if source.error else None,
        }


def listing(
    app: App,
    principal: Principal = LOCAL,
    *,
    limit: int = 1000,
    before: str | None = None,
    only_subscriptions: bool = True,
) -> list[Shown]:
    """The newest first. Raises FORBIDDEN."""
    principal.check(Scope.READ)
    with app.store.read() as tx:
        found = sources.listing(
            tx,
            owner=principal.sees,
            only_subscriptions=only_subscriptions,
            limit=limit,
            before=before,
        )
        counts = entries.counts(tx, [source.id for source in found])
    return [Shown(source, counts[source.id]) for source in found]


def get(app: App, source_id: str, principal: Principal = LOCAL) -> Shown:
    """Raises SOURCE_UNKNOWN, FORBIDDEN."""
    principal.check(Scope.READ)
    with app.store.read() as tx:
        source = sources.get(tx, source_id, principal.sees)
        return Shown(source, entries.counts(tx, [source.id])[source.id])


def identify(app: App, given: str, principal: Principal = LOCAL) -> str:
    """The id that begins with `given`, or the subscription to the address `given`. Raises
    SOURCE_UNKNOWN."""
    with app.store.read() as tx:
        if "://" in given:
            found = [s.id for s in sources.of_url(tx, principal.owner, given) if s.schedule]
        else:
            found = sources.find(tx, given, principal.sees)
    if not found:
        raise sources.unknown(given)
    if len(found) > 1 and given not in found:
        message = f"'{given}' begins the ids of several: {', '.join(found)}"
        raise ReelError(Code.SOURCE_UNKNOWN, message, where=given)
    return given if given in found else found[0]


def identify_any(app: App, given: str, principal: Principal = LOCAL) -> str:
    """As `identify`, also what was asked for once. Raises SOURCE_UNKNOWN."""
    with app.store.read() as tx:
        if "://" in given:
            found = [s.id for s in sources.of_url(tx, principal.owner, given)][:1]
        else:
            found = sources.find(tx, given, principal.sees)
    if len(found) == 1 or given in found:
        return given if given in found else found[0]
    raise sources.unknown(given)


def change(
    app: App,
    source_id: str,
    principal: Principal = LOCAL,
    *,
    schedule: str | None = None,
    is_enabled: bool | None = None,
    options: ArchiveOptions | None = None,
) -> Shown:
    """What is given; None leaves it as it is. Raises SOURCE_UNKNOWN, SCHEDULE_INVALID, FORBIDDEN,
    FIELD_INVALID, FOLDER_REFUSED."""
    principal.check(Scope.JOBS)
    values: dict[str, Any] = {}
    if options is not None:
        check_files(options.checked(), principal)
        forgotten = {"etag": None, "last_modified": None, "digest": None}
        values |= {"options": options.to_json(), **forgotten}
    if is_enabled is not None:
        values["is_enabled"] = is_enabled
    new = None if schedule is None else normal(schedule)

    def write(tx: Tx) -> None:
        source = sources.get(tx, source_id, principal.sees)
        if new is not None:
            values["schedule"] = new
            if source.state != sources.SourceState.LISTING:
                values["next_at"] = next_after(new, tx.now())
        if values:
            sources.change(tx, source_id, **values)

    app.store.transact(write)
    return get(app, source_id, principal)


def ask_now(app: App, source_id: str, principal: Principal = LOCAL) -> Shown:
    """It is listed at once, and what failed of it is tried again. Raises SOURCE_UNKNOWN,
    FORBIDDEN."""
    principal.check(Scope.JOBS)

    def write(tx: Tx) -> None:
        sources.get(tx, source_id, principal.sees)
        entry_moves.reset(tx, source_id, [EntryState.FAILED])
        sources.ask(tx, source_id)

    app.store.transact(write)
    return get(app, source_id, principal)


def remove(app: App, source_id: str, principal: Principal = LOCAL) -> None:
    """It and its entries; what the library holds stays, and so does what runs. Raises
    SOURCE_UNKNOWN, FORBIDDEN."""
    principal.check(Scope.JOBS)

    def write(tx: Tx) -> None:
        sources.get(tx, source_id, principal.sees)
        sources.remove(tx, source_id)

    app.store.transact(write)


def due(app: App, principal: Principal = LOCAL) -> Sequence[str]:
    """Subscriptions whose time has come, and those with something left to fetch."""
    with app.store.read() as tx:
        mine = sources.listing(tx, owner=principal.sees, only_subscriptions=True)
        now = tx.now()
        waiting = set(entries.waiting_sources(tx, [source.id for source in mine]))
    return [
        source.id
        for source in mine
        if source.is_enabled
        and (source.id in waiting or (source.next_at is not None and source.next_at <= now))
    ]
