"""From the API's JSON to types. What has another form than is documented is left out."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from reelwright.tools.youtube.durations import duration_s, moment
from reelwright.tools.youtube.model import (
    Channel,
    ItemsPage,
    Playlist,
    PlaylistItem,
    SearchHit,
    SearchPage,
    Video,
)
from reelwright.tools.ytdlp.info import VideoInfo

_WATCH = "https://www.youtube.com/watch?v="
_CHANNEL = "https://www.youtube.com/channel/"
# The same everywhere; videoCategories.list would cost a unit to say so.
_CATEGORIES = {
    "1": "Film & Animation",
    "2": "Autos & Vehicles",
    "10": "Music",
    "15": "Pets & Animals",
    "17": "Sports",
    "19": "Travel & Events",
    "20": "Gaming",
    "22": "People & Blogs",
    "23": "Comedy",
    "24": "Entertainment",
    "25": "News & Politics",
    "26": "Howto & Style",
    "27": "Education",
    "28": "Science & Technology",
    "29": "Nonprofits & Activism",
}
_LICENSES = {"creativeCommon": "Creative Commons Attribution license (reuse allowed)"}
_PICTURES = ("maxres", "standard", "high", "medium", "default")
# What the API calls an entry whose video is not shown any more; then it names no owner, either.
_LOST = {"Private video": "private", "Deleted video": None}


def video(item: Mapping[str, Any]) -> Video:
    """A resource of videos.list with the parts snippet, contentDetails, status, statistics and
    liveStreamingDetails. Raises KeyError where it has no id."""
    snippet, status = _part(item, "snippet"), _part(item, "status")
    content, counts = _part(item, "contentDetails"), _part(item, "statistics")
    video_id, channel_id = str(item["id"]), _text(snippet, "channelId")
    category = _CATEGORIES.get(str(snippet.get("categoryId")))
    is_adult = _part(content, "contentRating").get("ytRating") == "ytAgeRestricted"
    info = VideoInfo(
        extractor="youtube",
        native_id=video_id,
        url=_WATCH + video_id,
        host="youtube.com",
        title=_text(snippet, "title"),
        description=_text(snippet, "description"),
        channel=_text(snippet, "channelTitle"),
        channel_id=channel_id,
        channel_url=_CHANNEL + channel_id if channel_id else None,
        uploader=_text(snippet, "channelTitle"),
        published_at=moment(snippet.get("publishedAt")),
        duration_s=duration_s(content.get("duration")),
        language=_text(snippet, "defaultAudioLanguage") or _text(snippet, "defaultLanguage"),
        tags=tuple(tag for tag in snippet.get("tags") or () if isinstance(tag, str)),
        categories=(category,) if category else (),
        view_count=_number(counts, "viewCount"),
        like_count=_number(counts, "likeCount"),
        comment_count=_number(counts, "commentCount"),
        availability=_text(status, "privacyStatus"),
        live_status=_live(snippet, _part(item, "liveStreamingDetails")),
        age_limit=18 if is_adult else 0,
        license=_LICENSES.get(str(status.get("license"))),
        thumbnail_url=_picture(snippet),
    )
    reason = _text(status, "rejectionReason") or _text(status, "failureReason")
    return Video(info=info, upload_status=_text(status, "uploadStatus"), reason=reason)


def items_page(body: Mapping[str, Any]) -> ItemsPage:
    """An answer of playlistItems.list with the parts snippet, contentDetails and status."""
    found = []
    for item in items(body):
        snippet, content = _part(item, "snippet"), _part(item, "contentDetails")
        video_id = _text(content, "videoId") or _text(_part(snippet, "resourceId"), "videoId")
        if video_id is None:
            continue
        title = _text(snippet, "title")
        owner = _text(snippet, "videoOwnerChannelId")
        shown = _text(_part(item, "status"), "privacyStatus")
        found.append(
            PlaylistItem(
                position=(_number(snippet, "position") or 0) + 1,
                video_id=video_id,
                title=title,
                channel=_text(snippet, "videoOwnerChannelTitle"),
                channel_id=owner,
                published_at=moment(content.get("videoPublishedAt")),
                added_at=moment(snippet.get("publishedAt")),
                availability=_LOST.get(title or "", shown) if owner is None else shown,
            )
        )
    return ItemsPage(items=tuple(found), next_token=_next(body), total=_total(body))


def playlist(item: Mapping[str, Any]) -> Playlist:
    """A resource of playlists.list with the parts snippet, contentDetails and status."""
    snippet = _part(item, "snippet")
    return Playlist(
        id=str(item["id"]),
        title=_text(snippet, "title"),
        description=_text(snippet, "description"),
        channel=_text(snippet, "channelTitle"),
        channel_id=_text(snippet, "channelId"),
        published_at=moment(snippet.get("publishedAt")),
        count=_number(_part(item, "contentDetails"), "itemCount"),
        availability=_text(_part(item, "status"), "privacyStatus"),
    )


def channel(item: Mapping[str, Any]) -> Channel:
    """A resource of channels.list with the parts snippet, contentDetails and statistics."""
    snippet, counts = _part(item, "snippet"), _part(item, "statistics")
    lists = _part(_part(item, "contentDetails"), "relatedPlaylists")
    return Channel(
        id=str(item["id"]),
        title=_text(snippet, "title"),
        description=_text(snippet, "description"),
        handle=_text(snippet, "customUrl"),
        published_at=moment(snippet.get("publishedAt")),
        uploads=_text(lists, "uploads"),
        video_count=_number(counts, "videoCount"),
        view_count=_number(counts, "viewCount"),
        subscriber_count=_number(counts, "subscriberCount"),
    )


def search_page(body: Mapping[str, Any]) -> SearchPage:
    """An answer of search.list; its titles, unlike those of other calls, are written as HTML."""
    found = []
    for item in items(body):
        named, snippet = _part(item, "id"), _part(item, "snippet")
        kind = str(named.get("kind", "")).removeprefix("youtube#")
        hit_id = _text(named, f"{kind}Id")
        if hit_id is None:
            continue
        found.append(
            SearchHit(
                kind=kind,
                id=hit_id,
                title=html.unescape(_text(snippet, "title") or "") or None,
                channel=html.unescape(_text(snippet, "channelTitle") or "") or None,
                channel_id=_text(snippet, "channelId"),
                published_at=moment(snippet.get("publishedAt")),
            )
        )
    return SearchPage(hits=tuple(found), next_token=_next(body), total=_total(body))


def items(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The resources of an answer; none where it has none."""
    found = body.get("items")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _part(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def _text(of: Mapping[str, Any], name: str) -> str | None:
    found = of.get(name)
    return found if isinstance(found, str) and found else None


def _number(of: Mapping[str, Any], name: str) -> int | None:
    """Counts are written as text: they outgrow what JavaScript counts in."""
    found = of.get(name)
    if isinstance(found, bool) or not isinstance(found, int | str):
        return None
    return int(found) if isinstance(found, int) or found.isdecimal() else None


def _live(snippet: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    """In the words of `VideoInfo.live_status`."""
    said = snippet.get("liveBroadcastContent")
    if said in ("live", "upcoming"):
        return "is_live" if said == "live" else "is_upcoming"
    return "was_live" if details.get("actualStartTime") else "not_live"


def _picture(snippet: Mapping[str, Any]) -> str | None:
    """The largest."""
    offered = _part(snippet, "thumbnails")
    return next((url for size in _PICTURES if (url := _text(_part(offered, size), "url"))), None)


def _next(body: Mapping[str, Any]) -> str | None:
    return _text(body, "nextPageToken")


def _total(body: Mapping[str, Any]) -> int | None:
    return _number(_part(body, "pageInfo"), "totalResults")
