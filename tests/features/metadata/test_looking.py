"""`reel metadata video`, `playlist`, `search` and `quota`: who answers, and what it costs."""

from __future__ import annotations

from pathlib import Path

from reelwright.app.settings import load
from tests.cli.reel import Done, reel
from tests.site import Site
from tests.youtube_stub import KEY, Failure, YoutubeStub

VIDEO = "aqz-KE-bpKQ"
LIST = "PL6B3937A5D230E335"
_QUICK = {"REEL_RETRY__BACKOFF_S": "0.05", "REEL_RETRY__BACKOFF_MAX_S": "0.2"}


def ask(youtube: YoutubeStub, cwd: Path, *words: str, **environ: str) -> Done:
    done = reel("metadata", *words, cwd=cwd, **{**youtube.environ, **_QUICK, **environ})
    assert KEY not in done.out + done.err
    return done


def used(youtube: YoutubeStub, cwd: Path) -> dict[str, int]:
    done = ask(youtube, cwd, "quota", "--json")
    return {one["bucket"]: one["used"] for one in done.json["buckets"]}


def test_a_video_by_id_or_address(youtube: YoutubeStub, tmp_path: Path) -> None:
    youtube.add_video(VIDEO, "Big Buck Bunny")
    first = ask(youtube, tmp_path, "video", VIDEO, "--json").json
    assert (first["source"], first["cached"], first["units"]) == ("youtube-api", False, 1)
    assert (first["title"], first["channel"]) == ("Big Buck Bunny", "Stub Channel")
    assert (first["duration_s"], first["published_at"]) == (3723.0, 1710064800.0)
    assert first["view_count"] == 12_345_678_901
    assert first["tags"] == ["open", "movie"]

    again = ask(youtube, tmp_path, "video", f"https://youtu.be/{VIDEO}?t=3", "--json").json
    assert (again["source"], again["cached"], again["units"]) == ("youtube-api", True, 0)
    assert again["title"] == first["title"]
    assert len(youtube.calls) == 1

    shown = ask(youtube, tmp_path, "video", VIDEO)
    assert "Big Buck Bunny" in shown.out
    assert "remembered" in shown.err


def test_an_old_answer_is_asked_for_with_its_etag(youtube: YoutubeStub, tmp_path: Path) -> None:
    youtube.add_video(VIDEO, "Before")
    old = {"REEL_YOUTUBE__CACHE_HOURS": "0"}
    ask(youtube, tmp_path, "video", VIDEO, **old)
    same = ask(youtube, tmp_path, "video", VIDEO, "--json", **old).json
    assert youtube.statuses == [200, 304]
    assert (same["title"], same["cached"], same["units"]) == ("Before", False, 1)
    assert used(youtube, tmp_path)["units"] == youtube.units == 2  # a 304 costs as much

    youtube.add_video(VIDEO, "After")
    assert ask(youtube, tmp_path, "video", VIDEO, "--json", **old).json["title"] == "After"
    assert youtube.statuses == [200, 304, 200]


def test_what_is_not_shown_any_more_is_gone(youtube: YoutubeStub, tmp_path: Path) -> None:
    done = ask(youtube, tmp_path, "video", VIDEO, "--json")
    assert (done.code, done.json["error"]["code"]) == (3, "video_gone")
    ask(youtube, tmp_path, "video", VIDEO)
    assert youtube.units == 1  # that it is gone is remembered, too

    rejected = {"uploadStatus": "rejected", "rejectionReason": "copyright"}
    youtube.add_video("rejected-01", status=rejected)
    done = ask(youtube, tmp_path, "video", "rejected-01", "--json")
    assert done.json["error"]["code"] == "video_blocked"
    assert "copyright" in done.json["error"]["message"]


