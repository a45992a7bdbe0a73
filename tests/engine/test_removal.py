"""Folders of deleted jobs go, whenever somebody died; those of all others stay."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from reelwright.engine import removal
from reelwright.engine.control import Control
from reelwright.engine.removal import KEEPER, delete_old, keep_days, sweep
from reelwright.engine.settings import EngineSettings
from reelwright.engine.submission import NewJob
from reelwright.errors import ReelError
from reelwright.store import audit, deletion, jobs
from reelwright.store.database import Tx
from reelwright.store.deletion import Old
from reelwright.store.states import JobState
from tests.engine.jobs import World, plan, shell, wait

_DAY_S = 86400.0


def _ended(here: World, *, days_ago: float = 0.0, state: JobState = JobState.SUCCEEDED) -> str:
    job_id = _submitted(here)
    with here.store.write() as tx:
        jobs.move(tx, job_id, JobState.RUNNING)
        jobs.move(tx, job_id, state, finished_at=tx.now() - days_ago * _DAY_S)
    return job_id


def _submitted(here: World) -> str:
    async def go() -> str:
        engine = here.engine()
        job_id = engine.submit(NewJob(plan=plan([shell("a", "true")])))
        await engine.close()
        return job_id

    return wait(go())


def _folders(here: World, job_id: str) -> tuple[Path, Path]:
    """Its own folder, with something in it, and that of its logs."""
    own, logs = here.settings.served / job_id, here.settings.logs / job_id
    for folder in (own / "deep", logs):
        folder.mkdir(parents=True)
        (folder / "file").write_text("hello")
    return own, logs


def _is_there(here: World, job_id: str) -> bool:
    with here.store.read() as tx:
        return jobs.find_one(tx, job_id) is not None


def _noted(here: World) -> list[tuple[str, str | None]]:
    with here.store.read() as tx:
        found = audit.listing(tx, action=deletion.ACTION, limit=1000)
    return [(entry.actor, entry.target) for entry in found]


def test_what_was_kept_for_long_enough_goes(here: World) -> None:
    settings = replace(here.settings, keep_jobs_s=30 * _DAY_S)
    old, young, running = _ended(here, days_ago=31), _ended(here, days_ago=29), _submitted(here)
    folders = {job_id: _folders(here, job_id) for job_id in (old, young, running)}
    assert keep_days(here.store, settings)
    assert [_is_there(here, j) for j in (old, young, running)] == [False, True, True]
    assert [any(f.exists() for f in folders[j]) for j in (old, young, running)] == [
        False,
        True,
        True,
    ]
    assert _noted(here) == [("retention", old)]


def test_for_ever_is_the_default(here: World) -> None:
    old = _ended(here, days_ago=10_000)
    assert here.settings.keep_jobs_s is None
    assert keep_days(here.store, here.settings)
    assert _is_there(here, old)


def test_many_go_in_parts_and_no_more_than_asked_for(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "PART", 2)
    made = [_ended(here, days_ago=9 - n) for n in range(5)]
    with here.store.read() as tx:
        wanted = Old(before=tx.now() + 1)
    assert delete_old(here.store, here.settings, wanted, KEEPER, 3) == made[:3]
    assert delete_old(here.store, here.settings, wanted, KEEPER, 100) == made[3:]
    assert delete_old(here.store, here.settings, wanted, KEEPER, 100) == []
    assert sorted(t for _, t in _noted(here) if t) == sorted(made)


def test_whoever_died_after_the_commit_left_folders_that_are_swept(here: World) -> None:
    dead, alive, stranger = _ended(here), _ended(here), "f" * 17
    folders = {job_id: _folders(here, job_id) for job_id in (dead, alive, stranger)}
    with here.store.write() as tx:
        deletion.delete_one(tx, dead)
        removal.note(tx, [dead], KEEPER)
    assert all(folder.exists() for folder in folders[dead])
    assert sweep(here.store, here.settings) == 1
    assert not any(folder.exists() for folder in folders[dead])
    # A job's that is there, and that of another database.
    assert all(folder.exists() for one in (alive, stranger) for folder in folders[one])
    assert sweep(here.store, here.settings) == 0


def test_a_commit_that_failed_leaves_the_folders(here: World) -> None:
    job_id = _ended(here)
    folders = _folders(here, job_id)

    def change(tx: Tx) -> None:
        deletion.delete_one(tx, job_id)
        removal.note(tx, [job_id], KEEPER)
        deletion.delete_one(tx, "0" * 17)  # there is none: all of it is undone

    with pytest.raises(ReelError):
        here.store.transact(change)
    assert _is_there(here, job_id)
    assert sweep(here.store, here.settings) == 0
    assert all(folder.exists() for folder in folders)


def test_what_lies_behind_a_link_is_not_touched(here: World, tmp_path: Path) -> None:
    outside = tmp_path / "delivered"
    outside.mkdir()
    (outside / "film.mp4").write_text("kept")
    own, _ = _folders(here, "a" * 17)
    (own / "link").symlink_to(outside)
    (here.settings.served / ("b" * 17)).symlink_to(outside)
    removal.remove_files(here.settings, ["a" * 17, "b" * 17, "c" * 17])
    assert list(here.settings.served.iterdir()) == []
    assert (outside / "film.mp4").read_text() == "kept"


def test_a_leader_deletes_when_it_takes_the_lead(here: World) -> None:
    settings: EngineSettings = replace(here.settings, keep_jobs_s=_DAY_S)
    old = _ended(here, days_ago=2)
    own, _ = _folders(here, old)
    swept, _ = _folders(here, gone := _ended(here))
    with here.store.write() as tx:
        deletion.delete_one(tx, gone)
        removal.note(tx, [gone], KEEPER)
    serving = replace(here, settings=settings)

    async def go() -> None:
        engine = serving.engine()
        work = asyncio.create_task(engine.serve(version="1", takes_steps=False).run())
        try:
            async with asyncio.timeout(60):
                while own.exists() or swept.exists():  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.05)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await engine.close()

    wait(go())
    assert not _is_there(here, old)


def test_an_engine_takes_a_job_that_was_deleted_for_ended(here: World) -> None:
    """It may have been told of a change of it a moment before."""

    async def go() -> bool:
        control = Control(here.store, here.blobs, here.executor(), here.settings, None)
        return await control.advance("0" * 17)

    assert wait(go()) is False
