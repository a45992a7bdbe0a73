"""A disk that fills up while a video comes: nothing is lost, and on it goes when there is room.

Home and library lie on a tmpfs of a few megabytes, in a mount namespace of the test's own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.archive.runs import LIMIT_S, Archive, until
from tests.site import Site
from tests.site_resources import Slow

pytestmark = pytest.mark.faults
TALK = "/talk.mp4"
_MB = 1_000_000


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Archive]:
    """An archive on a disk of 24 MB, which the tests see through the process that holds it."""
    if not sys.platform.startswith("linux"):
        pytest.skip("mount namespaces are Linux's")
    disk = tmp_path / "disk"
    disk.mkdir()
    script = f"mount -t tmpfs -o size=24m tmpfs {disk} && echo ready && exec sleep infinity"
    holder = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stderr is not None
    try:
        if holder.stdout.readline().strip() != "ready":
            holder.wait(30)
            pytest.skip(f"no mount namespace may be made here: {holder.stderr.read().strip()}")
        root = Path(f"/proc/{holder.pid}/root")
        yield Archive(
            disk / "home",
            disk / "library",
            prefix=("nsenter", f"--mount=/proc/{holder.pid}/ns/mnt", "--"),
            seen=lambda path: root / path.relative_to("/"),
        )
    finally:
        holder.kill()
        holder.communicate()


def ballast(archive: Archive, free_bytes: int) -> Path:
    """A file that leaves `free_bytes` of the disk."""
    path = archive.seen(archive.home.parent) / "ballast"
    room = os.statvfs(path.parent)
    size = room.f_bavail * room.f_frsize - free_bytes
    with path.open("wb") as file:
        for _ in range(size // 4096):
            file.write(bytes(4096))
    return path


def test_it_fills_up_and_is_emptied(
    small: Archive, site: Site, large: Callable[[str], str]
) -> None:
    """The run waits, and ends well once there is room."""
    small = replace(small, more={"REEL_ARCHIVE__KEEP_FREE_BYTES": "0"})
    # The database comes first: what is full is the disk for videos.
    assert small.run(site.url("/files/clip.mp4")).entry["state"] == "kept"
    url = large(TALK)
    site.fail(TALK, Slow(2 * _MB))
    filling = ballast(small, 2 * _MB)
    with small.archiving(url) as running:
        # All that fits has come, and then it was tried no more, or again and again.
        until(lambda: _is_full(small) or site.count(TALK) > 1)
        assert running.process.poll() is None
        filling.unlink()
        site.heal(TALK)
        done = running.end()
    assert (done.code, done.entry["state"]) == (0, "kept"), done
    assert site.sha256(TALK) in small.digests()
    assert len(small.videos()) == 2
    assert small.leftovers() == []


def test_it_stays_full_and_the_run_is_killed(
    small: Archive, site: Site, large: Callable[[str], str]
) -> None:
    small = replace(small, more={"REEL_ARCHIVE__KEEP_FREE_BYTES": "0"})
    assert small.run(site.url("/files/clip.mp4")).entry["state"] == "kept"
    url = large(TALK)
    filling = ballast(small, 2 * _MB)
    with small.archiving(url) as running:
        until(lambda: _is_full(small) or site.count(TALK) > 1)
        running.kill()
    filling.unlink()
    assert small.run(url).entry["state"] == "kept"
    assert site.sha256(TALK) in small.digests()
    assert small.leftovers() == []


def test_room_is_looked_for_before_a_download(
    small: Archive, site: Site, large: Callable[[str], str]
) -> None:
    """Less is free than is to stay free: the site is not asked, until there is room."""
    small = replace(small, more={"REEL_ARCHIVE__KEEP_FREE_BYTES": "8MB"})
    filling = ballast(small, 6 * _MB)
    url = large(TALK)
    running = small.start("archive", url)
    try:
        assert running.process.stderr is not None
        assert "room on the disk" in running.process.stderr.readline()
        assert site.count(TALK) == 0
        filling.unlink()
        _, said = running.process.communicate(timeout=LIMIT_S)
    finally:
        running.process.kill()
    assert running.process.returncode == 0, said
    assert small.digests() == [site.sha256(TALK)]


def test_what_says_it_does_not_fit_is_not_begun(
    small: Archive, site: Site, large: Callable[[str], str]
) -> None:
    """The answer's head says that it is too large for what is free: none of it is written."""
    small = replace(small, more={"REEL_ARCHIVE__KEEP_FREE_BYTES": "0"})
    filling = ballast(small, 2 * _MB)
    url = large(TALK)
    with small.archiving(url) as running:
        site.wait_for(TALK, 2)
        filling.unlink()
        done = running.end()
    asked = [a.headers.get("range") for a in site.asked(TALK) if a.method == "GET"]
    assert len(asked) >= 2
    assert set(asked) == {None}, "nothing had come that could be gone on from"
    assert (done.code, done.entry["state"]) == (0, "kept"), done
    assert small.digests() == [site.sha256(TALK)]


def _is_full(archive: Archive) -> bool:
    room = os.statvfs(archive.seen(archive.home.parent))
    return room.f_bavail * room.f_frsize < 64 * 1024
