"""kill -9 at any moment while a long feed is taken in: no entry is lost, and none comes twice."""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import closing, suppress
from functools import partial

import pytest

from tests.faults.archive.runs import Archive, Running, until
from tests.site import Site
from tests.site_feeds import Feed

pytestmark = pytest.mark.faults


def stored(archive: Archive) -> list[str]:
    """The addresses of all entries, of which there are none before the tables are."""
    path = archive.home / "reelwright.db"
    if not path.exists():
        return []
    address = f"file:{path}?mode=ro"
    with (
        suppress(sqlite3.OperationalError),
        closing(sqlite3.connect(address, uri=True, timeout=60)) as database,
    ):
        return [row[0] for row in database.execute("SELECT url FROM entries")]
    return []


def kill_at(archive: Archive, running: Running, least: int) -> None:
    """When so many entries are stored, or at the end, if that comes first."""
    until(lambda: len(stored(archive)) >= least or running.process.poll() is not None)
    if running.process.poll() is None:
        running.kill()


def take_in(archive: Archive, feed: Feed, seed: int, kills: int) -> None:
    """Kills by what is stored and by the clock in turns, then lets it come to its end."""
    chance, before = random.Random(seed), set[str]()
    begun = time.monotonic()
    reference = Archive(archive.home.with_name("other-home"), archive.library)
    assert reference.run(feed.url, "--list-only").job["failed"] == 0
    whole_s = time.monotonic() - begun
    for number in range(kills):
        with archive.archiving(feed.url, "--list-only") as running:
            if number % 2 == 0:
                kill_at(archive, running, chance.randrange(1, len(feed.entries)))
            else:
                _kill_after(running, chance.uniform(0, whole_s))
        after = stored(archive)
        assert len(after) == len(set(after)), f"seed {seed}, kill {number}: an entry came twice"
        assert before <= set(after), f"seed {seed}, kill {number}: an entry was lost"
        before = set(after)
    done = archive.run(feed.url, "--list-only")
    assert done.job["failed"] == 0, done
    assert sorted(stored(archive)) == sorted(entry.url for entry in feed.entries)
    archive.expect_no_process()


def _kill_after(running: Running, seconds: float) -> None:
    """Whatever it does at that moment."""
    deadline = time.monotonic() + seconds
    while running.process.poll() is None:
        if time.monotonic() >= deadline:
            running.kill()
            return
        time.sleep(0.005)


def test_a_feed_survives_kills(archive: Archive, site: Site) -> None:
    take_in(archive, site.feed("rss", 1500), seed=1, kills=4)


def test_what_comes_while_it_is_dead_is_found(archive: Archive, site: Site) -> None:
    feed = site.feed("atom", 1200)
    with archive.archiving(feed.url, "--list-only") as running:
        until(partial(_has_some, archive))
        running.kill()
    feed.add(5)
    assert archive.run(feed.url, "--list-only").job["failed"] == 0
    assert sorted(stored(archive)) == sorted(entry.url for entry in feed.entries)


def _has_some(archive: Archive) -> bool:
    return bool(stored(archive))


@pytest.mark.faults_long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(2))
def test_ten_thousand_entries_survive_kills(archive: Archive, site: Site, seed: int) -> None:
    take_in(archive, site.feed("rss", 10_000), seed, kills=25)
