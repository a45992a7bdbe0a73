"""A server of the test's own that speaks the documented wire format of the YouTube Data API v3.

Videos, playlists and channels are what a test puts in. Pages hold 50 items, answers have ETags, and
`fail` makes the next answers errors, in the API's envelope.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.site_resources import Asked, Delivery, Resource
from tests.site_server import Server

KEY = "AIzaSyD-stub-KEY-0123456789abcdefghijkl"  # secret-ok: made up
_PATH = "/youtube/v3/"
_PAGE = 50
_MESSAGES = {
    "quotaExceeded": 'exceeded your <a href="/youtube/v3/getting-started#quota">quota</a>.',
    "rateLimitExceeded": "Rate Limit Exceeded",
    "userRateLimitExceeded": "User Rate Limit Exceeded",
    "dailyLimitExceeded": "Daily Limit Exceeded",
    "backendError": "Backend Error",
}


@dataclass(frozen=True)
class Failure:
    """One answer that is an error. `reason` empty: no envelope, as of a proxy on the way."""

    status: int
    reason: str = ""
    domain: str = "youtube.quota"
    headers: Mapping[str, str] = field(default_factory=dict)
    details: Sequence[Mapping[str, Any]] = ()

    def body(self) -> bytes:
        if not self.reason:
            return b"<html><body>an error</body></html>"
        said = _MESSAGES.get(self.reason, self.reason)
        one = {"message": said, "domain": self.domain, "reason": self.reason}
        error: dict[str, Any] = {"code": self.status, "message": said, "errors": [one]}
        if self.details:
            error["details"] = list(self.details)
        return json.dumps({"error": error}).encode()


class YoutubeStub:
    """`calls`: every request, with what was asked. `units` and `searches`: what Google would have
    counted: errors and 304 too."""

    def __init__(self) -> None:
        self.videos: dict[str, dict[str, Any]] = {}
        self.playlists: dict[str, dict[str, Any]] = {}
        self.channels: dict[str, dict[str, Any]] = {}
        self.items: dict[str, list[str]] = {}
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.statuses: list[int] = []
        self.units = 0
        self.searches = 0
        self.daily_units: int | None = None
        self._failures: deque[Failure] = deque()
        self._server = Server(0, self._answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{_PATH.rstrip('/')}"

    @property
    def environ(self) -> dict[str, str]:
        return {"REEL_YOUTUBE__URL": self.url, "REEL_YOUTUBE__KEY": KEY}

    def close(self) -> None:
        self._server.go()

    def fail(self, *failures: Failure) -> None:
        """The next answers."""
        self._failures.extend(failures)

    def forget(self) -> None:
        self.calls.clear()
        self.statuses.clear()
        self.units = self.searches = 0

    def asked(self, method: str) -> list[dict[str, str]]:
        return [query for name, query in self.calls if name == method]

    # What there is

    def add_video(self, video_id: str, title: str | None = None, **more: Any) -> dict[str, Any]:
        """`more` replaces parts: ``status={...}``."""
        body = {
            "kind": "youtube#video",
            "id": video_id,
            "snippet": {
                "publishedAt": "2024-03-10T10:00:00Z",
                "channelId": "UCstubstubstubstubstubst",
                "title": title or f"Video {video_id}",
                "description": "What it is about.\nhttps://example.org",
                "thumbnails": {
                    "default": {"url": f"https://i.ytimg.com/vi/{video_id}/default.jpg"},
                    "maxres": {"url": f"https://i.ytimg.com/vi/{video_id}/maxres.jpg"},
                },
                "channelTitle": "Stub Channel",
                "tags": ["open", "movie"],
                "categoryId": "28",
                "liveBroadcastContent": "none",
                "defaultAudioLanguage": "en",
            },
            "contentDetails": {
                "duration": "PT1H2M3S",
                "dimension": "2d",
                "definition": "hd",
                "caption": "true",
                "contentRating": {},
            },
            "status": {
                "uploadStatus": "processed",
                "privacyStatus": "public",
                "license": "creativeCommon",
            },
            "statistics": {"viewCount": "12345678901", "likeCount": "42", "commentCount": "7"},
            **more,
        }
        self.videos[video_id] = body
        return body

    def add_playlist(self, playlist_id: str, ids: Sequence[str], title: str = "A list") -> None:
        self.items[playlist_id] = list(ids)
        self.playlists[playlist_id] = {
            "kind": "youtube#playlist",
            "id": playlist_id,
            "snippet": {
                "publishedAt": "2020-01-01T00:00:00Z",
                "channelId": "UCstubstubstubstubstubst",
                "title": title,
                "description": "",
                "channelTitle": "Stub Channel",
            },
            "status": {"privacyStatus": "public"},
            "contentDetails": {"itemCount": len(ids)},
        }

    def add_channel(self, channel_id: str, handle: str, ids: Sequence[str]) -> None:
        uploads = f"UU{channel_id[2:]}"
        self.add_playlist(uploads, ids, "Uploads")
        self.channels[channel_id] = {
            "kind": "youtube#channel",
            "id": channel_id,
            "snippet": {"title": "Stub Channel", "description": "", "customUrl": handle},
            "contentDetails": {"relatedPlaylists": {"likes": "", "uploads": uploads}},
            "statistics": {"videoCount": str(len(ids)), "viewCount": "1"},
        }

    # Answering

    def _answer(self, asked: Asked) -> Delivery:
        method = asked.path.removeprefix(_PATH)
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        self.calls.append((method, query))
        delivery = self._deliver(method, query, asked)
        self.statuses.append(delivery.resource.status)
        return delivery

    def _deliver(self, method: str, query: dict[str, str], asked: Asked) -> Delivery:
        refusal = self._refusal(method, query)
        if refusal is not None:
            return _delivery(refusal.body(), refusal.status, headers=refusal.headers)
        body = getattr(self, f"_{method}")(query)
        if isinstance(body, Failure):
            return _delivery(body.body(), body.status)
        tag = '"' + hashlib.sha1(json.dumps(body).encode()).hexdigest()[:27] + '"'
        if asked.headers.get("if-none-match") == tag:
            return _delivery(b"", 304, etag=tag)
        data = json.dumps({"kind": f"youtube#{method}Response", "etag": tag, **body}).encode()
        return _delivery(data, 200, etag=tag)

    def _refusal(self, method: str, query: dict[str, str]) -> Failure | None:
        if not hasattr(self, f"_{method}") or not asked_well(method, query):
            return Failure(400, "invalidParameter", "youtube.parameter")
        if query.get("key") != KEY:
            details = [{"reason": "API_KEY_INVALID", "domain": "googleapis.com"}]
            return Failure(400, "badRequest", "global", details=details)
        if method == "search":
            self.searches += 1
        elif self.daily_units is not None and self.units >= self.daily_units:
            return Failure(403, "quotaExceeded")
        else:
            self.units += 1
        return self._failures.popleft() if self._failures else None

    def _videos(self, query: dict[str, str]) -> dict[str, Any]:
        wanted = query["id"].split(",")
        assert 1 <= len(wanted) <= _PAGE, f"{len(wanted)} ids"
        found = [_parts(self.videos[one], query) for one in wanted if one in self.videos]
        return _list(found, len(found))

    def _playlistItems(self, query: dict[str, str]) -> dict[str, Any] | Failure:  # noqa: N802
        ids = self.items.get(query["playlistId"])
        if ids is None:
            return Failure(404, "playlistNotFound", "youtube.playlistItem")
        start = int(query.get("pageToken", "P0").removeprefix("P"))
        size = int(query.get("maxResults", "5"))
        found = [self._item(n, ids[n]) for n in range(start, min(start + size, len(ids)))]
        body = _list([_parts(one, query) for one in found], len(ids))
        if start + size < len(ids):
            body["nextPageToken"] = f"P{start + size}"
        return body

    def _item(self, position: int, video_id: str) -> dict[str, Any]:
        video = self.videos.get(video_id)
        snippet: dict[str, Any] = {
            "publishedAt": "2024-05-01T00:00:00Z",
            "title": video["snippet"]["title"] if video else "Deleted video",
            "position": position,
            "resourceId": {"kind": "youtube#video", "videoId": video_id},
        }
        content: dict[str, Any] = {"videoId": video_id}
        if video:
            snippet["videoOwnerChannelTitle"] = video["snippet"]["channelTitle"]
            snippet["videoOwnerChannelId"] = video["snippet"]["channelId"]
            content["videoPublishedAt"] = video["snippet"]["publishedAt"]
        status = {"privacyStatus": "public" if video else "privacyStatusUnspecified"}
        return {
            "kind": "youtube#playlistItem",
            "id": f"item{position}",
            "snippet": snippet,
            "contentDetails": content,
            "status": status,
        }

    def _playlists(self, query: dict[str, str]) -> dict[str, Any]:
        found = [self.playlists[one] for one in query["id"].split(",") if one in self.playlists]
        return _list([_parts(one, query) for one in found], len(found))

    def _channels(self, query: dict[str, str]) -> dict[str, Any]:
        handle = query.get("forHandle", "").removeprefix("@").lower()
        found = [
            one
            for one in self.channels.values()
            if one["id"] == query.get("id")
            or (handle and one["snippet"]["customUrl"].removeprefix("@").lower() == handle)
        ]
        # Without a hit the API leaves `items` out altogether.
        return _list([_parts(one, query) for one in found], len(found)) if found else _list(None, 0)

    def _search(self, query: dict[str, str]) -> dict[str, Any]:
        words = query["q"].lower()
        found = [v for v in self.videos.values() if words in v["snippet"]["title"].lower()]
        hits = [
            {
                "kind": "youtube#searchResult",
                "id": {"kind": "youtube#video", "videoId": v["id"]},
                "snippet": {
                    **v["snippet"],
                    "title": v["snippet"]["title"].replace("&", "&amp;"),
                },
            }
            for v in found[: int(query.get("maxResults", "5"))]
        ]
        return _list(hits, len(found))


def asked_well(method: str, query: Mapping[str, str]) -> bool:
    """The filter that each method asks for, and the parts."""
    needed = {
        "videos": ("id",),
        "playlistItems": ("playlistId",),
        "playlists": ("id",),
        "channels": ("id", "forHandle", "forUsername"),
        "search": ("q",),
    }
    return "part" in query and any(name in query for name in needed[method])


def _parts(item: Mapping[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    wanted = {"kind", "etag", "id", *query["part"].split(",")}
    return {name: value for name, value in item.items() if name in wanted}


def _list(items: list[dict[str, Any]] | None, total: int) -> dict[str, Any]:
    body: dict[str, Any] = {"pageInfo": {"totalResults": total, "resultsPerPage": _PAGE}}
    return body if items is None else {**body, "items": items}


def _delivery(
    data: bytes, status: int, etag: str | None = None, headers: Mapping[str, str] | None = None
) -> Delivery:
    resource = Resource(
        body=data,
        content_type="application/json; charset=UTF-8",
        status=status,
        etag=etag,
        modified_s=None,
        headers=dict(headers or {}),
        ranges=False,
    )
    return Delivery(resource)


@pytest.fixture
def youtube() -> Iterator[YoutubeStub]:
    stub = YoutubeStub()
    yield stub
    stub.close()
