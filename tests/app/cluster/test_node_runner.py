"""What a step may have of its node: memory by its estimate, devices that it asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reelwright.app.cluster.devices import Devices
from reelwright.app.cluster.node_runner import NodeRunner
from reelwright.app.cluster.wiring import home_machine
from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.engine.executor import Need
from reelwright.errors import Code, Problem
from reelwright.runners.memory import for_want_of_memory
from reelwright.store.rows import StepRow
from reelwright.store.states import StepState

_GIB = 1 << 30
ROW = StepRow(
    id="s1", job_id="j1", key="encode", position=0, identity="i", kind="ffmpeg",
    state=StepState.RUNNING, needs=(), payload={}, cpus=1.0, memory_bytes=_GIB, disk_bytes=0,
    weight=1.0, attempt=1, failures=0, losses=0, max_attempts=3, not_before=0.0, host="node:aa",
    lease_owner="w", lease_until=1.0, fraction=0.0, progress=None, result=None, report=None,
    error=None, cpu_seconds=None, max_rss_bytes=None, ready_at=None, started_at=None,
    finished_at=None,
)  # fmt: skip


@pytest.fixture
def runner(tmp_path: Path) -> NodeRunner:
    with App(load()) as app:
        machine = Need(cpus=4.0, memory_bytes=16 * _GIB)
        app.__dict__["engine_settings"] = replace(app.engine_settings, machine=machine)
        made = app.runner(None, NodeRunner)
        assert isinstance(made, NodeRunner)
        return made


def test_a_step_is_held_to_its_estimate_with_room(runner: NodeRunner) -> None:
    bounds = runner.bounds(ROW)
    assert bounds.memory_bytes == 3 * _GIB
    problem = Problem(Code.TOOL_CRASHED, "signal 11", "encode", None, {})
    found = for_want_of_memory(problem, 2 * _GIB, bounds.memory_bytes, bounds.memory_rule)
    assert found.code is Code.MEMORY_EXHAUSTED
    assert "estimated at 1024 MiB may take 3072 MiB" in found.message


def test_no_step_may_take_more_than_the_node_has(runner: NodeRunner) -> None:
    assert runner.bounds(replace(ROW, memory_bytes=10 * _GIB)).memory_bytes == 16 * _GIB
    assert runner.bounds(replace(ROW, memory_bytes=0)).memory_bytes == 16 * _GIB


def test_a_step_sees_the_devices_that_it_asked_for() -> None:
    devices = Devices.of(3, {})
    assert devices is not None
    with devices.held("one", 2), devices.held("two", 1):
        assert (devices.text("one"), devices.text("two"), devices.text("none")) == ("0,1", "2", "")
    assert devices.text("one") == ""
    with devices.held("three", 3):
        assert sorted(devices.text("three").split(",")) == ["0", "1", "2"]
    named = Devices.of(2, {"CUDA_VISIBLE_DEVICES": "GPU-a, GPU-b,GPU-c"})
    assert named is not None
    with named.held("one", 2):
        assert named.text("one") == "GPU-a,GPU-b"
    assert Devices.of(0, {}) is None


def test_what_the_dispatchers_machine_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Need(cpus=16.0, memory_bytes=_GIB)
    with App(load()) as app:
        assert home_machine(app, whole).cpus == 4.0
        assert home_machine(app, replace(whole, cpus=2.0)).cpus == 1.0
    monkeypatch.setenv("REEL_CLUSTER__HOME_CPUS", "7.5")
    with App(load()) as app:
        assert home_machine(app, whole).cpus == 7.5
        assert home_machine(app, replace(whole, cpus=4.0)).cpus == 4.0
