"""The commands of the guide "From one machine to many", on machines that are all this one.

Each machine of the guide is a shell with a home of its own; addresses of the guide are those of the
loopback, its PostgreSQL and its object storage are real ones.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.reel import make_clip
from tests.cluster import START_S
from tests.docs.examples import blocks
from tests.object_storage import BUCKET, KEYS, object_storage
from tests.postgres import Server
from tests.served import until

ROOT = Path(__file__).resolve().parents[3]
GUIDE = ROOT / "docs" / "guides" / "cluster.md"
# What a guide tells to people who have several machines, and stays as it is in front of one.
_STAYS = re.compile(r"^reel (serve|worker)\b")
_DATABASE = "postgresql://reel@10.0.0.8/reel"
_SPEC = """\
inputs: {talk: talk.mp4}
operations:
  - {id: small, op: scale, input: talk, height: 48}
outputs:
  - {from: small, to: out/small.mp4, video: {codec: h264, preset: ultrafast}}
"""


class Machine:
    """A shell that lives as long as the test; what it exports stays."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        folder.mkdir()
        self.reel_home = folder / ".local" / "share" / "reelwright"
        self._shell = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=folder,
            env={**environ, "HOME": str(folder), "REEL_HOME": str(self.reel_home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str) -> str:
        """What it printed, on either stream. Fails where the command did."""
        assert self._shell.stdin
        assert self._shell.stdout
        self._shell.stdin.write(f'{{ {command}\n}} < /dev/null; echo "ended: $?"\n')
        self._shell.stdin.flush()
        said = []
        for line in self._shell.stdout:
            if (ended := re.fullmatch(r"(.*)ended: (\d+)\n", line)) is not None:
                said.append(ended[1])
                assert ended[2] == "0", f"{command}\n{''.join(said)}"
                return "".join(said)
            said.append(line)
        raise AssertionError(f"the shell has ended: {command}\n{''.join(said)}")

    def close(self) -> None:
        with suppress(AssertionError, BrokenPipeError, OSError):
            self.run(
                "for job in $(jobs -p); do kill $job; wait $job; done; reel cluster stop || true"
            )
        assert self._shell.stdin
        with suppress(BrokenPipeError):
            self._shell.stdin.close()
        self._shell.wait(60)


class Network:
    """The machines of the guide, and what its addresses are here."""

    def __init__(self, folder: Path, database: str, store: str, environ: dict[str, str]) -> None:
        self.folder = folder
        self.port, self.api_port = _free_ports()
        self._environ = environ
        self._machines: dict[str, Machine] = {}
        self._key = ""
        self._words = {
            _DATABASE: database,
            "s3://media/reel": store,
            "http://10.0.0.7:8000": f"http://127.0.0.1:{self.api_port}",
            "10.0.0.7:6379": f"127.0.0.1:{self.port}",
            "cluster start --host 10.0.0.7": f"cluster start --host 127.0.0.1 --port {self.port}",
            "serve --host 10.0.0.7": f"serve --host 127.0.0.1 --port {self.api_port}",
        }

    def machine(self, name: str) -> Machine:
        if name not in self._machines:
            made = self._machines[name] = Machine(self.folder / name, self._environ)
            head = self.folder / "head"
            made.run(f'scp() {{ cp {shlex.quote(str(head))}/"${{1#10.0.0.7:}}" "$2"; }}')
            # Small enough for a machine that is all of them.
            made.run('reel() { [ "$2" = join ] && set -- "$@" --cpus 1; command reel "$@"; }')
        return self._machines[name]

    def type(self, name: str, command: str) -> str:
        """As the guide says it, on that machine."""
        for there, here in self._words.items():
            command = command.replace(there, here)
        command = command.replace("reel_…", self._key)
        assert "10.0.0." not in re.sub(r"scp 10\.0\.0\.7:", "", command), command
        if _STAYS.match(command):
            command = f"{command} >> served.log 2>&1 &"
        said = self.machine(name).run(command)
        self._key = next(iter(re.findall(r"\breel_\w{20,}", said)), self._key)
        return said

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.machine("head").run("reel cluster status --json")))

    def answers(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{self.api_port}/readyz").status_code == 200
        return False

    def close(self) -> None:
        for name in sorted(self._machines, key=lambda name: name == "head"):
            self._machines[name].close()


def commands() -> Iterator[tuple[str, str]]:
    """Machine and command, in the guide's order."""
    text = GUIDE.read_text(encoding="utf-8")
    for block in blocks("cluster.md", text):
        fence = text.splitlines()[block.line - 1]
        on = re.search(r"\bon=([\w-]+)", fence)
        if on is None:
            continue
        for line in block.text.splitlines():
            assert line.startswith("$ "), f"{block}: only commands are typed: {line}"
            yield on[1], line.removeprefix("$ ")


@contextmanager
def network(folder: Path, database: str) -> Iterator[Network]:
    with object_storage() as (door, _):
        environ = {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            **KEYS,
            "AWS_ENDPOINT_URL": door.url,
        }
        made = Network(folder, database, f"s3://{BUCKET}/reel", environ)
        try:
            yield made
        finally:
            made.close()


def _free_ports() -> tuple[int, int]:
    """Not of those that the kernel gives to others by itself: both are told beforehand."""
    found = []
    for port in range(31_000 + os.getpid() % 1000, 32_700):
        with socket.socket() as one, suppress(OSError):
            one.bind(("", port))
            found.append(port)
        if len(found) == 2:
            return found[0], found[1]
    raise RuntimeError("no ports are free")


def test_the_guide_tells_each_machine_what_to_type() -> None:
    told = list(commands())
    assert {name for name, _ in told} == {"head", "studio-1", "studio-2", "laptop"}
    typed = [shlex.split(command)[:3] for _, command in told]
    for action in ("start", "join", "status", "drain", "stop"):
        assert ["reel", "cluster", action] in typed


@pytest.mark.cluster
@pytest.mark.postgres
@pytest.mark.timeout(1500)
def test_what_the_guide_tells_to_type_works(
    tmp_path: Path, ffmpeg: Path, postgres_server: Server
) -> None:
    database = postgres_server.create("guide")
    with network(tmp_path, database) as here:
        laptop = tmp_path / "laptop"
        here.machine("laptop")
        make_clip(ffmpeg, laptop / "talk.mp4")
        (laptop / "talk.yaml").write_text(_SPEC)
        seen = {}
        for name, command in commands():
            said = here.type(name, command)
            if _STAYS.match(command):
                until(here.answers, START_S, 0.2)
            if "cluster join" in command:
                _becomes(here, name, "active")
            if "cluster drain" in command:
                seen["drained"] = said
                _becomes(here, "studio-1", None)
            if command == "reel cluster status":
                seen["status"] = said
        assert (laptop / "out" / "small.mp4").stat().st_size > 1000
        assert "takes nothing new" in seen["drained"]
        for name in ("studio-1", "studio-2"):
            assert re.search(rf"^{name} .* active", seen["status"], re.MULTILINE)
        assert "s3://" in seen["status"]


def _becomes(here: Network, name: str, state: str | None) -> None:
    until(lambda: _state(here, name) == state, START_S, 0.5)


def _state(here: Network, name: str) -> str | None:
    """Of that node, None where there is none."""
    found = [node for node in here.status()["nodes"] if node["name"] == name]
    return found[-1]["state"] if found else None
