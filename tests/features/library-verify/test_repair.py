"""`reel verify --repair`: from a copy, from what is known, from the origin; and nothing is lost."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tests.faults.archive.runs import Archive, sha256
from tests.site import Site
from tests.site_resources import Refuse

_CLIP = "/files/clip.mp4"


def verify(archive: Archive, *words: str, code: int) -> Any:
    running = archive.start("verify", *words, "--json")
    out, err = running.process.communicate(timeout=240)
    assert running.process.returncode == code, (out, err)
    return json.loads(out)


def rot(path: Path) -> None:
    """Other bytes in the same inode, so that the cache's copy rots with it; the time stays."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(before.st_size // 2)
        file.write(b"rotten")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def own_bytes(path: Path) -> None:
    """On a disk of its own, as it were: the cache keeps a file of its own."""
    before = path.stat()
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


def ways(body: Any) -> dict[str, str]:
    return {
        a["path"].partition("]")[2] or a["path"]: a["way"]
        for asset in body["assets"]
        for a in asset["plan"]
    }


def test_a_video_comes_back_from_the_cache_and_the_rest_from_what_is_known(
    archive: Archive, site: Site
) -> None:
    with_nfo = Archive(archive.home, archive.library, {"REEL_ARCHIVE__NFO": "true"})
    done = with_nfo.run(site.url("/pages/video"), "--captions", "en")
    video = with_nfo.path(done.entry)
    folder, good = video.parent, sha256(video)
    before = {p.name: sha256(p) for p in folder.iterdir()}
    own_bytes(video)
    rot(video)
    next(folder.glob("*.nfo")).unlink()
    captions = next(folder.glob("*.en.srt"))
    (archive.home / "blobs/sha256" / sha256(captions)[:2] / sha256(captions)).unlink()
    captions.unlink()
    next(folder.glob("*.info.json")).rename(folder / "elsewhere.json")
    verify(archive, code=3)
    site.forget()

    planned = verify(archive, "--plan", code=3)

    assert ways(planned) == {
        ".mp4": "copy",
        ".nfo": "remake",
        ".en.srt": "remake",
        ".info.json": "move_back",
    }
    assert sha256(video) != good
    assert not list(folder.glob("*.nfo"))
    repaired = verify(archive, "--repair", code=0)
    assert (repaired["ok"], repaired["restored"], repaired["left"]) == (True, 4, 0)
    after = {p.name: sha256(p) for p in folder.iterdir()}
    assert after.keys() == before.keys()
    changed = {name for name in after if after[name] != before[name]}
    # Captions that are made anew may be written otherwise; the sums say what is there now.
    assert {name.rpartition(".")[2] for name in changed} <= {"srt", "SHA256SUMS"}
    assert not site.requests
    assert verify(archive, code=0)["ok"]
    assert " --> " in captions.read_text()


def test_what_has_no_copy_comes_from_its_origin(archive: Archive, site: Site) -> None:
    video = archive.path(archive.run(site.url(_CLIP)).entry)
    good = sha256(video)
    rot(video)
    assert video.stat().st_nlink > 1, "the cache has a file of its own here: nothing is tested"
    assert verify(archive, code=3)["total"]["damaged"] == 1
    assert ways(verify(archive, "--plan", code=3)) == {".mp4": "fetch"}
    assert sha256(video) != good
    # A site that is away changes nothing: the damaged one is better than none.
    site.fail(_CLIP, Refuse(404))
    damaged = sha256(video)
    assert verify(archive, "--repair", code=3)["left"] == 1
    assert sha256(video) == damaged
    site.heal(_CLIP)

    body = verify(archive, "--repair", code=0)

    assert (body["ok"], body["restored"]) == (True, 1)
    assert sha256(video) == good
    assert archive.videos() == [video]
    assert verify(archive, code=0)["ok"]


def test_another_version_at_the_origin_is_kept_beside_the_damaged_one(
    archive: Archive, site: Site
) -> None:
    site.clip("/other.mp4", pad_bytes=10)
    video = archive.path(archive.run(site.url("/other.mp4")).entry)
    video.unlink()
    (archive.home / "blobs").rename(archive.home / "no-blobs")
    site.clip("/other.mp4", pad_bytes=500)
    assert verify(archive, code=3)["assets"][0]["state"] == "missing"

    verify(archive, "--repair", code=3)

    (found,) = archive.videos()
    assert found.name.endswith(" - v2.mp4")
    (asset,) = archive.document("library")["assets"]
    # Its newest video is there; the first is missed.
    assert asset["state"] == "incomplete"
    assert Path(asset["path"]) == found


def test_what_somebody_changed_stays_beside_what_is_restored(archive: Archive, site: Site) -> None:
    done = archive.run(site.url("/pages/video"), "--captions", "en")
    folder = archive.path(done.entry).parent
    captions = next(folder.glob("*.en.vtt"))
    good = sha256(captions)
    own_bytes(captions)
    captions.write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nhours of work\n")
    verify(archive, code=3)

    body = verify(archive, "--repair", code=0)

    assert sha256(captions) == good
    kept = folder / f"{captions.name}.changed"
    assert "hours of work" in kept.read_text()
    assert [d["kept"] for d in body["assets"][0]["done"]] == [kept.name]
    assert verify(archive, code=0)["assets"][0]["unknown"] == [kept.name]


def test_what_is_gone_everywhere_is_said_to_be_lost(archive: Archive, site: Site) -> None:
    folder = archive.home.with_name("mine")
    folder.mkdir()
    (folder / "holiday.mp4").write_bytes(Path(site.media / "clip.mp4").read_bytes())
    archive.start("import", str(folder), "--json").process.communicate(timeout=240)
    (folder / "holiday.mp4").unlink()
    assert verify(archive, code=3)["assets"][0]["state"] == "missing"
    body = verify(archive, "--repair", code=3)
    assert [a["way"] for asset in body["assets"] for a in asset["plan"]] == ["lost"]
