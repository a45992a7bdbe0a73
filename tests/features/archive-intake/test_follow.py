"""Subscriptions: what is new is kept, when it is due, once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.faults.archive.runs import Archive, Ended, until
from tests.served import serving
from tests.site import Site
from tests.site_proxy import serving_proxy


def follow(archive: Archive, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = archive.document("follow", *words)["subscriptions"]
    return found


def sync(archive: Archive) -> Ended:
    return archive.start("follow", "sync", "--json").end()


def let_time_pass(archive: Archive) -> None:
    """As if each subscription had been due for a while."""
    with closing(sqlite3.connect(archive.home / "reelwright.db", timeout=60)) as database:
        database.execute("UPDATE sources SET next_at = next_at - 1e7 WHERE schedule IS NOT NULL")
        database.commit()


def test_what_is_new_is_kept_when_it_is_due(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 2)
    (made,) = follow(archive, feed.url, "--every", "6h")
    assert (made["schedule"], made["url"], made["enabled"]) == ("6h", feed.url, True)
    first = sync(archive)
    assert (first.code, first.job["kept"]) == (0, 2), first

    (new,) = feed.add()
    assert sync(archive).job["kept"] == 0, "it is not due yet"
    let_time_pass(archive)
    second = sync(archive)
    assert {u for u, e in second.entries.items() if e["state"] == "kept"} == {new.url}

    site.forget()
    assert sync(archive).job == {
        "event": "job",
        "state": "succeeded",
        "kept": 0,
        "held": 0,
        "failed": 0,
    }
    assert site.requests == []
    (shown,) = follow(archive)
    assert (shown["id"], shown["entries"]["held"], shown["state"]) == (made["id"], 3, "listed")
    assert shown["next_at"] > shown["listed_at"]


def test_an_unchanged_feed_is_not_read_again(archive: Archive, site: Site) -> None:
    feed = site.feed("atom", 2)
    follow(archive, feed.url, "--cron", "0 3 * * *")
    sync(archive)
    let_time_pass(archive)
    site.forget()
    assert sync(archive).code == 0
    (asked,) = [a for a in site.requests if a.path in feed.url]
    assert "if-none-match" in asked.headers or "if-modified-since" in asked.headers
    assert len(site.requests) == 1


def test_runs_that_were_missed_are_made_up_for_once(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 1)
    follow(archive, feed.url, "--every", "1h")
    sync(archive)
    let_time_pass(archive)
    sync(archive)
    site.forget()
    sync(archive)
    assert site.requests == []


def test_now_asks_at_once(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 1)
    done = archive.start("follow", feed.url, "--now", "--json").end()
    assert (done.code, done.job["kept"]) == (0, 1)
    feed.add()
    assert archive.start("follow", "--now", "--json").end().job["kept"] == 1


def test_pausing_resuming_and_ending(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 1)
    (made,) = follow(archive, feed.url, "--every", "1d")
    (paused,) = follow(archive, "--pause", made["id"][:8])
    assert (paused["enabled"], paused["next_at"]) == (False, None)
    assert sync(archive).job["kept"] == 0
    assert site.count(feed.entries[0].path) == 0
    follow(archive, "--resume", feed.url)
    assert sync(archive).job["kept"] == 1
    follow(archive, "--remove", made["id"])
    assert follow(archive) == []
    assert len(archive.videos()) == 1, "what is kept stays"


def test_options_stay_with_a_subscription(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 3)
    (made,) = follow(archive, feed.url, "--match", "[12]$", "--every", "6h")
    assert made["options"] == {"match": "[12]$"}
    assert sync(archive).job["kept"] == 2
    (again,) = follow(archive, feed.url, "--every", "12h")
    assert (again["id"], again["schedule"], again["options"]) == (
        made["id"],
        "12h",
        {"match": "[12]$"},
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["https://example.org/feed", "--every", "soon"], "schedule_invalid"),
        (["https://example.org/feed", "--cron", "61 * * * *"], "schedule_invalid"),
        (["https://example.org/feed", "--every", "1h", "--cron", "0 3 * * *"], "usage"),
        (["--remove"], "usage"),
        (["--remove", "nothing"], "source_unknown"),
    ],
)
def test_what_cannot_be_meant(archive: Archive, words: list[str], code: str) -> None:
    running = archive.start("follow", *words, "--json")
    out, _ = running.process.communicate(timeout=120)
    assert running.process.returncode == 2
    assert f'"{code}"' in out


def test_a_service_keeps_what_is_new(archive: Archive, site: Site, tmp_path: Path) -> None:
    """Nobody types anything: the process that leads asks when it is due."""
    feed = site.feed("rss", 2)
    follow(archive, feed.url, "--every", "1h")
    quick = {k: v for k, v in archive.environ.items() if k.startswith("REEL_")}
    quick["REEL_NET_ALLOW"] = "127.0.0.0/8"
    with serving(archive.home, **quick):
        until(lambda: len(archive.videos()) == 2, 120)
        (new,) = feed.add()
        let_time_pass(archive)
        until(lambda: new.sha256 in archive.digests(), 120)
    (shown,) = follow(archive)
    assert shown["entries"]["held"] == 3


def test_a_service_goes_through_the_proxy_of_its_settings(archive: Archive, site: Site) -> None:
    """The proxy is not in the network that jobs may connect to; the site is."""
    feed = site.feed("rss", 1)
    follow(archive, feed.url, "--every", "1h")
    quick = {k: v for k, v in archive.environ.items() if k.startswith("REEL_")}
    with serving_proxy() as proxy:
        quick["REEL_NET_ALLOW"] = "127.0.0.1/32"
        quick["REEL_ARCHIVE__PROXY"] = proxy.url_for("me", "secret")
        with serving(archive.home, **quick) as served:
            until(lambda: len(archive.videos()) == 1, 120)
            assert "secret" not in served.client.get("/v1/jobs").text
    assert {feed.url, feed.entries[0].file_url} <= set(proxy.asked)
    assert len(proxy.asked) == len(site.requests)
