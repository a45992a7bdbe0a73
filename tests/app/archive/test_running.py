"""A run that cannot go on: what it waits for, what it leaves, and what it says."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from reelwright.app.archive.driver import Archivist, Standing
from reelwright.app.archive.running import Counts, Run, Settled, Tally
from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.cli.archive_shown import ended_code, said, waiting
from reelwright.errors import Code, Problem
from reelwright.store import hosts
from reelwright.store.hosts import Fuse, Wait
from reelwright.store.understanding import Told
from tests.app.archive.test_driver import drive, found, source, states


class Seen:
    """Who looks on."""

    def __init__(self) -> None:
        self.lines: list[Settled] = []
        self.standings: list[Standing] = []

    def settled(self, one: Settled) -> None:
        self.lines.append(one)

    def understood(self, one: Told) -> None:
        raise AssertionError("nobody asked for it")

    def standing(self, counts: Counts, standing: Standing) -> None:
        self.standings.append(standing)


def opened(tmp_path: Path, **settings: str) -> App:
    return App(load(environ={"REEL_HOME": str(tmp_path / "home"), **settings}))


def run(app: App, *ids: str, **more: Any) -> tuple[Tally, Seen]:
    seen = Seen()
    tally = asyncio.run(Run(app, ids, seen, lambda _event: None, **more).to_the_end())
    return tally, seen


def test_a_site_that_rests_for_long_is_not_waited_for(tmp_path: Path) -> None:
    with opened(tmp_path, REEL_ARCHIVE__KEEP_FREE_BYTES="0") as app:
        one = source(app, 3)
        fuse = Fuse(failures=1, rest_s=3000.0)
        app.store.transact(lambda tx: hosts.unwell(tx, "example.org", Code.HTTP_SERVER_ERROR, fuse))
        tally, seen = run(app, one)
        assert states(app, one) == ["pending"] * 3
    assert (tally.left, tally.kept, seen.lines) == (3, 0, [])
    assert ended_code(tally) == 6
    assert "3 left for later" in said(tally)
    assert "waits for example.org" in waiting(seen.standings[-1])
    assert "http_server_error" in waiting(seen.standings[-1])


def test_without_room_nothing_is_begun_and_entries_say_why(tmp_path: Path) -> None:
    with opened(tmp_path, REEL_ARCHIVE__KEEP_FREE_BYTES=str(1 << 60)) as app:
        one = source(app, 5)
        archivist: Archivist = drive(app, lambda: found(app, one)[0].code == "disk_full")
        assert states(app, one) == ["pending"] * 5
        error = found(app, one)[0].error
        assert error is not None
        assert "free" in error["message"]
    assert archivist.standing.disk is not None
    assert waiting(archivist.standing).startswith("waits for room on the disk")


def test_what_was_gone_before_is_no_failure_of_this_run() -> None:
    problem = Problem(Code.VIDEO_GONE, "removed")
    tally = Tally()
    tally.add(Settled(url="u", state="gone", problem=problem, is_new=False))
    assert (tally.state, ended_code(tally), tally.to_json()["failed"]) == ("succeeded", 0, 1)
    tally.add(Settled(url="u", state="gone", problem=problem))
    assert (tally.state, ended_code(tally), tally.to_json()["failed"]) == ("failed", 3, 2)


def test_stopping_goes_before_all_else() -> None:
    tally = Tally(was_stopped=True, worst=Problem(Code.NETWORK_RESET, "x"))
    assert (tally.state, ended_code(tally)) == ("cancelled", 5)


@pytest.mark.parametrize(
    ("standing", "text"),
    [
        (Standing(), ""),
        (Standing({"a": Wait(60.0)}, is_open=True), ""),
        (Standing({"a": Wait(60.0), "b": Wait(5.0)}), "waits for b"),
        (Standing({"a": Wait(60.0)}), "its budget is spent"),
    ],
)
def test_why_it_waits(standing: Standing, text: str) -> None:
    said_so = waiting(standing)
    assert text in said_so
    assert bool(text) == bool(said_so)


def test_a_run_with_nothing_to_do_ends(tmp_path: Path) -> None:
    with opened(tmp_path) as app:
        tally, _ = run(app)
        assert (tally.state, tally.left) == ("succeeded", 0)
