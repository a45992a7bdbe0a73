"""How we want Ray: its environment, and the arguments that start a node of it. Pure.

What matters, and why, is decision 0097.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_PORT = 6379
# Unix sockets have 107 bytes; Ray puts 66 of its own behind the folder (session, `sockets/…`).
FOLDER_BYTES = 40
# Ray wants at least 75 MiB. Artifacts do not go through its object store, models' frames do.
OBJECT_STORE_BYTES = 256 << 20
# A node has so many of this resource as its steps may fill MiB of disk.
SCRATCH = "scratch"
SCRATCH_UNIT_BYTES = 1 << 20
# Ray takes 127.0.0.1 for "the address of this machine", and would listen to the network there.
LOOPBACK = "127.0.0.2"
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})

# The head looks at each node every second, gives it five to answer, and after three in a row that
# did not it is dead. Ray's own would take half a minute, twice the lifetime of our leases.
_HEALTH = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "5000",
    "RAY_health_check_failure_threshold": "3",
}
# A connection whose other end vanished without a word is noticed after ten seconds.
_KEEPALIVE = {"RAY_grpc_keepalive_time_ms": "5000", "RAY_grpc_keepalive_timeout_ms": "5000"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RayNode:
    """A node of a cluster, as this machine starts it.

    `address` is the head's, host:port; None: this is the head, which listens on `port`. `host` is
    this machine's address as the other nodes reach it. `folder` is for Ray's sockets and logs: at
    most `FOLDER_BYTES` long (`processes.ray_folder`). `token` is the file that holds the cluster's.
    A loopback `host` may be any of 127.0.0.0/8: several nodes of one machine take one each.
    `memory_bytes` None: Ray's own idea of what is there. `home` is the `REEL_HOME` of the node's
    agent, None: that of the environment. `env`: more of the environment for whatever runs there.
    """

    folder: Path
    token: Path
    address: str | None = None
    host: str = LOOPBACK
    port: int = DEFAULT_PORT
    name: str = ""
    cpus: int = 0
    memory_bytes: int | None = None
    gpus: int = 0
    scratch_bytes: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    object_store_bytes: int = OBJECT_STORE_BYTES
    home: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_head(self) -> bool:
        return self.address is None

    @property
    def head(self) -> str:
        """The head's address, host:port, as every node of the cluster is to name it."""
        return loopback(self.address or f"{self.host}:{self.port}")


def loopback(address: str) -> str:
    """`address` (a host, or host:port), this machine's loopback under a name that Ray leaves as
    it is."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        host, colon, port = address, "", ""
    return f"{LOOPBACK}{colon}{port}" if host in _LOCAL else address


def ray_env(token: Path) -> dict[str, str]:
    """What every process that has to do with Ray is started with, beside its other environment."""
    return {
        **_HEALTH,
        **_KEEPALIVE,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_USAGE_STATS_ENABLED": "0",
        # Steps are finished, or given back, by us: a node that is told to end does so.
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
        "RAY_DISABLE_IMPORT_WARNING": "1",
        # A worker's first lines would go to the terminal of whoever is attached.
        "RAY_DEDUP_LOGS": "0",
        # Which device a step sees is ours to say, also where an agent has none itself.
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        # The memory of steps is bounded by the guard, each step's by its own limit; Ray would end
        # the agent, and with it all of them.
        "RAY_memory_monitor_refresh_ms": "0",
        # `-P`: where somebody stands is no place to import from.
        "PYTHONSAFEPATH": "1",
    }


def node_env(node: RayNode, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a node: its agent reads its settings from it."""
    made = {**environ, **ray_env(node.token), **node.env}
    for name in ("RAY_ADDRESS", "RAY_AUTH_TOKEN"):  # they would go before what is asked for
        made.pop(name, None)
    if node.home is not None:
        made["REEL_HOME"] = str(node.home)
    return made


def node_argv(node: RayNode) -> list[str]:
    """The command that starts the node and stays as long as it lives."""
    argv = [sys.executable, "-P", "-s", "-m", "ray.scripts.scripts", "start", "--block"]
    if node.is_head:
        argv += ["--head", f"--port={node.port}", "--include-dashboard=false", "--no-monitor"]
    else:
        argv += [f"--address={node.head}"]
    argv += [
        f"--node-ip-address={loopback(node.host)}",
        f"--temp-dir={node.folder}",
        f"--num-cpus={node.cpus}",
        f"--num-gpus={node.gpus}",
        f"--object-store-memory={node.object_store_bytes}",
        "--include-log-monitor=false",
        "--disable-usage-stats",
        # Ray's 52365 would be one for all nodes of a machine.
        "--dashboard-agent-listen-port=0",
    ]
    if node.name:
        argv.append(f"--node-name={node.name}")
    if node.host.startswith("127.") or node.host in _LOCAL:
        # Several nodes of one machine share its ports: each takes what is free. On a network the
        # workers' ports are Ray's 10002 to 19999, for whoever writes rules for a firewall.
        argv += ["--min-worker-port=0", "--max-worker-port=0"]
    if node.memory_bytes is not None:
        argv.append(f"--memory={node.memory_bytes}")
    if node.scratch_bytes is not None:
        units = node.scratch_bytes // SCRATCH_UNIT_BYTES
        argv.append(f"--resources={json.dumps({SCRATCH: units})}")
    if node.labels:
        pairs = ",".join(f"{key}={value}" for key, value in sorted(node.labels.items()))
        argv.append(f"--labels={pairs}")
    return argv
