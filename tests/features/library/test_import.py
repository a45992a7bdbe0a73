"""`reel import` takes over what yt-dlp, Tube Archivist and people have put on a disk."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reelwright.app.library import carrying
from tests.cli.reel import Done, reel
from tests.features import media

_ID = "dQw4w9WgXcQ"
_CHANNEL = "UC" + "x" * 22
_VTT = "WEBVTT\n\n00:01.000 --> 00:02.000\nthe quick brown fox\n"

Clip = Callable[[str], Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "videos"
    made.mkdir()
    return made


@pytest.fixture
def clip(ffmpeg: Path, folder: Path) -> Clip:
    """Makes a small video of another colour each time."""
    made = 0

    def make(name: str) -> Path:
        nonlocal made
        made += 1
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = f"color=0x{made * 30:02x}5050:s=64x48:r=5:d=1"
        return media.make(ffmpeg, path, "-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p")

    return make


def _import(folder: Path, *more: str, code: int = 0) -> Done:
    done = reel("import", str(folder), "--json", *more, cwd=folder.parent)
    assert done.code == code, f"{done.out}\n{done.err}"
    return done


def _counts(done: Done) -> dict[str, int]:
    return {name: n for name, n in done.lines[-1].items() if name != "event" and n}


def _library(folder: Path) -> list[dict[str, Any]]:
    done = reel("library", "--sort", "title", "--json", cwd=folder.parent)
    assert done.code == 0, done.err
    found: list[dict[str, Any]] = done.json["assets"]
    return found


def _everything(folder: Path) -> dict[str, tuple[int, int]]:
    stats = {str(path): path.stat() for path in sorted(folder.rglob("*"))}
    return {path: (found.st_ino, found.st_mtime_ns) for path, found in stats.items()}


def _ytdlp(clip: Clip, name: str = "A talk", video_id: str = _ID, **more: Any) -> Path:
    """As yt-dlp writes it by itself, and ytdl-sub and Pinchflat with other names."""
    video = clip(f"Some channel/{name} [{video_id}].mp4")
    said = {
        "id": video_id,
        "title": name,
        "extractor": "youtube",
        "extractor_key": "Youtube",
        "webpage_url": f"https://www.youtube.com/watch?v={video_id}",
        "channel": "Some channel",
        "channel_id": _CHANNEL,
        "upload_date": "20200201",
        "chapters": [{"title": "one", "start_time": 0, "end_time": 1}],
        "_type": "video",
        **more,
    }
    stem = video.with_suffix("")
    Path(f"{stem}.info.json").write_text(json.dumps(said))
    Path(f"{stem}.en.vtt").write_text(_VTT)
    Path(f"{stem}.description").write_text("What it is about")
    Path(f"{stem}.webp").write_bytes(b"a picture")
    return video


def test_what_yt_dlp_kept_is_taken_over_where_it_is(clip: Clip, folder: Path) -> None:
    video = _ytdlp(clip)
    before = _everything(folder)
    done = _import(folder)
    assert _counts(done) == {"imported": 1}
    assert _everything(folder) == before
    (asset,) = _library(folder)
    assert asset["key"] == f"site:youtube.com:youtube:{_ID}"
    assert (asset["title"], asset["channel"], asset["path"]) == (
        "A talk",
        "Some channel",
        str(video),
    )
    assert (asset["published_at"], asset["captions"]) == (1580515200.0, ["en"])
    shown = reel("library", "show", asset["id"], "--json", cwd=folder).json
    roles = {entry["role"] for entry in shown["files"]}
    assert roles == {"video", "info", "captions", "description", "thumbnail"}
    assert shown["chapters"][0]["title"] == "one"
    assert shown["media"]["streams"][0]["codec"] == "h264"
    hits = reel("library", "search", "quick fox", "--json", cwd=folder).json["hits"]
    assert hits == []  # quoted in the shell, they would stand together
    (hit,) = reel("library", "search", "quick", "fox", "--json", cwd=folder).json["hits"]
    assert (hit["asset"], hit["start_s"]) == (asset["id"], 1.0)


def test_a_second_run_passes_over_what_is_known(clip: Clip, folder: Path) -> None:
    _ytdlp(clip)
    assert _counts(_import(folder)) == {"imported": 1}
    clip("new.mp4")
    assert _counts(_import(folder)) == {"imported": 1, "known": 1}
    assert _counts(_import(folder)) == {"known": 2}
    assert len(_library(folder)) == 2


def test_tube_archivist_with_and_without_its_backup(clip: Clip, folder: Path) -> None:
    clip(f"{_CHANNEL}/{_ID}.mp4")
    (folder / _CHANNEL / f"{_ID}.en.vtt").write_text(_VTT)
    bare = clip(f"{_CHANNEL}/aaaaaaaaaaa.mp4")
    (folder / "backup").mkdir()
    video = {
        "youtube_id": _ID,
        "title": "From the backup",
        "published": "2019-05-12",
        "channel": {"channel_name": "A channel", "channel_id": _CHANNEL},
        "player": {"duration": 3},
    }
    with zipfile.ZipFile(folder / "backup" / "ta_backup-20240101-manual.zip", "w") as archive:
        action = json.dumps({"index": {"_index": "ta_video", "_id": _ID}})
        archive.writestr("es_video-20240101.json", f"{action}\n{json.dumps(video)}\nno json\n")
        archive.writestr("es_channel-20240101.json", "{}\n")
    assert _counts(_import(folder)) == {"imported": 2}
    known, unknown = sorted(_library(folder), key=lambda asset: str(asset["channel"]))
    assert (known["title"], known["channel"], known["captions"]) == (
        "From the backup",
        "A channel",
        ["en"],
    )
    assert unknown["key"] == "site:youtube.com:youtube:aaaaaaaaaaa"
    assert (unknown["path"], unknown["channel_id"]) == (str(bare), _CHANNEL)


def test_plain_files_and_nfo(clip: Clip, folder: Path) -> None:
    clip("Holidays/2021-07-14 - At the sea.mp4")
    clip("Holidays/second.mkv")
    film = clip("film/film.mp4")
    film.with_suffix(".nfo").write_text(
        "<movie><title>A film</title><premiered>1999-01-02</premiered>"
        "<studio>Me</studio><tag>x</tag></movie>"
    )
    assert _counts(_import(folder)) == {"imported": 3}
    found = {asset["title"]: asset for asset in _library(folder)}
    assert set(found) == {"At the sea", "second", "A film"}
    assert found["At the sea"]["channel"] == "Holidays"
    assert found["At the sea"]["published_at"] == 1626220800.0
    assert found["A film"]["channel"] == "Me"
    assert all(asset["key"] == f"file:{asset['sha256']}" for asset in found.values())
    assert all(asset["duration_s"] == 1.0 for asset in found.values())


def test_duplicates_and_what_is_no_video_are_told(clip: Clip, folder: Path) -> None:
    first = clip("a.mp4")
    shutil.copy(first, folder / "b.mp4")
    _ytdlp(clip)
    again = clip(f"other/{_ID}.mp4")
    again.rename(again.with_name(f"Re-encoded [{_ID}].mp4"))
    (folder / "broken.mp4").write_bytes(b"this is no video")
    (folder / "half.mp4.part").write_bytes(b"")
    done = _import(folder, code=3)
    assert _counts(done) == {"imported": 2, "duplicate": 2, "failed": 1}
    said = {Path(line["path"]).name: line for line in done.lines[:-1]}
    assert said["b.mp4"]["same_content"] is True
    assert said["b.mp4"]["asset"] == said["a.mp4"]["asset"]
    assert said[f"Re-encoded [{_ID}].mp4"]["same_content"] is False
    assert said["broken.mp4"]["error"]["code"].startswith("media_")


def test_a_dry_run_writes_nothing(clip: Clip, folder: Path) -> None:
    _ytdlp(clip)
    done = _import(folder, "--dry-run")
    assert _counts(done) == {"found": 1}
    assert done.lines[0]["title"] == "A talk"
    assert _library(folder) == []


@pytest.mark.parametrize("how", ["--link", "--move"])
def test_into_the_library_by_its_template(
    clip: Clip, folder: Path, tmp_path: Path, how: str
) -> None:
    video = _ytdlp(clip)
    content = video.read_bytes()
    library = tmp_path / "library"
    done = _import(folder, how, "--library", str(library), "--template", "{channel}/{title}")
    assert _counts(done) == {"imported": 1}
    stands = library / "Some channel" / "A talk"
    assert (stands / "A talk.mp4").read_bytes() == content
    assert (stands / "A talk.en.vtt").read_text() == _VTT
    checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=stands, capture_output=True)
    assert checked.returncode == 0
    assert video.exists() is (how == "--link")
    assert (video.parent.exists()) is (how == "--link")
    again = _import(folder, how, "--library", str(library), "--template", "{channel}/{title}")
    assert _counts(again) == ({"known": 1} if how == "--link" else {})
    moved = reel(
        *("library", "rename", "--template", "{title}", "--yes", "--library", str(library)),
        cwd=folder,
    )
    assert moved.code == 0, moved.err
    assert (library / "A talk" / "A talk.mp4").read_bytes() == content


def test_a_move_that_was_cut_off_is_finished(
    clip: Clip, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = _ytdlp(clip)
    library = str(tmp_path / "library")

    class Killed(BaseException):
        pass

    def kill(_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(carrying, "remove_sources", kill)
        with pytest.raises(Killed):
            _import(folder, "--move", "--library", library)
    assert video.exists()
    assert _counts(_import(folder, "--move", "--library", library)) == {"imported": 1}
    assert not [path for path in folder.rglob("*") if path.is_file()]
    assert len(_library(folder)) == 1


def test_a_library_that_lies_in_its_own_place(clip: Clip, folder: Path) -> None:
    """An imported folder below the library is the asset's own: it is renamed like any other."""
    video = _ytdlp(clip)
    assert _counts(_import(folder, "--library", str(folder))) == {"imported": 1}
    (asset,) = _library(folder)
    done = reel(
        *("library", "rename", "--template", "{title}", "--yes", "--json"),
        cwd=folder,
        REEL_LIBRARY=str(folder),
    )
    assert done.code == 0, done.err
    assert not video.exists()
    shown = reel("library", "show", asset["id"], "--json", cwd=folder, REEL_LIBRARY=str(folder))
    assert Path(shown.json["path"]).is_file()
    assert Path(shown.json["folder"]) == folder / "A talk"


