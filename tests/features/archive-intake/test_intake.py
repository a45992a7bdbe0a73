"""What is behind an address is taken in, chosen from, kept once, and gone on with."""

from __future__ import annotations

import json
import signal
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.faults.archive.runs import Archive, until
from tests.site import Site
from tests.site_feeds import Feed
from tests.site_resources import Refuse, Slow, Stall

CLIP = "/files/clip.mp4"


def kept(archive: Archive, *words: str) -> list[str]:
    """The addresses that a good run kept."""
    done = archive.run(*words)
    assert done.code == 0, done
    return [url for url, entry in done.entries.items() if entry["state"] == "kept"]


def urls(feed: Feed, *numbers: int) -> list[str]:
    return sorted(entry.url for entry in feed.entries if entry.number in numbers)


def test_lines_have_the_form_that_is_documented(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 2)
    site.fail(feed.entries[0].path, Refuse(404))
    done = archive.run(feed.url)
    for line in done.events[:-1]:
        assert list(line) == ["event", "url", "state", "asset", "path", "code"]
    by_state = {line["state"]: line for line in done.events[:-1]}
    assert by_state["kept"]["code"] is None
    assert Path(by_state["kept"]["path"]).is_relative_to(archive.library)
    assert (by_state["gone"]["asset"], by_state["gone"]["path"]) == (None, None)
    assert done.job == {"event": "job", "state": "failed", "kept": 1, "held": 0, "failed": 1}


def test_held_is_said_of_what_is_there_and_of_nothing_else(archive: Archive, site: Site) -> None:
    feed = site.feed("atom", 3)
    assert len(kept(archive, feed.url)) == 3
    site.forget()
    done = archive.run(feed.url)
    assert (done.job["held"], done.job["kept"]) == (3, 0)
    assert not [a for a in site.requests if a.path.startswith("/v/")]

    taken = archive.path(done.entries[feed.entries[1].url])
    taken.unlink()

    assert kept(archive, feed.url) == [feed.entries[1].url]
    assert archive.digests() == sorted(entry.sha256 for entry in feed.entries)


def test_a_library_that_is_not_mounted_is_no_empty_one(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 2)
    assert len(kept(archive, feed.url)) == 2
    away = archive.library.rename(archive.library.with_name("away"))
    archive.library.mkdir()  # the mount point
    site.forget()

    done = archive.run(feed.url)

    assert done.code != 0
    assert "it has no folder .reelwright" in done.said + json.dumps(done.events)
    assert not list(archive.library.iterdir())
    archive.library.rmdir()
    away.rename(archive.library)
    assert archive.run(feed.url).job["held"] == 2
    assert not [a for a in site.requests if a.path.startswith("/v/")]


def test_a_video_of_two_lists_is_fetched_once(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 3)
    alone = feed.entries[2].url
    assert kept(archive, alone) == [alone]
    done = archive.run(feed.url, feed.entries[0].url)
    assert sorted(e["state"] for e in done.events[:-1] if e["url"] != feed.entries[0].url) == [
        "held",
        "kept",
    ]
    assert all(
        len([a for a in site.asked(entry.path) if a.method == "GET"]) == 1 for entry in feed.entries
    )
    assert archive.digests() == sorted(entry.sha256 for entry in feed.entries)


def test_a_feed_names_what_its_files_do_not(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 1)
    done = archive.run(feed.url)
    assert feed.entries[0].title in archive.path(done.entry).name, done


def test_choosing(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 6)
    some = kept(archive, feed.url, "--match", "k [2-4]$", "--reject", "3")
    assert sorted(some) == urls(feed, 2, 4)
    # Another choice from the same list: what it did not want before is known, and wanted now.
    assert kept(archive, feed.url, "--match", "[13]$", "--limit", "1") == urls(feed, 3)
    assert kept(archive, feed.url, "--after", "2100-01-01") == []
    assert sorted(kept(archive, feed.url)) == urls(feed, 1, 5, 6)


def test_the_oldest_first(archive: Archive, site: Site) -> None:
    feed = site.feed("atom", 3)
    one = replace(archive, more={"REEL_ARCHIVE__AT_ONCE": "1"})
    assert kept(one, feed.url, "--order", "oldest") == urls(feed, 1, 2, 3)


def test_a_dry_run_stores_nothing(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 3)
    assert kept(archive, feed.entries[0].url)
    done = archive.run(feed.url, "--dry-run", "--reject", "1$")
    states = {e["url"]: e["state"] for e in done.events[:-1]}
    assert states == {
        feed.entries[0].url: "held",
        feed.entries[1].url: "fetched",
        feed.entries[2].url: "skipped",
    }
    assert done.events[-1] == {
        "event": "plan",
        "fetched": 1,
        "held": 1,
        "skipped": 1,
        "failed": 0,
    }
    assert len(archive.videos()) == 1
    assert [s["url"] for s in archive.document("follow")["subscriptions"]] == []


