"""Jobs whose pictures are embedded by steps on two nodes: one of them has loaded the model."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelwright.app.cluster.wiring import cluster_nodes
from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.engine.executor import Need
from reelwright.engine.nodes import NodeState
from tests.cli.reel import reel
from tests.cluster import START_S, Cluster, active, states
from tests.features import media
from tests.features.ray_models import until as seen
from tests.served import Served, serving, until
from tests.tools.models.pictures import tiny_clip

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]

FILMS = 4


@dataclass
class Running:
    """Two nodes with the weights, and a service that hands its steps to them."""

    cluster: Cluster
    service: Served
    model: dict[str, str]
    home: Path

    def actors(self, answered: int) -> list[dict[str, Any]]:
        """Of the one model, once so many asks of it were answered."""

        def look() -> list[dict[str, Any]] | None:
            for told in self.service.client.get("/v1/cluster").json()["models"]:
                found: list[dict[str, Any]] = told["actors"]
                if sum(one.get("answered", 0) for one in found) == answered:
                    return found
            return None

        return until(look, START_S, 0.5)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("running")
    model = {"REEL_MODELS__IMAGE_EMBEDDING": f"clip:{tiny_clip.hugging_face(folder / 'clip')}"}
    with Cluster(folder / "cluster", nodes=2, cpus=1, environ_of_nodes=model) as cluster:
        # Also what takes no time runs on the nodes.
        more = {**model, "REEL_CLUSTER__SHORT_S": "0"}
        with cluster.service(folder / "home", **more) as service:
            active(service, 2)
            yield Running(cluster, service, model, folder / "home")


@pytest.fixture(scope="module")
def films(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """No two are alike: nothing of one is cached for another."""
    folder = tmp_path_factory.mktemp("films")
    return [
        media.make(
            ffmpeg,
            folder / f"film{n}.mp4",
            *("-f", "lavfi", "-i", f"color=0x{n + 2}0a0{n}0:s=160x90:r=10:d=1.5"),
            *("-f", "lavfi", "-i", f"color=0xf0{9 - n}0{n}8:s=160x90:r=10:d=1.5"),
            *("-filter_complex", "[0][1]concat=n=2", "-c:v", "libx264", "-t", "3"),
        )
        for n in range(2 * FILMS)
    ]


def spec(films: list[Path], folder: Path) -> dict[str, Any]:
    return {
        "version": 1,
        "inputs": {f"film{n}": str(film) for n, film in enumerate(films)},
        "operations": [
            {"id": f"looks{n}", "op": "embed_frames", "input": f"film{n}"}
            for n in range(len(films))
        ],
        "outputs": [
            {"from": f"looks{n}.frame-vectors", "to": str(folder / f"{n}.npy")}
            for n in range(len(films))
        ],
    }


def embedded(service: Served, films: list[Path], folder: Path) -> list[Any]:
    job = service.ended(service.submit(spec(films, folder)), START_S)
    assert job["state"] == "succeeded", job
    return [np.load(folder / f"{n}.npy") for n in range(len(films))]


def test_steps_of_two_nodes_are_served_by_one_load(
    running: Running, films: list[Path], tmp_path: Path
) -> None:
    found = embedded(running.service, films[:FILMS], tmp_path)
    (actor,) = running.actors(answered=FILMS)
    assert actor["loads"] == 1
    environ = {**running.cluster.environ, "REEL_HOME": str(running.home)}
    shown = reel("cluster", "status", cwd=tmp_path, **environ)
    assert "image-embedding clip" in shown.out
    alone = tmp_path / "alone"
    alone.mkdir()
    with serving(tmp_path / "other", **running.model) as service:
        for one, other in zip(found, embedded(service, films[:FILMS], alone), strict=True):
            assert np.array_equal(one, other)


def test_a_dispatcher_keeps_a_model_loaded_and_lets_it_go(running: Running, tmp_path: Path) -> None:
    dispatcher = running.service.client.get("/v1/cluster").json()["dispatcher"]["id"]
    environ = {**running.cluster.environ, **running.model, "REEL_HOME": str(tmp_path)}

    async def main(app: App) -> None:
        nodes = cluster_nodes(app, dispatcher)
        try:
            await seen(lambda: any(node.state is NodeState.ACTIVE for node in nodes.view()))
            for count in (1, 0):
                kept = await nodes.warm("image-embedding", Need(), count)
                assert kept.count == count
                (told,) = await nodes.models()
                assert [actor["kept"] for actor in told["actors"]] == [bool(count)]
        finally:
            await nodes.close()

    with App(load(environ=environ)) as app:
        asyncio.run(main(app))


def test_where_the_node_with_the_model_dies_another_loads_it(
    running: Running, films: list[Path], tmp_path: Path
) -> None:
    """Its steps are served there, too."""
    (actor,) = running.actors(answered=FILMS)
    nodes = {node["id"]: name for name, node in states(running.service).items()}
    running.cluster.kill_node(nodes[actor["node"]])
    embedded(running.service, films[FILMS:], tmp_path)
    (other,) = running.actors(answered=FILMS)  # a new one: it has answered the second half
    assert other["node"] != actor["node"]
    assert other["pid"] != actor["pid"]
    assert other["loads"] == 1
