"""What a shared model saves: segments of many steps, answered by one warm actor of a Ray on this
machine, against a model that is loaded for each of them; and asks that are joined against asks that
are answered one by one.

The models are real: rapidocr reads pictures with a line of text, MiniLM embeds texts. CPU-seconds
are of everything that takes part: who asks, Ray, the actor, its model's process, its start and its
one load. A node's own warm process is measured beside them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT, Row, Size, environment
from benchmarks.tree import descendants
from reelwright.app.cluster.models import ClusterModels
from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.tools.models.child import ChildProvider
from reelwright.tools.models.kinds import ModelKind, PictureAsk, Provider, TextsAsk
from reelwright.tools.models.providers import ModelSpec, identify

_SEGMENTS = 24
_TEXTS = 16  # of a segment
_SINGLE = 256  # texts that are asked for one by one
_AT_ONCE = 4  # steps that ask at a time
_OCR_SHARE, _TEXT_SHARE, _JOINED_SHARE = 0.4, 0.5, 0.7

Answers = Callable[[Any], Awaitable[Any]]


def cluster_models(size: Size) -> list[Row]:
    """Shares of the CPU of loading for each segment, and of answering one by one."""
    segments = max(2, round(_SEGMENTS * size.share))
    single = max(8, round(_SINGLE * size.share))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cluster_models", *map(str, (segments, single))],
        cwd=ROOT,
        env=environment({"RAY_USAGE_STATS_ENABLED": "0", "RAY_IGNORE_UNHANDLED_ERRORS": "1"}),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return [
        _row(f"{segments} pictures read, one load", _OCR_SHARE, found["ocr"], "warm", "loading"),
        _row(f"{segments} texts embedded, one load", _TEXT_SHARE, found["text"], "warm", "loading"),
        _row(f"{single} asks, joined", _JOINED_SHARE, found["joined"], "joined", "single"),
    ]


def _row(name: str, bar: float, found: dict[str, Any], ours: str, other: str) -> Row:
    value = found[ours]["cpu_s"] / found[other]["cpu_s"]
    wrong = () if found["loads"] == 1 else (f"{found['loads']} loads",)
    return Row(f"cluster-models: {name}", bar, value, "x", facts=found, wrong=wrong)


def main(segments: int, single: int) -> None:
    with _ray() as env, App(load(environ=env)) as app:
        found = {
            "ocr": asyncio.run(_compared(app, _reading(segments), "ocr:rapidocr")),
            "text": asyncio.run(_compared(app, _texts(segments), "text-embedding:minilm")),
            "joined": asyncio.run(_joined(app, single)),
        }
    sys.stdout.write(json.dumps(found) + "\n")


async def _compared(app: App, asks: Sequence[Any], model: str) -> dict[str, Any]:
    """The same asks, loaded for each of them, by a warm process, and by a warm actor."""
    kind, _, member = model.partition(":")
    spec = app.models.configured.spec(ModelKind(kind), member)

    async def loading(ask: Any) -> Any:
        child = ChildProvider(spec, identify(spec), idle_s=60)
        try:
            return await child.answer(ask)
        finally:
            child.shut()

    found = {"loading": await _measured(asks, loading)}
    child = ChildProvider(spec, identify(spec), idle_s=600)
    found["process"] = await _measured(asks, child.answer)
    child.shut()
    far = _far(app, f"bench-{kind}", batch=32)
    found["warm"] = await _measured(asks, far.provider(spec, identify(spec), None).answer)
    return {**found, "loads": _loads(f"bench-{kind}")}


async def _joined(app: App, count: int) -> dict[str, Any]:
    """Asks for one text each, all at once, of an actor that is warm."""
    spec = app.models.configured.spec(ModelKind.TEXT_EMBEDDING, "minilm")
    asks = [TextsAsk(texts=(_text(n),)) for n in range(count)]
    found: dict[str, Any] = {}
    for name, batch in (("single", 1), ("joined", 32)):
        provider = _provider(app, spec, name, batch)
        await provider.answer(TextsAsk(texts=("warm",)))
        found[name] = await _measured(asks, provider.answer, at_once=count)
    return {**found, "loads": _loads("joined")}


def _provider(app: App, spec: ModelSpec, namespace: str, batch: int) -> Provider[Any, Any]:
    return _far(app, namespace, batch=batch).provider(spec, identify(spec), None)


def _far(app: App, namespace: str, *, batch: int) -> ClusterModels:
    settings = replace(app.settings.cluster, model_batch=batch, model_copies=1)
    return ClusterModels(app.models, settings, namespace)


def _loads(namespace: str) -> int:
    from reelwright.tools.models.remote_ray import list_models

    return sum(actor["loads"] for model in list_models(namespace) for actor in model["actors"])


async def _measured(
    asks: Sequence[Any], answer: Answers, at_once: int = _AT_ONCE
) -> dict[str, float]:
    turns = asyncio.Semaphore(at_once)

    async def one(ask: Any) -> None:
        async with turns:
            await answer(ask)

    cpu_s, began = _cpu_s(), time.monotonic()
    await asyncio.gather(*(one(ask) for ask in asks))
    return {
        "cpu_s": round(_cpu_s() - cpu_s, 3),
        "wall_s": round(time.monotonic() - began, 3),
    }


def _cpu_s() -> float:
    """Of this process and its descendants, those that have ended too."""
    ticks = 0
    for pid in descendants(os.getpid()):
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _reading(count: int) -> list[PictureAsk]:
    """Slides of a line each."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.truetype(
        str(ROOT / "src" / "reelwright" / "assets" / "fonts" / "DejaVuSans.ttf"), 28
    )
    asks = []
    for number in range(count):
        slide = Image.new("RGB", (640, 360), (16, 32, 64 + number))
        ImageDraw.Draw(slide).text((40, 160), f"SLIDE {number}: REVENUE", "white", font)
        to = BytesIO()
        slide.save(to, "PNG")
        asks.append(PictureAsk(image=to.getvalue()))
    return asks


def _texts(count: int) -> list[TextsAsk]:
    return [
        TextsAsk(texts=tuple(_text(n * _TEXTS + m) for m in range(_TEXTS))) for n in range(count)
    ]


def _text(number: int) -> str:
    return f"passage {number}: the ferry leaves the harbour before the train arrives"


@contextmanager
def _ray() -> Iterator[dict[str, str]]:
    """A Ray of one node, with a home of its own; gives the environment of its settings."""
    folder = Path(tempfile.mkdtemp(prefix="rb-", dir="/tmp"))
    env = {"REEL_HOME": str(folder / "home"), "RAY_AUTH_MODE": "token"}
    os.environ.update(env, RAY_AUTH_TOKEN=os.urandom(32).hex())
    import ray  # not earlier: it reads the environment then

    try:
        ray.init(
            address="local",
            _node_ip_address="127.0.0.1",
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            logging_level=logging.ERROR,
            object_store_memory=100 << 20,
            _temp_dir=str(folder / "r"),
            namespace="bench",
        )
        yield env
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
