"""Models in actors of a real Ray: one load for many, killed, idle, at least, at most. The first is
the short test of this feature, which always runs."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelwright.app.cluster.models import share_models
from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.errors import Code, ReelError
from reelwright.tools.flac import RATE_HZ, flac_of
from reelwright.tools.models.kinds import PicturesAsk, SpeechAsk
from reelwright.tools.models.serving import Serving
from tests.features.ray_models import MODEL, Agents, Here, cores, one_node, picture, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def ray_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed")
    with one_node(tmp_path_factory.mktemp("node")) as here:
        yield here


@pytest.fixture
def agents(ray_here: Here, request: pytest.FixtureRequest) -> Iterator[Agents]:
    name = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8]
    found = Agents(ray_here, f"test-{name}")
    yield found
    found.end()


@pytest.fixture
def here_alone(ray_here: Here) -> Iterator[App]:
    """A node that loads its own."""
    env = {**ray_here.env, "REEL_CLUSTER__MODEL_COPIES": "0"}
    with App(load(environ=env)) as app:
        assert share_models(app, "none") is None
        yield app


def children(pid: int) -> list[int]:
    """Processes of which `pid` is the parent."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


async def seen(agents: Agents) -> dict[str, Any]:
    """The one actor that there is, once it answers."""

    def look() -> dict[str, Any] | None:
        found = agents.actors()
        return found[0] if [one["state"] for one in found] == ["ready"] else None

    found: dict[str, Any] = await until(look)
    return found


def test_one_load_serves_the_pictures_of_many_nodes_as_each_would_itself(
    agents: Agents, here_alone: App
) -> None:
    # One is too large to go along with the call: it goes through Ray's object store.
    pictures = [picture(n) for n in range(30)] + [picture(99, side_px=300)]

    async def main() -> None:
        nodes = [agents.one() for _ in range(3)]
        served = await asyncio.gather(
            *(nodes[n % 3].vectors([one]) for n, one in enumerate(pictures))
        )
        (model,) = await asyncio.to_thread(agents.models)
        (actor,) = model["actors"]
        assert (model["kind"], model["model"]) == ("image-embedding", "clip")
        assert (actor["loads"], actor["answered"], actor["restarts"]) == (1, 31, 0)
        assert (model["queue"], model["restarts"]) == (0, 0)
        assert model["loaded_since"] == actor["since"]
        assert actor["batches"] < 31  # what waited was joined
        alone = Serving(here_alone.models)
        for one, found in zip(pictures, served, strict=True):
            wanted = await alone.embed_pictures(PicturesAsk(images=(one,)))
            assert np.array_equal(found.value.rows, wanted.value.rows)
            assert found.provenance() == wanted.provenance()

    asyncio.run(main())


@pytest.mark.cluster
def test_what_an_actor_had_when_it_was_killed_is_answered(agents: Agents) -> None:
    async def main() -> None:
        agent = agents.one(CLUSTER__MODEL_COPIES="1")
        before = await agent.vectors([picture(1)])
        actor = await seen(agents)
        os.kill(actor["pid"], signal.SIGSTOP)  # in the middle of whatever comes
        waits = [asyncio.create_task(agent.vectors([picture(n)])) for n in (1, 2, 3)]
        provider: Any = next(iter(agent.app.models._made.values()))
        await until(lambda: provider._seen[0].mine == 3)
        os.kill(actor["pid"], signal.SIGKILL)
        after = await asyncio.gather(*waits)
        assert np.array_equal(after[0].value.rows, before.value.rows)
        again = await seen(agents)
        assert again["pid"] != actor["pid"]

    asyncio.run(main())


@pytest.mark.cluster
def test_an_actor_whose_model_crashed_loads_it_again(agents: Agents) -> None:
    async def main() -> None:
        agent = agents.one()
        before = await agent.vectors([picture(1)])
        actor = await seen(agents)
        (child,) = children(actor["pid"])
        os.kill(child, signal.SIGKILL)
        after = await agent.vectors([picture(1)])
        assert np.array_equal(after.value.rows, before.value.rows)
        again = await seen(agents)
        assert (again["pid"], again["loads"]) == (actor["pid"], 2)

    asyncio.run(main())


@pytest.mark.cluster
def test_who_is_cancelled_leaves_the_line(agents: Agents) -> None:
    async def main() -> None:
        agent = agents.one(CLUSTER__MODEL_BATCH="1")
        await agent.vectors([picture(1)])
        actor = await seen(agents)
        (child,) = children(actor["pid"])
        os.kill(child, signal.SIGSTOP)  # whatever comes takes its time
        stays = asyncio.create_task(agent.vectors([picture(2)]))
        await until(lambda: agents.actors()[0]["waiting"] == 1)
        leaves = asyncio.create_task(agent.vectors([picture(3)]))
        await until(lambda: agents.actors()[0]["waiting"] == 2)
        leaves.cancel()
        await asyncio.wait([leaves])
        os.kill(child, signal.SIGCONT)
        await stays
        await agent.vectors([picture(4)])  # who left would have been before it
        assert agents.actors()[0]["answered"] == 3

    asyncio.run(main())


