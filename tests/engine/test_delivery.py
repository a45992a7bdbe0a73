"""Delivery: whole files under the right names, nothing overwritten by mistake, nothing twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from reelwright.engine.delivery import place
from reelwright.engine.events import OutputDelivered
from reelwright.engine.submission import DELIVER, NewJob
from reelwright.errors import Code, ReelError
from reelwright.planning.plan import Delivery, Plan
from reelwright.store import jobs, tables
from reelwright.store.blobs import Blobs, unfinished
from reelwright.store.states import JobState
from tests.engine.jobs import World, plan, shell, wait


def test_a_file_that_exists_is_kept(here: World, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text("mine")
    made = [shell("a", "printf a > out"), shell("b", "printf b > out")]
    job = here.go(plan(made, {"a": tmp_path / "new", "b": tmp_path / "one"}))
    assert (job.state, (job.error or {})["code"]) == (JobState.FAILED, "output_exists")
    assert (job.error or {})["where"] == str(tmp_path / "one")
    assert (tmp_path / "one").read_text() == "mine"
    assert not (tmp_path / "new").exists(), "all are checked before the first is written"


def test_overwriting_is_asked_for(here: World, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("mine")
    job = here.go(plan([shell("a", "printf a > out")], {"a": tmp_path / "one"}), overwrite=True)
    assert job.state is JobState.SUCCEEDED
    assert (tmp_path / "one").read_text() == "a"


def test_the_same_content_may_stand_there_already(here: World, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("a")
    made = plan([shell("a", "printf a > out")], {"a": tmp_path / "one"})
    assert here.go(made).state is JobState.SUCCEEDED
    assert here.go(made).state is JobState.SUCCEEDED


def test_what_an_earlier_job_made_is_replaced_by_a_later_one(here: World, tmp_path: Path) -> None:
    for text in ("a", "b", "a"):
        job = here.go(plan([shell("s", f"printf {text} > out")], {"s": tmp_path / "one"}))
        assert job.state is JobState.SUCCEEDED
        assert (tmp_path / "one").read_text() == text


def test_what_somebody_changed_since_is_kept(here: World, tmp_path: Path) -> None:
    here.go(plan([shell("s", "printf a > out")], {"s": tmp_path / "one"}))
    (tmp_path / "one").unlink()
    (tmp_path / "one").write_text("mine")
    job = here.go(plan([shell("s", "printf b > out")], {"s": tmp_path / "one"}))
    assert (job.error or {})["code"] == "output_exists"
    assert (tmp_path / "one").read_text() == "mine"


def test_a_failed_delivery_costs_no_second_encode(here: World, tmp_path: Path) -> None:
    count = tmp_path / "count"
    (tmp_path / "one").write_text("mine")
    made = plan([shell("a", f"echo x >> {count}; printf a > out")], {"a": tmp_path / "one"})

    async def go() -> None:
        engine = here.engine()
        job = await here.run(engine, made)
        assert job.state is JobState.FAILED
        (tmp_path / "one").unlink()
        engine.retry(job.id)
        assert (await engine.run_job(job.id)).state is JobState.SUCCEEDED
        await engine.close()

    wait(go())
    assert count.read_text() == "x\n"


def test_a_sequence_counts_its_files(here: World, tmp_path: Path) -> None:
    step = shell("a", "for n in 1 2 3; do printf $n > 00$n.jpg; done", outputs=["*.jpg"])
    to = Delivery(index=0, step="a", output="*.jpg", to=f"{tmp_path}/shot-{{index:03d}}.jpg")
    job = here.go(Plan(steps=(step,), deliveries=(to,)))
    assert job.state is JobState.SUCCEEDED, job.error
    found = [(tmp_path / f"shot-00{n}.jpg").read_text() for n in (1, 2, 3)]
    assert found == ["1", "2", "3"]
    with here.store.read() as tx:
        assert [Path(f.path).name for f in jobs.delivered(tx, job.id)] == [
            "shot-001.jpg",
            "shot-002.jpg",
            "shot-003.jpg",
        ]


def test_many_stills_arrive(here: World, tmp_path: Path) -> None:
    script = "for n in $(seq 100 179); do printf $n > $n.jpg; done"
    to = Delivery(index=0, step="a", output="*.jpg", to=f"{tmp_path}/{{index}}.jpg", first=100)
    job = here.go(Plan(steps=(shell("a", script, outputs=["*.jpg"]),), deliveries=(to,)))
    assert job.state is JobState.SUCCEEDED, job.error
    assert all((tmp_path / f"{n}.jpg").read_text() == str(n) for n in range(100, 180))
    assert len(here.states(OutputDelivered)) == 80


def test_several_files_under_one_name_are_refused(here: World, tmp_path: Path) -> None:
    step = shell("a", "touch 1.jpg 2.jpg", outputs=["*.jpg"])
    to = Delivery(index=0, step="a", output="*.jpg", to=f"{tmp_path}/one.jpg")
    job = here.go(Plan(steps=(step,), deliveries=(to,)))
    assert (job.error or {})["code"] == "output_duplicate"


@pytest.mark.parametrize(
    ("to", "first", "position", "expected"),
    [
        ("/a/{index}.jpg", None, 0, "/a/1.jpg"),
        ("/a/{index}.jpg", 7, 2, "/a/9.jpg"),
        ("/a/{index:04d}.jpg", None, 11, "/a/0012.jpg"),
        ("/a/{other}.jpg", 3, 0, "/a/{other}.jpg"),
        ("/a/b.jpg", 3, 0, "/a/b.jpg"),
    ],
)
def test_places(to: str, first: int | None, position: int, expected: str) -> None:
    assert place(Delivery(index=0, step="a", output="o", to=to, first=first), position) == expected


def test_a_folder_is_no_destination(here: World, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    made = plan([shell("a", "printf a > out")], {"a": tmp_path / "folder"})
    job = here.go(made, overwrite=True)
    assert (job.error or {})["code"] == "output_path"


def test_remote_destinations_are_handed_on(here: World, tmp_path: Path) -> None:
    sent: list[tuple[str, str, bool]] = []

    async def send(file: Path, uri: str, overwrite: bool) -> None:
        said = file.read_text()  # noqa: ASYNC240 - a few bytes
        if len(sent) == 1:
            sent.append((said, "broke off", overwrite))
            raise ReelError(Code.NETWORK_RESET, "gone")
        sent.append((said, uri, overwrite))

    made = [shell("a", "printf a > out"), shell("b", "printf b > out")]
    to = (
        Delivery(index=0, step="a", output="out", to="s3://bucket/a"),
        Delivery(index=1, step="b", output="out", to="gs://bucket/b"),
    )

    async def go() -> Any:
        engine = here.engine(deliver_remote=send)
        job = await here.run(engine, Plan(steps=tuple(made), deliveries=to))
        await engine.close()
        return job

    assert wait(go()).state is JobState.SUCCEEDED
    assert sent[-1] == ("b", "gs://bucket/b", False)
    assert ("b", "broke off", False) in sent


def test_without_a_way_out_a_remote_destination_is_refused(here: World) -> None:
    to = (Delivery(index=0, step="a", output="out", to="s3://bucket/a"),)
    job = here.go(Plan(steps=(shell("a", "printf a > out"),), deliveries=to))
    assert (job.error or {})["code"] == "output_path"


def _tried_once(here: World, job_id: str) -> None:
    with here.store.write() as tx:
        table = tables.steps
        where = (table.c.job_id == job_id, table.c.key == DELIVER)
        tx.run(sa.update(table).where(*where).values(attempt=1))


class _Raced(Blobs):
    """Somebody who lost the lease and does not know it yet is faster by a hair, each time."""

    def deliver(self, sha256: str, destination: Path, *, overwrite: bool, mark: str) -> str:
        super().deliver(sha256, destination, overwrite=overwrite, mark="zombie")
        return super().deliver(sha256, destination, overwrite=overwrite, mark=mark)


def test_two_tries_at_one_file_do_not_spoil_each_other(here: World, tmp_path: Path) -> None:
    here.blobs = _Raced(here.blobs.root)
    target = tmp_path / "one"

    async def go() -> Any:
        engine = here.engine()
        job_id = engine.submit(NewJob(plan=plan([shell("a", "printf a > out")], {"a": target})))
        # The first try stopped half way; the second must not go on with that.
        unfinished(target, f"{job_id}-1").write_text("half")
        _tried_once(here, job_id)
        job = await engine.run_job(job_id)
        await engine.close()
        return job

    job = wait(go())
    assert job.state is JobState.SUCCEEDED, job.error
    assert target.read_text() == "a"
    assert [path.name for path in tmp_path.glob("*.part")] == []
    assert [path.name for path in tmp_path.glob(".*.part")] == []


def test_a_crash_before_the_commit_delivers_once(here: World, tmp_path: Path) -> None:
    """The file stands there and its unfinished twin too; there is no row of either."""
    target = tmp_path / "out" / "one"
    target.parent.mkdir()
    target.write_text("a")
    before = target.stat()

    async def go() -> Any:
        engine = here.engine()
        made = plan([shell("a", "printf a > out")], {"a": target})
        job_id = engine.submit(NewJob(plan=made))
        unfinished(target, f"{job_id}-1").hardlink_to(target)
        _tried_once(here, job_id)
        job = await engine.run_job(job_id)
        await engine.close()
        return job

    assert wait(go()).state is JobState.SUCCEEDED
    assert (target.stat().st_ino, target.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("name", ["x" * 255, "ü" * 127, "\udcff" * 255])
def test_the_longest_names_are_delivered(here: World, tmp_path: Path, name: str) -> None:
    job = here.go(plan([shell("a", "printf a > out")], {"a": tmp_path / name}))
    assert job.state is JobState.SUCCEEDED, job.error
    assert (tmp_path / name).read_text() == "a"


def test_nothing_unfinished_is_left_beside_the_output(here: World, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    here.go(plan([shell("a", "printf a > out")], {"a": folder / "one"}))
    assert [path.name for path in folder.iterdir()] == ["one"]
