"""What Ray says is understood: who starts a node reads what to do."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.ray.failures import why_not_started
from reelwright.tools.ray.probe import ask_head
from reelwright.tools.ray.processes import NodeProcess, make_token, ray_folder
from reelwright.tools.ray.settings import FOLDER_BYTES, RayNode

LOG = Path("/tmp/node.log")
MISMATCH = """
RuntimeError: Version mismatch: The cluster was started with:
    Ray: 2.60.0
    Python: 3.12.4
This process on node 10.0.0.8 was started with:
    Ray: 2.59.1
    Python: 3.11.7
""".splitlines()


def test_other_versions_are_named() -> None:
    error = why_not_started("10.0.0.7:6379", MISMATCH, 1, LOG)
    assert error.code is Code.NODE_REFUSED
    for text in ("2.60.0", "3.12.4", "2.59.1", "3.11.7"):
        assert text in error.problem.message


def test_a_wrong_token_is_named() -> None:
    said = ["ray.exceptions.AuthenticationError: RPC error: InvalidAuthToken: missing"]
    error = why_not_started("10.0.0.7:6379", said, 1, LOG)
    assert error.code is Code.CLUSTER_UNAVAILABLE
    assert "token" in error.problem.message


def test_anything_else_keeps_its_last_line_and_where_the_log_is() -> None:
    said = ["INFO fine", "ValueError: no room in /dev/shm", "", "2026 INFO bye"]
    error = why_not_started("10.0.0.7:6379", said, 7, LOG)
    assert "no room in /dev/shm" in error.problem.message
    assert error.problem.evidence["log"] == str(LOG)
    assert error.problem.evidence["exit_code"] == 7


def test_nobody_at_the_address_is_said_at_once(tmp_path: Path) -> None:
    token = make_token(tmp_path / "token")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"  # nobody listens
        with pytest.raises(ReelError) as raised:
            ask_head(address, token)
    assert raised.value.code is Code.CLUSTER_UNAVAILABLE
    assert address in raised.value.problem.message
    with pytest.raises(ReelError, match="host:port"):
        ask_head("somewhere", token)


def test_a_port_that_is_taken_is_said_before_ray_is_started(tmp_path: Path) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        port = one.getsockname()[1]
        node = RayNode(folder=Path("/tmp/rf"), token=make_token(tmp_path / "t"), port=port)
        with pytest.raises(ReelError, match=f"port {port} is taken"):
            NodeProcess(node).start()


def test_a_folder_that_is_too_long_for_sockets_is_refused(tmp_path: Path) -> None:
    long = tmp_path / ("x" * FOLDER_BYTES)
    with pytest.raises(ReelError, match=f"{FOLDER_BYTES} bytes") as raised:
        NodeProcess(RayNode(folder=long, token=tmp_path / "t")).start()
    assert raised.value.code is Code.CONFIG_INVALID


def test_a_token_is_its_users_alone(tmp_path: Path) -> None:
    path = make_token(tmp_path / "cluster" / "token")
    text = path.read_text()
    assert len(text) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert make_token(path).read_text() == text
    path.chmod(0o644)
    with pytest.raises(ReelError, match="others may read"):
        make_token(path)


def test_each_home_has_a_folder_of_its_own(tmp_path: Path) -> None:
    one, two = ray_folder(tmp_path / "a"), ray_folder(tmp_path / "b")
    assert one == ray_folder(tmp_path / "a") != two
    assert len(str(one)) <= FOLDER_BYTES
    assert stat.S_IMODE(one.stat().st_mode) == 0o700
    one.rmdir()
    two.rmdir()
