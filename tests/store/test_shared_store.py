"""What every shared store must do, on each of them; then what object storage may do to us."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.store.object_store import ObjectStore
from reelwright.store.shared import SharedStore, open_shared
from reelwright.store.shared_folder import SharedFolder
from tests.object_storage import BUCKET, Door, Request, nothing

SMALL = b"a passage of text " * 100
LARGE = bytes(range(256)) * (100 << 10)  # 25 MiB: four blocks


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.fixture
def bucket(door: Door, request: pytest.FixtureRequest) -> ObjectStore:
    """A prefix of each test's own."""
    prefix = digest(request.node.name.encode())[:12]
    store = open_shared(f"s3://{BUCKET}/{prefix}", deadline_s=60)
    assert isinstance(store, ObjectStore)
    return store


@pytest.fixture(params=["folder", "file", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SharedStore:
    if request.param == "s3":
        found: SharedStore = request.getfixturevalue("bucket")
        return found
    (tmp_path / "shared").mkdir()
    return open_shared(f"{'file://' if request.param == 'file' else ''}{tmp_path / 'shared'}")


def put(store: SharedStore, folder: Path, body: bytes, *, is_ours: bool = True) -> str:
    source = folder / "source"
    source.write_bytes(body)
    store.put(digest(body), source, is_ours=is_ours)
    return digest(body)


def code_of(call: Callable[[], object]) -> Code:
    with pytest.raises(ReelError) as caught:
        call()
    return caught.value.code


@pytest.mark.parametrize("body", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
def test_contents_go_and_come_back(body: bytes, store: SharedStore, tmp_path: Path) -> None:
    sha256 = digest(body)
    assert not store.has(sha256, len(body))
    put(store, tmp_path, body)
    assert store.has(sha256, len(body))
    assert not store.has(sha256, len(body) + 1)
    store.get(sha256, len(body), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == body
    place = store.place(sha256)
    assert place is None or place.read_bytes() == body
    assert [(one.name, one.size_bytes) for one in store.contents()] == [(sha256, len(body))]
    store.remove(sha256)
    store.remove(sha256)
    assert not store.has(sha256, len(body))
    assert not list(store.contents())


def test_what_is_not_there(store: SharedStore, tmp_path: Path) -> None:
    wanted = digest(SMALL)
    assert code_of(lambda: store.get(wanted, 10, tmp_path / "back")) is Code.ARTIFACT_DAMAGED
    assert store.get_text("job/step-1.log") is None
    assert store.text_bytes("job/step-1.log") is None
    assert list(store.texts()) == []
    store.remove_text("job/step-1.log")


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
def test_a_file_that_is_another_by_now_is_not_stored(
    body: bytes, store: SharedStore, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" + body[1:])
    assert code_of(lambda: store.put(digest(body), source)) is Code.INPUT_CHANGED
    assert not store.has(digest(body), len(body))
    assert list(store.contents()) == []
    assert source.read_bytes() == b"x" + body[1:], "what is not ours stays as it is"


def test_logs_are_written_over_and_read_from_somewhere(store: SharedStore) -> None:
    store.put_text("job/a-1.log", b"begun\n")
    store.put_text("job/a-1.log", b"begun\nended\n")
    store.put_text("other/b-1.log", b"")
    assert store.get_text("job/a-1.log") == b"begun\nended\n"
    assert store.get_text("job/a-1.log", 6) == b"ended\n"
    assert store.get_text("job/a-1.log", 99) == b""
    assert store.get_text("other/b-1.log") == b""
    assert store.text_bytes("job/a-1.log") == 12
    assert sorted(one.name for one in store.texts()) == ["job/a-1.log", "other/b-1.log"]
    assert [one.name for one in store.texts("job")] == ["job/a-1.log"]
    store.remove_text("job/a-1.log")
    assert [one.name for one in store.texts()] == ["other/b-1.log"]


def test_a_probe_leaves_nothing(store: SharedStore) -> None:
    store.probe()
    assert list(store.texts()) == []
    assert list(store.contents()) == []


def test_several_writers_of_one_content(store: SharedStore, tmp_path: Path) -> None:
    problems: list[BaseException] = []

    def write(n: int) -> None:
        folder = tmp_path / str(n)
        folder.mkdir()
        try:
            put(store, folder, LARGE, is_ours=n % 2 == 0)
            put(store, folder, SMALL, is_ours=n % 2 == 0)
        except BaseException as error:  # noqa: BLE001 - shown below
            problems.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    for body in (LARGE, SMALL):
        store.get(digest(body), len(body), tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == body
    assert len(list(store.contents())) == 2


def test_a_content_that_is_put_again_is_not_sent_again(
    bucket: ObjectStore, door: Door, tmp_path: Path
) -> None:
    put(bucket, tmp_path, LARGE)
    door.seen.clear()
    put(bucket, tmp_path, LARGE)
    assert door.count("PUT") == door.count("POST") == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("artifacts", "relative"),
        ("s3://", "no bucket"),
        ("ftp://host/x", "no object store"),
        ("file://host/x", "no absolute path"),
        ("s3://key:secret@films/x", "environment"),  # secret-ok: made up
    ],
)
def test_addresses_of_no_store(text: str, said: str) -> None:
    with pytest.raises(ReelError) as caught:
        open_shared(text)
    assert caught.value.code is Code.CONFIG_INVALID
    assert said in caught.value.problem.message
    assert caught.value.problem.where == "cluster.artifacts"
    assert "secret" not in caught.value.problem.message


def test_a_folder_that_is_not_there_is_no_empty_store(tmp_path: Path) -> None:
    store = open_shared(str(tmp_path / "mount"))
    assert code_of(lambda: store.has(digest(SMALL), 1)) is Code.ARTIFACTS_UNAVAILABLE
    assert code_of(store.probe) is Code.ARTIFACTS_UNAVAILABLE
    (tmp_path / "file").write_bytes(b"")
    assert code_of(lambda: open_shared(str(tmp_path / "file"))) is Code.CONFIG_INVALID


def test_a_folder_takes_what_is_ours_by_one_rename(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    store = SharedFolder(tmp_path / "shared")
    source = tmp_path / "made"
    source.write_bytes(SMALL)
    inode = source.stat().st_ino
    store.put(digest(SMALL), source, is_ours=True)
    place = store.place(digest(SMALL))
    assert place is not None
    assert place.stat().st_ino == inode
    assert not source.exists()


def test_a_bucket_that_is_not_there(door: Door, tmp_path: Path) -> None:
    store = open_shared("s3://no-such-bucket/x", deadline_s=5)
    assert code_of(lambda: put(store, tmp_path, SMALL)) is Code.CONFIG_INVALID
    assert code_of(lambda: put(store, tmp_path, LARGE)) is Code.CONFIG_INVALID
    assert code_of(store.probe) is Code.CONFIG_INVALID


def _every(kind: str, n: int) -> Callable[[Request], str | None]:
    """Every `n`th request fails."""
    return lambda request: kind if request.n % n == 0 else None


@pytest.mark.parametrize("kind", ["503", "429", "reset", "cut", "slow"])
def test_a_store_with_faults_gives_and_takes_whole_contents(
    kind: str, bucket: ObjectStore, door: Door, tmp_path: Path
) -> None:
    door.fault = _every(kind, 3)
    for body in (SMALL, LARGE):
        put(bucket, tmp_path, body)
        bucket.get(digest(body), len(body), tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == body
    bucket.put_text("job/a-1.log", SMALL)
    assert bucket.get_text("job/a-1.log") == SMALL


def test_what_was_damaged_on_its_way_comes_again(
    bucket: ObjectStore, door: Door, tmp_path: Path
) -> None:
    sha256 = put(bucket, tmp_path, LARGE)
    door.seen.clear()
    door.fault = lambda request: "flip" if request.n == 2 else None
    bucket.get(sha256, len(LARGE), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == LARGE
    assert door.count("GET") == 8, "all four ranges, twice"
    door.fault = lambda _request: "flip"
    code = code_of(lambda: bucket.get(sha256, len(LARGE), tmp_path / "back"))
    assert code is Code.ARTIFACT_DAMAGED


def test_a_request_that_stalls_is_asked_again(door: Door, tmp_path: Path) -> None:
    store = open_shared(f"s3://{BUCKET}/stalled", deadline_s=8)
    stalled: list[str] = []

    def once(asked: Request) -> str | None:
        if asked.method in {"GET", "PUT"} and asked.method not in stalled:
            stalled.append(asked.method)
            return "stall"
        return None

    door.fault = once
    put(store, tmp_path, LARGE)
    store.get(digest(LARGE), len(LARGE), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == LARGE
    assert stalled == ["PUT", "GET"]


@pytest.mark.parametrize("kind", ["503", "reset", "stall"])
def test_a_store_that_stays_away_is_told_so_in_time(
    kind: str, bucket: ObjectStore, door: Door, tmp_path: Path
) -> None:
    sha256 = put(bucket, tmp_path, LARGE)
    store = open_shared(bucket.where, deadline_s=3)
    door.fault = lambda _request: kind
    calls: list[Callable[[], object]] = [
        lambda: store.has(sha256, 1),
        lambda: store.get(sha256, len(LARGE), tmp_path / "back"),
        lambda: put(store, tmp_path, SMALL),
        lambda: store.get_text("job/a-1.log"),
    ]
    for call in calls:
        before = time.monotonic()
        assert code_of(call) is Code.ARTIFACTS_UNAVAILABLE
        assert time.monotonic() - before < 60, "it would wait for ever"
    door.fault = nothing
    store.get(sha256, len(LARGE), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == LARGE


def test_a_content_that_was_replaced_by_another_is_found_out(
    bucket: ObjectStore, s3: tuple[Door, Any], tmp_path: Path
) -> None:
    for body, bad in ((SMALL, b"x" + SMALL[1:]), (LARGE, LARGE[:-1] + b"x"), (LARGE, LARGE[:-9])):
        sha256 = digest(body)
        prefix = bucket.where.removeprefix(f"s3://{BUCKET}/")
        s3[1].put_object(Bucket=BUCKET, Key=f"{prefix}/sha256/{sha256[:2]}/{sha256}", Body=bad)
        target = tmp_path / "back"
        code = code_of(lambda s=sha256, b=body, t=target: bucket.get(s, len(b), t))  # type: ignore[misc]
        assert code is Code.ARTIFACT_DAMAGED
        # What is of another size is replaced by who puts the right one.
        put(bucket, tmp_path, body)
        assert bucket.has(sha256, len(body))


def test_an_upload_that_is_killed_leaves_no_object(
    bucket: ObjectStore, door: Door, s3: tuple[Door, Any], tmp_path: Path
) -> None:
    """And the next one is not in its way."""
    source = tmp_path / "large"
    source.write_bytes(LARGE)
    script = textwrap.dedent(f"""
        from pathlib import Path
        from reelwright.store.shared import open_shared
        open_shared({bucket.where!r}).put({digest(LARGE)!r}, Path({str(source)!r}))
    """)
    door.fault = lambda request: "stall" if "partNumber=3" in request.path else None
    process = subprocess.Popen([sys.executable, "-c", script], env=dict(os.environ))
    try:
        until = time.monotonic() + 120
        while not door.count("PUT", "partNumber=3"):
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    door.fault = nothing
    assert not bucket.has(digest(LARGE), len(LARGE))
    assert list(bucket.contents()) == []
    put(bucket, tmp_path, LARGE)
    bucket.get(digest(LARGE), len(LARGE), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == LARGE
