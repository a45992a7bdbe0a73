"""Logs of attempts in a store that machines share: how they come there, and when they go."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reelwright.engine import shared_upkeep
from reelwright.engine.log_copies import LogCopies, name_of
from reelwright.engine.submission import NewJob
from reelwright.store.shared import SharedStore, open_shared
from tests.engine.jobs import World, plan, shell, wait


@pytest.fixture
def shared(tmp_path: Path) -> SharedStore:
    (tmp_path / "shared").mkdir()
    return open_shared(str(tmp_path / "shared"))


def _names(shared: SharedStore) -> list[str]:
    return sorted(one.name for one in shared.texts())


def _age(shared: SharedStore, tmp_path: Path, days: float) -> None:
    then = time.time() - days * 86400.0
    for name in _names(shared):
        os.utime(tmp_path / "shared" / "logs" / name, (then, then))


def test_logs_are_copied_and_go_when_they_are_kept_no_longer(
    here: World, shared: SharedStore, tmp_path: Path
) -> None:
    async def go() -> list[str]:
        engine = here.engine(log_copies=LogCopies(shared))
        try:
            done = await here.run(engine, plan([shell("a", 'echo said > "$log"; echo x > out')]))
            lives = engine.submit(NewJob(plan=plan([shell("b", "echo y > out")])))
            return [done.id, lives]
        finally:
            await engine.close()

    done, lives = wait(go())
    (name,) = _names(shared)
    assert name.startswith(f"{done}/")
    assert shared.get_text(name) == b"said\n"
    shared.put_text(f"{lives}/b-1.log", b"of a job that is not done")
    shared.put_text("marks/dispatcher", b"somebody else's")
    _age(shared, tmp_path, 10)
    assert shared_upkeep.prune_logs(here.store, shared, 20 * 86400.0).files == 0
    assert shared_upkeep.prune_logs(here.store, shared, 5 * 86400.0).files == 1
    assert _names(shared) == sorted([f"{lives}/b-1.log", "marks/dispatcher"])


def test_a_log_that_grows_is_copied_meanwhile(
    shared: SharedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelwright.engine.log_copies.EVERY_S", 0.02)
    log = tmp_path / "logs" / "job" / "a-1.log"
    log.parent.mkdir(parents=True)

    async def go() -> None:
        async with LogCopies(shared).of(log):
            for said in (b"one\n", b"one\ntwo\n"):
                _write(log, said)
                await _until(lambda said=said: shared.get_text(name_of(log)) == said)  # type: ignore[misc]
            _write(log, b"one\ntwo\nthree\n")

    wait(go())
    assert shared.get_text(name_of(log)) == b"one\ntwo\nthree\n"


def test_a_store_that_is_away_stops_no_step(here: World, tmp_path: Path) -> None:
    away = open_shared(str(tmp_path / "nowhere"))

    async def go() -> str:
        engine = here.engine(log_copies=LogCopies(away))
        try:
            made = plan([shell("a", 'echo said > "$log"; echo x > out')])
            return (await here.run(engine, made)).state.value
        finally:
            await engine.close()

    assert wait(go()) == "succeeded"


def _write(path: Path, body: bytes) -> None:
    path.write_bytes(body)


async def _until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not look():  # noqa: ASYNC110 - a folder tells nobody
            await asyncio.sleep(0.02)
