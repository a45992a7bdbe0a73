"""The same bytes on one machine and on two nodes of Ray, in shards, where threads are set."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reelwright.store import steps
from reelwright.store.store import open_store
from tests.cluster import Cluster, active
from tests.features.media import make

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]
SETTINGS = {"REEL_LIMITS__THREADS": "1", "REEL_LIMITS__SHARDS": "3"}


def spec_of(source: Path, target: Path) -> dict[str, Any]:
    return {
        "inputs": {"in": str(source)},
        "operations": [{"id": "small", "op": "scale", "input": "in", "height": 36}],
        "outputs": [
            {"from": "small", "to": str(target), "video": {"codec": "h264", "preset": "ultrafast"}}
        ],
    }


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_shards_made_on_two_nodes_are_those_of_one_machine(ffmpeg: Path, tmp_path: Path) -> None:
    source = make(
        ffmpeg,
        tmp_path / "long.mp4",
        *("-f", "lavfi", "-i", "testsrc2=s=128x72:r=5:d=380"),
        *("-f", "lavfi", "-i", "sine=d=380:r=8000"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"),
    )
    far, near = tmp_path / "far.mp4", tmp_path / "near.mp4"
    with (
        Cluster(tmp_path / "cluster", nodes=2, cpus=1) as cluster,
        cluster.service(tmp_path / "home", REEL_CLUSTER__SHORT_S="0", **SETTINGS) as service,
    ):
        active(service, 2)
        job_id = service.submit(spec_of(source, far))
        assert service.ended(job_id, 600)["state"] == "succeeded"
        store = open_store(cluster.shared["REEL_DATABASE"])
        try:
            with store.read() as tx:
                rows = [row for row in steps.of_job(tx, job_id) if row.kind == "ffmpeg"]
        finally:
            store.close()
    assert len(rows) == 4, "three parts and what joins them"
    assert len({row.host for row in rows}) == 2

    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(spec_of(source, near)))
    environ = {**os.environ, **SETTINGS, "REEL_HOME": str(tmp_path / "alone")}
    reel = Path(sys.executable).with_name("reel")
    subprocess.run([reel, "run", str(spec)], env=environ, check=True, capture_output=True)
    assert digest(far) == digest(near)
