"""The folders that a job is held to, against links that change while it delivers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from reelwright.engine.folders import entered
from reelwright.errors import Code, ReelError
from reelwright.store.states import JobState
from tests.engine.jobs import World, plan, shell

pytestmark = pytest.mark.attack


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "mine").mkdir()
    return tmp_path / "mine"


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    (tmp_path / "theirs").mkdir()
    return tmp_path / "theirs"


def held(folder: Path) -> dict[str, dict[str, list[str]]]:
    """What the service keeps with the job: its principal's folders."""
    return {"folders": {"read": [], "write": [str(folder)]}}


def test_missing_folders_are_made_and_the_file_is_there(mine: Path) -> None:
    with entered(mine / "a" / "b" / "x", [mine]) as inside:
        inside.write_text("x")

    assert (mine / "a" / "b" / "x").read_text() == "x"


@pytest.mark.parametrize("where", ["link/x", "../theirs/x", "link/deeper/x", "../mine-too/x"])
def test_nothing_leads_out(mine: Path, theirs: Path, where: str) -> None:
    (mine / "link").symlink_to(theirs)

    with pytest.raises(ReelError) as caught, entered(mine / where, [mine]):
        pass

    assert caught.value.code is Code.FOLDER_REFUSED
    assert not list(theirs.iterdir())


def test_a_link_that_stays_inside_is_walked(mine: Path) -> None:
    (mine / "real").mkdir()
    (mine / "link").symlink_to(mine / "real")

    with entered(mine / "link" / "new" / "x", [mine]) as inside:
        inside.write_text("x")

    assert (mine / "real" / "new" / "x").read_text() == "x"


def test_what_was_entered_stays_though_its_name_becomes_a_link(mine: Path, theirs: Path) -> None:
    (mine / "a").mkdir()
    with entered(mine / "a" / "x", [mine]) as inside:
        (mine / "a").rename(mine / "b")
        (mine / "a").symlink_to(theirs)
        inside.write_text("x")

    assert (mine / "b" / "x").read_text() == "x"
    assert not list(theirs.iterdir())


def test_a_link_that_comes_and_goes_catches_nothing(mine: Path, theirs: Path) -> None:
    with _swapping(mine / "a", theirs) as swaps:
        refused: list[Code] = []
        delivered = n = 0
        deadline = time.monotonic() + 60
        while (n < 300 or not swaps or not delivered) and time.monotonic() < deadline:
            n += 1
            try:
                with entered(mine / "a" / "deep" / str(n), [mine]) as inside:
                    inside.write_text("x")
                delivered += 1
            except ReelError as error:
                refused.append(error.code)

    assert not list(theirs.iterdir())
    assert set(refused) <= {Code.FOLDER_REFUSED, Code.OUTPUT_MISSING}
    assert swaps, "the name was a link at times"
    assert delivered, "and a folder at others"


@contextmanager
def _swapping(name: Path, theirs: Path) -> Iterator[list[int]]:
    """`name` is now a folder, now a link to `theirs`."""
    ended, swaps = threading.Event(), list[int]()

    def swap() -> None:
        while not ended.is_set():
            with suppress(OSError):  # the delivery may have made the folder again
                name.rename(name.with_name(f"old{len(swaps)}"))
                name.symlink_to(theirs)
                swaps.append(1)
            with suppress(OSError):
                name.unlink()
                name.mkdir()
            time.sleep(0.0002)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield swaps
    finally:
        ended.set()
        thread.join()


def test_a_job_delivers_into_its_folders(here: World, mine: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    made = plan(
        [shell("a", "printf a > out"), shell("b", "printf b > out")],
        {"a": mine / "deep" / "a", "b": own / "b"},
    )
    job = here.go(made, spec=held(mine), base=str(own))

    assert job.state is JobState.SUCCEEDED, job.error
    assert (mine / "deep" / "a").read_text() == "a"
    assert (own / "b").read_text() == "b"
    assert sorted(p.name for p in (mine / "deep").iterdir()) == ["a"], "nothing unfinished is left"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_link_that_was_put_there_meanwhile(
    here: World, mine: Path, theirs: Path, overwrite: bool
) -> None:
    """The folder was fine when the job was handed in, and is a link when it delivers."""
    script = f"printf a > out; rmdir {mine}/deep; ln -s {theirs} {mine}/deep"
    (mine / "deep").mkdir()
    made = plan([shell("a", script)], {"a": mine / "deep" / "a"})
    job = here.go(made, spec=held(mine), base=str(mine.parent / "own"), overwrite=overwrite)

    assert (job.error or {})["code"] == "folder_refused"
    assert (job.error or {})["where"] == str(mine / "deep" / "a")
    assert not list(theirs.iterdir())


def test_a_link_in_the_place_of_the_file(here: World, mine: Path, theirs: Path) -> None:
    (theirs / "diary").write_text("dear diary")
    (mine / "a").symlink_to(theirs / "diary")
    made = plan([shell("a", "printf a > out")], {"a": mine / "a"})
    job = here.go(made, spec=held(mine), base=str(mine.parent / "own"), overwrite=True)

    assert (job.error or {})["code"] == "folder_refused"
    assert (theirs / "diary").read_text() == "dear diary"


def test_a_file_that_exists_is_named_as_the_spec_names_it(here: World, mine: Path) -> None:
    (mine / "a").write_text("mine")
    made = plan([shell("a", "printf a > out")], {"a": mine / "a"})
    job = here.go(made, spec=held(mine), base=str(mine.parent / "own"))

    assert (job.error or {})["code"] == "output_exists"
    assert (job.error or {})["where"] == str(mine / "a")


def test_who_may_write_everywhere_may(here: World, mine: Path, theirs: Path) -> None:
    (mine / "link").symlink_to(theirs)
    everywhere = {"folders": {"read": ["/"], "write": ["/"]}}
    made = plan([shell("a", "printf a > out")], {"a": mine / "link" / "a"})

    assert here.go(made, spec=everywhere, base=str(mine)).state is JobState.SUCCEEDED
    assert (theirs / "a").read_text() == "a"
