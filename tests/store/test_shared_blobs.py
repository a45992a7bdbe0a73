"""Contents that machines share: each `machine` is a `SharedBlobs` with a cache of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code
from reelwright.store.blobs import Blob, Blobs, Pins
from reelwright.store.shared import open_shared
from reelwright.store.shared_blobs import SharedBlobs
from tests.object_storage import BUCKET, Door, Request, nothing
from tests.small_disk import mounted
from tests.store.machines import BODY, LARGE, Machines, bring, check, code_of, digest, put


def test_what_one_machine_makes_another_reads(
    machine: Machines, door: Door, tmp_path: Path
) -> None:
    one, other = machine("one"), machine("other")
    blob = put(one, tmp_path)
    assert not list(tmp_path.glob("made-*"))
    assert check(one, blob)
    assert check(other, blob)
    assert bring(other, blob).read_bytes() == BODY
    assert (
        bring(other, blob)
        == tmp_path / "other" / "blobs" / "sha256" / blob.sha256[:2] / blob.sha256
    )
    assert door.count("GET") == 1
    assert bring(one, blob).read_bytes() == BODY
    assert door.count("GET") == 1, "who made it has it"


def test_a_put_is_done_when_the_store_has_it(machine: Machines, door: Door, tmp_path: Path) -> None:
    """And where it is away, nothing is lost: the file is there to be put again."""
    blobs = machine("one", deadline_s=2)
    paths = []
    for n in range(3):
        path = tmp_path / f"still{n}"
        path.write_bytes(b"%d" % n + BODY)
        paths.append(path)
    third = digest(b"2" + BODY)
    door.fault = lambda request: "503" if third in request.path else None
    done: dict[Path, Blob] = {}
    assert code_of(lambda: blobs.put_all(paths, done=done)) is Code.ARTIFACTS_UNAVAILABLE
    assert sorted(done) == paths[:2]
    assert paths[2].read_bytes() == b"2" + BODY
    door.fault = nothing
    stored = blobs.put_all(paths, done=done)
    assert [blob.sha256 for blob in stored] == [digest(b"%d" % n + BODY) for n in range(3)]
    other = machine("other")
    assert all(other.check_all(stored))


def test_steps_that_want_the_same_download_it_once(
    machine: Machines, door: Door, tmp_path: Path
) -> None:
    blob = put(machine("one"), tmp_path, LARGE)
    other = machine("other")
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: bring(other, blob), range(8)))
    assert {path.read_bytes() for path in paths} == {LARGE}
    assert door.count("GET") == 4, "its four ranges"


def _bringing(where: str, root: Path, blob: Blob, count: int = 1) -> list[subprocess.Popen[bytes]]:
    script = textwrap.dedent(f"""
        from pathlib import Path
        from reelwright.store.shared import open_shared
        from reelwright.store.shared_blobs import SharedBlobs
        blobs = SharedBlobs(Path({str(root)!r}), open_shared({where!r}), limit_bytes=1 << 30)
        blobs.bring({blob.sha256!r}, {blob.size_bytes})
    """)
    return [subprocess.Popen([sys.executable, "-c", script]) for _ in range(count)]


def test_processes_of_a_machine_download_it_once(
    machine: Machines, door: Door, where: str, tmp_path: Path
) -> None:
    blob = put(machine("one"), tmp_path, LARGE)
    door.fault = lambda request: "slow" if request.method == "GET" else None
    found = _bringing(where, tmp_path / "other" / "blobs", blob, 3)
    assert [process.wait(120) for process in found] == [0, 0, 0]
    assert door.count("GET") == 4
    assert bring(machine("other"), blob).read_bytes() == LARGE
    assert not list((tmp_path / "other" / "blobs" / "incoming").iterdir())


def test_a_download_that_is_killed_is_begun_again(
    machine: Machines, door: Door, where: str, tmp_path: Path
) -> None:
    blob = put(machine("one"), tmp_path, LARGE)
    seen = threading.Event()

    def second(request: Request) -> str | None:
        if request.method == "GET" and door.count("GET") > 1:
            seen.set()
            return "stall"
        return None

    door.fault = second
    (process,) = _bringing(where, tmp_path / "other" / "blobs", blob)
    try:
        assert seen.wait(120)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "other" / "blobs" / "sha256" / blob.sha256[:2] / blob.sha256).exists()
    door.fault = nothing
    assert bring(machine("other"), blob).read_bytes() == LARGE
    assert not list((tmp_path / "other" / "blobs" / "incoming").iterdir()), "what it left is gone"


def test_a_file_of_the_cache_that_was_touched_is_not_trusted(
    machine: Machines, door: Door, tmp_path: Path
) -> None:
    blob = put(machine("one"), tmp_path)
    other = machine("other")
    path = bring(other, blob)
    path.write_bytes(b"x" + BODY[1:])
    assert bring(other, blob).read_bytes() == BODY
    # Of the same size, with the same times, before a restart: nobody remembers its stamp.
    before = path.stat()
    path.write_bytes(b"y" + BODY[1:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert bring(machine("other"), blob).read_bytes() == BODY
    # Half written, as a power cut leaves it.
    path.write_bytes(BODY[:100])
    assert bring(machine("other"), blob).read_bytes() == BODY
    gets = door.count("GET")
    assert bring(machine("other"), blob).read_bytes() == BODY
    assert door.count("GET") == gets, "what is whole is read once, and not brought again"


def test_the_cache_keeps_within_its_limit_and_spares_what_is_read(
    machine: Machines, door: Door, tmp_path: Path
) -> None:
    made = [put(machine("one"), tmp_path, b"%d" % n + BODY) for n in range(8)]
    small = machine("other", limit_bytes=3 * len(BODY) + 100)
    with Pins() as pins:
        held = bring(small, made[0], pins)
        for blob in made[1:]:
            bring(small, blob)
        assert held.exists(), "somebody reads it"
        cached = list((tmp_path / "other" / "blobs").glob("sha256/*/*"))
        assert len(cached) <= 4
        assert (
            tmp_path / "other" / "blobs" / "sha256" / made[7].sha256[:2] / made[7].sha256
        ) in cached
    bring(small, made[1])
    bring(small, made[2])
    assert not held.exists(), "used least recently, and nobody reads it now"
    assert bring(small, made[0]).read_bytes() == b"0" + BODY


def test_one_content_larger_than_the_cache_is_read_all_the_same(
    machine: Machines, tmp_path: Path
) -> None:
    blob = put(machine("one"), tmp_path, LARGE)
    tiny = machine("other", limit_bytes=1000)
    with Pins() as pins:
        assert bring(tiny, blob, pins).read_bytes() == LARGE


def test_a_pin_ends_with_its_process(machine: Machines, where: str, tmp_path: Path) -> None:
    blob = put(machine("one"), tmp_path)
    root = tmp_path / "other" / "blobs"
    script = textwrap.dedent(f"""
        import time
        from pathlib import Path
        from reelwright.store.blobs import Pins
        from reelwright.store.shared import open_shared
        from reelwright.store.shared_blobs import SharedBlobs
        blobs = SharedBlobs(Path({str(root)!r}), open_shared({where!r}), limit_bytes=1 << 30)
        pins = Pins()
        blobs.bring({blob.sha256!r}, {blob.size_bytes}, pins=pins)
        print("held", flush=True)
        time.sleep(600)
    """)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
            other = machine("other")
            assert other.give_way(1) == 0
        finally:
            process.kill()
    assert other.give_way(1) == len(BODY)


def test_a_damaged_object_is_found_out_dropped_and_replaced(
    machine: Machines, s3: tuple[Door, Any], where: str, tmp_path: Path
) -> None:
    one, other = machine("one"), machine("other")
    blob = put(one, tmp_path)
    key = f"{where.removeprefix(f's3://{BUCKET}/')}/sha256/{blob.sha256[:2]}/{blob.sha256}"
    s3[1].put_object(Bucket=BUCKET, Key=key, Body=b"x" + BODY[1:])
    assert check(other, blob), "nobody has read it yet"
    assert code_of(lambda: bring(other, blob)) is Code.ARTIFACT_DAMAGED
    assert not check(other, blob)
    put(other, tmp_path)
    assert check(other, blob)
    assert bring(machine("third"), blob).read_bytes() == BODY


def test_an_outage_says_nothing_about_what_is_there(
    machine: Machines, door: Door, tmp_path: Path
) -> None:
    blob = put(machine("one"), tmp_path)
    other = machine("other", deadline_s=2)
    door.fault = lambda _request: "503"
    assert code_of(lambda: check(other, blob)) is Code.ARTIFACTS_UNAVAILABLE
    assert code_of(lambda: other.check_all([blob, blob])) is Code.ARTIFACTS_UNAVAILABLE
    assert code_of(lambda: bring(other, blob)) is Code.ARTIFACTS_UNAVAILABLE
    door.fault = nothing
    assert check(other, blob)
    assert bring(other, blob).read_bytes() == BODY


def test_what_was_there_is_not_asked_for_each_time(
    machine: Machines, door: Door, tmp_path: Path
) -> None:
    blob = put(machine("one"), tmp_path)
    other = machine("other")
    assert all(other.check_all([blob] * 20))
    assert all(check(other, blob) for _ in range(20))
    assert 1 <= door.count("HEAD", blob.sha256) - 1 <= 16, "none after the first answer"
    heads = door.count("HEAD")
    assert check(other, blob)
    assert door.count("HEAD") == heads


def test_somebody_who_stops_ends_the_download(
    machine: Machines, door: Door, tmp_path: Path
) -> None:
    blob = put(machine("one"), tmp_path, LARGE)
    other = machine("other")
    pins = Pins()
    found: list[Code] = []
    door.fault = lambda request: (
        "503" if request.method == "GET" and door.count("GET") > 1 else None
    )
    thread = threading.Thread(
        target=lambda: found.append(code_of(lambda: bring(other, blob, pins)))
    )
    thread.start()
    until = time.monotonic() + 60
    while door.count("GET") < 3:
        assert time.monotonic() < until
        time.sleep(0.02)
    pins.stop()
    door.fault = nothing
    thread.join(60)
    assert found == [Code.CANCELLED]
    assert not list((tmp_path / "other" / "blobs" / "incoming").iterdir())


def test_what_a_machine_made_before_there_was_a_store_is_given_to_all(
    machine: Machines, tmp_path: Path
) -> None:
    blob = put(Blobs(tmp_path / "one" / "blobs"), tmp_path)
    assert not check(machine("other"), blob)
    assert check(machine("one"), blob)
    assert bring(machine("other"), blob).read_bytes() == BODY


def test_a_full_disk_says_so_and_is_no_damage(
    machine: Machines, small_disk: Path, where: str, tmp_path: Path
) -> None:
    blob = put(machine("one"), tmp_path, LARGE)
    root = small_disk / "blobs"
    blobs = SharedBlobs(root, open_shared(where), limit_bytes=1 << 30)
    assert code_of(lambda: bring(blobs, blob)) is Code.DISK_FULL
    assert not list((root / "incoming").iterdir())
    assert check(blobs, blob)
    # What others can have again gives way.
    for n in range(4):
        bring(blobs, put(machine("one"), tmp_path, bytes([n]) * (3 << 20)))
    assert len(list(root.glob("sha256/*/*"))) < 3
    # What is made here is not lost because there is no room to keep it near.
    (small_disk / "ballast").write_bytes(b"x" * (1 << 20))
    made = put(blobs, tmp_path, LARGE + b"more")
    assert bring(machine("other"), made).read_bytes() == LARGE + b"more"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    with mounted(tmp_path / "small", 8) as folder:
        yield folder
