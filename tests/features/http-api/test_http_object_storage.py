"""Jobs of a service from and to an object store: S3 as moto serves it on the loopback."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reelwright.tools.binaries import find_tools
from tests.served import Served, serving

# The region and the keys are what moto takes: any.
_KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",
}


@pytest.fixture(scope="module")
def bucket() -> Iterator[tuple[str, Any]]:
    """Where it is, and a client of it; its bucket is ``films``."""
    boto3 = pytest.importorskip("boto3")
    from moto.server import ThreadedMotoServer

    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    moto.start()
    host, port = moto.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # secret-ok: moto takes any
    )
    client.create_bucket(Bucket="films")
    yield url, client
    moto.stop()


@pytest.fixture(scope="module")
def service(bucket: tuple[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    url, _ = bucket
    home = tmp_path_factory.mktemp("s3") / "home"
    with serving(home, AWS_ENDPOINT_URL=url, REEL_NET_ALLOW="127.0.0.0/8", **_KEYS) as running:
        yield running


@pytest.fixture(scope="module")
def film(bucket: tuple[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    source = "testsrc2=s=128x72:r=25:d=3"
    subprocess.run(
        [find_tools().ffmpeg, "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "libx264", path],
        check=True,
    )
    bucket[1].upload_file(str(path), "films", "in/film é.mp4")
    return "s3://films/in/film%20é.mp4"


def _spec(source: str, to: str) -> dict[str, Any]:
    cut = {"id": "cut", "op": "trim", "input": "in", "start": "1s", "duration": "1s"}
    return {"inputs": {"in": source}, "operations": [cut], "outputs": [{"from": "cut", "to": to}]}


def test_a_job_goes_from_store_to_store(
    service: Served, bucket: tuple[str, Any], film: str
) -> None:
    job = service.ended(service.submit(_spec(film, "s3://films/out/cut.mp4")))
    assert job["state"] == "succeeded", job["error"]
    stored = bucket[1].get_object(Bucket="films", Key="out/cut.mp4")["Body"].read()
    (made,) = service.client.get(f"/v1/jobs/{job['id']}/artifacts").json()["artifacts"]
    assert made["sha256"] == hashlib.sha256(stored).hexdigest()
    # What was delivered elsewhere can be had here too.
    answer = service.client.get(f"/v1/jobs/{job['id']}/artifacts/0")
    assert answer.content == stored


def test_an_object_that_exists_is_left_alone(
    service: Served, bucket: tuple[str, Any], film: str
) -> None:
    bucket[1].put_object(Bucket="films", Key="out/mine.mp4", Body=b"mine")
    job = service.ended(service.submit(_spec(film, "s3://films/out/mine.mp4")))
    assert (job["state"], job["error"]["code"]) == ("failed", "output_exists")
    assert bucket[1].get_object(Bucket="films", Key="out/mine.mp4")["Body"].read() == b"mine"


def test_an_object_that_is_not_there_ends_the_job(service: Served, bucket: object) -> None:
    job = service.ended(service.submit(_spec("s3://films/in/nothing.mp4", "out.mp4")))
    assert job["state"] == "failed"
    assert job["error"]["code"] in {"http_not_found", "input_not_found"}
    assert "nothing.mp4" in job["error"]["message"]


def test_a_key_names_the_stores_that_it_may_use(
    service: Served, bucket: object, film: str, tmp_path: Path
) -> None:
    asked = {
        "name": "narrow",
        "owner": "narrow",
        "role": "editor",
        "folders": {"read": ["s3://films/in"], "write": ["s3://films/narrow"]},
    }
    made = service.client.post("/v1/keys", json=asked)
    assert made.status_code == 201, made.text
    headers = {"Authorization": f"Bearer {made.json()['token']}"}

    def submit(spec: dict[str, Any]) -> Any:
        return service.client.post("/v1/jobs", json=spec, headers=headers)

    refused = submit(_spec(film, "s3://films/out/not-mine.mp4"))
    assert (refused.status_code, refused.json()["code"]) == (403, "folder_refused")
    accepted = submit(_spec(film, "s3://films/narrow/mine.mp4"))
    assert accepted.status_code == 202, accepted.text
    assert service.ended(accepted.json()["id"])["state"] == "succeeded"
