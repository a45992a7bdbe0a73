"""Who goes next, who has to wait, and what an end means: the driver, against real tables."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from reelwright.app.archive.asking import Wanted, ask
from reelwright.app.archive.budgets import Budgets, named_budgets
from reelwright.app.archive.driver import Archivist, Pace
from reelwright.app.archive.options import ArchiveOptions
from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.errors import Code, ReelError
from reelwright.store import entries, entry_moves, hosts, jobs, sources
from reelwright.store.database import Tx
from reelwright.store.entries import Entry, NewEntry
from reelwright.store.states import JobState
from tests.faults.archive.runs import until

BUDGETS = "shop.example=3600,slow.example=2"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    environ = {
        "REEL_HOME": str(tmp_path / "home"),
        "REEL_ARCHIVE__BUDGETS": BUDGETS,
        "REEL_ARCHIVE__KEEP_FREE_BYTES": "0",
    }
    with App(load(environ=environ)) as opened:
        yield opened


def source(app: App, count: int, host: str = "example.org", **options: Any) -> str:
    """As if it had been listed."""

    def change(tx: Tx) -> str:
        made = sources.insert(tx, owner="local", url=f"https://{host}/list", options=options)
        claimed = sources.claim(tx, made.id, 60)
        assert claimed is not None
        rows = [
            NewEntry(
                position=n,
                key=f"url:{host}/{made.id}/{n}",
                host=host,
                url=f"https://{host}/{n}.mp4",
            )
            for n in range(count)
        ]
        entry_moves.add(tx, made.id, rows)
        sources.listed(tx, claimed, kind="feed", title=None, count=count, next_at=None)
        return made.id

    return app.store.transact(change)


def found(app: App, source_id: str) -> list[Entry]:
    with app.store.read() as tx:
        return entries.page(tx, source_id)


def states(app: App, source_id: str) -> list[str]:
    return [entry.state for entry in found(app, source_id)]


def drive(app: App, done: Any, **more: Any) -> Archivist:
    """Runs a driver until `done` says so."""
    archivist = Archivist(app, pace=Pace(poll_s=0.02), **more)

    async def work() -> None:
        task = asyncio.create_task(archivist.run())
        try:
            await asyncio.to_thread(until, done)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    asyncio.run(work())
    return archivist


def end(app: App, entry: Entry, state: JobState, error: dict[str, Any] | None = None) -> None:
    def change(tx: Tx) -> None:
        assert entry.job_id is not None
        if state is not JobState.CANCELLED:
            jobs.move(tx, entry.job_id, JobState.RUNNING)
        jobs.move(tx, entry.job_id, state, error=error)

    app.store.transact(change)


def queued(app: App, source_id: str) -> list[Entry]:
    return [entry for entry in found(app, source_id) if entry.state == "queued"]


def test_sources_take_turns(app: App) -> None:
    long, short = source(app, 10), source(app, 2)
    drive(app, lambda: len(queued(app, long)) + len(queued(app, short)) == 3)
    assert sorted([len(queued(app, long)), len(queued(app, short))]) == [1, 2]


def test_no_more_than_may_run_at_a_time(app: App) -> None:
    one = source(app, 10)
    drive(app, lambda: len(queued(app, one)) == 3)
    first = queued(app, one)[0]
    end(app, first, JobState.FAILED, {"code": "http_forbidden", "message": "403"})
    drive(app, lambda: "failed" in states(app, one) and len(queued(app, one)) == 3)
    assert states(app, one).count("pending") == 6


@pytest.mark.parametrize(
    ("code", "state", "is_retried"),
    [
        ("video_gone", "gone", False),
        ("http_not_found", "gone", False),
        ("video_private", "failed", False),
        ("http_server_error", "failed", True),
    ],
)
def test_what_an_end_means(app: App, code: str, state: str, is_retried: bool) -> None:
    one = source(app, 1)
    drive(app, lambda: queued(app, one))
    end(app, queued(app, one)[0], JobState.FAILED, {"code": code, "message": "said so"})
    drive(app, lambda: states(app, one) == [state])
    (entry,) = found(app, one)
    assert (entry.code, entry.tries, entry.next_at is not None) == (code, 1, is_retried)
    assert entry.error is not None
    assert entry.error["message"] == "said so"


def test_a_job_that_somebody_cancelled_stays_so(app: App) -> None:
    one = source(app, 1)
    drive(app, lambda: queued(app, one))
    end(app, queued(app, one)[0], JobState.CANCELLED)
    drive(app, lambda: states(app, one) == ["failed"])
    (entry,) = found(app, one)
    assert (entry.code, entry.tries, entry.next_at) == ("cancelled", 0, None)


def test_a_job_that_is_no_more_is_made_anew(app: App) -> None:
    import sqlalchemy as sa

    one = source(app, 1)
    drive(app, lambda: queued(app, one))
    first = queued(app, one)[0].job_id
    with app.store.write() as tx:
        tx.run(sa.text("DELETE FROM jobs"))
    drive(app, lambda: [e.job_id for e in queued(app, one)] not in ([], [first]))


def test_sites_that_rest_are_left_out_and_others_go_on(app: App) -> None:
    resting, well = source(app, 3, "shop.example"), source(app, 3, "well.example")
    for _ in range(5):
        app.store.transact(
            lambda tx: hosts.unwell(tx, "shop.example", Code.HTTP_RATE_LIMITED, hosts.Fuse())
        )
    archivist = drive(app, lambda: len(queued(app, well)) == 3)
    assert states(app, resting) == ["pending"] * 3
    assert archivist.standing.waits["shop.example"].code == "http_rate_limited"


def test_a_spent_budget_is_waited_for(app: App) -> None:
    one = source(app, 2, "slow.example")
    asyncio.run(app.budgets.enter("https://slow.example/0.mp4"))
    with pytest.raises(ReelError) as caught:
        asyncio.run(app.budgets.enter("https://slow.example/1.mp4"))
    assert caught.value.code is Code.BUDGET_SPENT
    assert 1700 < caught.value.problem.evidence["retry_after_s"] <= 1800
    looked: list[int] = []
    archivist = Archivist(app, pace=Pace(poll_s=0.02))
    archivist.on_pass = lambda: looked.append(1)

    async def work() -> None:
        task = asyncio.create_task(archivist.run())
        await asyncio.to_thread(until, lambda: len(looked) >= 3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(work())
    assert states(app, one) == ["pending"] * 2
    assert archivist.standing.waits["slow.example"].code is None


def test_this_machine_has_no_budget_unless_it_is_named(app: App) -> None:
    budgets = Budgets(app)
    for url in ("http://127.0.0.1:8000/a", "http://localhost/a", "http://[::1]/a"):
        for _ in range(400):
            asyncio.run(budgets.enter(url))
    assert not budgets.counts("127.0.0.1")
    assert budgets.counts("example.org")


def test_what_a_video_says_is_nothing_against_its_site(app: App) -> None:
    for code in (Code.VIDEO_PRIVATE, Code.HTTP_NOT_FOUND, Code.DISK_FULL, Code.CANCELLED) * 5:
        asyncio.run(app.budgets.leave("https://example.org/1", code))
    asyncio.run(app.budgets.enter("https://example.org/1"))
    for _ in range(5):
        asyncio.run(app.budgets.leave("https://example.org/1", Code.NETWORK_TIMEOUT))
    with pytest.raises(ReelError) as caught:
        asyncio.run(app.budgets.enter("https://example.org/1"))
    assert caught.value.code is Code.CIRCUIT_OPEN


@pytest.mark.parametrize("text", ["example.org", "example.org=", "=3", "a=0", "a=-1", "a=x"])
def test_what_is_no_budget(text: str) -> None:
    with pytest.raises(ReelError) as caught:
        named_budgets(text)
    assert caught.value.code is Code.CONFIG_INVALID


def test_budgets_are_by_site() -> None:
    assert named_budgets("www.Example.org=60, 127.0.0.1=5,https://youtu.be/=10,") == {
        "example.org": 60.0,
        "127.0.0.1": 5.0,
        "youtube.com": 10.0,
    }


def test_asking_twice_makes_one_source(app: App) -> None:
    url = "https://example.org/feed"
    first = ask(app, Wanted(urls=[url, url]))
    second = ask(app, Wanted(urls=[url], options=ArchiveOptions(limit=3)))
    assert [s.id for s in first] == [s.id for s in second]
    followed = ask(app, Wanted(urls=[url], schedule="6h"))
    assert followed[0].id == first[0].id
    beside = ask(app, Wanted(urls=[url], options=ArchiveOptions(limit=9)))
    assert beside[0].id != first[0].id, "a subscription keeps its own options"
    assert ask(app, Wanted(urls=[url]))[0].id == followed[0].id