def test_a_library_whose_database_was_lost(clip: Clip, folder: Path, tmp_path: Path) -> None:
    """Its own files say what it holds, and which of them were damaged meanwhile."""
    library = tmp_path / "library"
    for video_id in (_ID, "aaaaaaaaaaa"):
        _ytdlp(clip, f"Talk {video_id}", video_id)
    assert _counts(_import(folder, "--move", "--library", str(library))) == {"imported": 2}
    before = {asset["key"]: asset for asset in _library(folder)}
    damaged = next(path for path in library.rglob("*.mp4") if _ID in path.name)
    with damaged.open("ab") as file:
        file.write(b"rot")
    new = {"REEL_HOME": str(tmp_path / "new"), "REEL_LIBRARY": str(library)}
    done = reel("import", str(library), "--json", cwd=tmp_path, **new)
    assert _counts(done) == {"imported": 2}
    after = reel("library", "--json", cwd=tmp_path, **new).json["assets"]
    for asset in after:
        was = before[asset["key"]]
        assert (asset["sha256"], asset["title"]) == (was["sha256"], was["title"])
    states = {asset["native_id"]: asset["state"] for asset in after}
    assert states == {_ID: "damaged", "aaaaaaaaaaa": "held"}
    moved = reel("library", "rename", "--template", "{id}", "--yes", "--json", cwd=tmp_path, **new)
    assert len(moved.json["moves"]) == 2


def test_what_cannot_be_imported_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "nowhere", tmp_path / "file"):
        done = reel("import", str(place), "--json", cwd=tmp_path)
        assert done.json["error"]["code"] == "input_not_found"
    done = reel("import", str(folder), "--link", "--move", "--json", cwd=tmp_path)
    assert done.json["error"]["code"] == "usage"
    done = reel("import", str(folder), "--move", "--template", "{x}", "--json", cwd=tmp_path)
    assert done.json["error"]["code"] == "template_invalid"
