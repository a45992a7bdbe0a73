"""Nodes of Ray end with whoever wanted them, come back, and keep what was reserved."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.ray import keep
from reelwright.tools.ray.processes import NodeProcess, make_token
from reelwright.tools.ray.settings import RayNode, ray_env
from tests.cluster import START_S, Cluster, free_port
from tests.served import until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]

KEEPS = """
import sys, time
from pathlib import Path
from reelwright.tools.ray.processes import NodeProcess
from reelwright.tools.ray.settings import RayNode
folder, token, port = sys.argv[1:]
kept = NodeProcess(RayNode(folder=Path(folder), token=Path(token), port=int(port)))
kept.start(240)
print(kept.pid, flush=True)
time.sleep(3600)
"""
RESERVES = """
import asyncio, json, sys
import ray
from reelwright.tools.ray.reservations import Reservations

async def main():
    node = next(n["NodeID"] for n in ray.nodes() if n["Resources"].get("CPU"))
    held, told = Reservations(node), []
    async with held.of("step-a-1", {"CPU": 0.5, "scratch": 10}) as a:
        async with held.of("step-b-1", {"CPU": 1.5}) as b:
            told += [a, b, held.cpus]
            async with held.of("step-c-1", {"CPU": 0.25}) as c:
                told += [c, held.cpus]
        async with held.of("step-d-1", {"CPU": 1.0, "scratch": 1e9}) as d:
            told.append(d)
        async with held.of("step-e-1", {"CPU": 1.5, "memory": 1000}) as e:
            told.append(e)
    told.append(held.cpus)
    return told

ray.init(address=sys.argv[1], namespace="x", log_to_driver=False, logging_level=40)
print(json.dumps(asyncio.run(main())))
"""


def alive(pids: set[int]) -> set[int]:
    found = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in "ZX":
            found.add(pid)
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_head_ends_with_the_process_that_wanted_it(tmp_path: Path, number: int) -> None:
    with tempfile.TemporaryDirectory(prefix="rk-", dir="/tmp") as folder:
        token = make_token(tmp_path / "token")
        command = [sys.executable, "-c", KEEPS, folder, str(token), str(free_port())]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as wanting:
            assert wanting.stdout is not None
            keeper = int(wanting.stdout.readline())
            found = keep.members(keeper, keeper)
            assert len(found) >= 5
            wanting.send_signal(number)
            wanting.wait(60)
        until(lambda: not alive(found), 60)


def test_a_node_that_ended_comes_back_and_a_wrong_token_does_not_get_in(tmp_path: Path) -> None:
    with Cluster(tmp_path / "c", nodes=1, cpus=1) as cluster:
        node = cluster.running["n1"].process
        assert node.pid is not None
        os.kill(node.pid, signal.SIGKILL)  # even its keeper: nothing of it may stay behind
        until(lambda: node.status.restarts >= 1 and node.status.is_up, START_S)

        with tempfile.TemporaryDirectory(prefix="rk-", dir="/tmp") as folder:
            other = RayNode(
                folder=Path(folder),
                token=make_token(tmp_path / "other"),
                address=cluster.address,
                host="127.0.3.1",
                cpus=1,
            )
            with pytest.raises(ReelError, match="does not take this token") as raised:
                NodeProcess(other).start(START_S)
            assert raised.value.code is Code.CLUSTER_UNAVAILABLE


def test_parts_of_cores_are_reserved_and_no_more_than_there_are(ray_cluster: Cluster) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", RESERVES, ray_cluster.address],
        env={**os.environ, **ray_env(ray_cluster.token)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told == [True, True, 2.0, False, 2.0, False, True, 0]
