"""A fetched video becomes an asset: files first, rows with the step's success, nothing lost."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from reelwright.app.library import copies, folders
from reelwright.app.library.keep import keep_video
from reelwright.app.wiring import App
from reelwright.engine.keeping import KeepOrder, Kept
from reelwright.errors import Code, ReelError
from reelwright.store import artifacts, asset_files, assets, captions
from reelwright.store.asset_files import AssetFile
from reelwright.store.assets import AssetRow, Wanted
from reelwright.store.captions import Term
from tests.app.library.orders import INFO, app_at, file, order

_STEM = "2020-09-13 - A talk： about ＜b＞ [talk]"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with app_at(tmp_path / "home") as made:
        yield made


def _place(app: App, wanted: KeepOrder) -> Kept:
    return asyncio.run(keep_video(app, wanted))


def _keep(app: App, wanted: KeepOrder) -> dict[str, Any]:
    kept = _place(app, wanted)
    app.store.transact(kept.commit)
    return dict(kept.result)


def _all(app: App) -> list[AssetRow]:
    with app.store.read() as tx:
        return list(assets.stream(tx, Wanted()))


def _files(app: App, asset_id: str) -> list[AssetFile]:
    with app.store.read() as tx:
        return asset_files.of_asset(tx, asset_id)


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_everything_stands_under_the_folders_name(app: App) -> None:
    kept = _keep(app, order(app))
    folder = folders.root(app) / kept["folder"]
    assert kept["folder"] == f"Chan/{_STEM}"
    endings = [".mp4", ".en.vtt", ".en.auto.srt", ".jpg", ".info.json", ".nfo", ".ffmetadata"]
    assert _names(folder) == {"SHA256SUMS", *(_STEM + ending for ending in endings)}
    assert (folder / kept["path"]).read_bytes() == b"one"
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b": OK") == len(endings)
    (row,) = _all(app)
    assert (row.id, row.key, row.title) == (kept["asset"], "url:example.org/talk.mp4", INFO.title)
    for entry in _files(app, row.id):
        found = (folder / entry.path).stat()
        assert (found.st_size, found.st_mtime_ns) == (entry.size_bytes, entry.mtime_ns)
    said = json.loads((folder / f"{_STEM}.info.json").read_text())
    assert (said["id"], said["upload_date"], said["chapters"][1]["start_time"]) == (
        "talk",
        "20200913",
        3.0,
    )


def test_captions_are_found_once_and_a_persons_before_a_machines(app: App) -> None:
    kept = _keep(app, order(app))
    _keep(app, order(app))
    with app.store.read() as tx:
        (found,) = captions.candidates(tx, [Term("big world")])
    assert (found.passage.asset_id, found.passage.start_s) == (kept["asset"], 1.0)
    assert found.passage.path == f"{_STEM}.en.vtt"


def test_media_centers_read_the_nfo(app: App) -> None:
    kept = _keep(app, order(app))
    folder = folders.root(app) / kept["folder"]
    root = ET.fromstring((folder / f"{_STEM}.nfo").read_bytes())
    texts = {element.tag: element.text for element in root}
    assert root.tag == "episodedetails"
    assert texts["title"] == INFO.title
    assert (texts["season"], texts["episode"], texts["aired"]) == ("2020", "9131226", "2020-09-13")
    assert (texts["showtitle"], texts["runtime"], texts["tag"]) == ("Chan", "2", "a&b")
    assert texts["thumb"] == f"{_STEM}.jpg"
    show = ET.fromstring((folder.parent / "tvshow.nfo").read_bytes())
    assert show.findtext("title") == "Chan"
    (folder.parent / "tvshow.nfo").write_text("mine")
    _keep(app, order(app, b"two"))
    assert (folder.parent / "tvshow.nfo").read_text() == "mine"


def test_a_film_where_there_is_no_channels_folder_and_no_nfo_where_none_is_wanted(app: App) -> None:
    kept = _keep(app, order(app, options={"template": "{title}"}))
    folder = folders.root(app) / kept["folder"]
    assert ET.fromstring(next(folder.glob("*.nfo")).read_bytes()).tag == "movie"
    other = replace(INFO, url="https://example.org/b.mp4")
    without = _keep(app, order(app, info=other, options={"nfo": False, "template": "x"}))
    assert not list((folders.root(app) / without["folder"]).glob("*.nfo"))


def test_another_content_is_another_version_beside_the_first(app: App) -> None:
    first = _keep(app, order(app))
    second = _keep(app, order(app, b"two"))
    assert second["asset"] == first["asset"]
    assert (second["path"], second["version"]) == (f"{_STEM} - v2.mp4", 2)
    folder = folders.root(app) / first["folder"]
    assert (folder / first["path"]).read_bytes() == b"one"
    assert (folder / second["path"]).read_bytes() == b"two"
    (row,) = _all(app)
    assert row.sha256 == order(app, b"two").of("video")[0].sha256
    again = _keep(app, order(app, b"one"))
    assert (again["path"], again["version"]) == (f"{_STEM}.mp4", 1)
    assert len([f for f in _files(app, row.id) if f.role == "video"]) == 2


def test_a_try_after_a_kill_takes_over_what_the_first_began(app: App) -> None:
    _place(app, order(app))
    folder = folders.root(app) / "Chan" / _STEM
    (folder / f"{_STEM}.mp4").unlink()
    (folder / f"{_STEM}.mp4").write_bytes(b"half of ano")
    (folder / f"{_STEM}.jpg").unlink()
    (folder / "SHA256SUMS").unlink()
    assert _all(app) == []
    kept = _keep(app, order(app, attempt=2))
    assert kept["folder"] == f"Chan/{_STEM}"
    assert (folder / f"{_STEM}.mp4").read_bytes() == b"one"
    assert not [name for name in _names(folder) if name.endswith(".part") or "(2)" in name]
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True)
    assert done.returncode == 0


def test_a_commit_that_is_run_twice_is_one(app: App) -> None:
    kept = _place(app, order(app))
    app.store.transact(kept.commit)
    app.store.transact(kept.commit)
    assert len(_all(app)) == 1


def test_two_tries_at_once_enter_one_asset(app: App) -> None:
    first, second = _place(app, order(app)), _place(app, order(app, attempt=2))
    app.store.transact(second.commit)
    with pytest.raises(ReelError) as caught, app.store.write() as tx:
        first.commit(tx)
    assert caught.value.code is Code.STORE_LOCKED
    assert caught.value.code.retryable
    assert _keep(app, order(app, attempt=3))["asset"] == second.result["asset"]


def test_videos_of_one_name_have_folders_of_their_own(app: App) -> None:
    infos = [
        INFO,
        replace(INFO, url="https://example.org/2/talk.mp4"),
        replace(INFO, url="https://example.org/3/talk.mp4", channel="CHAN"),
    ]
    found = [_keep(app, order(app, info=info))["folder"] for info in infos]
    assert found == [f"Chan/{_STEM}", f"Chan/{_STEM} (2)", f"CHAN/{_STEM} (3)"]
    others = _keep(app, order(app, owner="bo"))
    assert others["folder"] == f"Chan/{_STEM} (4)"
    assert len(_all(app)) == 4


def test_a_folder_with_files_of_somebody_elses_is_left_alone(app: App) -> None:
    stranger = folders.root(app) / "Chan" / _STEM / "mine.txt"
    stranger.parent.mkdir(parents=True)
    stranger.write_text("mine")
    kept = _keep(app, order(app))
    assert kept["folder"] == f"Chan/{_STEM} (2)"
    own = folders.root(app) / kept["folder"]
    added = own / f"{_STEM} (2).de.vtt"
    added.write_text("a person's translation")
    again = order(app)
    german = file(app, "captions", b"WEBVTT\n\n", "vtt", language="de", kind="human")
    _keep(app, replace(again, files=(*again.files, german)))
    assert added.read_text() == "a person's translation"
    assert (own / f"{_STEM} (2) (2).de.vtt").read_bytes() == b"WEBVTT\n\n"
    assert stranger.read_text() == "mine"


def test_what_was_lost_or_changed_is_put_back(app: App) -> None:
    kept = _keep(app, order(app))
    folder = folders.root(app) / kept["folder"]
    (folder / kept["path"]).unlink()
    picture = folder / f"{_STEM}.jpg"
    picture.unlink()
    picture.write_bytes(b"scribble!")
    _keep(app, order(app))
    assert (folder / kept["path"]).read_bytes() == b"one"
    assert picture.read_bytes() == b"a picture"


def test_sidecars_follow_the_origin(app: App) -> None:
    kept = _keep(app, order(app))
    later = replace(INFO, title="Another title", description="new")
    _keep(app, order(app, info=later))
    (row,) = _all(app)
    assert (row.title, row.folder) == ("Another title", kept["folder"])
    root = ET.fromstring((folders.root(app) / kept["folder"] / f"{_STEM}.nfo").read_bytes())
    assert root.findtext("plot") == "new"


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="needs a second file system")
def test_a_library_on_another_file_system_keeps_the_bytes_once(tmp_path: Path) -> None:
    library = Path("/dev/shm") / f"reel-library-{os.getpid()}"
    try:
        with app_at(tmp_path / "home", library) as app:
            if library.parent.stat().st_dev == tmp_path.stat().st_dev:
                pytest.skip("it is the same file system")
            wanted = order(app)
            sha256 = wanted.of("video")[0].sha256
            _enter_blob(app, wanted)
            _keep(app, wanted)
            with app.store.read() as tx:
                assert artifacts.blob(tx, sha256) is None
            copies.sweep(app)
            assert not app.blobs.path(sha256).exists()
            assert [p.read_bytes() for p in library.rglob("*.mp4")] == [b"one"]
    finally:
        shutil.rmtree(library, ignore_errors=True)


def _enter_blob(app: App, wanted: KeepOrder) -> None:
    from reelwright.store.blobs import Blob

    video = wanted.of("video")[0]
    found = video.path.stat()
    blob = Blob(video.sha256, video.size_bytes, found.st_mtime_ns, found.st_ino)
    app.store.transact(lambda tx: artifacts.put_blob(tx, blob))


def test_a_full_or_closed_disk_is_told(app: App, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with app_at(tmp_path / "home2", tmp_path / "file" / "library") as blocked:
        with pytest.raises(ReelError) as caught:
            _place(blocked, order(blocked))
        assert caught.value.code is Code.OUTPUT_PATH
        assert _all(blocked) == []
