"""The API's forms: durations, moments, error envelopes, and resources that lack what is usual."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reelwright.errors import Code
from reelwright.tools.youtube import reading
from reelwright.tools.youtube.client import Client
from reelwright.tools.youtube.durations import duration_s, moment
from reelwright.tools.youtube.failures import failure


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT1H2M3S", 3723.0),
        ("PT15M51S", 951.0),
        ("PT45S", 45.0),
        ("PT0.5S", 0.5),
        ("P1DT2H", 93_600.0),
        ("P1W", 604_800.0),
        ("P0D", None),  # a stream that runs
        ("PT0S", None),
        ("1:02", None),
        ("", None),
        (None, None),
    ],
)
def test_durations(text: object, seconds: float | None) -> None:
    assert duration_s(text) == seconds


def test_moments() -> None:
    assert moment("2024-03-10T10:00:00Z") == 1710064800.0
    assert moment("2012-06-20T22:45:24.000Z") == 1340232324.0
    assert moment("yesterday") is None
    assert moment(7) is None


def envelope(code: int, reason: str, message: str = "No.", **more: Any) -> bytes:
    errors = [{"message": message, "domain": "global", "reason": reason}]
    return json.dumps(
        {"error": {"code": code, "message": message, "errors": errors, **more}}
    ).encode()


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        (403, "quotaExceeded", Code.API_QUOTA),
        (403, "dailyLimitExceeded", Code.API_QUOTA),
        (403, "rateLimitExceeded", Code.HTTP_RATE_LIMITED),
        (403, "userRateLimitExceeded", Code.HTTP_RATE_LIMITED),
        (429, "whatever", Code.HTTP_RATE_LIMITED),
        (400, "keyInvalid", Code.API_KEY),
        (400, "keyExpired", Code.API_KEY),
        (403, "accessNotConfigured", Code.API_KEY),
        (403, "ipRefererBlocked", Code.API_KEY),
        (404, "playlistNotFound", Code.HTTP_NOT_FOUND),
        (403, "playlistForbidden", Code.HTTP_FORBIDDEN),
        (503, "backendError", Code.HTTP_SERVER_ERROR),
        (400, "invalidPageToken", Code.HTTP_STATUS),
    ],
)
def test_reasons(status: int, reason: str, code: Code) -> None:
    error = failure(status, envelope(status, reason), path="videos", key="K")
    assert error.code is code
    assert error.problem.evidence["reason"] == reason


def test_what_has_no_envelope() -> None:
    assert failure(502, b"<html>", path="videos", key="K").code is Code.HTTP_SERVER_ERROR
    assert failure(418, b"[]", path="videos", key="K").code is Code.HTTP_STATUS
    assert failure(403, b'{"error": "no"}', path="videos", key="K").code is Code.HTTP_FORBIDDEN


def test_a_key_that_the_api_quotes_is_blotted_out() -> None:
    key = "AIzaSySecret"
    body = envelope(400, "badRequest", f"API key not valid: {key}. <b>Pass</b> a valid one.")
    error = failure(400, body, path="videos", key=key)
    assert error.problem.message == "API key not valid: ***. Pass a valid one."


def test_a_client_shows_no_key() -> None:
    async def free(_: object) -> None: ...

    assert "AIza" not in repr(Client("AIzaSecret", "https://example.org", before=free))


def test_a_video_without_most_of_its_parts() -> None:
    found = reading.video({"id": "abc", "snippet": None, "statistics": {"viewCount": "many"}})
    assert (found.id, found.info.title, found.info.view_count) == ("abc", None, None)
    assert (found.info.published_at, found.info.duration_s) == (None, None)


@pytest.mark.parametrize(
    ("content", "details", "status"),
    [
        ("live", {}, "is_live"),
        ("upcoming", {}, "is_upcoming"),
        ("none", {"actualStartTime": "2024-01-01T00:00:00Z"}, "was_live"),
        ("none", {}, "not_live"),
    ],
)
def test_streams(content: str, details: dict[str, str], status: str) -> None:
    snippet = {"liveBroadcastContent": content}
    item = {"id": "abc", "snippet": snippet, "liveStreamingDetails": details}
    assert reading.video(item).info.live_status == status


def test_a_video_that_is_called_like_a_lost_one() -> None:
    def item(**owner: str) -> dict[str, Any]:
        snippet = {"title": "Private video", "position": 0, **owner}
        status = {"privacyStatus": "public"}
        return {"snippet": snippet, "contentDetails": {"videoId": "abc"}, "status": status}

    mine, lost = item(videoOwnerChannelId="UC1"), item()
    assert reading.items_page({"items": [mine]}).items[0].availability == "public"
    assert reading.items_page({"items": [lost]}).items[0].availability == "private"


def test_an_answer_of_another_form() -> None:
    assert reading.items({"items": "none"}) == []
    assert reading.items_page({}).items == ()
    assert reading.search_page({"items": [{"id": {"kind": "youtube#video"}}]}).hits == ()
