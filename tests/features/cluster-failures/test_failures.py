"""Nodes, heads, dispatchers and databases that die or freeze while a cluster works."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.loopback import free_port, named, signal_all, tree
from reelwright.store.states import AttemptState
from tests.hurtable import Case, hurtable, until

# A busy machine takes a minute to start a cluster, and a lease lives 15 s.
pytestmark = pytest.mark.timeout(1800)

# Longer than a lease lives and is looked at.
_FROZEN_S = 40.0


@pytest.fixture(scope="module")
def case() -> Iterator[Case]:
    """One cluster for all of these tests: each leaves it as whole as it was."""
    with hurtable(2) as made:
        yield made


def test_a_dispatcher_that_is_killed_costs_no_step() -> None:
    with hurtable(1) as case:
        job_id, to = case.submit()
        case.until_running(job_id, 2)
        case.cluster.dispatcher.kill()
        case.cluster.dispatcher.wait()
        case.cluster.dispatch()
        assert {one.state for one in case.done(job_id, to)} == {AttemptState.SUCCEEDED}


@pytest.mark.cluster
def test_an_agent_that_is_killed_gives_its_steps_to_others(case: Case) -> None:
    job_id, to = case.submit()
    held = case.until_running(job_id, 4)[0]
    node = case.node_of(held)
    signal_all(named(tree(node.process.pid), "ray::Hosted"), signal.SIGKILL)
    tries = case.done(job_id, to)
    assert [one for one in tries if one.state is AttemptState.LOST]
    case.cluster.wait_for_nodes(2)


@pytest.mark.cluster
def test_a_raylet_that_is_killed_is_started_again(case: Case) -> None:
    job_id, to = case.submit()
    node = case.node_of(case.until_running(job_id, 4)[0])
    signal_all(named(tree(node.process.pid), "raylet/raylet"), signal.SIGKILL)
    assert [one for one in case.done(job_id, to) if one.state is AttemptState.LOST]
    case.cluster.wait_for_nodes(2)


@pytest.mark.cluster
def test_a_node_that_is_gone_leaves_nothing_running(case: Case) -> None:
    job_id, to = case.submit()
    node = case.node_of(case.until_running(job_id, 4)[0])
    below = tree(node.process.pid)
    node.process.kill()
    node.process.wait()
    until(lambda: None if any(Path(f"/proc/{pid}").exists() for pid in below) else True)
    case.cluster.nodes.remove(node)
    case.cluster.join(node.number)
    case.done(job_id, to)
    case.cluster.wait_for_nodes(2)


@pytest.mark.cluster
def test_a_frozen_node_is_fenced_when_it_wakes_up(case: Case) -> None:
    job_id, to = case.submit()
    node = case.node_of(case.until_running(job_id, 4)[0])
    case.cluster.freeze(node, _FROZEN_S)
    tries = case.done(job_id, to)
    assert [one for one in tries if one.state is AttemptState.LOST]
    node.thaw_at = time.monotonic()
    case.cluster.thaw()
    case.cluster.wait_for_nodes(2)
    second, to_second = case.submit()
    case.done(second, to_second)


@pytest.mark.cluster
def test_a_database_that_is_started_anew_costs_no_step(case: Case) -> None:
    job_id, to = case.submit()
    case.until_running(job_id, 4)
    case.server.stop()
    time.sleep(3)
    case.server.start()
    assert {one.state for one in case.done(job_id, to)} == {AttemptState.SUCCEEDED}


@pytest.mark.cluster
def test_a_head_that_is_killed_is_found_again(case: Case) -> None:
    """Without what would keep its memory: the nodes join a new one, and the steps are not lost."""
    job_id, to = case.submit()
    case.until_running(job_id, 4)
    signal_all(tree(case.cluster.head.pid), signal.SIGKILL)
    case.cluster.head.wait()
    case.cluster.start_head()
    case.done(job_id, to)
    case.cluster.wait_for_nodes(2)
    second, to_second = case.submit()
    case.done(second, to_second)


@pytest.mark.cluster
@pytest.mark.skipif(shutil.which("redis-server") is None, reason="there is no Redis here")
def test_a_head_with_redis_comes_back_to_what_ran() -> None:
    port = free_port()
    words = ["redis-server", "--port", str(port), "--bind", "127.0.0.2", "--save", ""]
    redis = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        with hurtable(1, {"RAY_REDIS_ADDRESS": f"127.0.0.2:{port}"}) as case:
            job_id, to = case.submit()
            case.until_running(job_id, 4)
            signal_all(tree(case.cluster.head.pid), signal.SIGKILL)
            case.cluster.head.wait()
            case.cluster.start_head()
            tries = case.done(job_id, to)
            assert {one.state for one in tries} == {AttemptState.SUCCEEDED}
    finally:
        redis.kill()
        redis.wait()
