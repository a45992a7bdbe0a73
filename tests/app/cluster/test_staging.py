"""Inputs that lie on the dispatcher's disk, and steps that run where nobody sees that disk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelwright.app.cluster.artifacts import shared_folders, stage_of
from reelwright.app.settings import Loaded, Settings
from reelwright.app.settings_sections import Cluster
from reelwright.app.wiring import App
from reelwright.engine.cluster import Hooks
from reelwright.engine.staging import Stage
from reelwright.engine.submission import NewJob
from reelwright.errors import Code, ReelError
from reelwright.media.digest import sha256_file
from reelwright.planning.plan import Step, StepInput
from reelwright.store.rows import Job, StepRow
from reelwright.store.shared_blobs import SharedBlobs
from reelwright.store.states import JobState
from tests.engine.agents import Agents
from tests.engine.jobs import World, plan, shell, wait

FILM = b"frame after frame " * 1000


def _app(folder: Path, **cluster: Any) -> App:
    (folder / "shared").mkdir(exist_ok=True)
    section = Cluster(artifacts=str(folder / "shared"), **cluster)
    return App(Loaded(Settings(home=folder / "home", cluster=section)))


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with _app(tmp_path) as made:
        yield made


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "disk" / "film.mp4"
    path.parent.mkdir()
    path.write_bytes(FILM)
    return path


def _reading(path: Path) -> Step:
    given = StepInput(name="film", uri=str(path), sha256=sha256_file(path))
    return replace(shell("a", 'cat "$in_film" "$in_film" > out'), inputs=(given,))


def _contents(app: App) -> list[str]:
    assert isinstance(app.blobs, SharedBlobs)
    return [one.name for one in app.blobs.shared.contents()]


def _run(app: App, step: Step, stage: Stage, to: Path) -> tuple[Job, list[str | None]]:
    """A job on two nodes, and on which hosts its tries ran."""
    settings = replace(app.engine_settings, poll_s=0.02, backoff_s=0.01, lease_s=60.0, renew_s=0.1)
    here = World(app.home, app.store, app.blobs, settings)

    async def go() -> tuple[Job, list[str | None]]:
        agents = Agents(here)
        await agents.add("one")
        await agents.add("two")
        engine = agents.engine(agents.executor(hooks=Hooks(stage=stage)))
        try:
            job = await engine.run_job(engine.submit(NewJob(plan=plan([step], {"a": to}))))
            return job, [here.steps(job.id)["a"].host]
        finally:
            await engine.close()
            await agents.end()

    return wait(go(), 120)


def _then(stage: Stage, act: Callable[[], None]) -> Stage:
    async def staged(row: StepRow) -> None:
        await stage(row)
        act()

    return staged


def test_a_node_reads_what_was_put_into_the_shared_store(
    app: App, film: Path, tmp_path: Path
) -> None:
    """Where it runs there is no such path: here it vanishes as soon as it was put."""
    step = _reading(film)
    stage = _then(stage_of(app), lambda: film.unlink(missing_ok=True))
    job, hosts = _run(app, step, stage, tmp_path / "copy")
    assert job.state is JobState.SUCCEEDED, job.error
    assert (tmp_path / "copy").read_bytes() == FILM * 2
    assert str(hosts[0]).startswith("node:")
    assert step.inputs[0].sha256 in _contents(app)


def test_what_lies_in_a_folder_of_all_nodes_is_left_there(film: Path, tmp_path: Path) -> None:
    step = _reading(film)
    with _app(tmp_path, shared=f"/nowhere, {film.parent}") as app:
        job, hosts = _run(app, step, stage_of(app), tmp_path / "copy")
        assert job.state is JobState.SUCCEEDED, job.error
        assert str(hosts[0]).startswith("node:")
        assert step.inputs[0].sha256 not in _contents(app)


def test_a_link_out_of_a_folder_of_all_nodes_is_followed(film: Path, tmp_path: Path) -> None:
    (tmp_path / "common").mkdir()
    link = tmp_path / "common" / "film.mp4"
    link.symlink_to(film)
    step = _reading(link)
    with _app(tmp_path, shared=str(tmp_path / "common")) as app:
        job, _ = _run(app, step, stage_of(app), tmp_path / "copy")
        assert job.state is JobState.SUCCEEDED, job.error
        assert step.inputs[0].sha256 in _contents(app)


def test_an_input_that_changed_is_told_so(app: App, film: Path, tmp_path: Path) -> None:
    """By a node that sees no such path at all: the machine that has the file said so."""
    step, real = _reading(film), stage_of(app)
    film.write_bytes(b"x" + FILM[1:])

    def hide() -> None:
        film.unlink(missing_ok=True)

    async def stage(row: StepRow) -> None:
        try:
            await real(row)
        finally:
            hide()

    job, hosts = _run(app, step, stage, tmp_path / "copy")
    assert str(hosts[0]).startswith("node:")
    assert (job.error or {})["code"] == "input_changed"
    assert str(film) in (job.error or {})["message"]
    assert _contents(app) == []


def test_an_input_that_is_gone_is_told_so(app: App, film: Path, tmp_path: Path) -> None:
    step = _reading(film)
    film.unlink()
    job, _ = _run(app, step, stage_of(app), tmp_path / "copy")
    assert (job.error or {})["code"] == "input_not_found"


def test_an_input_that_is_there_again_is_read(app: App, film: Path, tmp_path: Path) -> None:
    step = _reading(film)
    film.rename(tmp_path / "away")
    job, _ = _run(app, step, stage_of(app), tmp_path / "copy")
    assert job.state is JobState.FAILED
    (tmp_path / "away").rename(film)
    stage = _then(stage_of(app), lambda: film.unlink(missing_ok=True))
    job, _ = _run(app, step, stage, tmp_path / "copy")
    assert job.state is JobState.SUCCEEDED, job.error


def test_an_input_is_put_once(app: App, film: Path) -> None:
    step = _reading(film)
    stage = stage_of(app)
    row = _row(app, step)

    async def thrice() -> None:
        await asyncio.gather(*(_of(stage, row) for _ in range(3)))

    wait(thrice())
    assert _contents(app) == [step.inputs[0].sha256]
    inode = next((app.home.parent / "shared").glob("sha256/*/*")).stat().st_ino
    wait(thrice())
    assert next((app.home.parent / "shared").glob("sha256/*/*")).stat().st_ino == inode


async def _of(stage: Stage, row: StepRow) -> None:
    work: Awaitable[None] = stage(row)
    await work


def _row(app: App, step: Step) -> StepRow:
    here = World(app.home, app.store, app.blobs, app.engine_settings)

    async def submitted() -> str:
        engine = here.engine()
        try:
            return engine.submit(NewJob(plan=plan([step])))
        finally:
            await engine.close()

    return here.steps(wait(submitted()))["a"]


def test_folders_of_all_nodes_are_absolute() -> None:
    assert shared_folders(" /a , /b/c,") == (Path("/a"), Path("/b/c"))
    assert shared_folders("") == ()
    with pytest.raises(ReelError) as caught:
        shared_folders("/a,media")
    assert caught.value.code is Code.CONFIG_INVALID