def test_addresses_from_a_file_and_from_standard_input(
    archive: Archive, site: Site, tmp_path: Path
) -> None:
    feed = site.feed("html", 3)
    listed = tmp_path / "urls.txt"
    listed.write_text(f"\ufeff# talks\n\n  {feed.entries[0].url}\n{feed.entries[1].url}\n")
    assert len(kept(archive, "--file", str(listed))) == 2
    running = archive.start("archive", "-", "--json")
    running.process.kill()
    running.process.communicate()
    command = [str(x) for x in running.process.args]  # type: ignore[union-attr]
    done = subprocess.run(
        command,
        env=archive.environ,
        input=f"{feed.entries[2].url}\n",
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["kept"] == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["ftp://example.org/a"], "field_invalid"),
        (["https://"], "field_invalid"),
        (["--profile", "huge", "https://example.org/a.mp4"], "field_invalid"),
        (["--match", "(", "https://example.org/a.mp4"], "field_invalid"),
        (["--template", "{nonsense}", "https://example.org/a.mp4"], "template_invalid"),
        (["--cookies", "/nowhere/cookies.txt", "https://example.org/a"], "input_not_found"),
        (["--after", "soon", "https://example.org/a.mp4"], "field_invalid"),
        ([], "usage"),
    ],
)
def test_what_cannot_be_meant_begins_nothing(archive: Archive, words: list[str], code: str) -> None:
    done = archive.run(*words)
    assert (done.code, done.job["state"], done.job["error"]["code"]) == (2, "failed", code)
    assert done.entries == {}


def test_a_list_that_cannot_be_read_stops_no_other(archive: Archive, site: Site) -> None:
    dead = site.url("/feeds/none.xml")
    feed = site.feed("rss", 2)
    done = archive.run(dead, feed.url)
    assert done.code == 3
    assert (done.entries[dead]["state"], done.entries[dead]["code"]) == (
        "failed",
        "http_not_found",
    )
    assert done.job["kept"] == 2


def test_what_failed_is_tried_again_by_the_same_command(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 2)
    site.fail(feed.entries[0].path, Refuse(403))
    first = archive.run(feed.url)
    assert first.entries[feed.entries[0].url]["code"] == "http_forbidden"
    site.heal(feed.entries[0].path)
    assert kept(archive, feed.url) == [feed.entries[0].url]


def test_what_is_gone_is_asked_for_again_on_request(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 2)
    site.fail(feed.entries[0].path, Refuse(410))
    assert archive.run(feed.url).code != 0
    site.heal(feed.entries[0].path)
    again = archive.run(feed.url)
    assert (again.code, again.entries[feed.entries[0].url]["state"]) == (0, "gone")
    assert kept(archive, feed.url, "--retry-gone") == [feed.entries[0].url]


def test_refresh_fetches_what_is_held(archive: Archive, site: Site) -> None:
    assert kept(archive, site.url(CLIP))
    site.clip(CLIP, pad_bytes=100)
    held = archive.run(site.url(CLIP))
    assert held.entry["state"] == "held"
    assert kept(archive, site.url(CLIP), "--refresh") == [site.url(CLIP)]
    assert site.sha256(CLIP) in archive.digests()


def test_ctrl_c_leaves_what_the_next_run_goes_on_with(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 6)
    slow = feed.entries[3]
    site.fail(slow.path, Stall(1000))
    with archive.archiving(feed.url) as running:
        site.wait_for(slow.path)
        running.process.send_signal(signal.SIGINT)
        done = running.end()
    assert done.code == 5
    assert done.job["state"] == "cancelled"
    assert slow.url not in done.entries
    archive.expect_no_process()
    site.heal(slow.path)
    before = [url for url, entry in done.entries.items() if entry["state"] == "kept"]
    assert set(before) | set(kept(archive, feed.url)) == {entry.url for entry in feed.entries}
    assert archive.leftovers() == []


def test_a_killed_run_is_gone_on_with(archive: Archive, site: Site) -> None:
    feed = site.feed("atom", 8)
    for entry in feed.entries[2:4]:
        site.fail(entry.path, Slow(2000))
    with archive.archiving(feed.url) as running:
        site.wait_for(feed.entries[2].path)
        running.kill()
    for entry in feed.entries:
        site.heal(entry.path)
    done = archive.run(feed.url)
    assert (done.code, done.job["failed"]) == (0, 0), done
    assert archive.digests() == sorted(entry.sha256 for entry in feed.entries)
    assert archive.leftovers() == []


def test_two_runs_at_once_fetch_each_video_once(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 8)
    with archive.archiving(feed.url) as one, archive.archiving(feed.url) as other:
        ended = [one.end(), other.end()]
    assert [done.code for done in ended] == [0, 0], ended
    assert archive.digests() == sorted(entry.sha256 for entry in feed.entries)
    for entry in feed.entries:
        assert len([a for a in site.asked(entry.path) if a.method == "GET"]) == 1
    assert all(done.job["failed"] == 0 for done in ended)


def test_a_site_is_left_alone_between_videos(archive: Archive, site: Site) -> None:
    """Not faster than the budget, shared by two runs."""
    paced = replace(
        archive, more={"REEL_ARCHIVE__BUDGETS": "127.0.0.1=3600", "REEL_ARCHIVE__SLEEP_S": "1.5"}
    )
    one, other = site.feed("rss", 2), site.feed("atom", 2)
    with paced.archiving(one.url) as first, paced.archiving(other.url) as second:
        assert [first.end().code, second.end().code] == [0, 0]
    begun = sorted(
        min(a.at_s for a in site.asked(entry.path)) for entry in (*one.entries, *other.entries)
    )
    gaps = [later - before for before, later in pairwise(begun)]
    # The token is taken a moment before the request: two neighbours may be a little closer.
    assert all(gap > 0.75 for gap in gaps), gaps
    assert begun[-1] - begun[0] > 3.5


def test_only_taken_in(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 3)
    done = archive.run(feed.url, "--list-only")
    assert (done.code, done.entries) == (0, {})
    assert site.count(feed.entries[0].path) == 0
    assert len(kept(archive, feed.url)) == 3
    until(lambda: not archive.processes())
