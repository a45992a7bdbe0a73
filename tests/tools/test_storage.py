"""An object store on the loopback: S3 as moto serves it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.download.parts import Origin, Part
from reelwright.tools.storage import fetch_object, object_exists, put_object

BODY = bytes(range(256)) * 8192  # 2 MiB


def fetch(uri: str, destination: Path, **options: Any) -> int:
    return asyncio.run(fetch_object(uri, destination, _parts(destination), **options))


def _parts(destination: Path) -> Path:
    return destination.parents[1] / f"{destination.parent.name}-parts"


def code_of(uri: str, destination: Path, **options: Any) -> Code:
    with pytest.raises(ReelError) as caught:
        fetch(uri, destination, **options)
    assert not destination.exists()
    return caught.value.code


def test_a_destination_that_cannot_be(s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket="films", Key="a.mp4", Body=BODY)
    assert code_of("s3://films/a.mp4", tmp_path / "no" / "a.mp4") is Code.PERMISSION_DENIED


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    import boto3  # type: ignore[import-untyped]
    from moto.server import ThreadedMotoServer

    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    moto.start()
    host, port = moto.get_host_and_port()
    patch = pytest.MonkeyPatch()
    for name, value in (
        ("AWS_ENDPOINT_URL", f"http://{host}:{port}"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
    ):
        patch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1")
    client.create_bucket(Bucket="films")
    yield client
    patch.undo()
    moto.stop()


@pytest.mark.parametrize(
    ("name", "body"), [("small é.mp4", b"abc"), ("large.mp4", BODY * 10), ("empty", b"")]
)
def test_objects_go_and_come_back(name: str, body: bytes, s3: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(body)
    uri = f"s3://films/folder/{name}"
    assert not asyncio.run(object_exists(uri))
    asyncio.run(put_object(source, uri))
    assert asyncio.run(object_exists(uri))
    seen: list[tuple[int, int | None]] = []
    assert fetch(uri, tmp_path / "back", on_progress=lambda *n: seen.append(n)) == len(body)
    assert (tmp_path / "back").read_bytes() == body
    assert seen[-1:] == ([(len(body), len(body))] if body else [])


def test_an_object_is_continued_only_while_it_is_the_same(s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket="films", Key="a.mp4", Body=BODY)
    tag = s3.head_object(Bucket="films", Key="a.mp4")["ETag"]
    part = Part(_parts(tmp_path / "a.mp4"), "s3://films/a.mp4")

    def half(tag: str) -> None:
        part.acquire()
        with part.start(Origin(url="a.mp4", etag=tag, size_bytes=len(BODY))) as file:
            file.write(b"x" * 1000)
        part.release()

    # What is there already is not fetched again: its bytes, made different here, stay.
    half(tag)
    fetch("s3://films/a.mp4", tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == b"x" * 1000 + BODY[1000:]
    half('"of another version"')
    fetch("s3://films/a.mp4", tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == BODY
    assert not list(part.path.parent.glob("*.part"))


def test_what_another_process_brings_is_brought_here_as_well(s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket="films", Key="a.mp4", Body=BODY)
    other = Part(_parts(tmp_path / "a.mp4"), "s3://films/a.mp4")
    assert other.acquire()
    fetch("s3://films/a.mp4", tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == BODY


def test_objects_that_are_not_there(s3: Any, tmp_path: Path) -> None:
    assert code_of("s3://films/gone.mp4", tmp_path / "a.mp4") is Code.HTTP_NOT_FOUND
    with pytest.raises(ReelError) as caught:
        asyncio.run(put_object(tmp_path / "gone.mp4", "s3://films/gone.mp4"))
    assert caught.value.code is Code.INPUT_NOT_FOUND


def test_an_object_larger_than_allowed(s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket="films", Key="big.mp4", Body=BODY)
    code = code_of("s3://films/big.mp4", tmp_path / "a.mp4", limit_bytes=10)
    assert code is Code.NEEDS_TOO_MUCH


@pytest.mark.parametrize("uri", ["s3://films", "s3:///key", "ftp://host/a.mp4", "talk.mp4"])
def test_addresses_of_no_store(uri: str, tmp_path: Path) -> None:
    assert code_of(uri, tmp_path / "a.mp4") is Code.INPUT_SCHEME
