"""Contents by digest: in by one rename, out whole, and changes noticed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reelwright.errors import Code, ReelError
from reelwright.media.digest import sha256_file
from reelwright.store.blobs import Blob, Blobs, refused


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def _put(blobs: Blobs, tmp_path: Path, text: str, name: str = "source") -> Blob:
    (tmp_path / name).write_text(text)
    return blobs.put(tmp_path / name)


def test_a_file_is_moved_in_under_its_digest(blobs: Blobs, tmp_path: Path) -> None:
    blob = _put(blobs, tmp_path, "hello")
    path = blobs.path(blob.sha256)
    assert path.read_text() == "hello"
    assert path.parent.name == blob.sha256[:2]
    assert not (tmp_path / "source").exists()
    assert blob.size_bytes == 5
    assert blobs.check(blob.sha256, blob.size_bytes, blob.mtime_ns, blob.inode)
    assert blobs.verify(blob.sha256)


def test_the_same_content_is_stored_once(blobs: Blobs, tmp_path: Path) -> None:
    first = _put(blobs, tmp_path, "hello")
    assert _put(blobs, tmp_path, "hello") == first
    assert not (tmp_path / "source").exists()
    assert len(list(blobs.stored())) == 1


def test_a_damaged_one_is_replaced_by_the_good(blobs: Blobs, tmp_path: Path) -> None:
    first = _put(blobs, tmp_path, "hello")
    blobs.path(first.sha256).write_text("HELLO")
    assert not blobs.verify(first.sha256)
    _put(blobs, tmp_path, "hello")
    assert blobs.verify(first.sha256)


def test_many_are_put_together(blobs: Blobs, tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.jpg" for n in range(40)]
    for n, path in enumerate(paths):
        path.write_text(f"still {n % 30}")
    found = blobs.put_all(paths)
    assert [blobs.path(b.sha256).read_text() for b in found] == [
        f"still {n % 30}" for n in range(40)
    ]
    assert not any(path.exists() for path in paths)


def test_new_folders_survive_a_power_cut_as_well(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.add(os.fstat(handle).st_ino)
        real(handle)

    target = tmp_path / "out" / "deep" / "a.mp4"
    blob = _put(blobs, tmp_path, "hello")
    monkeypatch.setattr(os, "fsync", fsync)
    blobs.deliver(blob.sha256, target, overwrite=False, mark="job")
    folders = (tmp_path, tmp_path / "out", tmp_path / "out" / "deep")
    assert {folder.stat().st_ino for folder in folders} <= synced


def test_a_change_is_noticed_without_reading(blobs: Blobs, tmp_path: Path) -> None:
    blob = _put(blobs, tmp_path, "hello")
    path = blobs.path(blob.sha256)
    known = (blob.sha256, blob.size_bytes, blob.mtime_ns, blob.inode)
    os.utime(path, ns=(1, 1))
    assert not blobs.check(*known)
    path.unlink()
    assert not blobs.check(*known)


@pytest.mark.parametrize("overwrite", [True, False])
def test_delivery_is_whole_and_leaves_nothing_else(
    blobs: Blobs, tmp_path: Path, overwrite: bool
) -> None:
    blob = _put(blobs, tmp_path, "hello")
    target = tmp_path / "out" / "deep" / "a.mp4"
    how = blobs.deliver(blob.sha256, target, overwrite=overwrite, mark="job")
    assert how in {"reflink", "link", "copy"}
    assert target.read_text() == "hello"
    assert [p.name for p in target.parent.iterdir()] == ["a.mp4"]


def test_delivery_replaces_only_when_asked(blobs: Blobs, tmp_path: Path) -> None:
    blob = _put(blobs, tmp_path, "hello")
    target = tmp_path / "a.mp4"
    target.write_text("mine")
    with pytest.raises(ReelError) as caught:
        blobs.deliver(blob.sha256, target, overwrite=False, mark="job")
    assert caught.value.code is Code.OUTPUT_EXISTS
    assert target.read_text() == "mine"
    assert not list(tmp_path.glob(".*"))
    blobs.deliver(blob.sha256, target, overwrite=True, mark="job")
    assert target.read_text() == "hello"


def test_an_unfinished_delivery_is_taken_over(blobs: Blobs, tmp_path: Path) -> None:
    blob = _put(blobs, tmp_path, "hello")
    (tmp_path / ".a.mp4.job.part").write_text("hel")
    blobs.deliver(blob.sha256, tmp_path / "a.mp4", overwrite=False, mark="job")
    assert not list(tmp_path.glob(".*"))


def test_a_symbolic_link_is_replaced_not_followed(blobs: Blobs, tmp_path: Path) -> None:
    blob = _put(blobs, tmp_path, "hello")
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "a.mp4").symlink_to(tmp_path / "precious")
    blobs.deliver(blob.sha256, tmp_path / "a.mp4", overwrite=True, mark="job")
    assert (tmp_path / "precious").read_text() == "mine"
    assert not (tmp_path / "a.mp4").is_symlink()


def test_another_file_system_gets_a_copy(blobs: Blobs, tmp_path: Path) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    blob = _put(blobs, tmp_path, "hello")
    target = other / f"reel-test-{os.getpid()}"
    try:
        assert blobs.deliver(blob.sha256, target, overwrite=True, mark="job") == "copy"
        assert target.read_text() == "hello"
        moved = Blobs(tmp_path / "other").put(target)
        assert moved.sha256 == blob.sha256
        assert not target.exists()
    finally:
        target.unlink(missing_ok=True)


def test_what_is_not_there_is_damaged(blobs: Blobs, tmp_path: Path) -> None:
    with pytest.raises(ReelError) as caught:
        blobs.deliver("ab" * 32, tmp_path / "a", overwrite=True, mark="job")
    assert caught.value.code is Code.ARTIFACT_DAMAGED
    assert blobs.remove("ab" * 32) == 0
    with pytest.raises(ReelError) as caught:
        blobs.put(tmp_path / "nothing")
    assert caught.value.code is Code.OUTPUT_MISSING


def test_a_file_in_the_way_of_a_folder_is_named(blobs: Blobs, tmp_path: Path) -> None:
    blob = _put(blobs, tmp_path, "hello")
    (tmp_path / "file").write_text("")
    with pytest.raises(ReelError) as caught:
        blobs.deliver(blob.sha256, tmp_path / "file" / "a", overwrite=True, mark="job")
    assert caught.value.code in {Code.OUTPUT_PATH, Code.OUTPUT_EXISTS}


def test_removing_gives_the_bytes_back(blobs: Blobs, tmp_path: Path) -> None:
    blob = _put(blobs, tmp_path, "hello")
    assert blobs.remove(blob.sha256) == 5
    assert list(blobs.stored()) == []


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, Code.DISK_FULL),
        (errno.EDQUOT, Code.DISK_FULL),
        (errno.EACCES, Code.PERMISSION_DENIED),
        (errno.EROFS, Code.PERMISSION_DENIED),
        (errno.ENAMETOOLONG, Code.OUTPUT_PATH),
        (errno.EMFILE, Code.PROCESS_LIMIT),
        (errno.EIO, Code.INTERNAL),
    ],
)
def test_refusals_have_their_codes(number: int, code: Code) -> None:
    assert refused(OSError(number, "no"), Path("/x")).code is code


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.binary(max_size=40), max_size=8))
def test_the_store_holds_exactly_what_was_put(tmp_path: Path, contents: list[bytes]) -> None:
    blobs = Blobs(tmp_path / "many")
    for data in contents:
        (tmp_path / "source").write_bytes(data)
        blobs.put(tmp_path / "source")
    stored = {path.read_bytes() for path in blobs.stored()}
    assert set(contents) <= stored
    assert all(sha256_file(path) == path.name for path in blobs.stored())
