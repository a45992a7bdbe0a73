"""What is found in pages and playlists, by yt-dlp's generic extractor in a child process."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from reelwright.errors import Code
from reelwright.media.digest import sha256_file
from reelwright.media.info import MediaInfo
from tests.runners.fetch_attempts import Attempts, failing, result_of, small_clip
from tests.runners.origin import Origin, Served, refusal, serving


@pytest.fixture
def origin() -> Iterator[Origin]:
    with serving() as server:
        yield server


@pytest.fixture(scope="session")
def clip(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_clip(ffmpeg, tmp_path_factory.mktemp("fetch") / "clip.mp4")


@pytest.fixture
def attempts(tmp_path: Path) -> Attempts:
    return Attempts(tmp_path)


@pytest.mark.parametrize(
    "page",
    [
        '<!DOCTYPE html><title>A talk</title><video src="clip.mp4"></video>',
        '<html><video><source src="/clip.mp4" type="video/mp4"></video></html>',
    ],
)
def test_page(origin: Origin, attempts: Attempts, clip: Path, page: str) -> None:
    """The file behind the page is downloaded by us, so it is resumed like any other."""
    body = clip.read_bytes()
    origin.answers["/talk"] = Served(page.encode(), content_type="text/html", etag=None)
    origin.answers["/clip.mp4"] = Served(body)

    done = attempts.run(origin.url("/talk"))

    result = result_of(done)
    assert result["url"] == origin.url("/talk")
    assert result["final_url"] == origin.url("/clip.mp4")
    assert result["sha256"] == sha256_file(clip)
    assert done.report["fetch"]["by"] == "download yt-dlp"


def test_page_without_video(origin: Origin, attempts: Attempts) -> None:
    origin.answers["/talk"] = Served(b"<html>words only</html>", content_type="text/html")

    assert failing(attempts, origin.url("/talk")).code is Code.EXTRACTOR_UNSUPPORTED


def test_only_a_file_will_do(origin: Origin, attempts: Attempts) -> None:
    origin.answers["/talk"] = Served(b"<html>words</html>", content_type="text/html")

    error = failing(attempts, origin.url("/talk"), how="file")

    assert error.code is Code.MEDIA_UNRECOGNISED


def test_page_is_gone(origin: Origin, attempts: Attempts) -> None:
    error = failing(attempts, origin.url("/talk"), how="page")

    assert error.code is Code.HTTP_NOT_FOUND


def playlist(ffmpeg: Path, clip: Path, folder: Path, origin: Origin, form: str) -> str:
    """HLS or DASH of the clip, served under /; gives the path of the manifest."""
    name = {"hls": "list.m3u8", "dash": "list.mpd"}[form]
    options = {
        "hls": ("-hls_time", "1", "-hls_playlist_type", "vod"),
        "dash": ("-seg_duration", "1"),
    }[form]
    given = (str(ffmpeg), "-v", "error", "-i", str(clip), "-c", "copy", "-f", form, *options, name)
    subprocess.run(given, check=True, cwd=folder)
    kinds = {".m3u8": "application/vnd.apple.mpegurl", ".mpd": "application/dash+xml"}
    for path in folder.iterdir():
        kind = kinds.get(path.suffix, "video/mp4")
        origin.answers[f"/{path.name}"] = Served(path.read_bytes(), content_type=kind)
    return f"/{name}"


@pytest.mark.parametrize("form", ["hls", "dash"])
def test_playlist(
    ffmpeg: Path, origin: Origin, attempts: Attempts, clip: Path, tmp_path: Path, form: str
) -> None:
    folder = tmp_path / "served"
    folder.mkdir()
    manifest = playlist(ffmpeg, clip, folder, origin, form)

    done = attempts.run(origin.url(manifest))

    media = MediaInfo.from_json(result_of(done)["media"])
    assert {s.codec for s in media.streams} == {"h264", "aac"}
    assert media.duration is not None
    assert abs(media.duration - 4) < 0.2
    assert done.report["fetch"]["by"] == "yt-dlp"


def test_playlist_with_a_hole(
    ffmpeg: Path, origin: Origin, attempts: Attempts, clip: Path, tmp_path: Path
) -> None:
    """A video that lacks a second in the middle is no success."""
    folder = tmp_path / "served"
    folder.mkdir()
    manifest = playlist(ffmpeg, clip, folder, origin, "hls")
    segments = sorted(path for path in origin.answers if path.endswith(".ts"))
    origin.answers[segments[-1]] = refusal(404)

    assert failing(attempts, origin.url(manifest)).code is Code.HTTP_NOT_FOUND


@pytest.mark.attack
def test_playlist_of_local_files(origin: Origin, attempts: Attempts, clip: Path) -> None:
    listed = f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile://{clip}\n#EXT-X-ENDLIST\n"
    kind = "application/vnd.apple.mpegurl"
    origin.answers["/list.m3u8"] = Served(listed.encode(), content_type=kind)

    failing(attempts, origin.url("/list.m3u8"))

    left = (attempts.folder / "attempt-1").glob("page*.mp4*")
    assert not any(b"moov" in path.read_bytes() for path in left)
