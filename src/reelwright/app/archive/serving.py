"""What clients of a service ask of the archive: wishes that are made once, their entries, their
end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelwright.app.archive import asking, presence, subscriptions
from reelwright.app.principal import Principal, Scope
from reelwright.app.settings import without_password
from reelwright.errors import Code, ReelError
from reelwright.store import entries, sources

if TYPE_CHECKING:
    from reelwright.app.archive.asking import Wanted
    from reelwright.app.archive.subscriptions import Shown
    from reelwright.app.intake import Key, Origin
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx
    from reelwright.store.entries import Entry

# Of a cursor: a position, or seconds since 1970.
_WHOLE = re.compile(r"[0-9]{1,9}")
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class Taken:
    """The sources of a wish, in the order of its addresses, as of `at` (seconds since 1970).
    `is_replay`: the key had asked before."""

    shown: Sequence[Shown]
    at: float
    is_replay: bool = False


def ask(app: App, wanted: Wanted, origin: Origin, key: Key | None = None) -> Taken:
    """Stores what is wanted; whoever leads lists and fetches it. Blocking.

    Raises as `asking.ask`, IDEMPOTENCY_MISMATCH, QUOTA_EXCEEDED.
    """
    from reelwright.app.quota import check_bytes

    principal = origin.principal
    principal.check(Scope.JOBS)
    if key is not None and _is_known(app, origin, key):
        return Taken(_of_urls(app, wanted, principal), _now(app), is_replay=True)
    with app.store.read() as tx:
        check_bytes(tx, principal, app.settings)
        at = tx.now()
    found = asking.ask(app, wanted, principal)
    action = "archive.ask" if wanted.schedule is None else "subscription.make"

    def note(tx: Tx) -> None:
        from reelwright.app.intake import claim

        # Only now: a wish that was not stored can be sent again with its key.
        if key is not None:
            claim(app, tx, origin, key, found[0].id)
        for source in found:
            _note(tx, origin, action, source.id, url=without_password(source.url)[:500])

    app.store.transact(note)
    return Taken([subscriptions.get(app, source.id, principal) for source in found], at)


def entries_of(
    app: App,
    source_id: str,
    principal: Principal,
    *,
    states: Sequence[str] = (),
    limit: int = 100,
    cursor: str | None = None,
) -> tuple[list[dict[str, Any]], str | None]:
    """A page in the order of the list, and the cursor of the next. Raises FORBIDDEN,
    SOURCE_UNKNOWN, FIELD_INVALID."""
    principal.check(Scope.READ)
    position, last = _place(cursor, "-1.", _WHOLE)
    with app.store.read() as tx:
        sources.get(tx, source_id, principal.sees)
        after = (int(position), last)
        found = entries.page(tx, source_id, after=after, limit=limit + 1, states=states)
    page = found[:limit]
    following = f"{page[-1].position}.{page[-1].id}" if len(found) > limit else None
    return _shown(app, page), following


def changes_of(
    app: App, source_id: str, principal: Principal, *, limit: int = 100, cursor: str | None = None
) -> tuple[list[dict[str, Any]], str | None]:
    """What has changed since, in the order of the changes, and the cursor to go on with. Raises as
    `entries_of`."""
    principal.check(Scope.READ)
    at, last = _place(cursor, "0.", _NUMBER)
    with app.store.read() as tx:
        sources.get(tx, source_id, principal.sees)
        found = entries.changed(tx, [source_id], after=(float(at), last), limit=limit)
    following = f"{found[-1].changed_at!r}.{found[-1].id}" if found else cursor
    return _shown(app, found), following


def _shown(app: App, found: Sequence[Entry]) -> list[dict[str, Any]]:
    with app.store.read() as tx:
        files = entries.held_files(tx, {e.asset_id for e in found if e.asset_id})
    root = presence.library(app)
    shown = []
    for entry in found:
        file = files.get(entry.asset_id or "")
        path = None if file is None else presence.path_of(root, file)
        shown.append({**entry_json(entry), "path": None if path is None else str(path)})
    return shown


def entry_json(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "source": entry.source_id,
        "position": entry.position,
        "url": without_password(entry.url),
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
        _note(tx, origin, "archive.end", source_id, url=without_password(was.source.url)[:500])
        return running

    for job_id in await app.combiner.transact(forget):
        with suppress(ReelError):  # it came to its end meanwhile
            await orders.cancel(app, job_id, origin)
    return was


def _now(app: App) -> float:
    with app.store.read() as tx:
        return tx.now()


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


def _place(cursor: str | None, first: str, form: re.Pattern[str]) -> tuple[str, str]:
    """A number, and the id behind its last dot."""
    number, _, last = (first if cursor is None else cursor).rpartition(".")
    if cursor is not None and not (form.fullmatch(number) and last):
        raise ReelError(Code.FIELD_INVALID, "no page gave this cursor", where="query.cursor")
    return number, last


def _note(tx: Tx, origin: Origin, action: str, target: str, **detail: Any) -> None:
    from reelwright.store import audit

    audit.add(tx, origin.principal, action, target, origin.address, origin.trace_id, **detail)
