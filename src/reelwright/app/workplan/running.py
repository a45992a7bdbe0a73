"""Carries the work plan out: what can be tried now is tried, the rest says what it waits for.

Each page of items is one transaction, and what was tried stands on the plan no more until it fails
again: a run that was cut off is gone on with by the next one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.app.principal import LOCAL, Principal, Scope
from reelwright.app.workplan import items, reading
from reelwright.app.workplan.causes import Does
from reelwright.errors import ReelError
from reelwright.store import entries, entry_moves, hosts, sources, troubles
from reelwright.store.entries import EntryState

if TYPE_CHECKING:
    from reelwright.app.intake import Origin
    from reelwright.app.wiring import App
    from reelwright.app.workplan.items import Item
    from reelwright.app.workplan.reading import Asked
    from reelwright.store.database import Tx

_PAGE = 200
_STATES = (EntryState.FAILED, EntryState.GONE)
_COOKIES = frozenset({"login", "rest"})


class Act(StrEnum):
    FETCH = "fetch"  # the video is asked for again
    LIST = "list"  # the list is read again
    WAKE = "wake"  # the site counts as well again
    UNDERSTAND = "understand"  # its job goes on
    REPAIR = "repair"  # its files are restored from copies, or it is fetched again
    LEAVE = "leave"


@dataclass(slots=True)
class Outcome:
    """How many of each act, by cause; `sources`: those that have something to do now."""

    acts: Counter[tuple[str, str]] = field(default_factory=Counter)
    sources: dict[str, None] = field(default_factory=dict)

    @property
    def tried(self) -> int:
        return sum(n for (_, act), n in self.acts.items() if act != Act.LEAVE)

    @property
    def left(self) -> int:
        return sum(n for (_, act), n in self.acts.items() if act == Act.LEAVE)

    def to_json(self) -> dict[str, Any]:
        causes: dict[str, dict[str, int]] = {}
        for (cause, act), number in self.acts.items():
            causes.setdefault(cause, {str(one): 0 for one in Act})[act] += number
        return {"tried": self.tried, "left": self.left, "causes": causes}


OnItem = Callable[["Item", Act, str], None]


def carry_out(
    app: App,
    asked: Asked,
    principal: Principal = LOCAL,
    *,
    dry_run: bool = False,
    repairs: bool = False,
    on_item: OnItem = lambda item, act, why: None,
    origin: Origin | None = None,
) -> Outcome:
    """Who drives the archive does what is asked for here. What waits for a person, for its time or
    for nothing at all is left unless its cause or its id is named. `repairs`: damaged assets are
    read and restored here and now, which takes its time. `on_item` hears of each: what is done, and
    why. Blocking. Raises FORBIDDEN, USAGE."""
    principal.check(Scope.JOBS)
    done = Outcome()
    for _, _, found in reading.groups(app, asked, principal):
        while page := list(islice(found, _PAGE)):
            chosen = [(item, *_choose(app, item, asked, repairs=repairs)) for item in page]
            if not dry_run:
                done.sources |= dict.fromkeys(app.store.transact(_writing(chosen)))
                done.sources |= dict.fromkeys(_go_on(app, chosen))
                chosen = [_repaired(app, one, principal, done) for one in chosen]
            for item, act, why in chosen:
                done.acts[item.cause.name, act] += 1
                on_item(item, act, why)
    if not dry_run and origin is not None:
        _note(app, origin, done)
    return done


def _choose(app: App, item: Item, asked: Asked, *, repairs: bool) -> tuple[Act, str]:
    """What is done about it, and why."""
    is_named = asked.names(item)
    if item.kind == items.HOST:
        return (Act.WAKE, "it is named") if is_named else (Act.LEAVE, item.hint)
    if item.kind in (items.DISK, items.QUOTA):
        return Act.LEAVE, item.hint
    if item.kind == items.ASSET:
        return _choose_asset(app, item, repairs=repairs)
    if item.kind == items.UNDERSTANDING:
        return Act.UNDERSTAND, "it may have passed"
    act = Act.LIST if item.kind == items.SOURCE else Act.FETCH
    if item.state == EntryState.PENDING:
        return Act.LEAVE, "it goes on by itself"
    if is_named:
        return act, "it is named"
    if item.does is Does.NOTHING:
        return Act.LEAVE, item.hint
    if item.next_at is not None and not item.cause.may_hurry:
        return Act.LEAVE, "it is tried again by itself when its time comes"
    if item.does is Does.PERSON and not _has_new_cookies(app, item):
        return Act.LEAVE, item.hint
    return act, "it may have passed"


def _choose_asset(app: App, item: Item, *, repairs: bool) -> tuple[Act, str]:
    """A video that is not there is fetched again, where a list names it."""
    from reelwright.app.archive import presence

    if item.cause is not reading.DAMAGED or item.asset_id is None:
        return Act.LEAVE, item.hint
    if repairs:
        return Act.REPAIR, "from copies that are here, or from its origin"
    with app.store.read() as tx:
        file = entries.held_files(tx, [item.asset_id]).get(item.asset_id)
        listed = troubles.entries_of_assets(tx, [item.asset_id])
    if not listed or file is None or presence.is_there(presence.library(app), file):
        return Act.LEAVE, item.hint
    return Act.FETCH, "its video is not there"


def _has_new_cookies(app: App, item: Item) -> bool:
    """Somebody has put cookies in place since it failed."""
    if item.cause.name not in _COOKIES or item.source_id is None:
        return False
    with app.store.read() as tx:
        source = sources.of_ids(tx, [item.source_id]).get(item.source_id)
    chosen = (source.options.get("cookies") if source else None) or app.settings.archive.cookies
    try:
        return chosen is not None and Path(chosen).stat().st_mtime > (item.at or 0.0)
    except OSError:
        return False


def _repaired(
    app: App, chosen: tuple[Item, Act, str], principal: Principal, done: Outcome
) -> tuple[Item, Act, str]:
    """What became of an asset that was to be repaired; the others as they are."""
    item, act, _ = chosen
    if act is not Act.REPAIR or item.asset_id is None:
        return chosen
    from reelwright.app.library import repair, repair_fetch

    try:
        report, left = repair.repair_asset(app, item.asset_id)
        if repair_fetch.wants(left):
            done.sources[repair_fetch.fetch_again(app, report, left, principal)] = None
            return item, Act.FETCH, "nothing here has its content"
    except ReelError as error:
        return item, Act.LEAVE, f"{error.problem.message}: {item.hint}"
    if not left:
        return item, Act.REPAIR, "it is whole again"
    return item, Act.LEAVE, "; ".join(f"{one.path}: {one.why or one.way}" for one in left[:3])


def _writing(chosen: Sequence[tuple[Item, Act, str]]) -> Callable[[Tx], list[str]]:
    """What is done, and the sources that have something to do then."""

    def change(tx: Tx) -> list[str]:
        wanted: dict[str, list[str]] = {}
        touched: list[str] = []
        for item, act, _ in chosen:
            if act is Act.WAKE and item.host is not None:
                hosts.forget(tx, [item.host])
            elif act is Act.LIST:
                sources.ask(tx, item.id)
                touched.append(item.id)
            elif act is Act.FETCH and item.kind == items.ENTRY:
                wanted.setdefault(item.source_id or "", []).append(item.id)
            elif act is Act.FETCH and item.asset_id is not None:
                touched += _fetch_again(tx, item.asset_id)
        for source_id, ids in wanted.items():
            entry_moves.reset(tx, source_id, _STATES, ids=ids)
        tx.is_news = True
        return [*touched, *wanted]

    return change


def _go_on(app: App, chosen: Sequence[tuple[Item, Act, str]]) -> list[str]:
    """Queues the failed jobs that understand videos; their sources."""
    from reelwright.engine import orders

    touched: list[str] = []
    for item, act, _ in chosen:
        if act is Act.UNDERSTAND and item.job_id is not None:
            with suppress(ReelError):  # somebody else has it go on, or deleted it
                app.store.transact(orders.retrying(app.store, app.blobs, item.job_id))
                touched += [] if item.source_id is None else [item.source_id]
    return touched


def _fetch_again(tx: Tx, asset_id: str) -> list[str]:
    """By the first list that names it: once it is held, it is so for all."""
    found = troubles.entries_of_assets(tx, [asset_id]).get(asset_id, [])[:1]
    for entry in found:
        entry_moves.reset(tx, entry.source_id, [EntryState.HELD], ids=[entry.id])
    return [entry.source_id for entry in found]


def _note(app: App, origin: Origin, done: Outcome) -> None:
    from reelwright.store import audit

    def write(tx: Tx) -> None:
        audit.add(
            tx,
            origin.principal,
            "workplan.run",
            None,
            origin.address,
            origin.trace_id,
            tried=done.tried,
            left=done.left,
        )

    app.store.transact(write)
