"""The `fetch` operator: what may be asked, and what it waits for."""

from typing import Any

import pytest
from pydantic import ValidationError

from reelwright.graph.builder import Builder, Unknown
from reelwright.media.info import MediaInfo
from reelwright.media.streams import VideoStream
from reelwright.operators.fetch.fetch import Fetch, FetchParams

URL = "https://example.org/talk.mp4"


@pytest.mark.parametrize(
    "given",
    [
        {"url": "file:///etc/passwd"},
        {"url": "talk.mp4"},
        {"url": "https://"},
        {"url": "https://example.org/a b"},
        {"url": URL, "sha256": "abc"},
        {"url": URL, "max_bytes": 0},
        {"url": URL, "headers": {"Cookie": "a=b"}},
        {"url": URL, "headers": {"Range": "bytes=0-"}},
        {"url": URL, "headers": {"X\r\nHost": "a"}},
        {"url": URL, "headers": {"X-A": "a\r\nHost: b"}},
        {"url": URL, "cookie": "a=b"},
        {"url": URL, "cookies": "https://example.org/jar"},
        {"url": URL, "proxy": "example.org:3128"},
        {"url": URL, "user_agent": "two\nlines"},
        {"url": URL, "country": "Germany"},
        {"url": URL, "sleep": "2h"},
        {"url": URL, "item": 0},
        {"url": URL, "profile": "tiny"},
        {"url": URL, "profile": "720p", "format": "b"},
        {"url": URL, "container": "exe"},
    ],
)
def test_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FetchParams(**given)


def test_waits_for_the_file() -> None:
    params = FetchParams.model_validate({"url": URL, "max_bytes": "20MB", "format": "worst"})
    nodes: dict[str, Any] = {}

    with pytest.raises(Unknown) as waiting:
        Fetch().build(params, {}, Builder("get", nodes, {}))

    assert waiting.value.node == "get/fetch"
    action = nodes["get/fetch"].action
    assert action.url == URL
    assert dict(action.options) == {"max_bytes": 20_000_000, "format": "worst"}


def test_gives_its_streams() -> None:
    stream = VideoStream(index=0, codec="h264", width_px=320, height_px=180)
    media = MediaInfo(size_bytes=1, sha256="0", demuxer="mov", streams=(stream,))
    results = {"get/fetch": {"media": media.to_json()}}

    bundle = Fetch().build(FetchParams(url=URL), {}, Builder("get", {}, results))

    assert [s.stream for s in bundle] == [stream]
    assert bundle.video is not None
    assert bundle.video.encoded
