"""Half downloads: which are swept away, and that a sweep never takes one from under a download."""

import os
import time
from pathlib import Path

from reelwright.tools.download.parts import Origin, Part, held_bytes, sweep

WEEK_S = 7 * 86400.0


def half(folder: Path, key: str, *, age_s: float = 0.0) -> Part:
    part = Part(folder, key)
    assert part.acquire()
    with part.start(Origin(url=key, etag='"one"', size_bytes=100)) as file:
        file.write(b"x" * 50)
    part.release()
    then = time.time() - age_s
    for path in folder.glob(f"{part.path.stem}.*"):
        os.utime(path, (then, then))
    return part


def test_only_the_old_ones_are_swept(tmp_path: Path) -> None:
    old = half(tmp_path, "old", age_s=WEEK_S + 60)
    new = half(tmp_path, "new", age_s=WEEK_S - 3600)
    before = held_bytes(tmp_path)

    count, freed = sweep(tmp_path, age_s=WEEK_S)

    assert count == 1
    assert freed == before - held_bytes(tmp_path) >= 50
    assert old.resumable() is None
    known = new.resumable()
    assert known is not None
    assert known[1] == 50
    assert {path.stem for path in tmp_path.iterdir()} == {new.path.stem}


def test_what_a_process_works_on_stays(tmp_path: Path) -> None:
    part = half(tmp_path, "old", age_s=WEEK_S + 60)
    assert part.acquire()

    assert sweep(tmp_path, age_s=0.0) == (0, 0)
    assert part.resumable() is not None
    part.release()
    assert sweep(tmp_path, age_s=0.0)[0] == 1


def test_a_lock_that_was_swept_is_no_lock(tmp_path: Path) -> None:
    """Else two downloads would write to one file, each with a lock of its own."""
    first, second = half(tmp_path, "a"), Part(tmp_path, "a")
    assert first.acquire()
    first.forget()
    assert second.acquire()
    assert not Part(tmp_path, "a").acquire()
    second.release()


def test_no_folder(tmp_path: Path) -> None:
    assert held_bytes(tmp_path / "none") == 0
    assert sweep(tmp_path / "none", age_s=0.0) == (0, 0)
