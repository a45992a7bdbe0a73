"""The same jobs on a cluster as on one machine: a head and one node, run by `make test` too."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reelwright.store import steps
from reelwright.store.rows import StepRow
from reelwright.store.store import open_store
from tests.cluster import Cluster, active
from tests.served import Served, until

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def service(ray_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Everything that a node may run is run by one."""
    home = tmp_path_factory.mktemp("home") / "home"
    with ray_cluster.service(home, REEL_CLUSTER__SHORT_S="0") as running:
        active(running, 1)
        yield running


def clip(ffmpeg: Path, path: Path, seconds: float, size: str = "320x180") -> Path:
    source = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d={seconds}"]
    sound = ["-f", "lavfi", "-i", f"sine=d={seconds}", "-c:a", "aac"]
    command = [str(ffmpeg), "-v", "error", *source, *sound, "-c:v", "libx264", "-preset"]
    subprocess.run([*command, "ultrafast", str(path)], check=True)
    return path


def ladder(source: Path, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    return {
        "inputs": {"clip": str(source)},
        "operations": [
            {"id": f"h{height}", "op": "scale", "input": "clip", "height": height}
            for height in (144, 90)
        ],
        "outputs": [
            {"from": f"h{height}", "to": str(folder / f"{height}.mp4")} for height in (144, 90)
        ],
    }


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def rows(cluster: Cluster, job_id: str) -> list[StepRow]:
    store = open_store(cluster.shared["REEL_DATABASE"])
    try:
        with store.read() as tx:
            return steps.of_job(tx, job_id)
    finally:
        store.close()


def test_a_ladder_made_on_a_node_is_what_one_machine_makes(
    ray_cluster: Cluster, service: Served, ffmpeg: Path, tmp_path: Path
) -> None:
    source = clip(ffmpeg, tmp_path / "clip.mp4", 2.0)
    far = tmp_path / "far"
    job_id = service.submit(ladder(source, far))
    assert service.ended(job_id, 300)["state"] == "succeeded"
    hosts = {row.kind: str(row.host) for row in rows(ray_cluster, job_id)}
    assert hosts["ffmpeg"].startswith("node:")
    assert not hosts["plan"].startswith("node:")

    near = tmp_path / "near"
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(ladder(source, near)))
    # As many threads as a command has there: x264's bytes change with them.
    environ = {**os.environ, "REEL_HOME": str(tmp_path / "alone"), "REEL_LIMITS__CPUS": "2"}
    reel = Path(sys.executable).with_name("reel")
    subprocess.run([reel, "run", str(spec)], env=environ, check=True, capture_output=True)
    assert digests(far) == digests(near)
    assert len(digests(far)) == 2


def test_a_job_that_is_cancelled_stops_on_its_node(
    ray_cluster: Cluster, service: Served, ffmpeg: Path, tmp_path: Path
) -> None:
    source = clip(ffmpeg, tmp_path / "clip.mp4", 60.0, "1280x720")
    spec = ladder(source, tmp_path / "far")
    for output in spec["outputs"]:
        output["video"] = {"codec": "h264", "preset": "veryslow"}
    node = next(iter(ray_cluster.running.values()))
    job_id = service.submit(spec)
    until(lambda: encoders(node.processes), 240)
    service.client.delete(f"/v1/jobs/{job_id}").raise_for_status()
    assert service.ended(job_id, 120)["state"] == "cancelled"
    until(lambda: not encoders(node.processes), 60)
    assert not list((node.home / "work").glob("*"))


def encoders(pids: set[int]) -> list[int]:
    """Those of `pids` that are FFmpeg."""
    found = []
    for pid in pids:
        try:
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            continue
        if name.startswith("ffmpeg"):
            found.append(pid)
    return found