def test_a_playlist_page_by_page(youtube: YoutubeStub, tmp_path: Path) -> None:
    ids = [f"list{n:07d}" for n in range(120)]
    for one in ids[:-1]:
        youtube.add_video(one)
    youtube.add_playlist(LIST, ids, "All of it")
    found = ask(youtube, tmp_path, "playlist", LIST, "--json").json
    assert [one["id"] for one in found["entries"]] == ids
    assert [one["position"] for one in found["entries"]] == list(range(1, 121))
    assert (found["title"], found["count"], found["whole"]) == ("All of it", 120, True)
    assert found["units"] == youtube.units == 1 + 3
    assert found["entries"][-1]["availability"] is None  # deleted

    address = f"https://www.youtube.com/playlist?list={LIST}"
    again = ask(youtube, tmp_path, "playlist", address, "--limit", "60", "--json").json
    assert (again["units"], again["cached"], len(again["entries"])) == (0, True, 60)
    assert youtube.units == 4

    assert ask(youtube, tmp_path, "playlist", "PLnowhere0000000").code == 3


def test_a_channel_by_its_handle(youtube: YoutubeStub, tmp_path: Path) -> None:
    youtube.add_video(VIDEO)
    youtube.add_channel("UC" + "b" * 22, "@BlenderStub", [VIDEO])
    found = ask(youtube, tmp_path, "playlist", "@blenderstub", "--json").json
    assert (found["kind"], found["id"], found["count"]) == ("channel", "UC" + "b" * 22, 1)
    assert [one["id"] for one in found["entries"]] == [VIDEO]
    assert ask(youtube, tmp_path, "playlist", "@nobody").code == 3


def test_searches_have_a_bucket_of_their_own(youtube: YoutubeStub, tmp_path: Path) -> None:
    youtube.add_video(VIDEO, "Tom & Jerry")
    found = ask(youtube, tmp_path, "search", "tom", "--json", REEL_YOUTUBE__SEARCHES="1").json
    assert [hit["title"] for hit in found["hits"]] == ["Tom & Jerry"]
    assert used(youtube, tmp_path) == {"units": 0, "searches": 1}
    done = ask(youtube, tmp_path, "search", "tom", "--json", REEL_YOUTUBE__SEARCHES="1")
    assert (done.code, done.json["error"]["code"]) == (6, "api_quota")
    assert youtube.searches == 1  # the second was not sent


def test_rate_limits_and_failing_servers_are_waited_for(
    youtube: YoutubeStub, tmp_path: Path
) -> None:
    youtube.add_video(VIDEO)
    youtube.fail(
        Failure(403, "rateLimitExceeded", "usageLimits"),
        Failure(429, "rateLimitExceeded", "global"),
        Failure(403, "userRateLimitExceeded", "usageLimits"),
        Failure(500, "backendError", "global"),
        Failure(502),
    )
    found = ask(youtube, tmp_path, "video", VIDEO, "--json").json
    assert youtube.statuses == [403, 429, 403, 500, 502, 200]
    assert found["units"] == used(youtube, tmp_path)["units"] == 6  # tries cost, too

    youtube.fail(*[Failure(503, "backendError", "global")] * 20)
    done = ask(youtube, tmp_path, "video", "other-video", "--json")
    assert (done.code, done.json["error"]["code"]) == (3, "http_server_error")
    assert len(youtube.calls) == 12


def test_a_spent_day_is_believed_at_once_and_remembered(
    youtube: YoutubeStub, tmp_path: Path
) -> None:
    youtube.add_video(VIDEO)
    for reason in ("quotaExceeded", "dailyLimitExceeded"):
        home = str(tmp_path / reason)
        youtube.forget()
        youtube.fail(Failure(403, reason))
        done = ask(youtube, tmp_path, "video", VIDEO, "--json", REEL_HOME=home)
        problem = done.json["error"]
        assert (done.code, problem["code"]) == (6, "api_quota")
        assert problem["evidence"]["resets_at"] > 0
        assert len(youtube.calls) == 1
        done = ask(youtube, tmp_path, "video", "other-video", REEL_HOME=home)
        assert done.code == 6
        assert len(youtube.calls) == 1  # nobody asks again today


