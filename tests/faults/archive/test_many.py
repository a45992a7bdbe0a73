"""A feed of which a part is spoiled: what can be had is there, the rest has its cause."""

from __future__ import annotations

import random
import time

import pytest

from tests.faults.archive.many import FAULTS, archive_many
from tests.faults.archive.runs import LIMIT_S, Archive, Running
from tests.site import Site

pytestmark = pytest.mark.faults


def test_every_kind_of_fault(archive: Archive, site: Site) -> None:
    count = 2 * len(FAULTS)
    found = archive_many(archive, site, count, percent=50, seed=1)
    assert found.wrong == []
    assert found.kept + found.failed == count


def kill_after(running: Running, seconds: float) -> None:
    """Whatever it does at that moment; nothing where it has ended before."""
    deadline = time.monotonic() + seconds
    while running.process.poll() is None:
        if time.monotonic() >= deadline:
            running.kill()
            return
        time.sleep(0.005)


def survive_kills(archive: Archive, site: Site, count: int, kills: int, seed: int) -> None:
    """At no moment does half a video stand in the library, and in the end each is there once."""
    chance, feed = random.Random(seed), site.feed("rss", count)
    wanted = sorted(entry.sha256 for entry in feed.entries)
    reference = Archive(archive.home.with_name("other"), archive.home.with_name("other-library"))
    begun = time.monotonic()
    assert reference.run(feed.url, limit_s=LIMIT_S + 4 * count).job["kept"] == count
    whole_s = time.monotonic() - begun
    for _ in range(kills):
        with archive.archiving(feed.url) as running:
            kill_after(running, chance.uniform(0, whole_s))
        assert set(archive.digests()) <= set(wanted), f"seed {seed}: half a video"
    done = archive.run(feed.url, limit_s=LIMIT_S + 4 * count)
    assert done.code == 0, done
    assert done.job["kept"] + done.job["held"] == count, done
    assert archive.digests() == wanted
    assert archive.leftovers() == []
    archive.expect_no_process()


def test_kills_at_any_moment(archive: Archive, site: Site) -> None:
    survive_kills(archive, site, count=6, kills=3, seed=7)


@pytest.mark.faults_long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(3))
def test_many_kills_at_any_moment(archive: Archive, site: Site, seed: int) -> None:
    survive_kills(archive, site, count=30, kills=25, seed=seed)


@pytest.mark.faults_long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(3))
def test_three_hundred(archive: Archive, site: Site, seed: int) -> None:
    found = archive_many(archive, site, 300, percent=10, seed=seed)
    assert found.wrong == []
    assert found.kept >= 270
