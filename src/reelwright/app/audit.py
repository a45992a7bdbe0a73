"""The audit log, read: in pages, or all of it in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from reelwright.app.principal import Principal, Scope

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.audit import Entry

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`since` in seconds since 1970; an `action` that ends in a dot is a prefix (``job.``)."""

    since: float | None = None
    actor: str | None = None
    action: str | None = None


def page(
    app: App, principal: Principal, wanted: Wanted, *, limit: int, before: int | None = None
) -> list[Entry]:
    """The newest first; `before` is the last `seq` of the page before this one. Raises FORBIDDEN,
    STORE_*."""
    from reelwright.store import audit

    principal.check(Scope.ADMIN)
    with app.store.read() as tx:
        return audit.listing(tx, before=before, newest_first=True, limit=limit, **asdict(wanted))


def export(app: App, principal: Principal, wanted: Wanted) -> Iterator[list[Entry]]:
    """All of it, the oldest first, some at a time: however long the log is, no transaction and no
    list is. Raises FORBIDDEN at once, STORE_* on the way."""
    principal.check(Scope.ADMIN)
    return _parts(app, wanted)


def _parts(app: App, wanted: Wanted) -> Iterator[list[Entry]]:
    from reelwright.store import audit

    after = 0
    while True:
        with app.store.read() as tx:
            found = audit.listing(tx, after=after, limit=_AT_ONCE, **asdict(wanted))
        if found:
            yield found
        if len(found) < _AT_ONCE:
            return
        after = found[-1].seq


def to_json(entry: Entry) -> dict[str, Any]:
    return asdict(entry)
