"""What KubeRay and Kubernetes would start of the chart, started here: a job runs on its node.

Taken from the rendered manifests: every command, every variable, every parameter of `ray start`.
Replaced: addresses (loopback), ports (free ones), where secrets and volumes are, and the size of a
node that this machine does not have.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from reelwright.tools.ray.keep import members
from reelwright.tools.ray.processes import make_token
from scripts.helm_chart import CHART, objects, render
from tests.cluster import START_S
from tests.deploy.manifests import ROOT, pods
from tests.features.media import talk
from tests.served import until

pytestmark = [pytest.mark.cluster, pytest.mark.postgres, pytest.mark.timeout(1500)]

HEAD, NODE, API = "127.0.3.1", "127.0.3.2", "127.0.3.9"
BIN = Path(sys.executable).parent
SPEC = """
inputs: {{talk: {source}}}
operations: [{{id: small, op: scale, input: talk, height: 90}}]
outputs: [{{from: small, to: small.mp4}}]
"""


@dataclass
class Machine:
    """A stand-in for Kubernetes: the pods of the chart as processes on loopback."""

    folder: Path
    database: str
    manifests: list[dict[str, Any]]
    ports: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.token = make_token(self.folder / "token")
        self.short = Path(tempfile.mkdtemp(prefix="rk-", dir="/tmp"))
        self.ports = {name: free_port() for name in ("gcs", "api")}

    def container(self, pod: str, name: str) -> Mapping[str, Any]:
        (spec,) = (spec for found, spec in pods(self.manifests) if found == pod)
        every = [*spec.get("initContainers", []), *spec["containers"]]
        found: list[Mapping[str, Any]] = [one for one in every if one["name"] == name]
        return found[0]

    def env(self, container: Mapping[str, Any], address: str) -> dict[str, str]:
        found = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "POD_IP": address}
        for entry in container["env"]:
            value = entry.get("value", self.database)
            value = value.replace("$(POD_IP):6379", f"{address}:{self.ports['gcs']}")
            value = value.replace("/etc/reelwright/ray/auth_token", str(self.token))
            value = value.replace("s3://reelwright/artifacts", str(self.folder / "artifacts"))
            if entry["name"] != "POD_IP":
                found[entry["name"]] = value
        if "REEL_HOME" in found:
            # The API and the dispatcher share a volume, a node has its own.
            found["REEL_HOME"] = str(self.folder / ("node" if address == NODE else "home"))
        return found

    def ray_start(self, group: Mapping[str, Any], address: str, *, is_head: bool) -> list[str]:
        """As KubeRay writes it: the group's parameters and resources."""
        params = {**group["rayStartParams"], "block": "true"}
        params |= {key: str(free_port()) for key in params if key.endswith("-port")}
        if is_head:
            params |= {"head": "true", "port": str(self.ports["gcs"]), "no-monitor": "true"}
        else:
            params["address"] = f"{HEAD}:{self.ports['gcs']}"
            given = group["resources"]
            params |= {"num-cpus": "2", "memory": str(4 << 30)}
            params["resources"] = f'{{"scratch": {given["scratch"]}}}'
        params |= {"node-ip-address": address, "temp-dir": str(self.short / address[-1])}
        params |= {"min-worker-port": "0", "max-worker-port": "0"}
        words = []
        for key, value in params.items():
            keeps_false = key in ("include-dashboard", "include-log-monitor")
            if value in ("true", "false") and not keeps_false:
                words += [f"--{key}"] if value == "true" else []
            else:
                words.append(f"--{key}={value}")
        return [str(BIN / "ray"), "start", *words]

    def script(self, container: Mapping[str, Any]) -> list[str]:
        command = [*container["command"], *container.get("args", [])]
        if command[:2] == ["tini", "--"]:
            command = command[2:]
        text = command[-1].replace("--host 0.0.0.0", f"--host {API}")
        return [*command[:-1], text.replace("--port 8000", f"--port {self.ports['api']}")]

    @contextmanager
    def running(self, name: str, argv: list[str], env: Mapping[str, str]) -> Iterator[None]:
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                argv, env=env, stdout=log, stderr=log, start_new_session=True, cwd=self.folder
            )
            try:
                yield
            finally:
                process.terminate()
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                for pid in members(process.pid, process.pid):
                    os.kill(pid, signal.SIGKILL)


def free_port() -> int:
    import socket

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


