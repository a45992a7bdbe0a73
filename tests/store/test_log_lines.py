"""Lines in the database: found again by what they say, in their order, for a time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from reelwright.store import log_lines
from reelwright.store.log_lines import Chosen, NewLine
from reelwright.store.store import Store, open_store


def line(
    message: str, level: str = "info", component: str = "archive.intake", **more: Any
) -> NewLine:
    return NewLine(level=level, component=component, message=message, **more)


def add(store: Store, *lines: NewLine, now: float | None = None) -> list[int]:
    def change(tx: Any) -> list[int]:
        tx._now = now
        return log_lines.add(tx, lines)

    return store.transact(change)


def messages(store: Store, chosen: Chosen, **more: Any) -> list[str]:
    with store.read() as tx:
        return [one.message for one in log_lines.page(tx, chosen, limit=100, **more)]


def trim(store: Store, now: float, keep_s: float, keep_lines: int) -> int:
    def change(tx: Any) -> int:
        tx._now = now
        return log_lines.trim(tx, keep_s=keep_s, keep_lines=keep_lines)

    return store.transact(change)


def test_filters(store: Store) -> None:
    add(
        store,
        line("a", at=10.0, fields={"n": [1, {"x": "ä"}]}),
        line("Bunny 100%", "warning", "archive", at=20.0, owner="ann"),
        line("c", "error", "archive.verify", at=30.0, job_id="0j"),
        line("d", "error", "archivist", at=40.0),
    )
    assert messages(store, Chosen()) == ["d", "c", "Bunny 100%", "a"]
    assert messages(store, Chosen(levels=("warning", "error"))) == ["d", "c", "Bunny 100%"]
    assert messages(store, Chosen(component="archive.")) == ["c", "Bunny 100%", "a"]
    assert messages(store, Chosen(component="archive")) == ["Bunny 100%"]
    assert messages(store, Chosen(job_id="0j")) == ["c"]
    assert messages(store, Chosen(owner="ann")) == ["Bunny 100%"]
    assert messages(store, Chosen(since=20.0, until=40.0)) == ["c", "Bunny 100%"]
    assert messages(store, Chosen(text="bunny 100%")) == ["Bunny 100%"]
    assert messages(store, Chosen(text="%")) == ["Bunny 100%"]
    assert messages(store, Chosen(text="_unny")) == []


def test_pages_both_ways(store: Store) -> None:
    numbers = add(store, *[line(str(n)) for n in range(10)])
    assert numbers == sorted(numbers)
    assert messages(store, Chosen(), after=numbers[6]) == ["7", "8", "9"]
    assert messages(store, Chosen(), before=numbers[2]) == ["1", "0"]
    with store.read() as tx:
        first = log_lines.page(tx, Chosen(), limit=1)[0]
        assert log_lines.last(tx) == first.seq == numbers[-1]
    assert (first.message, first.fields) == ("9", {})
    assert add(store) == []


def test_what_is_old_or_too_much_goes(store: Store) -> None:
    add(store, *[line(str(n), at=100.0 + n) for n in range(20)])
    assert trim(store, 200.0, 1000.0, 1000) == 0
    assert trim(store, 200.0, 90.0, 1000) == 10
    assert messages(store, Chosen())[-1] == "10"
    assert trim(store, 200.0, 1000.0, 3) == 7
    assert messages(store, Chosen()) == ["19", "18", "17"]


def test_whoever_follows_by_number_misses_none(database_url: str) -> None:
    """While eight write at once, no line with a lower number appears behind one that was read."""
    stores = [open_store(database_url) for _ in range(4)]
    done = threading.Event()

    def write(n: int) -> None:
        for m in range(15):
            add(stores[n % 3], line(f"{n}-{m}"), line(f"{n}-{m}+"))

    def read() -> list[str]:
        found: list[str] = []
        at = 0
        while True:
            is_last = done.is_set()
            with stores[3].read() as tx:
                page: Sequence[log_lines.Line] = log_lines.page(tx, Chosen(), limit=50, after=at)
            found += [one.message for one in page]
            at = page[-1].seq if page else at
            if is_last and not page:
                return found

    with ThreadPoolExecutor(9) as pool:
        reader = pool.submit(read)
        list(pool.map(write, range(8)))
        done.set()
        found = reader.result(timeout=120)
    wanted = {f"{n}-{m}{end}" for n in range(8) for m in range(15) for end in ("", "+")}
    assert len(found) == len(wanted)
    assert set(found) == wanted
    for opened in stores:
        opened.close()
