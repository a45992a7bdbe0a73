"""A channel that was read to its end is read again to where it is known, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from reelwright.app.archive.driver import _done
from reelwright.app.archive.taking import Taken, take_in
from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.store import entries, sources
from reelwright.store.tables_library import entries as table
from tests.site import Site
from tests.site_feeds import Feed

COUNT = 60


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with App(load(environ={"REEL_HOME": str(tmp_path / "home")})) as opened:
        yield opened


@pytest.fixture
def channel(site: Site) -> Feed:
    """Its page is one of a channel by its address; the newest comes first."""
    feed = site.feed("html", COUNT)
    site.route("/channel/", lambda _: feed.document())
    return feed


@pytest.fixture
def followed(app: App, site: Site, channel: Feed) -> str:
    url = site.url("/channel/talks")
    return app.store.transact(
        lambda tx: sources.insert(tx, owner="local", url=url, options={}, schedule="6h").id
    )


def read(app: App, source_id: str, *, is_killed: bool = False) -> Taken:
    """`is_killed`: before it could say that it was read to its end."""
    app.store.transact(lambda tx: sources.change(tx, source_id, next_at=0.0))
    claimed = app.store.transact(lambda tx: sources.claim(tx, source_id, 60))
    assert claimed is not None
    taken = asyncio.run(take_in(app, claimed, app.budgets))
    if not is_killed:
        app.store.transact(lambda tx: _done(tx, claimed, taken))
    return taken


def never_stored(app: App, urls: Sequence[str]) -> None:
    """As if the kill had come before these."""
    app.store.transact(lambda tx: tx.run(sa.delete(table).where(table.c.url.in_(urls))))


def stored(app: App, source_id: str) -> set[str]:
    with app.store.read() as tx:
        return {entry.url for entry in entries.page(tx, source_id)}


def all_of(channel: Feed) -> set[str]:
    return {entry.file_url for entry in channel.entries}


def test_it_is_read_to_where_it_is_known(app: App, channel: Feed, followed: str) -> None:
    assert read(app, followed).new == COUNT
    for _ in range(2):
        channel.add(2)
        again = read(app, followed)
        assert again.new == 2
        assert again.listing.count < COUNT
    assert stored(app, followed) == all_of(channel)


def test_a_first_reading_that_was_broken_off_is_completed(
    app: App, channel: Feed, followed: str
) -> None:
    read(app, followed, is_killed=True)
    never_stored(app, [entry.file_url for entry in channel.entries[-10:]])
    assert read(app, followed).new == 10
    assert stored(app, followed) == all_of(channel)


def test_a_later_reading_that_was_broken_off_is_completed(
    app: App, channel: Feed, followed: str
) -> None:
    """What it stored of the new ones, more than enough in a row, hides none of the others."""
    read(app, followed)
    new = channel.add(45)
    read(app, followed, is_killed=True)
    by_place = [entry.file_url for entry in channel.entries[: len(new)]]
    never_stored(app, by_place[-5:])
    assert read(app, followed).new == 5
    assert stored(app, followed) == all_of(channel)


def test_now_and_then_all_of_it_is_read(app: App, channel: Feed, followed: str) -> None:
    read(app, followed)
    counts = [read(app, followed).listing.count for _ in range(10)]
    assert counts.count(COUNT) == 1


def test_who_does_not_follow_it_reads_all(app: App, channel: Feed, followed: str) -> None:
    app.store.transact(lambda tx: sources.change(tx, followed, schedule=None))
    assert [read(app, followed).listing.count for _ in range(2)] == [COUNT, COUNT]
