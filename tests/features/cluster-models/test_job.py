"""A job whose pictures are embedded by steps on two nodes: one of them has loaded the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.reel import reel
from tests.cluster import START_S, Cluster, active
from tests.features import media
from tests.served import Served, serving, until
from tests.tools.models.pictures import tiny_clip

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]

FILMS = 4


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
        for n in range(FILMS)
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


def test_steps_on_two_nodes_are_served_by_one_load(tmp_path: Path, films: list[Path]) -> None:
    model = {"REEL_MODELS__IMAGE_EMBEDDING": f"clip:{tiny_clip.hugging_face(tmp_path / 'clip')}"}
    out = tmp_path / "out"
    out.mkdir()
    with Cluster(tmp_path / "cluster", nodes=2, cpus=1, environ_of_nodes=model) as cluster:
        # Also what takes no time runs on the nodes.
        more = {**model, "REEL_CLUSTER__SHORT_S": "0"}
        home = {"REEL_HOME": str(tmp_path / "home")}
        with cluster.service(tmp_path / "home", **more) as service:
            active(service, 2)
            found = embedded(service, films, out)

            def listed() -> list[dict[str, Any]] | None:
                (told,) = service.client.get("/v1/cluster").json()["models"] or [None]
                return told["actors"] if told and told["actors"][0]["answered"] else None

            (actor,) = until(listed, START_S, 0.5)
            assert actor["loads"] == 1
            assert actor["answered"] == FILMS
            shown = reel("cluster", "status", cwd=tmp_path, **cluster.environ, **home)
            assert "image-embedding clip" in shown.out
    alone = tmp_path / "alone"
    alone.mkdir()
    with serving(tmp_path / "other", **model) as service:
        for one, other in zip(found, embedded(service, films, alone), strict=True):
            assert np.array_equal(one, other)
