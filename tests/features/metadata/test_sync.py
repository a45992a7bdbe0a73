"""`reel metadata sync`: what is known of assets is brought up to date, as far as quota goes."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.cli.reel import REEL, reel
from tests.faults.archive.runs import Archive, until
from tests.features.metadata.shelves import hold, known, video_ids
from tests.site import Site
from tests.site_resources import Refuse
from tests.youtube_stub import Failure, YoutubeStub

_QUICK = {"REEL_RETRY__BACKOFF_S": "0.05", "REEL_RETRY__BACKOFF_MAX_S": "0.2"}


def sync(
    youtube: YoutubeStub, cwd: Path, *words: str, code: int = 0, units: int | None = None
) -> Any:
    """`units`: of a day."""
    every = {**youtube.environ, **_QUICK}
    if units is not None:
        every["REEL_YOUTUBE__UNITS"] = str(units)
    done = reel("metadata", "sync", *words, "--json", cwd=cwd, **every)
    assert done.code == code, done
    return done.json


def test_fifty_videos_for_a_unit(youtube: YoutubeStub, tmp_path: Path, reel_home: Path) -> None:
    ids = video_ids(120)
    hold(reel_home, ids)
    for one in ids[:-2]:
        youtube.add_video(one, f"The title of {one}")

    plan = sync(youtube, tmp_path, "--dry-run")
    assert (plan["assets"], plan["remembered"], plan["units"], plan["left"]) == (120, 0, 3, 10_000)
    assert youtube.calls == []

    done = sync(youtube, tmp_path)
    assert (done["assets"], done["changed"], done["gone"], done["units"]) == (120, 118, 2, 3)
    assert [len(q["id"].split(",")) for q in youtube.asked("videos")] == [50, 50, 20]

    rows = known(reel_home)
    row, info = rows[ids[0]]
    assert (row.title, row.channel) == (f"The title of {ids[0]}", "Stub Channel")
    assert (row.published_at, row.duration_s, row.origin_state) == (1710064800.0, 3723.0, "there")
    assert info["captions_human"] == ["de"]  # what the API does not say stays
    gone, before = rows[ids[-1]]
    assert (gone.title, gone.origin_state) == (f"{ids[-1]}.mp4", "gone")
    assert before["title"] == f"{ids[-1]}.mp4"

    # Asked a moment ago: nothing is asked again.
    again = sync(youtube, tmp_path)
    assert (again["assets"], again["changed"], again["units"]) == (120, 0, 0)
    fresh = sync(youtube, tmp_path, "--refresh")
    assert (fresh["changed"], fresh["units"]) == (0, 3)
    assert youtube.statuses[-3:] == [304] * 3


def test_nothing_is_begun_that_the_day_cannot_pay(
    youtube: YoutubeStub, tmp_path: Path, reel_home: Path
) -> None:
    ids = video_ids(220)
    hold(reel_home, ids)
    for one in ids:
        youtube.add_video(one)
    refused = sync(youtube, tmp_path, code=6, units=2)
    assert refused["error"]["evidence"]["needed"] == 5
    assert youtube.calls == []

    forced = sync(youtube, tmp_path, "--force", units=2)
    assert (forced["assets"], forced["units"], forced["remaining"]) == (100, 2, 120)
    assert forced["stopped"]["code"] == "api_quota"

    # Tomorrow, with more: it goes on where it was stopped.
    youtube.forget()
    plan = sync(youtube, tmp_path, "--dry-run", units=100)
    assert (plan["assets"], plan["units"]) == (120, 3)
    rest = sync(youtube, tmp_path, units=100)
    assert (rest["assets"], rest["units"]) == (120, 3)
    asked = [one for q in youtube.asked("videos") for one in q["id"].split(",")]
    assert asked == ids[100:]
    assert all(row.origin_state == "there" for row, _ in known(reel_home).values())


def test_the_api_ends_the_day_in_the_middle(
    youtube: YoutubeStub, tmp_path: Path, reel_home: Path
) -> None:
    ids = video_ids(150)
    hold(reel_home, ids)
    for one in ids:
        youtube.add_video(one)
    youtube.daily_units = 1  # others use the same project
    done = sync(youtube, tmp_path, code=6)
    assert (done["assets"], done["remaining"], done["stopped"]["code"]) == (50, 100, "api_quota")
    assert sum(row.origin_state == "there" for row, _ in known(reel_home).values()) == 50
    youtube.daily_units = None
    sync(youtube, tmp_path, code=6)  # the ledger knows that the day is over
    assert len(youtube.calls) == 2


def test_an_error_keeps_what_was_found_before(
    youtube: YoutubeStub, tmp_path: Path, reel_home: Path
) -> None:
    ids = video_ids(60)
    hold(reel_home, ids)
    for one in ids:
        youtube.add_video(one)
    sync(youtube, tmp_path)
    youtube.fail(Failure(403, "accessNotConfigured", "usageLimits"))
    failed = sync(youtube, tmp_path, "--refresh", code=3)
    assert failed["error"]["code"] == "api_key"
    assert all(row.origin_state == "there" for row, _ in known(reel_home).values())


def test_a_kill_in_the_middle_loses_nothing(
    youtube: YoutubeStub, tmp_path: Path, reel_home: Path
) -> None:
    ids = video_ids(200)
    hold(reel_home, ids)
    for one in ids:
        youtube.add_video(one)
    # The second call finds a server that fails, and is waited for: there the kill comes.
    environ = {**os.environ, **youtube.environ, "REEL_RETRY__BACKOFF_S": "60"}
    answers = youtube._answer

    def failing_after_two(asked: Any) -> Any:
        if len(youtube.calls) == 2:
            youtube.fail(Failure(503, "backendError", headers={"Retry-After": "60"}))
        return answers(asked)

    youtube._server.answer = failing_after_two
    process = subprocess.Popen(
        [REEL, "metadata", "sync", "--json"], cwd=tmp_path, env=environ, stdout=subprocess.DEVNULL
    )
    try:
        until(lambda: 503 in youtube.statuses)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    youtube._server.answer = answers
    youtube.forget()
    rest = sync(youtube, tmp_path)
    assert (rest["assets"], rest["units"]) == (100, 2)
    assert all(row.origin_state == "there" for row, _ in known(reel_home).values())


def test_chosen_assets_alone(youtube: YoutubeStub, tmp_path: Path, reel_home: Path) -> None:
    ids = video_ids(3)
    hold(reel_home, ids)
    youtube.add_video(ids[1], "Chosen")
    done = sync(youtube, tmp_path, f"a{ids[1]}")
    assert (done["assets"], done["changed"], done["units"]) == (1, 1, 1)
    rows = known(reel_home)
    assert rows[ids[1]][0].title == "Chosen"
    assert rows[ids[0]][0].origin_state == "unknown"


def test_without_a_key_the_site_itself_is_asked(
    archive: Archive, site: Site, tmp_path: Path
) -> None:
    """A video of another site than YouTube, which yt-dlp knows how to ask."""
    feed = site.feed("rss", 1)
    kept = archive.run(feed.url)
    asset_id = kept.entry["asset"]
    done = archive.document("metadata", "sync", asset_id)
    assert (done["source"], done["assets"], done["failed"], done["units"]) == ("yt-dlp", 1, 0, 0)
    lines = reel(
        "logs",
        "--component",
        "archive.metadata",
        "--json",
        cwd=tmp_path,
        REEL_HOME=str(archive.home),
    )
    assert "1 videos by yt-dlp" in lines.json["message"]
    # A plain file knows less of itself than the feed that named it.
    home = {"REEL_HOME": str(archive.home)}
    shown = reel("library", "show", asset_id, "--json", cwd=tmp_path, **home).json
    assert (shown["title"], shown["origin"]) == (feed.entries[0].title, "there")

    site.fail(feed.entries[0].path, Refuse(410))
    gone = archive.document("metadata", "sync", asset_id)
    assert (gone["gone"], gone["changed"]) == (1, 0)
    shown = reel("library", "show", asset_id, "--json", cwd=tmp_path, **home).json
    assert (shown["title"], shown["origin"]) == (feed.entries[0].title, "gone")

    plan = reel("metadata", "sync", "--dry-run", "--json", cwd=tmp_path).json
    assert (plan["source"], plan["assets"], plan["left"]) == ("yt-dlp", 0, None)
