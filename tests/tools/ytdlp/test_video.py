"""One extraction of a page, a playlist or a file, and all that it serves."""

from __future__ import annotations

import asyncio
import json
import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from reelwright.errors import Code
from reelwright.tools.ytdlp.info import VideoInfo
from reelwright.tools.ytdlp.options import YtdlpOptions
from reelwright.tools.ytdlp.request import Part, VideoWish
from reelwright.tools.ytdlp.video import fetch_video
from tests.site import Site
from tests.site_resources import Other, Refuse, Slow, Truncated
from tests.tools.processes import is_alive
from tests.tools.ytdlp.conftest import Children

FILE = "/files/clip.mp4"


def test_a_plain_file_is_handed_over(site: Site, children: Children) -> None:
    done = children.fetch(site.url(FILE), Part.VIDEO, Part.INFO)

    direct = done.answer.direct
    assert direct is not None
    assert (direct.url, direct.extension) == (site.url(FILE), "mp4")
    assert [file.role for file in done.answer.files] == [Part.INFO]
    assert done.answer.info.extractor == "generic"
    assert done.answer.info.native_id == ""
    assert done.answer.info.url == site.url(FILE)


def test_a_plain_file_is_downloaded_where_it_is_not_handed_over(
    site: Site, children: Children
) -> None:
    done = children.fetch(site.url(FILE), hand_over=False)

    assert done.answer.direct is None
    assert done.video == site.resource(FILE).body
    assert done.progress


@pytest.mark.parametrize(
    "path", ["/hls/master.m3u8", "/hls-fmp4/master.m3u8", "/dash/manifest.mpd"]
)
def test_a_video_in_parts_is_joined(site: Site, children: Children, path: str) -> None:
    done = children.fetch(site.url(path))

    assert done.answer.direct is None
    assert done.video[4:8] == b"ftyp"
    assert done.answer.info.format is not None
    assert done.answer.info.format.height_px


def test_everything_of_a_page_comes_by_one_extraction(site: Site, children: Children) -> None:
    done = children.fetch(
        site.url("/pages/json-ld"),
        *(Part.VIDEO, Part.INFO, Part.DESCRIPTION, Part.THUMBNAIL, Part.COMMENTS, Part.LIVE_CHAT),
    )

    info = done.answer.info
    assert site.count("/pages/json-ld") == 1
    assert info.title == "A talk in JSON-LD"
    assert info.url == site.url("/pages/json-ld")
    assert info.host == "127.0.0.1"
    assert info.published_at == 1706933106.0  # 2024-02-03T04:05:06Z
    assert info.duration_s == 1.0
    assert done.text(Part.DESCRIPTION) == "All about A talk in JSON-LD."
    (image,) = done.answer.of(Part.THUMBNAIL)
    assert (done.folder / image.path).read_bytes() == site.resource("/files/poster.jpg").body
    assert json.loads(done.text(Part.INFO))["title"] == "A talk in JSON-LD"
    assert not done.answer.of(Part.COMMENTS)  # a page without any
    assert not done.answer.missing
    assert VideoInfo.from_json(json.loads(json.dumps(info.to_json()))) == info


def test_nothing_is_downloaded_that_was_not_wanted(site: Site, children: Children) -> None:
    done = children.fetch(site.url("/pages/og"), Part.INFO)

    assert done.answer.direct is None
    assert [file.role for file in done.answer.files] == [Part.INFO]
    assert not site.count("/files/poster.jpg")


def test_captions_in_every_form(site: Site, children: Children) -> None:
    options = {"captions": ("en", "fr")}

    done = children.fetch(site.url("/pages/video"), Part.CAPTIONS, options=options)

    assert done.answer.captions_unavailable == ("fr",)
    assert {(f.language, f.kind, f.format) for f in done.answer.files} == {
        ("en", "human", "vtt"),
        ("en", "human", "srt"),
    }
    assert done.text(Part.CAPTIONS, format="vtt").encode() == site.resource("/captions/en.vtt").body
    assert "00:00:00,000 --> " in done.text(Part.CAPTIONS, format="srt")
    assert not site.count("/captions/de.vtt")


