"""What clients of a service ask of the archive: wishes that are made once, their entries, their
end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelwright.app.archive import asking, subscriptions
from reelwright.app.principal import Principal, Scope
from reelwright.errors import Code, ReelError
from reelwright.store import entries, sources

if TYPE_CHECKING:
    from reelwright.app.archive.asking import Wanted
    from reelwright.app.archive.subscriptions import Shown
    from reelwright.app.intake import Key, Origin
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx
    from reelwright.store.entries import Entry


@dataclass(frozen=True, slots=True)
class Taken:
    """The sources of a wish, in the order of its addresses. `is_replay`: the key had asked
    before."""

    shown: Sequence[Shown]
    is_replay: bool = False


def ask(app: App, wanted: Wanted, origin: Origin, key: Key | None = None) -> Taken:
    """Stores what is wanted; whoever leads lists and fetches it. Blocking.

    Raises as `asking.ask`, IDEMPOTENCY_MISMATCH, QUOTA_EXCEEDED.
    """
    from reelwright.app.quota import check_bytes

    principal = origin.principal
    principal.check(Scope.JOBS)
    if key is not None and _is_known(app, origin, key):
        return Taken(_of_urls(app, wanted, principal), is_replay=True)
    with app.store.read() as tx:
        check_bytes(tx, principal, app.settings)
    found = asking.ask(app, wanted, principal)
    action = "archive.ask" if wanted.schedule is None else "subscription.make"

    def note(tx: Tx) -> None:
        from reelwright.app.intake import claim

        # Only now: a wish that was not stored can be sent again with its key.
        if key is not None:
            claim(app, tx, origin, key, found[0].id)
        for source in found:
            _note(tx, origin, action, source.id, url=source.url[:500])

    app.store.transact(note)
    return Taken([subscriptions.get(app, source.id, principal) for source in found])


def entries_of(
    app: App,
    source_id: str,
    principal: Principal,
    *,
    states: Sequence[str] = (),
    limit: int = 100,
    cursor: str | None = None,
) -> tuple[list[Entry], str | None]:
    """A page in the order of the list, and the cursor of the next. Raises FORBIDDEN,
    SOURCE_UNKNOWN, FIELD_INVALID."""
    principal.check(Scope.READ)
    after = (-1, "") if cursor is None else _place(cursor)
    with app.store.read() as tx:
        sources.get(tx, source_id, principal.sees)
        found = entries.page(tx, source_id, after=after, limit=limit + 1, states=states)
    page = found[:limit]
    following = f"{page[-1].position}.{page[-1].id}" if len(found) > limit else None
    return page, following


def entry_json(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "source": entry.source_id,
        "position": entry.position,
        "url": entry.url,
        "title": entry.title,
        "published_at": entry.published_at,
        "duration_s": entry.duration_s,
        "state": entry.state,
        "code": entry.code,
        "error": dict(entry.error) if entry.error else None,
        "job": entry.job_id,
        "asset": entry.asset_id,
        "tries": entry.tries,
        "changed_at": entry.changed_at,
        "next_at": entry.next_at,
    }


def change(
    app: App,
    source_id: str,
    origin: Origin,
    *,
    schedule: str | None = None,
    is_enabled: bool | None = None,
) -> Shown:
    """Raises as `subscriptions.change`."""
    found = subscriptions.change(
        app, source_id, origin.principal, schedule=schedule, is_enabled=is_enabled
    )
    changed = {"schedule": schedule, "enabled": is_enabled}
    said = {name: value for name, value in changed.items() if value is not None}
    app.store.transact(lambda tx: _note(tx, origin, "subscription.change", source_id, **said))
    return found


def ask_now(app: App, source_id: str, origin: Origin) -> Shown:
    """Raises as `subscriptions.ask_now`."""
    found = subscriptions.ask_now(app, source_id, origin.principal)
    app.store.transact(lambda tx: _note(tx, origin, "archive.list", source_id))
    return found


async def end(app: App, source_id: str, origin: Origin) -> Shown:
    """It and its entries are forgotten, what is being fetched for it is cancelled; what is held
    stays. Gives it as it was. Raises FORBIDDEN, SOURCE_UNKNOWN, STORE_*."""
    from reelwright.app import orders

    origin.principal.check(Scope.JOBS)
    was = await asyncio.to_thread(subscriptions.get, app, source_id, origin.principal)

    def forget(tx: Tx) -> list[str]:
        sources.get(tx, source_id, origin.principal.sees)
        running = entries.unfinished_jobs(tx, [source_id])
        # First: nothing new is begun for it.
        sources.remove(tx, source_id)
        _note(tx, origin, "archive.end", source_id, url=was.source.url[:500])
        return running

    for job_id in await app.combiner.transact(forget):
        with suppress(ReelError):  # it came to its end meanwhile
            await orders.cancel(app, job_id, origin)
    return was


def _is_known(app: App, origin: Origin, key: Key) -> bool:
    """Raises IDEMPOTENCY_MISMATCH."""
    from reelwright.store import idempotency

    keep_s = app.settings.serve.idempotency_hours * 3600.0
    with app.store.read() as tx:
        known = idempotency.known(tx, origin.principal.owner, key.text, keep_s=keep_s)
    if known is not None and known.digest != key.digest:
        raise ReelError(
            Code.IDEMPOTENCY_MISMATCH,
            "this Idempotency-Key was sent with another request before",
            where="header.idempotency-key",
        )
    return known is not None


def _of_urls(app: App, wanted: Wanted, principal: Principal) -> list[Shown]:
    """What a request made before; what was ended since is left out."""
    with app.store.read() as tx:
        found = [
            source
            for url in asking.addresses(wanted.urls)
            for source in sources.of_url(tx, principal.owner, url)
            if (source.schedule is not None) is (wanted.schedule is not None)
        ]
    return [subscriptions.get(app, source.id, principal) for source in found]


def _place(cursor: str) -> tuple[int, str]:
    position, _, last = cursor.partition(".")
    if not position.isascii() or not position.isdecimal() or len(position) > 9 or not last:
        raise ReelError(Code.FIELD_INVALID, "no page gave this cursor", where="query.cursor")
    return int(position), last


def _note(tx: Tx, origin: Origin, action: str, target: str, **detail: Any) -> None:
    from reelwright.store import audit

    audit.add(tx, origin.principal, action, target, origin.address, origin.trace_id, **detail)
