"""The audit log on both databases: rows are added, in order, and never changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from reelwright.store import audit
from reelwright.store.database import Tx
from reelwright.store.store import Store, open_store


class _Actor:
    actor = "key:one"
    role = "editor"


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url)
    yield opened
    opened.close()


def _add(store: Store, *actions: str) -> None:
    with store.write() as tx:
        for action in actions:
            audit.add(tx, _Actor(), action, "thing", "127.0.0.1", "trace", n=1)


def _all(store: Store, **filters: Any) -> list[audit.Entry]:
    with store.read() as tx:
        return audit.listing(tx, limit=100, **filters)


def test_an_entry_says_who_what_when_and_from_where(store: Store) -> None:
    with store.write() as tx:
        now = tx.now()
        audit.add(tx, _Actor(), "job.submit", "job", "10.0.0.1", "0af7", labels=["a"])

    (entry,) = _all(store)
    assert entry == audit.Entry(
        entry.seq, now, "key:one", "editor", "job.submit", "job", "10.0.0.1", "0af7",
        {"labels": ["a"]},
    )  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody'",
        "UPDATE audit SET detail = '{}' WHERE seq = -1 OR 1 = 1",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE action = 'job.submit'",
    ],
)
def test_no_row_is_changed_or_removed(store: Store, statement: str) -> None:
    _add(store, "job.submit", "job.cancel")
    before = _all(store)

    with pytest.raises(DBAPIError, match="append-only"), store.write() as tx:
        tx.run(sa.text(statement))

    assert _all(store) == before


@pytest.mark.postgres
def test_the_whole_log_cannot_be_emptied_either(postgres_url: str) -> None:
    opened = open_store(postgres_url)
    _add(opened, "job.submit")

    with pytest.raises(DBAPIError, match="append-only"), opened.write() as tx:
        tx.run(sa.text("TRUNCATE audit"))

    assert len(_all(opened)) == 1
    opened.close()


def test_a_change_that_is_rolled_back_leaves_no_entry(store: Store) -> None:
    def fail(tx: Tx) -> None:
        audit.add(tx, _Actor(), "job.submit")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.transact(fail)

    assert _all(store) == []


def test_an_entry_is_one_insert(store: Store) -> None:
    said: list[str] = []

    def note(*event: Any) -> None:
        said.append(event[2])

    with store.write() as tx:
        tx.now()
        sa.event.listen(store.database.engine, "before_cursor_execute", note)
        audit.add(tx, _Actor(), "job.submit")
        sa.event.remove(store.database.engine, "before_cursor_execute", note)

    assert [text.split()[0] for text in said] == ["INSERT"]


def test_pages_go_through_all_of_it_in_either_direction(store: Store) -> None:
    _add(store, *(f"job.{n}" for n in range(10)))
    expected = [entry.seq for entry in _all(store)]
    assert expected == sorted(expected)

    with store.read() as tx:
        up = _walk(tx, newest_first=False)
        down = _walk(tx, newest_first=True)

    assert up == expected
    assert down == expected[::-1]


def test_it_is_narrowed_by_time_actor_and_action(store: Store) -> None:
    _add(store, "job.submit", "job.cancel", "jobs", "key.create")
    with store.read() as tx:
        later = tx.now() + 3600

    assert [e.action for e in _all(store, action="job.")] == ["job.submit", "job.cancel"]
    assert [e.action for e in _all(store, action="job.cancel")] == ["job.cancel"]
    assert [e.action for e in _all(store, action="%.")] == []
    assert len(_all(store, actor="key:one")) == 4
    assert _all(store, actor="local") == []
    assert len(_all(store, since=later - 7200)) == 4
    assert _all(store, since=later) == []


def _walk(tx: Tx, *, newest_first: bool) -> list[int]:
    found: list[int] = []
    while True:
        place: dict[str, Any] = {}
        if found:
            place = {"before" if newest_first else "after": found[-1]}
        page = audit.listing(tx, limit=3, newest_first=newest_first, **place)
        if not page:
            return found
        found += [entry.seq for entry in page]