@pytest.mark.parametrize(
    ("captions", "languages"),
    [
        (("all",), {"en", "de"}),
        (("all", "-de"), {"en"}),
        (("d.*",), {"de"}),
    ],
)
def test_languages_by_pattern(
    site: Site, children: Children, captions: tuple[str, ...], languages: set[str]
) -> None:
    options = {"captions": captions, "caption_formats": ("srt",)}

    done = children.fetch(site.url("/pages/video"), Part.CAPTIONS, options=options)

    assert {file.language for file in done.answer.files} == languages
    assert {file.format for file in done.answer.files} == {"srt"}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Refuse(status=404), Code.HTTP_NOT_FOUND),
        (Refuse(status=429, retry_after=30), Code.HTTP_RATE_LIMITED),
        (Other(content_type="text/vtt"), Code.MEDIA_UNRECOGNISED),
    ],
)
def test_captions_that_fail_cost_nothing_else(
    site: Site, children: Children, fault: Refuse | Other, code: Code
) -> None:
    site.fail("/captions/en.vtt", fault)
    options = {"captions": ("en",), "retries": 0}

    wanted = (Part.VIDEO, Part.CAPTIONS)
    done = children.fetch(site.url("/pages/video"), *wanted, options=options, hand_over=False)

    assert done.answer.missing[Part.CAPTIONS].code is code
    assert done.video
    assert site.count("/captions/en.vtt") == 1


def test_a_page_that_is_no_image_is_no_thumbnail(site: Site, children: Children) -> None:
    site.fail("/files/poster.jpg", Other(content_type="image/jpeg"))

    done = children.fetch(site.url("/pages/json-ld"), Part.THUMBNAIL, Part.INFO)

    assert done.answer.missing[Part.THUMBNAIL].code is Code.MEDIA_UNRECOGNISED
    assert not done.answer.of(Part.THUMBNAIL)


def test_one_of_several_videos_of_a_page(site: Site, children: Children) -> None:
    page, third = site.url("/pages/playlist"), "/files/part2.mp4"

    by_position = children.fetch(page, position=3).answer.direct
    by_file = children.fetch(page, media_url=site.url(third)).answer.direct
    gone = children.failing(page, media_url=site.url("/files/part9.mp4"))

    assert by_position is not None
    assert by_file is not None
    assert by_position.url == by_file.url == site.url(third)
    assert gone.code is Code.VIDEO_GONE


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/pages/none", Code.EXTRACTOR_UNSUPPORTED),
        ("/nothing", Code.HTTP_NOT_FOUND),
        ("/loop", Code.HTTP_STATUS),
    ],
)
def test_what_is_no_video(site: Site, children: Children, path: str, code: Code) -> None:
    error = children.failing(site.url(path))

    assert error.code is code
    assert error.problem.evidence["message"]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, Code.HTTP_FORBIDDEN),
        (403, Code.HTTP_FORBIDDEN),
        (410, Code.HTTP_NOT_FOUND),
        (429, Code.HTTP_RATE_LIMITED),
        (451, Code.HTTP_FORBIDDEN),
        (503, Code.HTTP_SERVER_ERROR),
    ],
)
def test_a_page_that_is_refused(site: Site, children: Children, status: int, code: Code) -> None:
    site.fail("/pages/og", Refuse(status=status, retry_after=7))

    error = children.failing(site.url("/pages/og"))

    assert error.code is code
    assert error.problem.evidence["status"] == status
    assert error.problem.evidence["retry_after_s"] == 7.0
    assert error.problem.evidence["extractor"] == "generic"
    assert error.problem.evidence["log"]


def test_a_part_that_is_missing_is_no_hole_in_the_video(site: Site, children: Children) -> None:
    playlist = site.resource("/hls/v1.m3u8").body
    assert isinstance(playlist, bytes)
    parts = [line for line in playlist.decode().splitlines() if line.endswith(".ts")]
    site.fail(f"/hls/{parts[-1]}", Refuse(status=404))

    error = children.failing(site.url("/hls/v1.m3u8"), options={"retries": 1})

    assert error.code is Code.HTTP_NOT_FOUND


def test_a_part_that_comes_late_comes(site: Site, children: Children) -> None:
    playlist = site.resource("/hls/v1.m3u8").body
    assert isinstance(playlist, bytes)
    parts = [line for line in playlist.decode().splitlines() if line.endswith(".ts")]
    whole = children.fetch(site.url("/hls/v1.m3u8")).video
    site.fail(f"/hls/{parts[-1]}", Refuse(status=503, times=1), Truncated(times=1))

    assert children.fetch(site.url("/hls/v1.m3u8")).video == whole


