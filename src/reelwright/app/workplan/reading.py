"""The work plan, read from the tables when it is asked for: nobody keeps it.

Causes are read one after the other, each in pages, so that a plan of any length takes little
memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from reelwright.app.library import storage
from reelwright.app.principal import LOCAL, Principal, Scope
from reelwright.app.workplan import items
from reelwright.app.workplan.causes import BY_NAME, CAUSES, ONLY_HERE, Cause, cause_of
from reelwright.app.workplan.items import Item
from reelwright.errors import Code, ReelError
from reelwright.graph.params.nearest import meant
from reelwright.store import asset_files, troubles, understanding
from reelwright.store.asset_files import FileState
from reelwright.store.troubles import Among

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx

Row = TypeVar("Row", bound=Any)
_PAGE = 500
_HOST = "host:"
# In the order in which items of a cause are told.
_KINDS = (
    *(items.DISK, items.HOST, items.QUOTA, items.SOURCE, items.ENTRY, items.ASSET),
    items.UNDERSTANDING,
)
DAMAGED = BY_NAME["damaged"]
_NOT_UNDERSTOOD = BY_NAME["understanding"]
_REST, _DISK = BY_NAME["rest"], BY_NAME["disk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which part of the plan: `causes` by name, entries of the source `source_id`, what is at
    `host`, the items `ids`; None or nothing: all. `is_skipped`: what was taken off the plan."""

    causes: Sequence[str] = ()
    source_id: str | None = None
    host: str | None = None
    ids: Sequence[str] | None = None
    is_skipped: bool = False

    def checked(self) -> Asked:
        """This. Raises USAGE for a cause that there is not."""
        for name in self.causes:
            if name not in BY_NAME:
                near = meant(name, tuple(BY_NAME))
                raise ReelError(
                    Code.USAGE,
                    f"there is no cause '{name}'{', ' if near else ''}{near}",
                    where="cause",
                    hint=f"there are {', '.join(BY_NAME)}",
                )
        return self

    def wants(self, cause: Cause) -> bool:
        return not self.causes or cause.name in self.causes

    def names(self, item: Item) -> bool:
        """Whether somebody asked for this one, by its cause or its id."""
        return item.cause.name in self.causes or (self.ids is not None and item.id in self.ids)

    def among(self, principal: Principal) -> Among:
        return Among(
            owner=principal.sees,
            source_id=self.source_id,
            host=self.host,
            ids=self.ids,
            is_skipped=self.is_skipped,
        )


def counts(app: App, asked: Asked, principal: Principal = LOCAL) -> dict[str, int]:
    """By cause, how many items; causes without any are left out. Raises FORBIDDEN, USAGE."""
    principal.check(Scope.READ)
    among = asked.checked().among(principal)
    found: Counter[str] = Counter()
    with app.store.read() as tx:
        for code, number in troubles.entry_counts(tx, among).items():
            found[cause_of(code).name] += number
        damaged, only_here = troubles.asset_counts(tx, among)
    for item in _sources(app, among):
        found[item.cause.name] += 1
    found[DAMAGED.name] += damaged
    found[ONLY_HERE.name] += only_here
    found[_NOT_UNDERSTOOD.name] += sum(1 for _ in _not_understood(app, among, ""))
    for item in [*_hosts(app, asked, among), *_quota(app, asked), *_disk(app, asked)]:
        found[item.cause.name] += 1
    return {c.name: found[c.name] for c in CAUSES if found[c.name] and asked.wants(c)}


def cause_json(cause: Cause, count: int) -> dict[str, Any]:
    return {
        "cause": cause.name,
        "title": cause.title,
        "does": cause.does.value,
        "action": cause.action,
        "count": count,
    }


def groups(
    app: App, asked: Asked, principal: Principal = LOCAL
) -> Iterator[tuple[Cause, int, Iterator[Item]]]:
    """Causes with something in them, how many, and each of it. Raises FORBIDDEN, USAGE."""
    present = counts(app, asked, principal)
    for cause in CAUSES:
        if cause.name in present:
            yield cause, present[cause.name], items_of(app, asked, cause, principal)