def test_a_day_s_limit_under_the_name_of_a_rate(youtube: YoutubeStub, tmp_path: Path) -> None:
    daily = {
        "reason": "RATE_LIMIT_EXCEEDED",
        "metadata": {"quota_limit": "defaultPerDayPerProject"},
    }
    youtube.fail(Failure(429, "rateLimitExceeded", "global", details=[daily]))
    done = ask(youtube, tmp_path, "video", VIDEO, "--json")
    assert done.json["error"]["code"] == "api_quota"
    assert len(youtube.calls) == 1


def test_the_ledger_refuses_before_anything_is_sent(youtube: YoutubeStub, tmp_path: Path) -> None:
    youtube.add_video(VIDEO)
    few = {"REEL_YOUTUBE__UNITS": "1"}
    assert ask(youtube, tmp_path, "video", VIDEO, **few).code == 0
    done = ask(youtube, tmp_path, "video", VIDEO, "--refresh", "--json", **few)
    assert (done.code, done.json["error"]["code"]) == (6, "api_quota")
    assert youtube.units == 1
    # What is remembered costs nothing.
    assert ask(youtube, tmp_path, "video", VIDEO, **few).code == 0


def test_a_playlist_that_the_day_cannot_pay(youtube: YoutubeStub, tmp_path: Path) -> None:
    youtube.add_playlist(LIST, [f"list{n:07d}" for n in range(200)])
    few = {"REEL_YOUTUBE__UNITS": "3"}
    done = ask(youtube, tmp_path, "playlist", LIST, "--json", **few)
    assert (done.code, done.json["error"]["code"]) == (6, "api_quota")
    assert done.json["error"]["evidence"]["needed"] == 4
    assert youtube.units == 1  # to know how long it is

    found = ask(youtube, tmp_path, "playlist", LIST, "--force", "--json", **few).json
    assert (len(found["entries"]), found["whole"]) == (100, False)


def test_a_wrong_key_is_said_and_never_shown(youtube: YoutubeStub, tmp_path: Path) -> None:
    secret = "AIzaSy-not-the-right-key-at-all-000000"  # secret-ok: made up
    done = ask(youtube, tmp_path, "video", VIDEO, "--json", REEL_YOUTUBE__KEY=secret)
    assert (done.code, done.json["error"]["code"]) == (3, "api_key")
    assert secret not in done.out + done.err
    shown = reel("config", "show", "--json", cwd=tmp_path, REEL_YOUTUBE__KEY=secret)
    assert secret not in shown.out
    assert {s["name"]: s["value"] for s in shown.json["settings"]}["youtube.key"] == "***"
    assert secret not in repr(load(environ={"REEL_YOUTUBE__KEY": secret}))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]  # the home is among them
    assert files
    assert not [path for path in files if secret.encode() in path.read_bytes()]


def test_an_address_that_is_no_api(youtube: YoutubeStub, tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9/youtube/v3"
    done = ask(youtube, tmp_path, "video", VIDEO, "--json", REEL_YOUTUBE__URL=nowhere)
    assert done.json["error"]["code"] == "network_unreachable"


def test_without_a_key_yt_dlp_answers(site: Site, tmp_path: Path) -> None:
    feed = site.feed("rss", 3)
    listed = reel("metadata", "playlist", feed.url, "--json", cwd=tmp_path).json
    assert (listed["source"], listed["kind"], len(listed["entries"])) == ("yt-dlp", "feed", 3)
    done = reel("metadata", "playlist", "no address", "--json", cwd=tmp_path)
    assert (done.code, done.json["error"]["code"]) == (2, "field_invalid")


def test_another_site_is_asked_by_yt_dlp_also_with_a_key(
    youtube: YoutubeStub, site: Site, tmp_path: Path
) -> None:
    feed = site.feed("atom", 1)
    found = ask(youtube, tmp_path, "video", feed.entries[0].url, "--json").json
    assert found["source"] == "yt-dlp"
    assert found["url"].startswith("http://127.0.0.1")
    assert youtube.calls == []
    done = ask(youtube, tmp_path, "video", feed.entries[0].url, "--source", "youtube-api")
    assert done.code == 2
    assert not list((tmp_path / "reel-home" / "metadata").iterdir())  # nothing is left behind
