"""Parts of one address by one extraction: what comes, under which names, and what is said of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.media.digest import sha256_file
from reelwright.runners.context import StepResult
from reelwright.runners.plain import extension_of
from reelwright.tools.ytdlp.info import VideoInfo
from tests.runners.fetch_attempts import Attempts, failing, result_of
from tests.site import Site
from tests.site_resources import Guarded, Refuse, Reset

ALL = {
    "fetched": "video",
    "captions.vtt": "captions.vtt",
    "captions.srt": "captions.srt",
    "thumbnail": "thumbnail",
    "metadata.json": "metadata",
    "info.json": "metadata.info",
    "description.txt": "metadata.description",
}
WANT = {
    "captions": {"languages": ["en", "de", "fr"]},
    "thumbnail": {},
    "metadata": {},
}


@pytest.fixture
def attempts(tmp_path: Path) -> Attempts:
    return Attempts(tmp_path)


def told(done: StepResult, part: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = done.results[part]["files"]
    return found


def test_a_page_with_all_its_parts(site: Site, attempts: Attempts) -> None:
    done = attempts.run(site.url("/pages/video"), want=WANT, outputs=ALL)

    assert result_of(done)["sha256"] == site.sha256("/files/clip.mp4")
    assert {name: len(files) for name, files in done.files.items()} == {
        "fetched": 1, "captions.vtt": 2, "captions.srt": 2, "thumbnail": 0,
        "metadata.json": 1, "info.json": 1, "description.txt": 0,
    }  # fmt: skip
    for form in ("vtt", "srt"):
        found = told(done, f"captions.{form}")
        assert {(one["language"], one["kind"]) for one in found} == {
            ("en", "human"), ("de", "human"),
        }  # fmt: skip
        for one, path in zip(found, done.files[f"captions.{form}"], strict=True):
            words = {"en": "The first words", "de": "Die ersten Worte"}[one["language"]]
            assert words in path.read_text(encoding="utf-8")
    info = VideoInfo.from_json(done.results["metadata"]["info"])
    assert info.title == "A talk with captions"
    assert VideoInfo.from_json(json.loads(done.files["metadata.json"][0].read_text())) == info
    assert done.results["thumbnail"]["media"] is None
    assert done.report["fetch"]["captions_unavailable"] == ["fr"]
    assert site.count("/files/clip.mp4") == 1


def test_the_picture_that_a_page_shows(site: Site, attempts: Attempts) -> None:
    done = attempts.run(
        site.url("/pages/json-ld"), want={"thumbnail": {}}, outputs={"thumbnail": "thumbnail"}
    )
    (path,) = done.files["thumbnail"]
    assert sha256_file(path) == site.sha256("/files/poster.jpg")
    assert told(done, "thumbnail") == [{"role": "thumbnail", "format": "jpg"}]
    assert done.results["thumbnail"]["media"]["streams"][0]["codec"] == "mjpeg"


def test_metadata_alone_downloads_nothing(site: Site, attempts: Attempts) -> None:
    done = attempts.run(
        site.url("/pages/video"), want={"metadata": {}}, outputs={"metadata.json": "metadata"}
    )
    assert done.results["metadata"]["info"]["url"] == site.url("/pages/video")
    assert site.count("/files/clip.mp4") == 0


def test_a_plain_file_is_asked_for_once(site: Site, attempts: Attempts) -> None:
    """What there is to say of it comes from the same answer, in the words of an extraction."""
    url = site.url("/files/clip.mp4")
    done = attempts.run(url, want=WANT, outputs=ALL)
    info = VideoInfo.from_json(result_of(done)["info"])
    alone = attempts.run(url, want={"metadata": {}}, outputs={"metadata.json": "metadata"})
    asked = VideoInfo.from_json(alone.results["metadata"]["info"])

    for name in ("extractor", "native_id", "url", "host", "title", "media_url", "published_at"):
        assert getattr(info, name) == getattr(asked, name), name
    assert info.duration_s == pytest.approx(1.0, abs=1.5)
    assert told(done, "get/fetch") == [{"role": "video", "format": "mp4"}]
    assert done.files["captions.vtt"] == ()
    assert json.loads(done.files["info.json"][0].read_text())["webpage_url"] == url
    assert done.digests[done.files["fetched"][0]] == site.sha256("/files/clip.mp4")


def test_no_captions_are_fine_unless_they_are_required(site: Site, attempts: Attempts) -> None:
    url, outputs = site.url("/pages/video"), {"captions.vtt": "captions.vtt"}
    done = attempts.run(url, want={"captions": {"languages": ["fr"]}}, outputs=outputs)
    assert done.files["captions.vtt"] == ()

    wish = {"captions": {"languages": ["fr"], "required": True}}
    error = failing(attempts, url, want=wish, outputs=outputs)
    assert error.code is Code.STREAM_MISSING
    assert "en" in str(error.problem.hint)


def test_a_missing_video_is_no_success(site: Site, attempts: Attempts) -> None:
    error = failing(attempts, site.url("/pages/none"), want=WANT, outputs=ALL)
    assert error.code is Code.EXTRACTOR_UNSUPPORTED


@pytest.mark.parametrize("path", ["/files/clip.mp4", "/pages/guarded"])
def test_cookies_open_what_wants_them(
    site: Site, attempts: Attempts, tmp_path: Path, path: str
) -> None:
    page = f'<html><video src="{site.url("/files/clip.mp4")}"></video></html>'
    site.add("/pages/guarded", page, "text/html")
    for one in ("/files/clip.mp4", "/pages/guarded"):
        site.fail(one, Guarded("cookie", "key=1"))
    assert failing(attempts, site.url(path)).code is Code.HTTP_FORBIDDEN

    jar = tmp_path / "jar.txt"
    jar.write_text(
        "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tkey\t1\n", encoding="utf-8"
    )
    before = jar.read_bytes()
    done = attempts.run(site.url(path), cookies=str(jar))
    assert result_of(done)["sha256"] == site.sha256("/files/clip.mp4")
    assert jar.read_bytes() == before


def test_cookies_that_are_not_there(site: Site, attempts: Attempts) -> None:
    error = failing(attempts, site.url("/files/clip.mp4"), cookies="/nowhere/jar.txt")
    assert error.code is Code.INPUT_NOT_FOUND


def test_who_asks(site: Site, attempts: Attempts) -> None:
    attempts.run(site.url("/files/clip.mp4"), user_agent="reel tests")
    (asked,) = site.asked("/files/clip.mp4")
    assert asked.headers["user-agent"] == "reel tests"


def test_the_next_job_goes_on_with_a_half_download(site: Site, attempts: Attempts) -> None:
    """Of a file that a page links to as well, whatever its address is by then."""
    size = site.resource("/files/clip.mp4").size_bytes
    site.fail("/files/clip.mp4", Reset(size // 2, times=1), method="GET")
    url = site.url("/pages/video")
    assert failing(attempts, url).code is Code.NETWORK_RESET

    done = attempts.run(url)

    assert done.report["fetch"]["resumed_bytes"] == pytest.approx(size // 2, abs=1 << 12)
    assert result_of(done)["sha256"] == site.sha256("/files/clip.mp4")


class Gatekeeper:
    """Lets everything through and writes it down, or refuses."""

    def __init__(self, refusal: ReelError | None = None) -> None:
        self.refusal = refusal
        self.heard: list[tuple[str, str, str | None]] = []

    async def enter(self, url: str) -> None:
        self.heard.append(("enter", url, None))
        if self.refusal is not None:
            raise self.refusal

    async def leave(self, url: str, code: Code | None) -> None:
        self.heard.append(("leave", url, code and code.text))


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/files/clip.mp4", None, None),
        ("/files/clip.mp4", 503, "http_server_error"),
        ("/files/clip.mp4", 429, "http_rate_limited"),
        ("/files/none.mp4", None, "http_not_found"),
        ("/pages/json-ld", None, None),
    ],
)
def test_the_gate_hears_how_it_went(
    site: Site, attempts: Attempts, path: str, status: int | None, said: str | None
) -> None:
    gate = Gatekeeper()
    attempts.gate = gate
    if status is not None:
        site.fail(path, Refuse(status))
    url = site.url(path)
    if said is None:
        attempts.run(url)
    else:
        failing(attempts, url)
    assert gate.heard == [("enter", url, None), ("leave", url, said)]


def test_nobody_is_asked_where_the_gate_is_shut(site: Site, attempts: Attempts) -> None:
    attempts.gate = Gatekeeper(ReelError(Code.BUDGET_SPENT, "not now"))
    assert failing(attempts, site.url("/files/clip.mp4")).code is Code.BUDGET_SPENT
    assert site.requests == []


@pytest.mark.parametrize(
    ("url", "kind", "expected"),
    [
        ("https://a/b.MP4?x=1", None, "mp4"),
        ("https://a/b.php", "video/webm; codecs=vp9", "webm"),
        ("https://a/b%2Ewebm", "", "webm"),
        ("https://a/watch", "application/octet-stream", None),
    ],
)
def test_extensions(url: str, kind: str | None, expected: str | None) -> None:
    assert extension_of(url, kind) == expected