def test_parts_that_are_encrypted_with_a_key_that_is_handed_out(
    site: Site, children: Children, tmp_path: Path, ffmpeg: Path
) -> None:
    key = bytes(range(16))
    (tmp_path / "key").write_bytes(key)
    (tmp_path / "about").write_text(f"{site.add('/key', key)}\n{tmp_path / 'key'}\n")
    clip = site.media / "clip.mp4"
    argv = [str(ffmpeg), "-v", "error", "-i", str(clip), "-c", "copy", "-hls_time", "1"]
    argv += ["-hls_playlist_type", "vod", "-hls_key_info_file", str(tmp_path / "about")]
    subprocess.run([*argv, str(tmp_path / "list.m3u8")], check=True)
    for path in [*tmp_path.glob("*.ts"), tmp_path / "list.m3u8"]:
        site.add(f"/aes/{path.name}", path.read_bytes())

    done = children.fetch(site.url("/aes/list.m3u8"))

    assert site.count("/key") == 1
    assert b"mdat" in done.video
    (part,) = list(tmp_path.glob("list0.ts"))
    assert part.read_bytes()[:1] != b"G"  # it is encrypted there


def test_a_live_video_is_waited_for(site: Site, children: Children) -> None:
    """A playlist without an end."""
    playlist = site.resource("/hls/v1.m3u8").body
    assert isinstance(playlist, bytes)
    live = playlist.replace(b"#EXT-X-ENDLIST", b"").replace(b"#EXT-X-PLAYLIST-TYPE:VOD\n", b"")
    site.add("/hls/live.m3u8", live)

    error = children.failing(site.url("/hls/live.m3u8"))

    assert error.code is Code.VIDEO_NOT_YET


def test_a_video_larger_than_allowed(site: Site, children: Children) -> None:
    error = children.failing(site.url("/hls/master.m3u8"), max_bytes=2000)

    assert error.code is Code.MEDIA_TOO_LARGE


def test_a_format_that_is_not_there(site: Site, children: Children) -> None:
    error = children.failing(site.url("/hls/master.m3u8"), options={"formats": ("b[height>9000]",)})

    assert error.code is Code.FORMAT_UNAVAILABLE


def test_the_ladder_goes_down(site: Site, children: Children) -> None:
    options = {"formats": ("b[height>9000]", "w")}

    done = children.fetch(site.url("/hls/master.m3u8"), options=options)

    assert done.answer.info.format is not None


def test_a_cancelled_fetch_leaves_no_process(site: Site, tmp_path: Path, ffmpeg: Path) -> None:
    site.clip("/long.mp4", pad_bytes=400_000)
    site.fail("/long.mp4", Slow(bytes_per_s=2000))
    wish = VideoWish(
        url=site.url("/long.mp4"), folder=str(tmp_path), ffmpeg=str(ffmpeg), hand_over=False
    )

    async def scenario() -> list[int]:
        begun = asyncio.Event()
        fetching = asyncio.create_task(
            fetch_video(wish, log=tmp_path / "log", on_progress=lambda *_: begun.set())
        )
        await asyncio.wait_for(begun.wait(), 120)
        there = _working_in(tmp_path)
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
        return there

    pids = asyncio.run(scenario())

    assert pids
    assert not [pid for pid in pids if is_alive(pid)]


def test_a_fetch_ends_when_its_time_is_up(site: Site, children: Children) -> None:
    site.clip("/long.mp4", pad_bytes=400_000)
    site.fail("/long.mp4", Slow(bytes_per_s=1000))

    error = children.failing(site.url("/long.mp4"), hand_over=False, max_seconds=4)

    assert error.code is Code.TIMEOUT


def test_options_are_the_same_after_the_way_to_the_child(tmp_path: Path) -> None:
    from reelwright.tools.ytdlp.wire import wish_from_file, wish_to_file

    options = YtdlpOptions(
        formats=("b", "w"), extractor_args={"youtube": {"player_client": ("web", "tv")}}
    )
    wish = VideoWish(url="u", folder="f", ffmpeg="x", options=options, want=frozenset(Part))
    wish_to_file(wish, tmp_path / "wish")

    assert wish_from_file(VideoWish, tmp_path / "wish") == wish
    assert wish_from_file(VideoWish, tmp_path / "wish") != replace(wish, position=2)
    assert (tmp_path / "wish").stat().st_mode & 0o077 == 0


def _working_in(folder: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if (entry / "cwd").readlink() == folder:
                    found.append(int(entry.name))
    return found
