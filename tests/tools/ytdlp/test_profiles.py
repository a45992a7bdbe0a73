"""What yt-dlp itself takes, of the formats of made-up videos, for each quality by name."""

from __future__ import annotations

from typing import Any

import pytest
import yt_dlp

from reelwright.errors import Code, ReelError
from reelwright.tools.ytdlp.options import YtdlpOptions
from reelwright.tools.ytdlp.profiles import profile, profile_names

URL = "https://example.org/v"


def video(
    name: str, width: int, height: int, codec: str = "avc1.64", **more: Any
) -> dict[str, Any]:
    return {
        "format_id": name,
        "url": f"{URL}/{name}",
        "ext": "webm" if codec.startswith(("vp", "av01")) else "mp4",
        "vcodec": codec,
        "acodec": "none",
        "width": width,
        "height": height,
        "filesize": width * height,
    }


SOUND = [
    {
        "format_id": name,
        "url": f"{URL}/{name}",
        "ext": "m4a",
        "vcodec": "none",
        "acodec": "mp4a",
        "abr": rate,
        "filesize": rate * 1000,
    }
    for name, rate in (("a64", 64), ("a128", 128))
]
APART = [
    video("v360", 640, 360),
    video("v480", 854, 480),
    video("v720", 1280, 720),
    video("v1080", 1920, 1080),
    video("v1080-vp9", 1920, 1080, "vp09"),
    video("v2160", 3840, 2160, "av01"),
    *SOUND,
]
TOGETHER = [
    {**video("t360", 640, 360), "acodec": "mp4a"},
    {**video("t720", 1280, 720), "acodec": "mp4a"},
]
UPRIGHT = [video("u608", 608, 1080), video("u1080", 1080, 1920), video("u2160", 2160, 3840), *SOUND]


def chosen(name: str, formats: list[dict[str, Any]], **more: Any) -> str:
    options = profile(name, **more).applied(YtdlpOptions())
    ydl = yt_dlp.YoutubeDL({**options.to_params(URL), "quiet": True, "simulate": True})
    info = {
        "id": "v",
        "title": "T",
        "extractor": "generic",
        "extractor_key": "Generic",
        "webpage_url": URL,
        "formats": [dict(one) for one in formats],
    }
    return str(ydl.process_ie_result(info, download=False)["format_id"])


@pytest.mark.parametrize(
    ("name", "formats", "expected"),
    [
        ("best", APART, "v2160+a128"),
        ("2160p", APART, "v2160+a128"),
        ("1440p", APART, "v1080-vp9+a128"),
        ("720p", APART, "v720+a128"),
        ("480p", APART, "v480+a128"),
        ("240p", APART, "v360+a128"),  # nothing is as small: the nearest above
        ("1080p", UPRIGHT, "u1080+a128"),
        ("1080p", TOGETHER, "t720"),
        ("audio", APART, "a128"),
        ("audio", TOGETHER, "t360"),
        ("smallest", APART, "v360+a64"),
        ("best", APART[:2], "v480"),  # a video without sound is still one
        ("best", SOUND, "a128"),
        ("b[height<=400]", TOGETHER, "t360"),
        ("t360", TOGETHER, ""),
    ],
)
def test_what_is_taken(name: str, formats: list[dict[str, Any]], expected: str) -> None:
    if not expected:
        with pytest.raises(ReelError):
            chosen(name, formats)
        return
    assert chosen(name, formats) == expected


@pytest.mark.parametrize(("codec", "expected"), [("h264", "v1080+a128"), ("vp9", "v1080-vp9+a128")])
def test_a_codec_is_preferred_within_the_size(codec: str, expected: str) -> None:
    assert chosen("1080p", APART, codec=codec) == expected
    assert chosen("480p", APART, codec=codec) == "v480+a128"


def test_options_of_ones_own_stay() -> None:
    own = YtdlpOptions(format_sort=("+size",), container="webm")

    made = profile("1080p", container="mp4").applied(own)

    assert (made.format_sort, made.container) == (("+size",), "webm")
    assert profile("1080p", container="mp4").applied(YtdlpOptions()).container == "mp4"


@pytest.mark.parametrize("name", ["bset", "1081p", "", "hd"])
def test_a_name_that_there_is_not(name: str) -> None:
    with pytest.raises(ReelError) as caught:
        profile(name)

    assert caught.value.code is Code.FIELD_INVALID
    assert "1080p" in str(caught.value)


def test_a_codec_that_there_is_not() -> None:
    with pytest.raises(ReelError) as caught:
        profile("best", codec="divx")

    assert caught.value.problem.where == "codec"


def test_the_names_that_guides_tell() -> None:
    assert {"best", "2160p", "1080p", "720p", "480p", "audio", "smallest"} <= set(profile_names())
