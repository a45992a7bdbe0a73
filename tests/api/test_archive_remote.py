"""The commands of the archive, asked of a service: what they print is what they print here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.test_archive import QUICK
from tests.served import Served, serving
from tests.site import Site
from tests.site_resources import Refuse

_REEL = (str(Path(sys.executable).with_name("reel")),)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    library = str(tmp_path / "library")
    with serving(tmp_path / "home", REEL_LIBRARY=library, **QUICK) as found:
        yield found


def reel(served: Served, *words: str, here: bool = False) -> tuple[int, list[dict[str, Any]]]:
    """`reel --server URL WORDS --json`, or `here`: on the service's own home."""
    command = [*_REEL]
    environ = {**os.environ, **QUICK, "REEL_TOKEN": served.token}
    if here:
        environ |= {"REEL_HOME": str(served.home)}
        environ |= {"REEL_LIBRARY": str(served.home.parent / "library")}
    else:
        command += ["--server", served.url]
    done = subprocess.run(
        [*command, *words, "--json"],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_archive_library_and_work_plan(served: Served, site: Site) -> None:
    good, gone, login = (site.clip(f"/{name}.mp4") for name in ("good", "gone", "login"))
    site.fail("/gone.mp4", Refuse(410))
    site.fail("/login.mp4", Refuse(403))
    code, lines = reel(served, "archive", good, gone, login)
    assert code == 3, lines
    entries = {line["url"]: line for line in lines if line["event"] == "entry"}
    states = {url: (line["state"], line["code"]) for url, line in entries.items()}
    assert states == {
        good: ("kept", None),
        gone: ("gone", "http_not_found"),
        login: ("failed", "http_forbidden"),
    }
    assert Path(entries[good]["path"]).is_file()
    ended = {"event": "job", "state": "failed", "kept": 1, "held": 0, "failed": 2}
    assert lines[-1] == ended
    code, lines = reel(served, "archive", good)
    assert (code, lines[0]["state"], lines[-1]["held"]) == (0, "held", 1)

    for words in (["library"], ["library", "show", "last"], ["workplan", "--cause", "gone"]):
        there, own = reel(served, *words), reel(served, *words, here=True)
        for found in (*there[1], *own[1]):
            found.pop("made_at", None)
        assert there == own, words
    code, (searched,) = reel(served, "library", "search", "nothing", "of", "that")
    assert (code, searched["hits"]) == (0, [])

    site.heal("/login.mp4")
    code, lines = reel(served, "workplan", "run", "--cause", "login")
    acts = {line["url"]: line["act"] for line in lines if line["event"] == "item"}
    assert acts == {login: "fetch"}
    assert (code, lines[-1]["kept"], lines[-1]["failed"]) == (0, 1, 0), lines
    (item,) = reel(served, "workplan")[1][0]["causes"][0]["items"]
    assert reel(served, "workplan", "skip", item["id"])[1] == [{"changed": [item["id"]]}]
    assert reel(served, "workplan")[1][0]["total"] == 0
    assert reel(served, "workplan", "unskip", item["id"])[1] == [{"changed": [item["id"]]}]


def test_follow_and_logs(served: Served, site: Site) -> None:
    feed = site.feed("rss", 1)
    code, ((made),) = reel(served, "follow", feed.url, "--every", "6h")
    (one,) = made["subscriptions"]
    assert (code, one["url"], one["schedule"]) == (0, feed.url, "6h")
    (paused,) = reel(served, "follow", "--pause", one["id"][:16])[1][0]["subscriptions"]
    assert paused["enabled"] is False
    reel(served, "follow", "--resume", feed.url)
    feed.add()
    code, lines = reel(served, "follow", "--now")
    assert code == 0, lines
    assert lines[-1]["kept"] + lines[-1]["held"] == 2
    there, own = reel(served, "follow"), reel(served, "follow", here=True)
    assert there == own

    line = {"message": "hello", "level": "warning", "component": "backup.disk"}
    answer = served.client.post("/v1/logs", json={"lines": [line]})
    assert answer.status_code == 201, answer.text
    code, found = reel(served, "logs", "--component", "backup")
    assert [one["message"] for one in found] == ["hello"]
    listed = served.client.get("/v1/logs", params={"level": "warning", "text": "hell"}).json()
    assert [one["seq"] for one in listed["lines"]] == answer.json()["seq"]
    assert reel(served, "logs", "--component", "backup", here=True)[1] == found


@pytest.mark.parametrize(
    "words",
    [
        ["follow", "sync"],
        ["library", "rename", "--dry-run"],
        ["library", "gone"],
        ["metadata", "sync", "--dry-run"],
        ["archive", "https://example.org/", "--library", "/tmp"],
        ["archive", "https://example.org/", "--proxy", "http://127.0.0.1:1"],
        ["verify"],
    ],
)
def test_what_is_about_this_machine(words: list[str]) -> None:
    """It is refused before anybody is asked."""
    done = subprocess.run(
        [*_REEL, "--server", "http://127.0.0.1:9", *words, "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "usage"
