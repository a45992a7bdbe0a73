"""Machines that share artifacts, as people run them: each with a home of its own, one database, and
object storage between them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.engine.processes import end
from tests.object_storage import BUCKET, KEYS, Door, nothing, object_storage
from tests.served import Served, serving, until

_SMALL = """
inputs: {{ v: {source} }}
operations:
  - {{ id: small, op: scale, input: v, width: 160 }}
outputs:
  - {{ to: {to}, from: small }}
"""


@dataclass(frozen=True)
class Site:
    """What its machines have in common."""

    door: Door
    folder: Path
    environ: Mapping[str, str]

    def of(self, name: str) -> dict[str, str]:
        """The environment of the machine `name`."""
        home = str(self.folder / name)
        return {**os.environ, **self.environ, "REEL_HOME": home}

    def reel(self, name: str, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            [_reel(), *words], env=self.of(name), capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout

    def stored(self, name: str) -> list[Path]:
        return list((self.folder / name / "blobs" / "sha256").glob("*/*"))


@pytest.fixture(scope="module")
def bucket() -> Iterator[Door]:
    with object_storage() as (door, _):
        yield door


@pytest.fixture
def site(bucket: Door, tmp_path: Path) -> Iterator[Site]:
    environ = {
        **KEYS,
        "AWS_ENDPOINT_URL": bucket.url,
        "REEL_DATABASE": str(tmp_path / "reel.db"),
        "REEL_CLUSTER__ARTIFACTS": f"s3://{BUCKET}/{tmp_path.name.replace('_', '-')}",
        "REEL_RETRY__BACKOFF_S": "0.1",
    }
    bucket.seen.clear()
    yield Site(bucket, tmp_path, environ)
    bucket.fault = nothing


def _reel() -> str:
    return str(Path(sys.executable).with_name("reel"))


@contextmanager
def _worker(site: Site, name: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [_reel(), "worker", "--json"],
        env={**site.of(name), **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "ready"
        yield process
    finally:
        end(process)


@contextmanager
def _service(site: Site, name: str) -> Iterator[Served]:
    """It answers, and runs nothing."""
    with serving(site.folder / name, "--no-worker", **site.environ) as running:
        yield running


def _run(site: Site, name: str, source: Path, to: Path) -> dict[str, Any]:
    spec = site.folder / f"{to.stem}.yaml"
    spec.write_text(_SMALL.format(source=source, to=to))
    lines = site.reel(name, "run", str(spec), "--json").splitlines()
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def test_what_one_machine_made_another_has_in_its_cache(
    site: Site, talk: Path, tmp_path: Path
) -> None:
    _run(site, "one", talk, tmp_path / "first.mp4")
    first = json.loads(site.reel("one", "status", "last", "--json"))
    assert [step["state"] for step in first["steps"]] == ["succeeded"]
    _run(site, "other", talk, tmp_path / "second.mp4")
    second = json.loads(site.reel("other", "status", "last", "--json"))
    assert [step["state"] for step in second["steps"]] == ["cached"]
    assert (tmp_path / "second.mp4").read_bytes() == (tmp_path / "first.mp4").read_bytes()
    # Logs of the first can be read on the second, which has no such file.
    there = site.reel("one", "logs", first["id"])
    assert site.reel("other", "logs", first["id"]) == there
    assert not (tmp_path / "other" / "logs" / first["id"]).exists()
    assert "Stream mapping" in there


def test_a_service_hands_out_what_its_workers_have_elsewhere(
    site: Site, talk: Path, tmp_path: Path
) -> None:
    with _service(site, "api") as api, _worker(site, "worker"):
        job_id = api.submit(_SMALL.format(source=talk, to="small.mp4"))
        # From the first byte on, while the worker writes it; to the end of the job.
        with api.client.stream("GET", f"/v1/jobs/{job_id}/logs?follow=true") as stream:
            followed = b"".join(stream.iter_bytes())
        job = api.ended(job_id)
        assert job["state"] == "succeeded", job["error"]
        assert not (tmp_path / "api" / "logs" / job_id).exists(), "the log is the worker's"
        whole = api.client.get(f"/v1/jobs/{job_id}/logs").content
        assert b"Stream mapping" in whole
        assert followed == whole
        part = api.client.get(f"/v1/jobs/{job_id}/logs", headers={"Range": "bytes=50-99"})
        assert (part.status_code, part.content) == (206, whole[50:100])
        assert site.stored("api") == []
        # The delivered file is gone from where it was put: the bytes come from the shared store.
        (made,) = api.client.get(f"/v1/jobs/{job_id}/artifacts").json()["artifacts"]
        place = site.folder / "api" / "served" / job_id / made["path"]
        delivered = place.read_bytes()
        place.unlink()
        assert api.client.get(made["url"]).content == delivered
        assert len(site.stored("api")) == 1, "and stay near"


def test_an_outage_of_the_store_fails_no_job(site: Site, talk: Path, tmp_path: Path) -> None:
    impatient = {"REEL_CLUSTER__ARTIFACTS_S": "2"}
    with _service(site, "api") as api, _worker(site, "worker", **impatient):
        site.door.fault = lambda _request: "503"
        job_id = api.submit(_SMALL.format(source=talk, to="small.mp4"))
        # The step has been made, and its result was refused several times.
        until(lambda: site.door.count("HEAD") > 12, 240)
        assert api.job(job_id)["state"] == "running"
        site.door.fault = nothing
        job = api.ended(job_id, 240)
        assert job["state"] == "succeeded", job["error"]
        steps = api.client.get(f"/v1/jobs/{job_id}/steps").json()["steps"]
        assert {step["state"] for step in steps} == {"succeeded"}


def test_what_was_lost_from_the_store_is_made_again(site: Site, talk: Path, tmp_path: Path) -> None:
    _run(site, "one", talk, tmp_path / "first.mp4")
    before = (tmp_path / "first.mp4").read_bytes()
    from reelwright.store.shared import open_shared

    patch = pytest.MonkeyPatch()
    for name, value in site.environ.items():
        patch.setenv(name, value)
    shared = open_shared(site.environ["REEL_CLUSTER__ARTIFACTS"])
    for one in list(shared.contents()):
        shared.remove(one.name)
    patch.undo()
    _run(site, "other", talk, tmp_path / "second.mp4")
    made = json.loads(site.reel("other", "status", "last", "--json"))
    assert [step["state"] for step in made["steps"]] == ["succeeded"]
    assert (tmp_path / "second.mp4").stat().st_size == len(before)


def test_the_doctor_looks_at_the_store(site: Site, tmp_path: Path) -> None:
    found = {c["name"]: c for c in json.loads(site.reel("one", "doctor", "--json"))["checks"]}
    assert found["artifacts"]["state"] == "ok"
    assert found["artifacts"]["found"].startswith("s3://")
    nowhere = {**site.environ, "REEL_CLUSTER__ARTIFACTS": "s3://no-such-bucket/x"}
    broken = Site(site.door, site.folder, nowhere)
    said = json.loads(broken.reel("one", "doctor", "--json", code=4))
    (check,) = [c for c in said["checks"] if c["name"] == "artifacts"]
    assert check["state"] == "missing"
    assert "no-such-bucket" in check["found"]


def test_a_store_that_cannot_be_is_told_before_anything_runs(
    site: Site, talk: Path, tmp_path: Path
) -> None:
    wrong = Site(site.door, site.folder, {**site.environ, "REEL_CLUSTER__ARTIFACTS": "artifacts"})
    spec = tmp_path / "spec.yaml"
    spec.write_text(_SMALL.format(source=talk, to=tmp_path / "out.mp4"))
    done = subprocess.run(
        [_reel(), "run", str(spec)],
        env=wrong.of("one"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "relative path" in done.stderr
    assert not (tmp_path / "out.mp4").exists()


def test_pruning_the_cache_prunes_the_store(site: Site, talk: Path, tmp_path: Path) -> None:
    _run(site, "one", talk, tmp_path / "first.mp4")
    site.door.seen.clear()
    freed = json.loads(site.reel("one", "cache", "prune", "--all", "--json"))
    assert freed["files"] >= 1
    assert site.door.count("DELETE", "sha256") + site.door.count("POST", "delete") >= 1
    assert site.stored("one") == []
