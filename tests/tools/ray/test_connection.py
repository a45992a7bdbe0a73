"""A connection to a cluster: what it is asked fails at once while there is none; it comes back."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.ray.connection import Connection, Target
from reelwright.tools.ray.processes import make_token
from tests.cluster import Cluster

_WAIT_S = 240.0


class Told:
    """What is on a node: it says what it was asked."""

    def __init__(self, node: str, word: str) -> None:
        self._node = node
        self._word = word
        self._looks = 0

    async def look(self, expected: dict[str, Any], ray: dict[str, Any]) -> dict[str, Any]:
        self._looks += 1
        return {"worker": str(os.getpid()), "looks": self._looks, **expected, "ray": ray}

    async def say(self, more: str) -> str:
        if more == "no":
            raise ReelError(Code.NODE_REFUSED, "not this")
        if more == "wait":
            await asyncio.sleep(600)
        return f"{self._word} {more}"


def target(address: str, token: Path) -> Target:
    return Target(
        address=address,
        token=token,
        namespace="connection",
        factory="tests.tools.ray.test_connection:Told",
        given={"word": "hello"},
    )


def test_without_a_head_there_is_an_answer_at_once(tmp_path: Path) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
        connection = Connection(target(address, make_token(tmp_path / "token")))

        async def tried() -> None:
            connection.open()
            try:
                for _ in range(2):
                    with pytest.raises(ReelError) as raised:
                        await connection.ready(2.0)
                    assert raised.value.code is Code.CLUSTER_UNAVAILABLE
                    with pytest.raises(ReelError):
                        await connection.ask("look", timeout_s=30.0, expected={})
            finally:
                await connection.close()

        asyncio.run(tried())
    assert connection.pid is None


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    root = Path(__file__).resolve().parents[3]
    environ = {"PYTHONPATH": str(root)}  # that the node finds this file
    folder = tmp_path_factory.mktemp("cluster")
    with Cluster(folder, nodes=1, cpus=1, environ_of_nodes=environ) as made:
        yield made


async def looked(connection: Connection, is_so: Any) -> dict[str, Any]:
    """Looks until the one node is so."""
    async with asyncio.timeout(_WAIT_S):
        while True:
            try:
                found = await connection.ask("look", timeout_s=20.0, expected={"mark": "m"})
            except ReelError:
                found = {"nodes": []}
            nodes = [node for node in found["nodes"] if node["alive"]]
            if nodes and is_so(nodes[0], found):
                return dict(nodes[0])
            await asyncio.sleep(0.2)


def has_report(node: dict[str, Any], _found: Any) -> bool:
    return node["report"] is not None


@pytest.mark.cluster
@pytest.mark.timeout(1200)
def test_nodes_are_seen_and_asked_and_survive_the_connection(cluster: Cluster) -> None:
    async def tried() -> None:
        connection = Connection(target(cluster.address, cluster.token))
        connection.open()
        try:
            await connection.ready(_WAIT_S)
            node = await looked(connection, has_report)
            assert (node["name"], node["report"]["mark"]) == ("n1", "m")
            assert node["report"]["ray"]["resources"]["CPU"] == 1.0
            await is_asked(connection, node["id"])
            await is_killed(connection, node)
            # Without the head nodes are seen and asked as before.
            cluster.kill_head()
            await looked(connection, lambda _, found: bool(found["head"]))
            assert await said(connection, node["id"], "still") == "hello still"
        finally:
            await connection.close()
        assert connection.pid is None

    asyncio.run(tried())


async def said(connection: Connection, node: str, word: str, limit_s: float = 60.0) -> Any:
    body = {"node": node, "name": "say", "body": {"more": word}}
    return await connection.ask("call", timeout_s=limit_s + 30, limit_s=limit_s, **body)


async def is_asked(connection: Connection, node: str) -> None:
    assert await said(connection, node, "world") == "hello world"
    with pytest.raises(ReelError, match="not this") as raised:
        await said(connection, node, "no")
    assert raised.value.code is Code.NODE_REFUSED
    with pytest.raises(ReelError, match="within 1 s") as raised:
        await said(connection, node, "wait", 1.0)
    assert raised.value.code is Code.CLUSTER_UNAVAILABLE


async def is_killed(connection: Connection, node: dict[str, Any]) -> None:
    """It comes back by itself; what is on the node never noticed."""
    assert connection.pid is not None
    os.kill(connection.pid, signal.SIGKILL)
    again = await looked(connection, lambda n, _: has_report(n, _) and n["report"]["looks"] > 1)
    assert connection.restarts == 1
    assert again["report"]["worker"] == node["report"]["worker"]
    assert await said(connection, node["id"], "again") == "hello again"
