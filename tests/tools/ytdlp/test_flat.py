"""Channels that lead to tabs, tabs that lead to playlists: extractors as yt-dlp has them, of a site
that there is not. In a process of its own, since a session rules over all of it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

_EXTRACTORS = """
import json, sys
from yt_dlp.extractor.common import InfoExtractor
from reelwright.tools.ytdlp.flat import FlatList, site_of, video_of
from reelwright.tools.ytdlp.options import YtdlpOptions
from reelwright.tools.ytdlp.session import Session
from reelwright.tools.ytdlp.wire import entry_line
from dataclasses import asdict

asked = []

class TestVideoIE(InfoExtractor):
    _VALID_URL = r"https?://talks\\.example/v/(?P<id>\\d+)"
    _RETURN_TYPE = "video"
    def _real_extract(self, url):
        raise AssertionError("no video is looked at")

class TestListIE(InfoExtractor):
    _VALID_URL = r"https?://talks\\.example/list/(?P<id>\\d+)"
    _RETURN_TYPE = "playlist"
    def _real_extract(self, url):
        name = self._match_id(url)
        asked.append(name)
        def entries():
            for page in range(3):
                asked.append(f"{name}.{page}")
                for n in range(100):
                    yield self.url_result(
                        f"https://talks.example/v/{name}{page}{n:02}", TestVideoIE,
                        f"{name}{page}{n:02}", f"Talk {n}", duration=60, timestamp=1706933106,
                        availability="unlisted")
        return self.playlist_result(entries(), name, f"List {name}")

class TestChannelIE(InfoExtractor):
    _VALID_URL = r"https?://talks\\.example/@(?P<id>\\w+)"
    _RETURN_TYPE = "playlist"
    def _real_extract(self, url):
        tabs = [self.url_result(f"https://talks.example/list/{n}", TestListIE) for n in (1, 2)]
        return self.playlist_result([*tabs, None], "ada", "Ada", channel="Ada", channel_id="ada")

class TestLinkIE(InfoExtractor):
    _VALID_URL = r"https?://talks\\.example/to/(?P<id>\\d+)"
    def _real_extract(self, url):
        return self.url_result(f"https://talks.example/list/{self._match_id(url)}", TestListIE)

url, most = sys.argv[1], int(sys.argv[2])
options = YtdlpOptions(extractors=("generic",))
session = Session(url, options.to_params(url), headers={}, direct_only=False)
session.ydl._ies.clear()  # "generic", which stands first, would take them all
for one in (TestVideoIE, TestListIE, TestChannelIE, TestLinkIE):
    session.ydl.add_info_extractor(one())
known = site_of(session, url)
single = video_of(known, url) if known else None
flat, found = FlatList(session, url), []
for entry in ([] if single else flat.entries()):
    found.append(json.loads(entry_line(entry)))
    if len(found) == most:
        break
print("\\n" + json.dumps({
    "site": known and known.ie_key(), "single": single and json.loads(entry_line(single)),
    "found": found, "asked": asked, "listing": None if single else asdict(flat.listing()),
}))
"""


def listed(url: str, most: int = 10_000) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", _EXTRACTORS, url, str(most)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_a_channel_leads_to_the_videos_of_its_tabs() -> None:
    told = listed("https://talks.example/@ada")

    found = told["found"]
    assert [one["position"] for one in found] == list(range(1, 601))
    assert found[0] == {
        "position": 1,
        "url": "https://talks.example/v/1000",
        "extractor": "testvideo",
        "native_id": "1000",
        "item": 1,
        "title": "Talk 0",
        "published_at": 1706933106.0,
        "duration_s": 60.0,
        "availability": "unlisted",
    }
    assert found[-1]["url"] == "https://talks.example/v/2299"
    listing = told["listing"]
    assert (listing["kind"], listing["title"], listing["channel_id"]) == ("channel", "Ada", "ada")


def test_pages_of_a_list_are_asked_for_as_they_are_needed() -> None:
    told = listed("https://talks.example/list/7", most=150)

    assert told["asked"] == ["7", "7.0", "7.1"]
    assert told["listing"]["kind"] == "playlist"
    assert told["listing"]["url"] == "https://talks.example/list/7"


def test_what_an_address_leads_on_to_is_followed() -> None:
    told = listed("https://talks.example/to/7", most=1)

    assert told["listing"]["title"] == "List 7"


def test_a_videos_own_address_is_no_question() -> None:
    told = listed("https://talks.example/v/1234")

    assert told["site"] == "TestVideo"
    assert told["single"]["native_id"] == "1234"
    assert told["asked"] == []


_SITES = """
import sys
from reelwright.tools.ytdlp.flat import site_of
from reelwright.tools.ytdlp.options import YtdlpOptions
from reelwright.tools.ytdlp.session import Session

for url in sys.argv[1:]:
    session = Session(url, YtdlpOptions().to_params(url), headers={}, direct_only=False)
    found = site_of(session, url)
    print(found and found.ie_key())
"""


def test_the_feed_of_a_known_site_is_a_feed() -> None:
    known = {
        "https://www.youtube.com/feeds/videos.xml?channel_id=UC1": "None",
        "https://www.youtube.com/@ada/videos": "YoutubeTab",
        "https://example.org/talk": "None",
        "http://127.0.0.1/feed.xml": "None",
        "https://www.arte.tv/en/videos/088501-000-A/": "ArteTV",
    }

    done = subprocess.run(
        [sys.executable, "-c", _SITES, *known], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == list(known.values())
