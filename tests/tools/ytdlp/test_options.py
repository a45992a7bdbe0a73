"""yt-dlp's own dictionary is made of types, and of nothing that it does not know."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import yt_dlp

from reelwright.errors import Code, ReelError
from reelwright.tools.ytdlp.options import Params, YtdlpOptions, js_runtime
from reelwright.tools.ytdlp.sites import extractors_of, place

URL = "https://example.org/talk"
ALL = YtdlpOptions(
    formats=("bv*+ba", "b"),
    format_sort=("res:720",),
    container="mkv",
    captions=("en", "de.*"),
    captions_auto=True,
    comments_max=5,
    proxy="http://127.0.0.1:3128",
    user_agent="Test/1",
    referer="https://example.org/",
    sleep_s=1.5,
    rate_bytes_s=100_000,
    geo_country="de",
    geo_proxy="http://127.0.0.1:3129",
    extractors=("generic",),
    extractor_args={"Vimeo": {"client": ("web",)}},
    fragments_at_once=4,
    js_runtime="/usr/bin/deno",
)


def test_every_key_is_one_that_yt_dlp_knows() -> None:
    """By its own documentation of them, or where it reads them: it ignores one that is misspelt."""
    documented = yt_dlp.YoutubeDL.__doc__ or ""
    source = Path(yt_dlp.__file__).parent / "downloader" / "fragment.py"
    known = documented + source.read_text(encoding="utf-8")

    unknown = [key for key in Params.__annotations__ if not re.search(rf"\b{key}\b", known)]

    assert not unknown


def test_no_key_is_written_beside_the_types(tmp_path: Path) -> None:
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("# Netscape HTTP Cookie File\n")
    options = replace(ALL, cookies=str(cookies))

    written: dict[str, Any] = {**options.to_params(URL), **options.caption_params()}

    assert set(written) <= set(Params.__annotations__)
    assert written["format"] == "bv*+ba/b"
    assert written["ratelimit"] == 100_000
    assert written["geo_bypass_country"] == "DE"
    assert written["http_headers"] == {"User-Agent": "Test/1", "Referer": "https://example.org/"}
    assert written["extractor_args"]["youtube"]["max_comments"][0] == "5"
    assert written["extractor_args"]["vimeo"] == {"client": ["web"]}
    assert written["js_runtimes"] == {"deno": {"path": "/usr/bin/deno"}}
    assert yt_dlp.YoutubeDL(dict(written))


def test_every_option_changes_what_yt_dlp_is_told() -> None:
    """An option that nobody reads would be a promise that nobody keeps."""
    elsewhere = {"caption_formats", "sponsor_categories", "sponsor_api", "cookies", "timeout_s"}
    elsewhere.add("trusts_proxy")  # `hold_to` reads it
    silent = []
    for one in fields(YtdlpOptions):
        if one.name in elsewhere:
            continue
        changed = replace(YtdlpOptions(), **{one.name: _other(one.name)})
        if _told(changed) == _told(YtdlpOptions()):
            silent.append(one.name)
    assert not silent


def _told(options: YtdlpOptions) -> dict[str, Any]:
    return {**options.to_params(URL), **options.caption_params()}


def _other(name: str) -> Any:
    special = {"formats": ("w",), "captions_human": False, "retries": 9, "live_from_start": True}
    return special.get(name, getattr(ALL, name))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("formats", ()),
        ("formats", ("",)),
        ("formats", ("bv,ba",)),
        ("captions", ("en us",)),
        ("captions", ("e(n",)),
        ("caption_formats", ("ttml",)),
        ("container", "exe"),
        ("geo_country", "Germany"),
        ("sponsor_categories", ("ads",)),
        ("fragments_at_once", 0),
        ("fragments_at_once", 100),
        ("rate_bytes_s", 0),
        ("sleep_s", -1.0),
        ("comments_max", 0),
        ("retries", 1000),
    ],
)
def test_what_is_not_allowed_is_refused_with_what_is(name: str, value: Any) -> None:
    with pytest.raises(ReelError) as caught:
        YtdlpOptions(**{name: value})

    problem = caught.value.problem
    assert problem.code is Code.FIELD_INVALID
    assert problem.where == name
    assert problem.hint


@pytest.mark.parametrize(
    ("url", "extractor"),
    [
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", "Youtube"),
        ("https://www.youtube.com/@someone/videos", "YoutubeTab"),
        ("https://youtu.be/dQw4w9WgXcQ", "Youtube"),
        ("https://vimeo.com/123456", "Vimeo"),
        ("https://www.twitch.tv/videos/123456", "TwitchVod"),
        ("https://www.dailymotion.com/video/x5kesuj", "Dailymotion"),
        ("https://soundcloud.com/someone/something", "Soundcloud"),
        ("https://www.tiktok.com/@someone/video/7000000000000000000", "TikTok"),
        ("https://www.bilibili.com/video/BV13x41117TL", "BiliBili"),
        ("https://archive.org/details/something", "ArchiveOrg"),
        ("https://media.ccc.de/v/30C3_-_5443", "CCC"),
        ("http://127.0.0.1:8000/page", "Generic"),
        ("http://nas/page", "Generic"),
    ],
)
def test_few_extractors_are_made_and_the_right_one_is_among_them(url: str, extractor: str) -> None:
    ydl = yt_dlp.YoutubeDL({"allowed_extractors": list(extractors_of(url)), "quiet": True})

    assert len(ydl._ies) < 60
    assert next(key for key, one in ydl._ies.items() if one.suitable(url)) == extractor


def test_of_an_unknown_site_all_extractors_are_allowed() -> None:
    assert extractors_of("https://example.org/talk") == ()
    assert extractors_of("https://notyoutube.com/watch") == ()


def test_an_address_is_shown_without_its_secrets() -> None:
    user = "me:pw"
    assert place(f"https://{user}@example.org/a?token=x") == "https://example.org/a"
    youtube = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"
    assert place(youtube) == youtube


def test_a_javascript_runtime_is_found_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deno = tmp_path / "deno"
    deno.write_text("#!/bin/sh\n")
    deno.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert js_runtime() == str(deno)


def test_options_are_made_without_yt_dlp() -> None:
    """Planning and the command line make them, and must start fast."""
    code = (
        "import sys; from reelwright.tools.ytdlp import options, profiles, request, listing, video;"
        "options.YtdlpOptions().to_params('https://example.org');"
        "sys.exit('yt_dlp' in sys.modules or 'feedparser' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
