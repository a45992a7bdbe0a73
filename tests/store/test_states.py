"""The tables of transitions, and that no query passes by them."""

from __future__ import annotations

import itertools

import pytest
import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store import attempts, jobs, steps
from reelwright.store.rows import NewJobRow, NewStep
from reelwright.store.states import (
    DONE_STEPS,
    JOB_MOVES,
    OPEN_STEPS,
    SETTLED_STEPS,
    STEP_MOVES,
    AttemptState,
    JobState,
    StepState,
    sources,
)
from reelwright.store.store import Store
from reelwright.store.tables import steps as table


def test_every_state_is_in_its_table() -> None:
    assert set(JOB_MOVES) == set(JobState)
    assert set(STEP_MOVES) == set(StepState)


def test_only_unfinished_jobs_move_by_themselves() -> None:
    for state in JobState:
        allowed = JOB_MOVES[state]
        assert allowed <= ({JobState.QUEUED} if state.is_final else set(JobState))


def test_every_step_comes_to_an_end() -> None:
    """From each open state some settled one can be reached."""
    for state in OPEN_STEPS:
        seen, left = set(), [state]
        while left:
            here = left.pop()
            if here not in seen:
                seen.add(here)
                left.extend(STEP_MOVES[here])
        assert seen & SETTLED_STEPS
        assert seen >= {StepState.CANCELLED} or state in DONE_STEPS


def test_sources_are_the_table_read_backwards() -> None:
    for target in StepState:
        found = {s for s, targets in STEP_MOVES.items() if target in targets}
        assert set(sources(STEP_MOVES, target)) == found


@pytest.mark.parametrize("origin", JobState)
def test_jobs_move_as_the_table_says(store: Store, origin: JobState) -> None:
    for target in JobState:
        job_id = store.transact(lambda tx: jobs.insert(tx, NewJobRow({}, {}, "/")))
        with store.write() as tx:
            jobs.change(tx, job_id, state=origin)
        if target in JOB_MOVES[origin]:
            with store.write() as tx:
                jobs.move(tx, job_id, target)
        else:
            with pytest.raises(ReelError) as caught, store.write() as tx:
                jobs.move(tx, job_id, target)
            assert caught.value.code is Code.TRANSITION_REFUSED
        with store.read() as tx:
            expected = target if target in JOB_MOVES[origin] else origin
            assert jobs.get(tx, job_id).state is expected


def test_steps_move_as_the_table_says(store: Store) -> None:
    job_id = store.transact(lambda tx: jobs.insert(tx, NewJobRow({}, {}, "/")))
    pairs = list(itertools.product(StepState, StepState))
    new = [NewStep(f"{a}-{b}", n, f"{n}", "ffmpeg", a, (), {}) for n, (a, b) in enumerate(pairs)]
    store.transact(lambda tx: steps.insert(tx, job_id, new, max_attempts=3))
    with store.read() as tx:
        rows = {row.key: row for row in steps.of_job(tx, job_id)}
    for origin, target in pairs:
        row = rows[f"{origin}-{target}"]
        if target in STEP_MOVES[origin]:
            with store.write() as tx:
                steps.move(tx, row.id, target)
                assert steps.get(tx, row.id).state is target
        else:
            with pytest.raises(ReelError) as caught, store.write() as tx:
                steps.move(tx, row.id, target)
            assert caught.value.code is Code.TRANSITION_REFUSED, f"{origin} -> {target}"


def test_many_steps_at_once_move_as_the_table_says(store: Store) -> None:
    job_id = store.transact(lambda tx: jobs.insert(tx, NewJobRow({}, {}, "/")))
    for origin, target in itertools.product(StepState, StepState):
        if target not in STEP_MOVES[origin]:
            with pytest.raises(ReelError), store.write() as tx:
                steps.move_all(tx, job_id, origin, target)


def test_an_attempt_ends_only_where_attempts_end(store: Store) -> None:
    for target in set(StepState) - STEP_MOVES[StepState.RUNNING]:
        with pytest.raises(ReelError) as caught, store.write() as tx:
            attempts.settle(tx, "any", 1, target, AttemptState.FAILED)
        assert caught.value.code is Code.TRANSITION_REFUSED


def test_the_columns_hold_the_longest_state() -> None:
    column = table.c.state.type
    assert isinstance(column, sa.String)
    assert max(len(s) for s in [*StepState, *JobState, *AttemptState]) <= (column.length or 0)
