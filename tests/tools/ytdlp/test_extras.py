"""What only large sites offer: sponsor marks, comments and live chats, from a site of our own that
speaks as they do. In a process each, since a session rules over all of its process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.site import Site
from tests.site_resources import Asked, Resource, resource

_SESSION = """
import json, sys
from pathlib import Path
from reelwright.tools.ytdlp import extras
from reelwright.tools.ytdlp.facts import video_info
from reelwright.tools.ytdlp.options import YtdlpOptions
from reelwright.tools.ytdlp.session import Session

told, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
given = told["options"].items()
options = YtdlpOptions(**{k: tuple(v) if isinstance(v, list) else v for k, v in given})
session = Session(told["url"], options.to_params(told["url"]), headers={}, direct_only=False)
info = told["info"]
extras.mark_sponsors(session, info, options)
files = [extras.write_comments(info, folder), extras.write_live_chat(session, info, folder)]
print("\\n" + json.dumps({
    "segments": video_info(info, told["url"]).to_json()["sponsor_segments"],
    "files": [file and [file.role, file.path, file.format] for file in files],
    "warnings": session.voice.warnings,
}))
"""


def in_session(tmp_path: Path, info: dict[str, Any], **options: Any) -> dict[str, Any]:
    url = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"
    known = {"id": "dQw4w9WgXcQ", "extractor_key": "Youtube", "duration": 100, "webpage_url": url}
    told = json.dumps({"url": url, "info": known | info, "options": options})
    done = subprocess.run(
        [sys.executable, "-c", _SESSION, told, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def sponsors(asked: Asked) -> Resource:
    """As https://wiki.sponsor.ajay.app/w/API_Docs has it: by the start of the id's hash."""
    segment = {
        "segment": [10.5, 20.0],
        "UUID": "u",
        "category": "sponsor",
        "videoDuration": 100,
        "actionType": "skip",
        "description": "",
    }
    video = {"videoID": "dQw4w9WgXcQ", "segments": [segment]}
    other = {"videoID": "another", "segments": [{**segment, "segment": [1.5, 2.5]}]}
    return resource(json.dumps([other, video]), "application/json")


def test_sponsor_marks(site: Site, tmp_path: Path) -> None:
    api = site.route("/api", sponsors).removesuffix("/api")

    told = in_session(tmp_path, {}, sponsor_categories=["sponsor", "intro"], sponsor_api=api)

    (segment,) = told["segments"]
    assert (segment["category"], segment["start_s"], segment["end_s"]) == ("sponsor", 10.5, 20.0)
    (asked,) = site.requests
    assert "sponsor" in asked.query
    assert "intro" in asked.query


def test_a_service_of_sponsor_marks_that_fails_costs_nothing(site: Site, tmp_path: Path) -> None:
    site.route("/api", lambda _: Resource(b"", "text/html", 500))
    api = site.url("")

    told = in_session(tmp_path, {}, sponsor_categories=["sponsor"], sponsor_api=api)

    assert site.requests
    assert told["segments"] == []
    assert any(warning.startswith("SponsorBlock: ") for warning in told["warnings"])


def test_nobody_is_asked_for_marks_that_nobody_wants(site: Site, tmp_path: Path) -> None:
    site.route("/api", sponsors)

    in_session(tmp_path, {}, sponsor_api=site.url(""))

    assert not site.requests


def test_comments_and_a_live_chat(site: Site, tmp_path: Path) -> None:
    chat = '{"replayChatItemAction": {}}\n'
    url = site.add("/chat.json", chat, "application/json")
    info = {
        "comments": [{"id": "c1", "text": "First \ud800!", "author": "Ada"}],
        "subtitles": {"live_chat": [{"url": url, "ext": "json"}]},
    }

    told = in_session(tmp_path, info)

    assert told["files"] == [
        ["comments", "video.comments.json", "json"],
        ["live_chat", "video.live_chat.json", "json"],
    ]
    assert json.loads((tmp_path / "video.comments.json").read_text()) == info["comments"]
    assert (tmp_path / "video.live_chat.json").read_text() == chat


def test_a_video_without_comments_and_chat(tmp_path: Path) -> None:
    assert in_session(tmp_path, {})["files"] == [None, None]
