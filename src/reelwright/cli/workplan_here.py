"""Where `reel workplan` gets the plan from, and who carries it out: this machine, or a service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reelwright.cli import choice, terminal
from reelwright.cli.exits import DONE

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.app.workplan.items import Item
    from reelwright.app.workplan.reading import Asked
    from reelwright.app.workplan.running import Act

_TOLD = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """As it was typed."""

    causes: Sequence[str] = ()
    source: str | None = None
    host: str | None = None
    only: Sequence[str] = field(default=(), kw_only=True)
    skipped: bool = field(default=False, kw_only=True)


@contextmanager
def read(
    wanted: Wanted,
) -> Iterator[tuple[Mapping[str, Any], Iterable[tuple[Mapping[str, Any], Iterable[Any]]]]]:
    """The head of the document, and its causes, each with its items."""
    target = choice.target()
    if target is not None:
        from reelwright.cli.remote import workplan as remote

        yield remote.read(target, wanted)
        return
    from reelwright.app.workplan import reading
    from reelwright.cli.use import opened

    with opened() as used:
        asked = _asked(used, wanted)
        counts = reading.counts(used, asked)
        with used.store.read() as tx:
            head = {"made_at": tx.now(), "total": sum(counts.values())}
        yield (
            head,
            (
                (reading.cause_json(cause, number), (item.to_json() for item in found))
                for cause, number, found in reading.groups(used, asked)
            ),
        )


def carry_out(wanted: Wanted, *, dry_run: bool, as_json: bool) -> int:
    """Gives the exit code: that of what is fetched."""
    from reelwright.app.workplan import running
    from reelwright.cli.archiving import run_sources
    from reelwright.cli.use import opened

    told = Told(as_json=as_json, dry_run=dry_run)
    target = choice.target()
    if target is not None:
        from reelwright.cli.remote import workplan as remote

        return remote.carry_out(target, wanted, told, dry_run=dry_run, as_json=as_json)
    with opened() as used:
        asked = _asked(used, wanted)
        done = running.carry_out(used, asked, dry_run=dry_run, repairs=True, on_item=told.hear)
        told.ended(done.to_json())
        if dry_run or not done.sources:
            return DONE
        return run_sources(used, list(done.sources), as_json=as_json, only_new=True)


def skip(ids: Sequence[str], because: str | None) -> list[str]:
    target = choice.target()
    if target is not None:
        from reelwright.cli.remote import workplan as remote

        return remote.skip(target, ids, because)
    from reelwright.app.workplan import reading, skipping
    from reelwright.cli.use import opened

    with opened() as used:
        return skipping.skip(used, reading.identify(used, ids), because)


def unskip(ids: Sequence[str]) -> list[str]:
    target = choice.target()
    if target is not None:
        from reelwright.cli.remote import workplan as remote

        return remote.unskip(target, ids)
    from reelwright.app.workplan import reading, skipping
    from reelwright.cli.use import opened

    with opened() as used:
        return skipping.unskip(used, reading.identify(used, ids))


def _asked(used: App, wanted: Wanted) -> Asked:
    from reelwright.app.archive.subscriptions import identify_any
    from reelwright.app.workplan.reading import Asked, identify

    return Asked(
        causes=tuple(wanted.causes),
        source_id=None if wanted.source is None else identify_any(used, wanted.source),
        host=wanted.host,
        ids=identify(used, wanted.only) if wanted.only else None,
        is_skipped=wanted.skipped,
    ).checked()


class Told:
    """Says what is done, item by item, and why the rest is left."""

    def __init__(self, *, as_json: bool, dry_run: bool) -> None:
        self._as_json = as_json
        self._dry_run = dry_run
        self._left: dict[str, list[str]] = {}

    def hear(self, item: Item, act: Act, why: str) -> None:
        names = {"id": item.id, "kind": item.kind, "cause": item.cause.name, "url": item.url}
        self.item({**names, "title": item.title, "act": act.value, "because": why})

    def item(self, line: Mapping[str, Any]) -> None:
        if self._as_json:
            said = {name: value for name, value in line.items() if name != "title"}
            terminal.emit({"event": "item", **said})
            return
        what = terminal.printable(str(line["title"] or line["url"] or line["id"]))
        if line["act"] != "leave":
            again = " again" if line["act"] in ("fetch", "list") else ""
            terminal.note(f"{line['act']}{again}: {what}")
            return
        said_of = self._left.setdefault(str(line["because"]), [])
        if len(said_of) <= _TOLD:
            said_of.append(f"{line['id']}  {what}")

    def ended(self, done: Mapping[str, Any]) -> None:
        if self._as_json:
            terminal.emit({"event": "plan", "dry_run": self._dry_run, **done})
            return
        for why, named in self._left.items():
            terminal.note(f"left: {why}")
            for line in named[:_TOLD]:
                terminal.note(f"    {line}")
            if len(named) > _TOLD:
                terminal.note("    …")
        word = "would be tried" if self._dry_run else "tried again"
        terminal.note(f"{done['tried']} {word}, {done['left']} left")
