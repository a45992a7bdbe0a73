"""A Ray of one node on loopback, and agents that ask models there: in this process, as an agent's
pool does it in its own."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from reelwright.app.cluster.models import ClusterModels, share_models
from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.tools.models.kinds import PicturesAsk, Served, Vectors
from reelwright.tools.models.remote_ray import list_models, names
from reelwright.tools.models.serving import Serving
from tests.tools.models.pictures import tiny_clip

MODEL = "image-embedding:clip"
_WAIT_S = 180.0


@dataclass
class Here:
    """What all tests of a module share: Ray, and a folder with the weights of a tiny CLIP."""

    weights: Path
    env: dict[str, str]


@contextmanager
def one_node(home: Path) -> Iterator[Here]:
    """A Ray of this process, with one node whose home is `home`."""
    folder = Path(tempfile.mkdtemp(prefix="rm-", dir="/tmp"))
    weights = home / "models" / "clip"
    tiny_clip.hugging_face(weights)
    env = {"REEL_HOME": str(home), "REEL_LIMITS__CPUS": "8"}
    started = {
        **env,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_IGNORE_UNHANDLED_ERRORS": "1",
    }
    if "ray" not in sys.modules:  # its import reads the environment
        started |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": os.urandom(32).hex()}
    before = {name: os.environ.get(name) for name in started}
    os.environ.update(started)
    import ray

    try:
        ray.init(
            address="local",
            _node_ip_address="127.0.0.1",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            logging_level=logging.ERROR,
            object_store_memory=100 << 20,
            _temp_dir=str(folder),
            namespace="nobody",
            labels=_labels(env),
        )
        yield Here(weights, env)
    finally:
        ray.shutdown()
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        shutil.rmtree(folder, ignore_errors=True)


def _labels(env: dict[str, str]) -> dict[str, str]:
    from reelwright.app.cluster.models import model_labels

    with App(load(environ=env)) as app:
        return model_labels(app.models)


@dataclass
class Agents:
    """Nodes that ask: each has a pool of its own, as if it were a process of its own."""

    here: Here
    namespace: str
    made: list[App] = field(default_factory=list)

    def one(self, **settings: str) -> Agent:
        env = {**self.here.env, **{f"REEL_{name}": value for name, value in settings.items()}}
        app = App(load(environ=env))
        self.made.append(app)
        far = share_models(app, self.namespace)
        return Agent(app, far)

    def models(self) -> list[dict[str, Any]]:
        return list_models(self.namespace, timeout_s=_WAIT_S)

    def actors(self) -> list[dict[str, Any]]:
        return [actor for model in self.models() for actor in model["actors"]]

    def names(self) -> list[str]:
        return [str(name) for name in names(self.namespace)]

    def end(self) -> None:
        import ray

        for app in self.made:
            app.close()
        for name in self.names():
            with suppress(ValueError):
                ray.kill(ray.get_actor(name, self.namespace), no_restart=True)


@dataclass
class Agent:
    app: App
    far: ClusterModels | None

    async def vectors(self, pictures: Sequence[bytes]) -> Served[Vectors]:
        return await Serving(self.app.models).embed_pictures(PicturesAsk(images=tuple(pictures)))


def picture(number: int, *, side_px: int = 16) -> bytes:
    """No two are alike; noise cannot be packed."""
    pixels = np.random.default_rng(number).integers(0, 256, (side_px, side_px, 3), np.uint8)
    to = BytesIO()
    Image.fromarray(pixels).save(to, "PNG")
    return to.getvalue()


async def until(condition: Callable[[], Any], timeout_s: float = _WAIT_S) -> Any:
    """What it gives once it is true. In a thread: it asks Ray."""
    end = time.monotonic() + timeout_s
    while not (found := await asyncio.to_thread(condition)):
        assert time.monotonic() < end
        await asyncio.sleep(0.1)
    return found


def cores() -> float:
    """That are free in Ray's eyes."""
    import ray

    free: dict[str, float] = ray.available_resources()  # type: ignore[no-untyped-call]
    return free.get("CPU", 0.0)
