"""What the origins say of what is held, and the reports: gone and held, gone and lost."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

from tests.faults.archive.runs import Archive
from tests.site import Site
from tests.site_resources import Guarded, Refuse

_CLIP = "/files/clip.mp4"
_EXITS_LATER = 6


def keep(archive: Archive, *urls: str) -> None:
    assert archive.run(*urls).code == 0


def check(archive: Archive, *words: str, code: int = 0) -> list[dict[str, Any]]:
    """Its answers, and the line at its end."""
    running = archive.start("library", "check", *words, "--json")
    out, err = running.process.communicate(timeout=240)
    assert running.process.returncode == code, (out, err)
    return [json.loads(line) for line in out.splitlines()]


def origin(archive: Archive) -> str:
    (asset,) = archive.document("library")["assets"]
    return str(asset["origin"])


def let_time_pass(archive: Archive, seconds: float) -> None:
    """All that was asked and answered, was so much earlier."""
    with closing(sqlite3.connect(archive.home / "reelwright.db", timeout=60)) as database:
        database.execute("UPDATE origin_checks SET at = at - ?", (seconds,))
        database.execute("UPDATE assets SET origin_checked_at = origin_checked_at - ?", (seconds,))
        database.commit()


def history(archive: Archive) -> list[str]:
    checks = archive.document("library", "history", "last")["checks"]
    return [check["origin"] for check in checks]


def test_there_gone_and_back(archive: Archive, site: Site) -> None:
    keep(archive, site.url(_CLIP))
    answer, end = check(archive, "last")
    assert (answer["origin"], answer["asked"], answer["code"]) == ("there", True, None)
    assert end == {"event": "done", "there": 1, "left": 0}

    site.fail(_CLIP, Refuse(410))
    assert check(archive, "last")[0]["origin"] == "gone"
    report = archive.document("library", "gone")
    assert [held["title"] for held in report["held"]] == ["clip"]
    assert report["held"][0]["path"].endswith(".mp4")
    assert report["lost"] == []

    site.heal(_CLIP)
    assert check(archive, "last")[0]["before"] == "gone"
    assert origin(archive) == "there"
    assert archive.document("library", "gone") == {"held": [], "lost": []}
    assert history(archive) == ["there", "gone", "there", "there"]


def test_one_404_is_not_believed_and_two_an_hour_apart_are(archive: Archive, site: Site) -> None:
    keep(archive, site.url(_CLIP))
    site.fail(_CLIP, Refuse(404))
    assert check(archive, "last")[0]["origin"] == "not_found"
    assert check(archive, "last")[0]["origin"] == "not_found"
    assert archive.document("library", "gone")["held"] == []
    # It is asked again by itself, though it was asked lately; but not within the hour.
    assert check(archive) == [{"event": "done", "left": 0}]
    let_time_pass(archive, 3700)
    assert check(archive)[0]["origin"] == "gone"
    assert len(archive.document("library", "gone")["held"]) == 1


def test_a_404_that_was_healed_begins_anew(archive: Archive, site: Site) -> None:
    keep(archive, site.url(_CLIP))
    site.fail(_CLIP, Refuse(404))
    check(archive, "last")
    let_time_pass(archive, 7200)
    site.heal(_CLIP)
    assert check(archive, "last")[0]["origin"] == "there"
    site.fail(_CLIP, Refuse(404))
    assert check(archive, "last")[0]["origin"] == "not_found"


def test_a_bad_moment_says_nothing_of_the_video(archive: Archive, site: Site) -> None:
    keep(archive, site.url(_CLIP))
    for fault in (Refuse(503), Refuse(429, retry_after=1)):
        site.fail(_CLIP, fault)
        answer = check(archive, "last")[0]
        assert (answer["origin"], answer["before"]) == ("unknown", "there")
        site.heal(_CLIP)
    with site.away():
        assert check(archive, "last")[0]["origin"] == "unknown"
    assert origin(archive) == "there"
    checks = archive.document("library", "history", "last")["checks"]
    assert [c["origin"] for c in checks] == ["unknown", "unknown", "unknown", "there"]
    assert checks[2]["evidence"]["status"] == 503
    # What could not be asked now is not asked again at once by itself.
    let_time_pass(archive, 8 * 86400)
    assert check(archive)[0]["origin"] == "there"


def test_what_wants_a_key_is_restricted_not_gone(archive: Archive, site: Site) -> None:
    keep(archive, site.url(_CLIP))
    site.fail(_CLIP, Guarded("cookie", "key=1"))
    assert check(archive, "last")[0]["origin"] == "restricted"
    assert archive.document("library", "gone")["held"] == []


def test_only_what_was_not_asked_for_long_is_asked(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 3)
    keep(archive, feed.url)
    assert check(archive) == [{"event": "done", "left": 0}]
    let_time_pass(archive, 8 * 86400)
    check(archive, feed.entries[0].url)
    asked = check(archive, "--older-than", "7d")
    assert sorted(a["url"] for a in asked[:-1]) == sorted(e.url for e in feed.entries[1:])


def test_a_budget_is_shared_with_downloads_and_waited_for(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 2)
    keep(archive, feed.url)
    poor = Archive(
        archive.home, archive.library, {"REEL_ARCHIVE__BUDGETS": f"127.0.0.1:{site.port}=1"}
    )
    let_time_pass(archive, 8 * 86400)
    site.forget()
    told = check(poor, "--patience", "1s", code=_EXITS_LATER)
    assert told[-1] == {"event": "done", "there": 1, "left": 1}
    assert sum(site.count(e.path) for e in feed.entries) == 1
    unasked = [a for a in told[:-1] if not a["asked"]]
    assert [a["code"] for a in unasked] == ["budget_spent"]


def test_what_was_gone_before_it_was_fetched_is_lost(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 3)
    site.fail(feed.entries[0].path, Refuse(410))
    site.fail(feed.entries[1].path, Refuse(404))
    archive.run(feed.url)
    report = archive.document("library", "gone")
    assert report["held"] == []
    found = {one["url"]: one["certain"] for one in report["lost"]}
    assert found[feed.entries[1].url] is False
    assert len(found) == 2


def test_a_file_that_is_lost_and_gone_is_told_so(archive: Archive, site: Site) -> None:
    done = archive.run(site.url(_CLIP))
    archive.path(done.entry).unlink()
    archive.start("verify", "--json").process.communicate(timeout=240)
    site.fail(_CLIP, Refuse(410))
    check(archive, "last")
    report = archive.document("library", "gone")
    assert report["held"] == []
    assert [one["asset"] for one in report["lost"]] == [done.entry["asset"]]
