"""A job gives the same bytes on one machine and on many, where threads and shards are set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reelwright.app.plan import Planned, plan_request
from reelwright.app.request import Request
from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.engine.executor import Need
from reelwright.engine.submission import NewJob
from reelwright.planning.explain import explain
from reelwright.planning.plan import Plan
from reelwright.runners.dispatch import run_step
from reelwright.store import nodes
from reelwright.store.nodes import NewHead, NewNode
from reelwright.store.states import JobState
from tests.engine.agents import Agents
from tests.engine.jobs import World, wait
from tests.features.media import make

SPEC = """
inputs: {in: long.mp4}
operations: [{id: small, op: scale, input: in, height: 36}]
outputs:
  - {from: small, to: out.mp4, video: {codec: h264, preset: ultrafast}}
"""
SETTINGS = {"limits.threads": 2, "limits.shards": 3}
MACHINE = Need(cpus=8, memory_bytes=8 << 30)


@pytest.fixture(scope="session")
def long(ffmpeg: Path, shelf: Path) -> Path:
    """Six minutes and a tone: long enough for three shards. Small, since only its length counts."""
    picture = "testsrc2=s=128x72:r=5:d=380"
    return make(
        ffmpeg,
        shelf / "long.mp4",
        *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=d=380:r=8000"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"),
    )


@pytest.fixture
def folder(tmp_path: Path, long: Path) -> Path:
    (tmp_path / "long.mp4").hardlink_to(long)
    return tmp_path


@contextmanager
def app_of(home: Path, settings: Mapping[str, Any], *cores: float) -> Iterator[App]:
    """Of a machine; with `cores` the dispatcher's, whose cluster has nodes with so many each."""
    more = {"cluster.engine": "ray"} if cores else {}
    with App(load({"home": home, "limits.cpus": 2, **settings, **more})) as app:
        app.serves = bool(cores)
        if cores:
            there = [
                NewNode(host=f"node:{n}", worker=str(n), cpus=count)
                for n, count in enumerate(cores)
            ]
            head = NewHead(namespace="reelwright", address=None, dispatcher="d")
            app.store.transact(lambda tx: nodes.report(tx, head, there))
        yield app


async def planned(app: App, folder: Path) -> Planned:
    return await plan_request(app, Request(text=SPEC, base=folder))


def world(app: App) -> World:
    from dataclasses import replace

    return World(app.home, app.store, app.blobs, replace(app.engine_settings, machine=MACHINE))


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / "out.mp4").read_bytes()).hexdigest()


def made_here(folder: Path, home: Path, settings: Mapping[str, Any]) -> tuple[Plan, str]:
    with app_of(home, settings) as app:

        async def go() -> Plan:
            plan = (await planned(app, folder)).plan
            here = world(app)
            engine = here.engine(run_step=run_step, tools=app.tools)
            job = await engine.run_job(engine.submit(NewJob(plan=plan, base=str(folder))))
            await engine.close()
            assert job.state is JobState.SUCCEEDED, job.error
            return plan

        plan = wait(go(), 300)
    found = digest(folder)
    (folder / "out.mp4").unlink()
    return plan, found


def made_on_nodes(
    folder: Path, home: Path, settings: Mapping[str, Any], *cores: float
) -> tuple[Plan, str, set[str]]:
    """And the hosts that its steps ran on."""
    with app_of(home, settings, *cores) as app:
        here = world(app)

        async def go() -> Plan:
            plan = (await planned(app, folder)).plan
            agents = Agents(here)
            for number, count in enumerate(cores):
                total = Need(cpus=count, memory_bytes=8 << 30)
                await agents.add(str(number), total, run_step=run_step, tools=app.tools)
            engine = agents.engine()
            job = await engine.run_job(engine.submit(NewJob(plan=plan, base=str(folder))))
            await engine.close()
            await agents.end()
            assert job.state is JobState.SUCCEEDED, job.error
            return plan

        plan = wait(go(), 300)
        with here.store.read() as tx:
            import sqlalchemy as sa

            hosts = set(tx.run(sa.text("SELECT host FROM steps WHERE kind = 'ffmpeg'")).scalars())
    found = digest(folder)
    (folder / "out.mp4").unlink()
    return plan, found, hosts


def test_set_threads_and_shards_give_the_same_bytes(folder: Path) -> None:
    plan, local = made_here(folder, folder / "one", SETTINGS)
    other, cluster, hosts = made_on_nodes(folder, folder / "many", SETTINGS, 2, 2, 4)
    assert [step.identity for step in plan.steps] == [step.identity for step in other.steps]
    assert "assembled from 3 shards" in explain(plan)
    assert local == cluster
    assert len(hosts) > 1, "more than one node had a part in it"


def test_what_the_cores_decide_differs(folder: Path) -> None:
    """Why it has to be set: left alone, this machine cuts nothing, and two nodes cut it in two."""

    async def both() -> tuple[Plan, Plan]:
        with app_of(folder / "one", {}) as app:
            one = (await planned(app, folder)).plan
        with app_of(folder / "many", {}, 2, 2) as app:
            return one, (await planned(app, folder)).plan

    one, many = wait(both())
    assert "shards" not in explain(one)
    assert "assembled from 2 shards (2 run at once on 2 nodes; 2 threads each)" in explain(many)
    assert one.steps[-1].identity != many.steps[-1].identity
