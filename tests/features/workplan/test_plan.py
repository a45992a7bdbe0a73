"""What the archive is missing is listed by cause, carried out, and taken off the list."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.faults.archive.runs import Archive, Ended
from tests.site import Site
from tests.site_resources import Refuse

TALK = "/files/clip.mp4"


def causes(archive: Archive, *words: str) -> dict[str, list[dict[str, Any]]]:
    found = archive.document("workplan", *words)
    assert found["total"] == sum(cause["count"] for cause in found["causes"])
    for cause in found["causes"]:
        assert cause["count"] == len(cause["items"])
    return {cause["cause"]: cause["items"] for cause in found["causes"]}


def carry_out(archive: Archive, *words: str) -> Ended:
    return archive.start("workplan", "run", *words, "--json").end()


def acts(done: Ended) -> dict[str, str]:
    """By address."""
    return {str(e["url"]): str(e["act"]) for e in done.events if e["event"] == "item"}


@pytest.fixture
def spoiled(archive: Archive, site: Site) -> dict[str, str]:
    """Addresses by what is wrong with them, all asked for once; ``good`` is kept."""
    found = {name: site.clip(f"/{name}.mp4") for name in ("good", "login", "gone", "broken")}
    site.fail("/login.mp4", Refuse(403))
    site.fail("/gone.mp4", Refuse(410))
    site.fail("/broken.mp4", Refuse(503))
    once = Archive(archive.home, archive.library, {"REEL_ARCHIVE__ATTEMPTS": "0"})
    done = once.run(*found.values())
    assert done.code != 0
    assert (done.job["kept"], done.job["failed"]) == (1, 3), done
    return found


def test_by_cause(archive: Archive, spoiled: dict[str, str]) -> None:
    found = causes(archive)
    assert {name: [item["url"] for item in items] for name, items in found.items()} == {
        "login": [spoiled["login"]],
        "network": [spoiled["broken"]],
        "gone": [spoiled["gone"]],
    }
    (broken,) = found["network"]
    assert (broken["code"], broken["does"]) == ("http_server_error", "run")
    assert (broken["tries"], broken["next_at"]) == (1, None)
    assert "503" in broken["message"] + json.dumps(broken["evidence"])
    assert broken["job"]
    (gone,) = found["gone"]
    assert (gone["state"], gone["does"], gone["next_at"]) == ("gone", "nothing", None)
    (login,) = found["login"]
    assert (login["does"], login["next_at"]) == ("person", None)
    assert login["action"]


def test_what_has_its_time_is_left_alone(archive: Archive, site: Site) -> None:
    site.fail(TALK, Refuse(429, retry_after=3600))
    # Within a job it would be waited for.
    once = Archive(archive.home, archive.library, {"REEL_RETRY__ATTEMPTS": "1"})
    once.run(site.url(TALK))
    (item,) = causes(archive)["rest"]
    assert (item["code"], item["does"]) == ("http_rate_limited", "itself")
    assert item["next_at"] > item["at"] + 3000
    site.forget()
    assert acts(carry_out(archive)) == {site.url(TALK): "leave"}
    assert site.requests == []


def test_it_is_written_as_a_table_yaml_and_json(
    archive: Archive, spoiled: dict[str, str], tmp_path: Path
) -> None:
    as_json = archive.document("workplan")
    for ending in ("yaml", "json"):
        path = tmp_path / f"plan.{ending}"
        out, err = archive.start("workplan", "-o", str(path)).process.communicate(timeout=120)
        assert (out, path.exists()) == ("", True), err
        assert yaml.safe_load(path.read_text())["causes"] == as_json["causes"]
    out, _ = archive.start("workplan").process.communicate(timeout=120)
    for item in (item for cause in as_json["causes"] for item in cause["items"]):
        assert item["id"] in out
    assert "Gone at the origin, and we have nothing: 1" in out


def test_filters(archive: Archive, spoiled: dict[str, str], site: Site) -> None:
    assert list(causes(archive, "--cause", "gone")) == ["gone"]
    assert causes(archive, "--host", "example.org") == {}
    assert len(causes(archive, "--host", "127.0.0.1")) == 3
    assert list(causes(archive, "--source", spoiled["login"])) == ["login"]
    out, _ = archive.start("workplan", "--cause", "lgoin", "--json").process.communicate(timeout=60)
    assert "login" in json.loads(out)["error"]["message"]


def test_it_is_carried_out(archive: Archive, spoiled: dict[str, str], site: Site) -> None:
    site.heal("/broken.mp4")
    site.forget()
    dry = carry_out(archive, "--dry-run")
    assert site.requests == []
    done = carry_out(archive)
    expected = {spoiled["broken"]: "fetch", spoiled["login"]: "leave", spoiled["gone"]: "leave"}
    assert acts(dry) == acts(done) == expected
    assert (done.code, done.job["kept"], done.job["failed"]) == (0, 1, 0), done
    assert list(done.entries) == [spoiled["broken"]], "only what this run did"
    assert list(causes(archive)) == ["login", "gone"]
    again = carry_out(archive)
    assert "fetch" not in acts(again).values()


def test_what_waits_for_a_person_is_tried_when_it_is_named(
    archive: Archive, spoiled: dict[str, str], site: Site
) -> None:
    for name in ("login", "gone"):
        site.heal(f"/{name}.mp4")
    assert carry_out(archive, "--cause", "login").job["kept"] == 1
    (gone,) = causes(archive)["gone"]
    assert carry_out(archive, "--only", gone["id"]).job["kept"] == 1
    assert list(causes(archive)) == ["network"]


def test_new_cookies_are_a_reason_to_try(
    archive: Archive, spoiled: dict[str, str], site: Site, tmp_path: Path
) -> None:
    site.heal("/login.mp4")
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("# Netscape HTTP Cookie File\n")
    with_cookies = Archive(archive.home, archive.library, {"REEL_ARCHIVE__COOKIES": str(cookies)})
    os.utime(cookies, (1e9, 1e9))
    assert acts(carry_out(with_cookies, "--dry-run"))[spoiled["login"]] == "leave"
    os.utime(cookies)
    assert acts(carry_out(with_cookies, "--dry-run"))[spoiled["login"]] == "fetch"


def test_skipped_items_stay_off_the_plan_until_they_are_put_back(
    archive: Archive, spoiled: dict[str, str], site: Site
) -> None:
    before = causes(archive)
    (gone,) = before["gone"]
    changed = archive.document("workplan", "skip", gone["id"], "--because", "seen it")
    assert changed == {"changed": [gone["id"]]}
    assert archive.document("workplan", "skip", gone["id"]) == {"changed": []}
    assert "gone" not in causes(archive)
    (shown,) = causes(archive, "--skipped")["gone"]
    assert (shown["id"], shown["skipped"]["because"]) == (gone["id"], "seen it")

    site.forget()
    archive.run(spoiled["gone"])
    assert site.count("/gone.mp4") == 0, "it is not wanted any more"
    archive.document("workplan", "unskip", gone["id"])
    after = causes(archive)["gone"]
    assert [{**item, "at": 0} for item in after] == [{**gone, "at": 0}]


def test_a_list_that_cannot_be_read(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 1)
    path = feed.url.removeprefix(site.url(""))
    site.fail(path, Refuse(403))
    archive.run(feed.url)
    (item,) = causes(archive)["login"]
    assert (item["kind"], item["url"], item["state"]) == ("source", feed.url, "failed")
    archive.document("workplan", "skip", item["id"])
    assert causes(archive) == {}
    archive.document("workplan", "unskip", item["id"])
    site.heal(path)
    done = carry_out(archive, "--only", item["id"])
    assert (done.code, done.job["kept"]) == (0, 1), done
    assert causes(archive) == {}


def test_what_is_damaged_is_repaired(archive: Archive, site: Site) -> None:
    """What `reel verify` found: from copies that are here, else from the origin."""
    url = site.clip("/talk.mp4")
    kept = archive.run(url).entry
    path = archive.path(kept)
    path.unlink()
    archive.start("verify", "--json").process.communicate(timeout=120)
    (item,) = causes(archive)["damaged"]
    assert (item["kind"], item["asset"], item["code"]) == ("asset", kept["asset"], "file_missing")
    site.forget()
    assert acts(carry_out(archive)) == {url: "repair"}
    assert (path.is_file(), site.requests, causes(archive)) == (True, [], {})

    path.unlink()
    archive.start("cache", "prune", "--limit", "0", "--json").process.communicate(timeout=120)
    archive.start("verify", "--json").process.communicate(timeout=120)
    done = carry_out(archive)
    assert acts(done) == {url: "fetch"}
    assert (done.code, done.job["kept"]) == (0, 1), done
    assert (path.is_file(), causes(archive)) == (True, {})


def test_a_full_disk_is_said(archive: Archive, site: Site) -> None:
    full = Archive(archive.home, archive.library, {"REEL_ARCHIVE__KEEP_FREE_BYTES": "1000000TB"})
    (item,) = causes(full)["disk"]
    assert (item["kind"], item["id"], item["code"]) == ("disk", "disk", "disk_full")
    assert causes(archive) == {}