@pytest.fixture
def machine(tmp_path: Path, postgres_url: str) -> Iterator[Machine]:
    # Steps that are as short as these would run beside the dispatcher.
    values = {"nodes": {"cpu": {"cpu": 2}, "gpu": None}, "settings": {"REEL_CLUSTER__SHORT_S": "0"}}
    manifests = [found for _, found in objects(render(ROOT / CHART, values))]
    (tmp_path / "artifacts").mkdir()
    made = Machine(tmp_path, postgres_url, manifests)
    try:
        yield made
    finally:
        shutil.rmtree(made.short, ignore_errors=True)


def begin(machine: Machine, stack: ExitStack) -> None:
    """The job that migrates, then the pods."""
    migrate = machine.container("reelwright-migrate", "migrate")
    env = machine.env(migrate, HEAD) | {"REEL_HOME": str(machine.folder / "migrate")}
    subprocess.run(migrate["command"], env=env, check=True, capture_output=True, timeout=300)
    (cluster,) = (one for one in machine.manifests if one["kind"] == "RayCluster")
    spec = cluster["spec"]
    head = machine.container("head", "ray-head")
    argv = machine.ray_start(spec["headGroupSpec"], HEAD, is_head=True)
    stack.enter_context(machine.running("head", argv, machine.env(head, HEAD)))
    for name, pod, address in (
        ("dispatcher", "head", HEAD),
        ("api", "reelwright-api", API),
    ):
        one = machine.container(pod, name)
        stack.enter_context(machine.running(name, machine.script(one), machine.env(one, address)))
    node = machine.container("node cpu", "ray-node")
    argv = machine.ray_start(spec["workerGroupSpecs"][0], NODE, is_head=False)
    env = machine.env(node, NODE)
    until(lambda: is_up(argv, env), START_S, 1.0)
    stack.enter_context(machine.running("node", argv, env))


def is_up(argv: list[str], env: Mapping[str, str]) -> bool:
    """What KubeRay's init container asks before a node starts."""
    (address,) = (word.partition("=")[2] for word in argv if word.startswith("--address="))
    command = [str(BIN / "ray"), "health-check", "--address", address]
    return subprocess.run(command, env=env, capture_output=True, check=False).returncode == 0


def test_a_job_runs_on_a_node_that_then_drains(machine: Machine, ffmpeg: Path) -> None:
    source = talk(ffmpeg, machine.folder / "talk.mp4", 4)
    with ExitStack() as stack:
        begin(machine, stack)
        url = f"http://{API}:{machine.ports['api']}"
        token = machine.folder / "home" / "token"
        until(token.is_file, START_S)
        client = stack.enter_context(httpx.Client(base_url=url, timeout=60))
        until(lambda: answers(client), START_S, 0.5)
        client.headers["Authorization"] = f"Bearer {token.read_text().strip()}"
        nodes = until(lambda: of_state(client, "active"), START_S, 1.0)
        assert [node["address"] for node in nodes] == [NODE]
        assert nodes[0]["cpus"]["total"] == 2
        assert nodes[0]["disk_bytes"]["total"] <= 80 << 30

        kind = {"Content-Type": "application/yaml"}
        taken = client.post("/v1/jobs", content=SPEC.format(source=source).encode(), headers=kind)
        assert taken.status_code == 202, taken.text
        job = taken.json()["id"]
        done = until(lambda: ended(client, job), START_S, 0.5)
        assert done["state"] == "succeeded", done
        film = client.get(f"/v1/jobs/{job}/artifacts/0")
        assert film.status_code == 200
        assert len(film.content) > 1000
        logs = (machine.folder / "node" / "logs").rglob("*")
        assert any(path.is_file() for path in logs), "the node ran nothing"

        hook = machine.container("node cpu", "ray-node")["lifecycle"]["preStop"]["exec"]["command"]
        env = machine.env(machine.container("node cpu", "ray-node"), NODE)
        drained = subprocess.run(hook, env=env, capture_output=True, timeout=600, check=False)
        assert drained.returncode == 0, drained.stderr
        assert of_state(client, "active") == []


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def of_state(client: httpx.Client, state: str) -> list[dict[str, Any]]:
    found = client.get("/v1/cluster").json()["nodes"]
    return [node for node in found if node["state"] == state]


def ended(client: httpx.Client, job: str) -> dict[str, Any] | None:
    found: dict[str, Any] = client.get(f"/v1/jobs/{job}").json()
    return found if found["state"] in ("succeeded", "failed", "cancelled") else None
