"""Takes items off the work plan, and puts them back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reelwright.app.principal import LOCAL, Principal, Scope
from reelwright.app.workplan.items import mark_of, with_mark, without_mark
from reelwright.errors import Code, ReelError
from reelwright.store import entries, sources, troubles
from reelwright.store.entries import EntryState

if TYPE_CHECKING:
    from reelwright.app.intake import Origin
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx

_MOST_CHARS = 500


def skip(
    app: App,
    ids: Sequence[str],
    because: str | None = None,
    principal: Principal = LOCAL,
    origin: Origin | None = None,
) -> list[str]:
    """Entries are wanted no more, sources are not listed any more; `because`: for whoever reads it
    later. What is off the plan already stays so. Gives what has changed.

    Raises NOT_FOUND for what is no entry or source, TRANSITION_REFUSED for what did not fail,
    FORBIDDEN.
    """
    principal.check(Scope.JOBS)
    if because is not None and len(because) > _MOST_CHARS:
        raise ReelError(
            Code.USAGE, f"a reason has at most {_MOST_CHARS} characters", where="because"
        )

    def change(tx: Tx) -> list[str]:
        mark = {"because": because, "by": principal.actor, "at": tx.now()}
        done = [one for one in ids if _skip(tx, one, mark, principal)]
        _note(tx, origin, "workplan.skip", done)
        return done

    return app.store.transact(change)


def unskip(
    app: App, ids: Sequence[str], principal: Principal = LOCAL, origin: Origin | None = None
) -> list[str]:
    """They stand on the plan again as they did. Gives what has changed. Raises NOT_FOUND,
    FORBIDDEN."""
    principal.check(Scope.JOBS)

    def change(tx: Tx) -> list[str]:
        done = [one for one in ids if _unskip(tx, one, principal)]
        _note(tx, origin, "workplan.unskip", done)
        return done

    return app.store.transact(change)


def _skip(tx: Tx, given: str, mark: dict[str, Any], principal: Principal) -> bool:
    entry = _entry(tx, given, principal)
    if entry is not None:
        if entry.state == EntryState.SKIPPED:
            return False
        if entry.state not in (EntryState.FAILED, EntryState.GONE):
            raise _refused(given, f"it is {entry.state}; only what failed or is gone is skipped")
        was = {"state": str(entry.state), "next_at": entry.next_at}
        return troubles.skip_entry(tx, entry, with_mark(entry.error, {**mark, "was": was}))
    source = _source(tx, given, principal)
    if source is None:
        raise _unknown(given)
    if mark_of(source.error) is not None:
        return False
    if source.error is None or source.state != sources.SourceState.FAILED:
        raise _refused(given, "its last listing did not fail; `reel follow --pause` pauses it")
    error = with_mark(source.error, {**mark, "was": {"enabled": source.is_enabled}})
    sources.change(tx, source.id, is_enabled=False, error=error)
    return True


def _unskip(tx: Tx, given: str, principal: Principal) -> bool:
    entry = _entry(tx, given, principal)
    if entry is not None:
        mark = mark_of(entry.error)
        if entry.state != EntryState.SKIPPED or mark is None:
            return False
        was = mark["was"]
        error = without_mark(entry.error)
        return troubles.unskip_entry(tx, entry, error, was["state"], was["next_at"])
    source = _source(tx, given, principal)
    if source is None:
        raise _unknown(given)
    mark = mark_of(source.error)
    if mark is None:
        return False
    is_enabled = bool(mark["was"]["enabled"])
    sources.change(tx, source.id, is_enabled=is_enabled, error=without_mark(source.error))
    return True


def _entry(tx: Tx, given: str, principal: Principal) -> entries.Entry | None:
    entry = entries.get(tx, given)
    if entry is None or principal.sees is None:
        return entry
    return entry if sources.get(tx, entry.source_id).owner == principal.sees else None


def _source(tx: Tx, given: str, principal: Principal) -> sources.Source | None:
    found = sources.of_ids(tx, [given]).get(given)
    return found if found is None or principal.sees in (None, found.owner) else None


def _refused(given: str, why: str) -> ReelError:
    return ReelError(Code.TRANSITION_REFUSED, f"'{given}' cannot be skipped: {why}", where=given)


def _unknown(given: str) -> ReelError:
    hint = "only videos and lists that failed can be skipped: `reel workplan` lists them"
    message = f"there is no video and no list '{given[:100]}'"
    return ReelError(Code.NOT_FOUND, message, where=given[:100], hint=hint)


def _note(tx: Tx, origin: Origin | None, action: str, ids: Sequence[str]) -> None:
    from reelwright.store import audit

    if origin is None:
        return
    for one in ids:
        audit.add(tx, origin.principal, action, one, origin.address, origin.trace_id)
