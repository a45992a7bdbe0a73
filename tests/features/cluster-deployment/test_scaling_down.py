"""A node without work is let go: Ray then counts it as idle, and an autoscaler may take it away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import START_S, Cluster, active, states
from tests.features.media import talk
from tests.served import Served, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1500)]

# What the autoscaler asks the head for.
ASK = """
import sys
from ray.autoscaler.v2.sdk import get_cluster_status
found = get_cluster_status(sys.argv[1])
for node in [*found.active_nodes, *found.idle_nodes]:
    print(node.ip_address, node.node_status)
"""


def idle(cluster: Cluster) -> bool:
    """Whether Ray says so of the first node."""
    env = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(cluster.token)}
    command = [sys.executable, "-c", ASK, cluster.address]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return "127.0.1.1 IDLE" in done.stdout


def resting(service: Served) -> bool:
    (node,) = states(service).values()
    return node["state"] == "draining" and "rests" in (node["problem"] or "")


def test_a_node_rests_and_is_back_when_something_waits(tmp_path: Path, ffmpeg: Path) -> None:
    source = talk(ffmpeg, tmp_path / "talk.mp4", 4)
    spec = f"""
inputs: {{talk: {source}}}
operations: [{{id: small, op: scale, input: talk, height: 90}}]
outputs: [{{from: small, to: small.mp4}}]
"""
    given = {"REEL_CLUSTER__IDLE_S": "20", "REEL_CLUSTER__SHORT_S": "0"}
    with (
        Cluster(tmp_path / "cluster") as cluster,
        cluster.service(tmp_path / "home", **given) as service,
    ):
        active(service, 1)
        assert not idle(cluster), "an agent, even without cores, keeps a node busy for Ray"
        until(lambda: resting(service), START_S, 0.5)
        until(lambda: idle(cluster), START_S, 1.0)

        done = service.ended(service.submit(spec), START_S)
        assert done["state"] == "succeeded", done
        logs = (next(iter(cluster.running.values())).home / "logs").rglob("*.log")
        assert list(logs), "it did not run on the node"
        until(lambda: resting(service), START_S, 0.5)
