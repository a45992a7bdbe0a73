"""`reel verify` on real files: what it finds, what it says, and how it goes on after a kill."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.faults.archive.runs import Archive, until
from tests.site import Site


def one(archive: Archive, site: Site) -> Path:
    """The file of the only video, kept with its captions."""
    done = archive.run(site.url("/pages/video"), "--captions", "en")
    assert done.code == 0, done
    return archive.path(done.entry)


def verify(archive: Archive, *words: str, code: int) -> Any:
    running = archive.start("verify", *words, "--json")
    out, err = running.process.communicate(timeout=240)
    assert running.process.returncode == code, (out, err)
    return json.loads(out)


def findings(body: Any) -> dict[str, str]:
    """How each file that is not well is so, by the end of its name."""
    return {
        f["path"].partition("]")[2]: f["how"] for asset in body["assets"] for f in asset["findings"]
    }


def flip(path: Path, *, keeps_time: bool) -> None:
    """One bit in the middle, as a tired disk does it; the rest of the file is as it was."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(before.st_size // 2)
        byte = file.read(1)[0]
        file.seek(before.st_size // 2)
        file.write(bytes([byte ^ 1]))
    if keeps_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_what_is_well_is_said_to_be_and_when(archive: Archive, site: Site) -> None:
    one(archive, site)
    body = verify(archive, code=0)
    assert (body["ok"], body["assets"]) == (True, [])
    assert (body["total"]["assets"], body["total"]["well"]) == (1, 1)
    assert body["total"]["read_bytes"] > 1000
    (asset,) = archive.document("library")["assets"]
    assert asset["verified_at"] is not None
    # Nothing is so old.
    assert verify(archive, "--older-than", "1d", code=0)["total"]["assets"] == 0


def test_rot_a_loss_an_edit_and_another_name_are_told_apart(archive: Archive, site: Site) -> None:
    video = one(archive, site)
    folder = video.parent
    flip(video, keeps_time=True)
    captions = next(folder.glob("*.en.vtt"))
    captions.write_text(captions.read_text() + "\n\n00:50.000 --> 00:51.000\nmine\n")
    picture = next(folder.glob("*.jpg"), None)
    next(folder.glob("*.info.json")).rename(folder / "renamed.json")
    (folder / "notes.txt").write_text("my own")
    (folder / "SHA256SUMS").unlink()

    body = verify(archive, code=3)

    found = findings(body)
    assert found.pop(".mp4") == "rot"
    assert found.pop(".en.vtt") == "changed"
    assert found.pop(".info.json") == "moved"
    assert found == {}, picture
    (asset,) = body["assets"]
    assert (asset["state"], asset["sums"], asset["unknown"]) == (
        "damaged",
        "missing",
        ["notes.txt"],
    )
    assert body["total"]["damaged"] == 1
    # Nothing was touched, and it is known from now on.
    assert (folder / "renamed.json").is_file()
    assert (folder / "notes.txt").is_file()
    (listed,) = archive.document("library", "--state", "damaged")["assets"]
    assert listed["id"] == asset["id"]


def test_by_size_and_time_alone_rot_is_not_seen_and_all_else_is(
    archive: Archive, site: Site
) -> None:
    video = one(archive, site)
    flip(video, keeps_time=True)
    assert verify(archive, "--quick", code=0)["total"]["read_bytes"] == 0
    assert findings(verify(archive, code=3)) == {".mp4": "rot"}
    # What is known to be damaged is not well because it looks so.
    assert findings(verify(archive, "--quick", code=3)) == {".mp4": "rot"}
    flip(video, keeps_time=True)
    assert verify(archive, "--quick", code=0)["ok"]
    os.truncate(video, video.stat().st_size - 1)
    assert findings(verify(archive, "--quick", code=3)) == {".mp4": "changed"}
    video.unlink()
    body = verify(archive, "--quick", code=3)
    assert findings(body) == {".mp4": "missing"}
    assert body["assets"][0]["state"] == "missing"


def test_a_disk_that_is_not_mounted_loses_nothing(archive: Archive, site: Site) -> None:
    one(archive, site)
    away = archive.library.with_name("unplugged")
    archive.library.rename(away)
    archive.library.mkdir()
    running = archive.start("verify", "--json")
    out, _ = running.process.communicate(timeout=240)
    assert running.process.returncode == 2, out
    assert json.loads(out)["error"]["code"] == "input_not_found"
    assert [a["state"] for a in archive.document("library")["assets"]] == ["held"]
    archive.library.rmdir()
    away.rename(archive.library)
    assert verify(archive, code=0)["ok"]


def test_a_run_that_is_killed_is_gone_on_with(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 6)
    assert archive.run(feed.url).code == 0
    files = sum(p.stat().st_size for p in archive.library.rglob("*") if p.is_file())
    running = archive.start("verify", "--rate", str(files // 30), "--json")
    until(lambda: _verified(archive) >= 2)
    running.kill()
    read = _verified(archive)
    assert 2 <= read < 6
    body = verify(archive, code=0)
    assert body["total"]["assets"] == 6 - read
    assert _verified(archive) == 6
    # That run came to its end: the next one reads everything.
    assert verify(archive, code=0)["total"]["assets"] == 6


def _verified(archive: Archive) -> int:
    with closing(sqlite3.connect(archive.home / "reelwright.db", timeout=60)) as database:
        query = "SELECT count(*) FROM assets WHERE verified_at IS NOT NULL"
        return int(database.execute(query).fetchone()[0])


def test_what_somebody_did_is_accepted_and_rot_is_not(archive: Archive, site: Site) -> None:
    video = one(archive, site)
    folder = video.parent
    captions = next(folder.glob("*.en.vtt"))
    captions.write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nanother wording\n")
    next(folder.glob("*.info.json")).unlink()
    flip(video, keeps_time=True)
    asset = verify(archive, code=3)["assets"][0]["id"]

    done = verify(archive, asset, "--accept", code=3)["accepted"][0]["files"]

    assert {one["path"].partition("]")[2]: one["what"] for one in done} == {
        ".mp4": "refused",
        ".en.vtt": "edited",
        ".info.json": "forgotten",
    }
    assert findings(verify(archive, code=3)) == {".mp4": "rot"}
    hits = archive.document("library", "search", "another", "wording")["hits"]
    assert [hit["asset"] for hit in hits] == [asset]


@pytest.mark.parametrize(
    "words", [("--plan", "--repair"), ("--rate", "fast"), ("--accept",), ("--repair", "--quick")]
)
def test_what_makes_no_sense_is_refused(archive: Archive, words: tuple[str, ...]) -> None:
    running = archive.start("verify", *words, "--json")
    out, _ = running.process.communicate(timeout=240)
    assert running.process.returncode == 2
    assert json.loads(out)["error"]["code"] == "usage"
