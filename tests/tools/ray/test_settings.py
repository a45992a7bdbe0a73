"""How Ray is started: what was found to matter is there, in every process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from reelwright.tools.ray.settings import (
    DEFAULT_PORT,
    LOOPBACK,
    RayNode,
    loopback,
    node_argv,
    node_env,
    ray_env,
)

HEAD = RayNode(folder=Path("/tmp/h"), token=Path("/tmp/token"), host="10.0.0.7")
NODE = RayNode(
    folder=Path("/tmp/n"),
    token=Path("/tmp/token"),
    address="10.0.0.7:6379",
    host="10.0.0.8",
    name="big",
    cpus=6,
    memory_bytes=12 << 30,
    gpus=1,
    scratch_bytes=3 << 30,
    labels={"zone": "b", "disk": "ssd"},
    home=Path("/srv/reel"),
    env={"REEL_DATABASE": "postgresql://db/reel"},
)


def test_the_head_has_no_cores_and_no_ports_among_those_of_workers() -> None:
    argv = node_argv(HEAD)
    assert argv[:2] == [sys.executable, "-P"]
    assert {"--head", "--block", "--num-cpus=0", f"--port={DEFAULT_PORT}"} <= set(argv)
    assert "--node-ip-address=10.0.0.7" in argv
    # Ray's workers take 10002 to 19999.
    ports = [
        int(word.partition("=")[2]) for word in argv if word.startswith("--") and "port=" in word
    ]
    assert ports
    assert not any(10002 <= port <= 19999 for port in ports)


def test_a_node_says_what_it_has() -> None:
    argv = node_argv(NODE)
    assert {
        "--address=10.0.0.7:6379",
        "--node-ip-address=10.0.0.8",
        "--node-name=big",
        "--num-cpus=6",
        "--num-gpus=1",
        f"--memory={12 << 30}",
        '--resources={"scratch": 3072}',
        "--labels=disk=ssd,zone=b",
    } <= set(argv)
    assert "--head" not in argv
    # Rules for a firewall know Ray's range; on loopback several nodes share the machine's ports.
    assert not any("worker-port" in word for word in argv)
    beside = RayNode(folder=Path("/t"), token=Path("/t"), address="127.0.0.2:1", host="127.0.0.3")
    assert {"--min-worker-port=0", "--max-worker-port=0"} <= set(node_argv(beside))


def test_every_process_has_the_settings_that_matter() -> None:
    env = ray_env(Path("/tmp/token"))
    assert env["RAY_AUTH_MODE"] == "token"
    assert env["RAY_AUTH_TOKEN_PATH"] == "/tmp/token"
    assert env["RAY_USAGE_STATS_ENABLED"] == "0"
    assert env["RAY_health_check_period_ms"] == "1000"
    assert env["RAY_health_check_timeout_ms"] == "5000"
    assert env["RAY_health_check_failure_threshold"] == "3"
    assert int(env["RAY_grpc_keepalive_time_ms"]) <= 10_000


def test_a_node_reads_its_own_settings_and_nobody_elses_cluster() -> None:
    outside = {
        "RAY_ADDRESS": "10.9.9.9:1",
        "RAY_AUTH_TOKEN": "x",
        "PATH": "/bin",
        "REEL_HOME": "/h",
    }
    env = node_env(NODE, outside)
    assert "RAY_ADDRESS" not in env
    assert "RAY_AUTH_TOKEN" not in env
    assert (env["PATH"], env["REEL_HOME"]) == ("/bin", "/srv/reel")
    assert env["REEL_DATABASE"] == "postgresql://db/reel"
    assert node_env(HEAD, outside)["REEL_HOME"] == "/h"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("127.0.0.1:6379", f"{LOOPBACK}:6379"),
        ("localhost:1", f"{LOOPBACK}:1"),
        ("localhost", LOOPBACK),
        ("127.0.0.9:6379", "127.0.0.9:6379"),
        ("10.0.0.7:6379", "10.0.0.7:6379"),
        ("head.example", "head.example"),
    ],
)
def test_loopback_has_a_name_that_ray_leaves_as_it_is(given: str, meant: str) -> None:
    assert loopback(given) == meant
