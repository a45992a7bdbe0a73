"""The cluster executor keeps the contract over a real Ray: a head, a node of two cores."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.engine import outcome
from reelwright.engine.cluster import ClusterExecutor
from reelwright.engine.nodes import NodeState
from reelwright.errors import Code, Problem
from reelwright.store import attempts, workers
from reelwright.store.database import Tx
from reelwright.store.states import JobState
from reelwright.store.workers import NewWorker, WorkerState
from tests.cluster import Cluster
from tests.contracts.executor_suite import ExecutorContract, Made
from tests.engine.jobs import World, world

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]
ROOT = Path(__file__).resolve().parents[2]
FACTORY = "tests.contracts.ray_agent:ShellAgent"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder, path = tmp_path_factory.mktemp("contract"), {"PYTHONPATH": str(ROOT)}
    made = Cluster(folder, nodes=1, cpus=2, namespace="contract", environ_of_nodes=path)
    with made:
        yield made


@pytest.fixture
def here(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A dispatcher's home; the database is that of the nodes."""
    for name, value in {**cluster.environ, "REEL_HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    # The agents' own settings say how long leases live.
    made = world(tmp_path / "home", cluster.shared["REEL_DATABASE"])
    yield made
    _end_all(made)
    made.store.close()


def _end_all(here: World) -> None:
    """What a test left running holds the node's cores."""
    with here.store.read() as tx:
        left = {row.job_id for row in attempts.running(tx)}
    over = Problem(Code.CANCELLED, "the test is over")
    for job_id in left:
        here.store.transact(partial(_cancel, job_id=job_id, problem=over))


def _cancel(tx: Tx, job_id: str, problem: Problem) -> None:
    outcome.finish_early(tx, job_id, JobState.CANCELLED, problem)


class TestRayExecutor(ExecutorContract):
    limit_s = 300.0

    @pytest.fixture(autouse=True)
    def _know_the_node(self, cluster: Cluster) -> None:
        (self.node,) = cluster.running.values()

    async def make(self, here: World) -> Made:
        from reelwright.app.cluster.joining import expected
        from reelwright.app.cluster.nodes import RayNodes
        from reelwright.tools.ray.connection import Connection, Target

        app, home = App(load()), here.executor()
        me = NewWorker(
            id=str(home.worker), host=home.worker.host, pid=home.worker.pid, version="", cpus=1.0,
            memory_bytes=1 << 30,
        )  # fmt: skip
        here.store.transact(lambda tx: workers.beat(tx, me, WorkerState.ACTIVE))
        settings = app.settings.cluster
        assert settings.address
        assert settings.token_file
        target = Target(
            address=settings.address,
            token=Path(settings.token_file),
            namespace=settings.namespace,
            factory=FACTORY,
            given={"namespace": settings.namespace},
        )
        nodes = RayNodes(Connection(target), here.store, partial(expected, app, str(home.worker)))
        nodes.open()
        executor = ClusterExecutor(home, nodes, here.store, short_s=0.0)
        while not any(node.state is NodeState.ACTIVE for node in nodes.view()):  # noqa: ASYNC110
            await asyncio.sleep(0.1)

        async def close() -> None:
            await executor.close()
            app.close()

        return executor, close

    def workspaces(self, here: World) -> list[Path]:
        return list(self.node.home.glob("work/*"))
