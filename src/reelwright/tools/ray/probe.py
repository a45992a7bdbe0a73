"""Asks the head of a cluster who it is, in a process of its own: ``python -m …probe ADDRESS``.

Ray's client ends the process that it is in when it does not like what it finds, and a node that is
started with the wrong token waits for half a minute.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from reelwright.errors import ReelError
from reelwright.tools.python_child import python_argv
from reelwright.tools.ray.failures import (
    check_installed,
    no_head,
    other_versions,
    wrong_token,
)
from reelwright.tools.ray.settings import ray_env

_CONNECT_S = 5.0
_ANSWER_S = 30.0


def ask_head(address: str, token: Path, timeout_s: float = _ANSWER_S) -> dict[str, str]:
    """The head's versions (``ray``, ``python``). Raises CLUSTER_UNAVAILABLE where nothing answers
    or the token is not the cluster's, NODE_REFUSED where a node of this machine would not fit,
    TOOL_MISSING without Ray."""
    theirs = _asked(address, token, "versions", timeout_s)
    ours = {"ray": version("ray"), "python": platform.python_version()}
    found: dict[str, str] = {name: theirs[f"{name}_version"] for name in ours}
    # Ray itself takes another patch release of Python; agents are asked about it, when they come.
    if found["ray"] != ours["ray"] or _minor(found["python"]) != _minor(ours["python"]):
        raise other_versions(address, found, ours)
    return found


def ask_nodes(address: str, token: Path, timeout_s: float = _ANSWER_S) -> list[dict[str, Any]]:
    """The nodes that live, as the head knows them: ``id``, ``name``, ``address``, ``resources``,
    ``labels``, ``is_head``. Needs no node on this machine. Raises as `ask_head`."""
    found: list[dict[str, Any]] = _asked(address, token, "nodes", timeout_s)
    return found


def _asked(address: str, token: Path, what: str, timeout_s: float) -> Any:
    check_installed()
    _reach(address)
    env = {**os.environ, **ray_env(token)}
    env.pop("RAY_AUTH_TOKEN", None)
    argv = python_argv("reelwright.tools.ray.probe", address, what)
    try:
        done = subprocess.run(
            argv,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise no_head(address, f"no answer within {timeout_s:g} s") from error
    said = done.stderr.decode(errors="replace")
    if done.returncode:
        if "AuthenticationError" in said or "InvalidAuthToken" in said:
            raise wrong_token(address)
        last = said.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise no_head(address, last[0][:300])
    return json.loads(done.stdout.decode().splitlines()[-1])


def _minor(version_text: str) -> str:
    return ".".join(version_text.split(".")[:2])


def _reach(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not port.isdigit() or not host:
        raise no_head(address, "an address is host:port")
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()
    except OSError as error:
        raise no_head(address, error.strerror or str(error)) from error


def main() -> None:
    # Compiled, and not public: there is no other way to ask a head without being in its cluster.
    client = importlib.import_module("ray._raylet").GcsClient(address=sys.argv[1])
    if sys.argv[2] == "nodes":
        alive = [one for one in client.get_all_node_info(timeout=10).values() if not one.state]
        sys.stdout.write(json.dumps([_node(one) for one in alive]) + "\n")
        return
    found = client.internal_kv_get(b"CLUSTER_METADATA", b"cluster", timeout=10)
    sys.stdout.write(found.decode() + "\n")


def _node(one: Any) -> dict[str, Any]:
    return {
        "id": one.node_id.hex(),
        "name": one.node_name,
        "address": one.node_manager_address,
        "resources": dict(one.resources_total),
        "labels": dict(one.labels),
        "is_head": one.is_head_node,
    }


if __name__ == "__main__":
    try:
        main()
    except ReelError as error:
        sys.exit(str(error))