@dataclass(frozen=True, slots=True)
class Page:
    """`causes`: all with something in them, and how many; `items`: some of it; `following`: the
    cursor of the next page, None on the last."""

    at: float
    causes: Sequence[tuple[Cause, int]]
    items: Sequence[Item]
    following: str | None


def page(
    app: App, asked: Asked, principal: Principal, *, limit: int, cursor: str | None = None
) -> Page:
    """Raises FORBIDDEN, USAGE, FIELD_INVALID for a cursor that no page gave."""
    present = counts(app, asked, principal)
    begin, after = _place(cursor)
    found: list[Item] = []
    for cause in CAUSES[begin:]:
        if cause.name in present and len(found) <= limit:
            rest = items_of(app, asked, cause, principal, after=after)
            found += islice(rest, limit + 1 - len(found))
        after = None
    shown, last = found[:limit], found[limit - 1] if len(found) > limit else None
    following = None if last is None else f"{last.cause.name}/{last.kind}/{last.id}"
    causes = [(BY_NAME[name], number) for name, number in present.items()]
    with app.store.read() as tx:
        return Page(tx.now(), causes, shown, following)


def _place(cursor: str | None) -> tuple[int, tuple[str, str] | None]:
    if cursor is None:
        return 0, None
    cause, _, rest = cursor.partition("/")
    kind, _, last = rest.partition("/")
    if cause not in BY_NAME or kind not in _KINDS or not last:
        raise ReelError(Code.FIELD_INVALID, "no page gave this cursor", where="query.cursor")
    return CAUSES.index(BY_NAME[cause]), (kind, last)


def items_of(
    app: App,
    asked: Asked,
    cause: Cause,
    principal: Principal = LOCAL,
    *,
    after: tuple[str, str] | None = None,
) -> Iterator[Item]:
    """Of one cause: what concerns many first. `after`: kind and id of the last that was read. Rows
    may change while they are read."""
    among = asked.among(principal)
    kind, at = after or (_KINDS[0], "")
    for name in _KINDS[_KINDS.index(kind) :]:
        yield from _of_kind(app, asked, among, cause, name, at if name == kind else "")


def _of_kind(
    app: App, asked: Asked, among: Among, cause: Cause, kind: str, at: str
) -> Iterator[Item]:
    if kind == items.DISK and cause is _DISK:
        yield from _disk(app, asked) if not at else ()
    elif kind == items.HOST and cause is _REST:
        yield from (item for item in _hosts(app, asked, among) if item.id > at)
    elif kind == items.QUOTA and cause is _REST:
        yield from _quota(app, asked) if not at else ()
    elif kind == items.SOURCE:
        yield from (item for item in _sources(app, among, at) if item.cause is cause)
    elif kind == items.ENTRY:
        yield from _entries(app, among, cause, at)
    elif kind == items.ASSET and cause is DAMAGED:
        yield from _damaged(app, among, at)
    elif kind == items.ASSET and cause is ONLY_HERE:
        yield from _only_here(app, among, at)
    elif kind == items.UNDERSTANDING and cause is _NOT_UNDERSTOOD:
        yield from _not_understood(app, among, at)


def _entries(app: App, among: Among, cause: Cause, at: str) -> Iterator[Item]:
    with app.store.read() as tx:
        codes = [code for code in troubles.entry_counts(tx, among) if cause_of(code) is cause]
    if codes:
        found = _pages(
            app, lambda tx, after: troubles.entry_page(tx, among, codes, after=after), at
        )
        yield from map(items.of_entry, found)


def identify(app: App, given: Sequence[str], principal: Principal = LOCAL) -> list[str]:
    """The ids of items that begin so; those of hosts and of the disk stand for themselves. Raises
    USAGE where there is none, or more than one."""
    return [_identify(app, one, principal) for one in given]


def _identify(app: App, given: str, principal: Principal) -> str:
    if given in (items.DISK, items.QUOTA) or given.startswith(_HOST):
        return given
    with app.store.read() as tx:
        found = troubles.find(tx, given, principal.sees) if given else []
        if given and not found:
            failed = understanding.failed(tx, owner=principal.sees)
            found = [one.job_id for one in failed if one.job_id.startswith(given)]
    if given in found or len(found) == 1:
        return given if given in found else found[0]
    said = f"may be {', '.join(found)}" if found else "is no item of the work plan"
    raise ReelError(
        Code.USAGE, f"'{given}' {said}", where=given, hint="`reel workplan` lists them with ids"
    )


