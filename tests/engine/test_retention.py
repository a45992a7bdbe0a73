"""Logs are kept for a while: whole jobs go, finished ones only, and looking is cheap."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from reelwright.engine.retention import PrunedLogs, prune_logs, prune_logs_daily
from reelwright.engine.settings import EngineSettings
from reelwright.engine.submission import NewJob
from tests.engine.jobs import World, plan, shell, wait

_DAY_S = 86400.0


@pytest.fixture
def settings(here: World) -> EngineSettings:
    return replace(here.settings, keep_logs_s=30 * _DAY_S)


def _said(here: World, job_id: str, *, days_ago: float, text: str = "hello") -> Path:
    """The folder of a job's logs, as if they had been written so long ago."""
    folder = here.settings.logs / job_id
    folder.mkdir(parents=True)
    log = folder / "step-1.log"
    log.write_text(text)
    at = time.time() - days_ago * _DAY_S
    for path in (log, folder):
        os.utime(path, (at, at))
    return folder


def _submit(here: World) -> str:
    async def go() -> str:
        engine = here.engine()
        job_id = engine.submit(NewJob(plan=plan([shell("a", "true")])))
        await engine.close()
        return job_id

    return wait(go())


def test_old_logs_of_finished_jobs_go(here: World, settings: EngineSettings) -> None:
    old = _said(here, "old", days_ago=31)
    young = _said(here, "young", days_ago=29)
    (here.settings.logs / "reel.jsonl").write_text("the journal is no job\n")
    assert prune_logs(here.store, settings) == PrunedLogs(files=1, size_bytes=5)
    assert (old.exists(), young.exists()) == (False, True)
    assert (here.settings.logs / "reel.jsonl").exists()


def test_a_job_that_was_tried_again_keeps_its_first_tries(
    here: World, settings: EngineSettings
) -> None:
    folder = _said(here, "job", days_ago=31)
    (folder / "step-2.log").write_text("again")
    assert prune_logs(here.store, settings) == PrunedLogs()
    assert {path.name for path in folder.iterdir()} == {"step-1.log", "step-2.log"}


def test_a_job_that_is_not_finished_keeps_its_logs(here: World, settings: EngineSettings) -> None:
    folder = _said(here, _submit(here), days_ago=31)
    assert prune_logs(here.store, settings) == PrunedLogs()
    assert folder.exists()


def test_once_a_day_is_enough(here: World, settings: EngineSettings) -> None:
    assert prune_logs_daily(here.store, settings) == PrunedLogs()  # no logs at all yet
    _said(here, "first", days_ago=31)
    assert prune_logs_daily(here.store, settings).files == 1
    _said(here, "second", days_ago=31)
    assert prune_logs_daily(here.store, settings).files == 0
    yesterday = time.time() - 1.1 * _DAY_S
    os.utime(here.settings.logs / ".pruned", (yesterday, yesterday))
    assert prune_logs_daily(here.store, settings).files == 1


def test_an_engine_that_starts_removes_what_is_old(here: World) -> None:
    old = _said(here, "old", days_ago=31)
    here.go(plan([shell("a", "printf a > out")]))
    assert not old.exists()
