"""Attempts that end at the same time: in few statements, and as if each had ended alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from reelwright.engine import outcome, submission
from reelwright.engine.executor import Need
from reelwright.engine.outcome import Ended, Made
from reelwright.engine.submission import DELIVER, NewJob
from reelwright.errors import Code, Problem, ReelError
from reelwright.store import artifacts, attempts, jobs, outbox, steps
from reelwright.store.combine import Combiner, OneOf
from reelwright.store.database import Tx
from reelwright.store.dialects import Postgres
from reelwright.store.rows import StepRow
from reelwright.store.states import JobState, StepState
from tests.engine.jobs import World, plan, shell, world


def _submit(here: World, salt: str, shape: dict[str, Sequence[str]], **more: Any) -> str:
    made = [shell(key, key, needs=needs, salt=salt, threads=0) for key, needs in shape.items()]
    to = {key: here.home / f"{salt}-{key}" for key in more.pop("delivers", ())}
    new = NewJob(plan=plan(made, to), **more)

    def change(tx: Tx) -> str:
        job_id = submission.submit(tx, new, here.settings)
        jobs.begin(tx, [job_id])
        steps.wake_all(tx, [job_id])
        return job_id

    return here.store.transact(change)


def _claim(here: World) -> list[StepRow]:
    """All that is ready, in the order of jobs and plans."""
    executor = here.executor()
    found: list[StepRow] = []
    while True:
        claimed = asyncio.run(here.claim(executor))
        if not claimed.work:
            return sorted(found, key=lambda row: (row.job_id, row.position))
        found += [row for row, _ in claimed.work.values()]


def _ended(row: StepRow) -> Ended:
    made = Made(
        results={f"{row.key}-node": 1.5},
        report={"said": row.key},
        cpu_seconds=2.0,
        max_rss_bytes=1 << 20,
        learned={"speed": 3.0},
    )
    return Ended(row, made)


_SHAPES: list[tuple[dict[str, Sequence[str]], dict[str, Any]]] = [
    ({"a": ()}, {}),
    ({"a": ()}, {"webhook": "https://example.org/hook"}),
    ({"a": (), "b": ()}, {}),
    ({"a": (), "b": (), "c": ("a", "b")}, {}),
    ({"a": (), "b": ("a",), "c": ("a",)}, {}),
    ({"a": ()}, {"delivers": ["a"]}),
]


def _told(here: World, job_id: str) -> dict[str, Any]:
    """What can be seen of a job, less the ids and times."""
    with here.store.read() as tx:
        job = jobs.get(tx, job_id)
        rows = steps.of_job(tx, job_id)
        tries = [attempts.of_step(tx, row.id) for row in rows]
        told = jobs.events_after(tx, job_id)
        kept = artifacts.outcomes_of(tx, {row.identity for row in rows if row.identity})
        sent = outbox.listing(tx, owner=None, limit=100, job_id=job_id)
    assert [event.seq for event in told] == list(range(1, len(told) + 1))
    names = ("state", "result", "report", "fraction", "cpu_seconds", "max_rss_bytes", "lease_owner")
    return {
        "job": (job.state, job.fraction, job.eta_s is None, job.finished_at is None),
        "steps": {row.key: [getattr(row, name) for name in names] for row in rows},
        "attempts": [[(one.state, one.cpu_seconds) for one in some] for some in tries],
        # Which of two steps ended first is chance.
        "events": sorted(
            (e.kind, e.body.get("key", ""), e.body["state"], e.body.get("attempt")) for e in told
        ),
        "cache": {row.key: kept[row.identity].result for row in rows if row.identity in kept},
        "messages": [one.kind for one in sent],
    }


def _world(tmp_path: Path, url: str) -> World:
    return world(tmp_path / "home", url, machine=Need(cpus=100, memory_bytes=1 << 50))


def _succeed(row: StepRow) -> OneOf[Ended, None]:
    return OneOf(outcome.succeed_all, _ended(row))


def test_together_is_as_each_for_itself(tmp_path: Path, database_url: str) -> None:
    here = _world(tmp_path, database_url)
    together = [_submit(here, f"t{n}", shape, **more) for n, (shape, more) in enumerate(_SHAPES)]
    alone = [_submit(here, f"a{n}", shape, **more) for n, (shape, more) in enumerate(_SHAPES)]
    rows = _claim(here)
    mine = [_ended(row) for row in rows if row.job_id in together]
    assert len(mine) == 8
    here.store.transact(lambda tx: outcome.succeed_all(tx, mine))
    for row in rows:
        if row.job_id in alone:
            here.store.transact(_succeed(row))
    for one, other in zip(together, alone, strict=True):
        assert _told(here, one) == _told(here, other)
    assert here.steps(together[0])[DELIVER].state is StepState.SKIPPED
    assert here.steps(together[3])["c"].state is StepState.READY
    assert here.steps(together[5])[DELIVER].state is StepState.READY
    with here.store.read() as tx:
        assert jobs.get(tx, together[2]).state is JobState.SUCCEEDED
        assert len(outbox.listing(tx, owner=None, limit=100, job_id=together[1])) == 2

    last = [row for row in _claim(here) if row.key == DELIVER]
    assert len(last) == 2
    here.store.transact(lambda tx: outcome.deliver_all(tx, last))
    with here.store.read() as tx:
        assert {jobs.get(tx, row.job_id).state for row in last} == {JobState.SUCCEEDED}


def test_one_whose_lease_is_lost_takes_nobody_with_it(tmp_path: Path, database_url: str) -> None:
    here = _world(tmp_path, database_url)
    for n in range(6):
        _submit(here, str(n), {"a": ()})
    rows = _claim(here)
    with here.store.read() as tx:
        gone = next(one for one in attempts.running(tx) if one.step_id == rows[2].id)
    here.store.transact(lambda tx: outcome.lose(tx, gone, here.settings))
    combiner = Combiner(here.store)
    begin = threading.Event()
    first = combiner.submit(lambda _tx: begin.wait(30))  # while it waits, the others come together
    asked = [combiner.submit(_succeed(row), order=row.job_id) for row in rows]
    # And one that no other is like: what it locks, the others have not locked before it.
    failing = rows[4]
    problem = Problem(Code.DECODE_FAILED, "no")
    other = combiner.submit(
        lambda tx: outcome.fail(tx, failing, problem, here.settings), order=failing.job_id
    )
    begin.set()
    assert first.result(30)
    for n, one in enumerate(asked):
        if n == 2:
            with pytest.raises(ReelError) as caught:
                one.result(30)
            assert caught.value.code is Code.LEASE_LOST
        else:
            one.result(30)
    with pytest.raises(ReelError) as caught:
        other.result(30)
    assert caught.value.code is Code.LEASE_LOST, "it had succeeded just before"
    combiner.close()
    with here.store.read() as tx:
        states = [jobs.get(tx, row.job_id).state for row in rows]
        events = [e.seq for row in rows for e in jobs.events_after(tx, row.job_id)]
    assert states == [JobState.RUNNING if n == 2 else JobState.SUCCEEDED for n in range(6)]
    assert events == [n for row in rows for n in range(1, 6 if row is not rows[2] else 4)]


def test_twenty_cost_as_many_statements_as_two(tmp_path: Path, database_url: str) -> None:
    here = _world(tmp_path, database_url)
    asked: list[str] = []

    def hear(*given: Any) -> None:
        asked.append(given[2])

    def cost(salt: str, count: int) -> tuple[int, int]:
        for n in range(count):
            _submit(here, f"{salt}{n}", {"a": (), "b": ("a",)})
        sa.event.listen(here.store.database.engine, "before_cursor_execute", hear)
        rows = _claim(here)
        claiming = len(asked)
        assert len(rows) == count
        here.store.transact(lambda tx: outcome.succeed_all(tx, [_ended(row) for row in rows]))
        sa.event.remove(here.store.database.engine, "before_cursor_execute", hear)
        ending = len(asked) - claiming
        asked.clear()
        _claim(here)  # what was woken
        return claiming, ending

    two, twenty = cost("two", 2), cost("twenty", 20)
    learning = 18 * 3  # a rate is learned with each step
    assert twenty[0] == two[0]
    assert twenty[1] <= two[1] + learning


def test_a_read_has_no_transaction(tmp_path: Path, database_url: str) -> None:
    """On PostgreSQL, whose reads would cost two round trips more; a steady one has."""
    here = _world(tmp_path, database_url)
    with here.store.read() as tx:
        tx.run(sa.select(sa.literal(1)))
        if isinstance(tx.dialect, Postgres):
            assert not tx.dialect.is_open(tx.connection)
    job_id = _submit(here, "one", {"a": ()})
    with here.store.read() as tx:
        tx.dialect.steady(tx.connection)
        assert len(jobs.listing(tx)) == 1
        _submit(here, "two", {"a": ()})
        assert [job.id for job in jobs.listing(tx)] == [job_id], "it sees one moment"
    with here.store.read() as tx:
        assert len(jobs.listing(tx)) == 2


def test_only_what_is_to_be_decided_wants_a_look(tmp_path: Path, database_url: str) -> None:
    """Each look is a transaction; where the next step has been found there is nothing to look for.
    A job that is to end early has its look."""
    here = _world(tmp_path, database_url)
    to_do, done, stopped = (
        _submit(here, "to_do", {"a": ()}, delivers=["a"]),
        _submit(here, "done", {"a": ()}),
        _submit(here, "stopped", {"a": ()}, delivers=["a"]),
    )
    rows = _claim(here)
    here.store.transact(lambda tx: jobs.change(tx, stopped, cancel_requested=True))
    looks: list[str] = []
    here.store.listen(lambda event: looks.append(event.job_id) if event.wants_look else None)
    here.store.transact(lambda tx: outcome.succeed_all(tx, [_ended(row) for row in rows]))
    assert set(looks) == {stopped}
    assert [row.job_id for row in _claim(here)] == [to_do]
    with here.store.read() as tx:
        assert jobs.get(tx, done).state is JobState.SUCCEEDED