def _sources(app: App, among: Among, at: str = "") -> Iterator[Item]:
    if among.host is not None:
        return
    for source in _pages(app, lambda tx, after: troubles.source_page(tx, among, after=after), at):
        item = items.of_source(source)
        if (item.skipped is not None) is among.is_skipped:
            yield item


def _hosts(app: App, asked: Asked, among: Among) -> Iterator[Item]:
    """Sites that are waited for. Whose breaker is open is told to whoever has entries there, and to
    whoever sees everybody's."""
    if among.is_skipped:
        return
    with app.store.read() as tx:
        waiting = troubles.hosts_waiting(tx, among)
        names = set(waiting)
        if among.owner is None and among.source_id is None:
            names |= {h for h in troubles.hosts_resting(tx) if among.host in (None, h)}
        waits, now = app.budgets.blocked(tx, names), tx.now()
    for host, wait in sorted(waits.items()):
        item = items.of_host(host, wait, waiting.get(host, 0), now)
        if asked.ids is None or item.id in asked.ids:
            yield item


def _disk(app: App, asked: Asked) -> Iterator[Item]:
    if not _is_of_all(asked, items.DISK):
        return
    problem = storage.problem(app)
    if problem is not None:
        with app.store.read() as tx:
            now = tx.now()
        yield items.of_disk(problem, now)


def _quota(app: App, asked: Asked) -> Iterator[Item]:
    """That of the YouTube Data API, where it is spent."""
    if not _is_of_all(asked, items.QUOTA) or not app.settings.youtube.key:
        return
    from reelwright.app.metadata.ledger import Ledger

    standing = Ledger(app).standing()
    if standing.left <= 0:
        yield items.of_quota(standing)


def _is_of_all(asked: Asked, name: str) -> bool:
    """Whether what concerns everything is asked for, too."""
    is_named = asked.ids is None or name in asked.ids
    return is_named and not (asked.is_skipped or asked.host or asked.source_id)


def _damaged(app: App, among: Among, at: str) -> Iterator[Item]:
    for page in _sheets(app, lambda tx, after: troubles.asset_page(tx, among, after=after), at):
        with app.store.read() as tx:
            files = asset_files.of_assets(tx, [asset.id for asset in page])
        for asset in page:
            bad = [
                {"path": file.path, "state": file.state.value, "role": file.role.value}
                for file in files[asset.id]
                if file.state is not FileState.OK
            ]
            yield items.of_asset(asset, bad)


def _only_here(app: App, among: Among, at: str) -> Iterator[Item]:
    for page in _sheets(app, lambda tx, after: troubles.origin_page(tx, among, after=after), at):
        with app.store.read() as tx:
            checks = troubles.last_checks(tx, [asset.key for asset in page])
        for asset in page:
            yield items.of_origin(asset, checks.get(asset.key))


def _not_understood(app: App, among: Among, at: str) -> Iterator[Item]:
    """Videos that are kept, and whose last job to understand them failed, behind the job `at`."""
    if among.is_skipped or among.host is not None:
        return
    after, is_behind = "", not at
    while True:
        with app.store.read() as tx:
            page = understanding.failed(tx, owner=among.owner, after=after)
        for one in page:
            is_wanted = among.source_id in (None, one.source_id)
            if is_behind and is_wanted and (among.ids is None or one.job_id in among.ids):
                yield items.of_understanding(one)
            is_behind = is_behind or one.job_id == at
        if len(page) < _PAGE:
            return
        after = page[-1].asset_id


def _pages(app: App, read: Callable[[Tx, str], list[Row]], after: str) -> Iterator[Row]:
    for page in _sheets(app, read, after):
        yield from page


def _sheets(app: App, read: Callable[[Tx, str], list[Row]], after: str) -> Iterator[list[Row]]:
    """Page after page, each in a transaction of its own."""
    while True:
        with app.store.read() as tx:
            page = read(tx, after)
        if not page:
            return
        yield page
        if len(page) < _PAGE:
            return
        after = page[-1].id
