"""yt-dlp's exceptions, wrapped as it wraps them, in our codes."""

from __future__ import annotations

import errno
import io
from email.message import Message
from typing import Any

import pytest
import yt_dlp
from yt_dlp.networking import Response
from yt_dlp.networking.exceptions import HTTPError, IncompleteRead, SSLError, TransportError
from yt_dlp.utils import (
    DownloadError,
    ExtractorError,
    GeoRestrictedError,
    RegexNotFoundError,
    UnsupportedError,
    UserNotLive,
)

from reelwright.errors import Code, ReelError
from reelwright.tools.ytdlp.failures import meaning

URL = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"


def reported(cause: BaseException) -> DownloadError:
    """As `YoutubeDL.extract_info` raises what an extractor raised."""
    ydl = yt_dlp.YoutubeDL({"quiet": True, "logger": _Silent()})

    def extract(*_: Any) -> Any:
        raise cause

    wrapped = type(ydl)._handle_extraction_exceptions(extract)
    with pytest.raises(DownloadError) as caught:
        wrapped(ydl)
    assert isinstance(caught.value, DownloadError)
    return caught.value


class _Silent:
    def debug(self, message: str) -> None: ...

    info = warning = error = debug


def http_error(status: int, **headers: str) -> HTTPError:
    fields = Message()
    for name, value in headers.items():
        fields[name.replace("_", "-")] = value
    return HTTPError(Response(io.BytesIO(b""), URL, dict(fields.items()), status))


def while_fetching(cause: Exception, note: str = "Unable to download webpage") -> ExtractorError:
    """As `InfoExtractor._request_webpage` does."""
    try:
        raise cause
    except Exception as error:  # noqa: BLE001 - whatever the test raises
        made = ExtractorError(f"{note}: {error}", cause=error, video_id="dQw4w9WgXcQ")
        made.__cause__ = error
        return made


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (ExtractorError("Video unavailable", expected=True), Code.VIDEO_GONE),
        (ExtractorError("This video is DRM protected", expected=True), Code.VIDEO_DRM),
        (ExtractorError("Says something new", expected=True), Code.EXTRACTOR_UNSUPPORTED),
        (GeoRestrictedError("Not here", countries=["DE"]), Code.VIDEO_GEO_BLOCKED),
        (UserNotLive(), Code.VIDEO_NOT_YET),
        (UnsupportedError(URL), Code.EXTRACTOR_UNSUPPORTED),
        (RegexNotFoundError("Unable to extract player"), Code.EXTRACTOR_BROKEN),
        (ExtractorError("No video formats found!", ie="Youtube"), Code.EXTRACTOR_BROKEN),
        (ExtractorError("No video formats found!", ie="generic"), Code.EXTRACTOR_UNSUPPORTED),
        (while_fetching(http_error(404)), Code.HTTP_NOT_FOUND),
        (while_fetching(http_error(403)), Code.HTTP_FORBIDDEN),
        (while_fetching(http_error(429, Retry_After="7")), Code.HTTP_RATE_LIMITED),
        (while_fetching(http_error(502)), Code.HTTP_SERVER_ERROR),
        (while_fetching(SSLError("certificate has expired")), Code.TLS_INVALID),
        (while_fetching(TransportError(cause=TimeoutError("timed out"))), Code.NETWORK_TIMEOUT),
        (
            while_fetching(TransportError(cause=OSError(errno.ECONNREFUSED, "refused"))),
            Code.NETWORK_UNREACHABLE,
        ),
        (while_fetching(IncompleteRead(100, 200)), Code.NETWORK_RESET),
    ],
)
def test_what_an_extractor_raises(cause: Exception, code: Code) -> None:
    error = meaning(reported(cause), URL, ("one", "two"))

    assert error.code is code
    assert error.problem.evidence["message"]
    assert error.problem.evidence["log"] == ["one", "two"]
    assert "report this issue" not in error.problem.message


def test_what_the_evidence_holds() -> None:
    refused = meaning(reported(while_fetching(http_error(429, Retry_After="7"))), URL).problem
    blocked = meaning(reported(GeoRestrictedError("Not here", countries=["DE"])), URL).problem

    assert refused.evidence["retry_after_s"] == 7.0
    assert refused.evidence["status"] == 429
    assert blocked.evidence["countries"] == ["DE"]
    assert blocked.where == URL


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("unable to write data: [Errno 28] No space left on device", Code.DISK_FULL),
        ("unable to download video data: HTTP Error 403: Forbidden", Code.HTTP_FORBIDDEN),
        ("content too short (expected 9 bytes and served 3)", Code.NETWORK_RESET),
        ("[download] Got error: Downloaded 3 bytes, expected 9 bytes", Code.NETWORK_RESET),
        ("[download] Got error: HTTP Error 503: Busy. Giving up", Code.HTTP_SERVER_ERROR),
        ("Got error: The read operation timed out. Giving up after 3", Code.NETWORK_TIMEOUT),
        # Not a word of the site's: nothing of it is gone.
        ("fragment 1 not found, unable to continue", Code.NETWORK_RESET),
        ("Postprocessing: Conversion failed!", Code.TOOL_FAILED),
    ],
)
def test_what_a_downloader_says(message: str, code: Code) -> None:
    assert meaning(DownloadError(f"ERROR: {message}"), URL).code is code


def test_a_full_disk_beneath_another_error() -> None:
    error = DownloadError("unable to write")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")

    assert meaning(error, URL).code is Code.DISK_FULL


def test_a_fault_of_an_extractors_own() -> None:
    assert meaning(KeyError("videoDetails"), URL).code is Code.EXTRACTOR_BROKEN


def test_our_own_errors_stay() -> None:
    own = ReelError(Code.ADDRESS_REFUSED, "no")

    assert meaning(reported(while_fetching(TransportError(cause=own))), URL) is own