@pytest.mark.cluster
def test_killing_an_actor_leaves_no_process_of_its_model(agents: Agents) -> None:
    async def main() -> None:
        await agents.one().vectors([picture(1)])
        actor = await seen(agents)
        (child,) = children(actor["pid"])
        os.kill(actor["pid"], signal.SIGKILL)
        await until(lambda: not Path(f"/proc/{child}").exists())

    asyncio.run(main())


@pytest.mark.cluster
def test_idle_ones_retire_but_the_least_and_come_back_when_they_are_asked(agents: Agents) -> None:
    async def main() -> None:
        agent = agents.one(MODELS__IDLE_S="1", CLUSTER__MODEL_LEAST="1")
        assert agent.far is not None
        assert await agent.far.warm(MODEL, 2) == 2
        assert len(agents.names()) == 2
        assert [one["kept"] for one in agents.actors()] == [True, True]
        assert await agent.far.warm(MODEL, 0) == 0
        await until(lambda: len(agents.names()) == 1)  # the second one is idle
        (name,) = agents.names()
        assert name.endswith("-0")
        actor = await until(lambda: [one for one in agents.actors() if one["idle_s"] > 3])
        assert actor[0]["loads"] == 1  # three times as idle as it may be, and it stays

    asyncio.run(main())


@pytest.mark.cluster
def test_all_of_them_retire_where_none_is_to_stay(agents: Agents) -> None:
    async def main() -> None:
        agent = agents.one(MODELS__IDLE_S="1")
        before = await agent.vectors([picture(1)])
        await until(lambda: not agents.names())
        after = await agent.vectors([picture(1)])
        assert np.array_equal(after.value.rows, before.value.rows)
        assert len(agents.names()) == 1

    asyncio.run(main())


@pytest.mark.cluster
def test_no_more_are_loaded_than_are_allowed_whoever_asks(agents: Agents) -> None:
    async def main() -> None:
        nodes = [agents.one(CLUSTER__MODEL_COPIES="2") for _ in range(3)]
        counts = await asyncio.gather(*(node.far.warm(MODEL, 9) for node in nodes if node.far))
        assert counts == [2, 2, 2]
        assert [name.rpartition("-")[2] for name in agents.names()] == ["0", "1"]

    asyncio.run(main())


@pytest.mark.cluster
def test_a_node_without_weights_is_served_by_one_that_has_them(
    agents: Agents, tmp_path: Path
) -> None:
    """Its settings name no model either: the cluster has one."""

    async def main() -> None:
        bare = agents.one(MODELS__FOLDER=str(tmp_path))
        rich = agents.one()
        pictures = [picture(1), picture(2)]
        found, wanted = await bare.vectors(pictures), await rich.vectors(pictures)
        assert np.array_equal(found.value.rows, wanted.value.rows)
        assert found.identity == wanted.identity
        assert len(agents.names()) == 1

    asyncio.run(main())


@pytest.mark.cluster
def test_weights_that_nobody_has_are_unavailable(agents: Agents, tmp_path: Path) -> None:
    async def main() -> None:
        agent = agents.one(MODELS__IMAGE_EMBEDDING=f"clip:{tmp_path}")
        with pytest.raises(ReelError) as raised:
            await agent.vectors([picture(1)])
        assert raised.value.code is Code.MODEL_UNAVAILABLE
        assert raised.value.problem.where == "models.image_embedding"

    asyncio.run(main())


@pytest.mark.cluster
def test_weights_that_cannot_be_loaded_are_told_and_left_alone(
    agents: Agents, ray_here: Here, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(ray_here.weights, broken)
    vision = broken / "onnx" / "vision_model.onnx"
    vision.write_bytes(vision.read_bytes()[:-40])

    async def main() -> None:
        agent = agents.one(MODELS__IMAGE_EMBEDDING=f"clip:{broken}")
        with pytest.raises(ReelError) as raised:
            await agent.vectors([picture(1)])
        assert raised.value.code is Code.MODEL_UNAVAILABLE
        assert "vision_model.onnx cannot be loaded" in str(raised.value)

    asyncio.run(main())


@pytest.mark.cluster
def test_sound_is_heard_as_on_the_node_itself(
    agents: Agents, here_alone: App, tmp_path: Path
) -> None:
    """The part that is asked about goes along, the file does not."""
    path = tmp_path / "sound.flac"
    rng = np.random.default_rng(5)
    path.write_bytes(flac_of(rng.integers(-9000, 9000, RATE_HZ * 4, dtype=np.int16)))
    ask = SpeechAsk(audio=path, start_s=1.2, end_s=2.9, language="en")

    async def main() -> None:
        agent = agents.one(MODELS__SPEECH="pocketsphinx")
        spec = agent.app.models.configured.spec
        from reelwright.tools.models.kinds import ModelKind

        there = agent.app.models.provider(spec(ModelKind.SPEECH, "pocketsphinx"))
        here = here_alone.models.provider(spec(ModelKind.SPEECH, "pocketsphinx"))
        assert await there.answer(ask) == await here.answer(ask)
        assert len(agents.names()) == 1

    asyncio.run(main())


@pytest.mark.cluster
def test_an_actor_takes_of_its_node_what_the_settings_say(agents: Agents) -> None:
    async def main() -> None:
        before = cores()
        await agents.one(CLUSTER__MODEL_CPUS="0.5").vectors([picture(1)])
        await until(lambda: cores() == before - 0.5)

    asyncio.run(main())
