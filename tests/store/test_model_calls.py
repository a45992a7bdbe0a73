"""Calls of models: reserved within budgets, settled, summed up; on both databases."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
import sqlalchemy as sa

from reelwright.store import (
    model_answers,
    model_calls,
    model_costs,
    model_pruning,
    prompt_ratings,
)
from reelwright.store.database import Tx
from reelwright.store.model_calls import CallState, Limits, NewCall, Outcome, Refused
from reelwright.store.model_costs import By
from reelwright.store.store import Store, open_store
from reelwright.store.tables import jobs, steps
from reelwright.store.tables_understand import model_calls as table
from tests.store.every_table import ROWS

JOBS, STEPS = ROWS["jobs"], ROWS["steps"]
CALL = NewCall(
    owner="me",
    job_id="job1",
    step_id="step1",
    asset_id=None,
    key="0",
    kind="vision",
    provider="openai",
    model="gpt-5-mini",
    prompt="describe@1",
    request="0" * 64,
    is_local=False,
    inputs=None,
    reserved_usd=1.0,
)
# A call without a step of its own may still end so long.
SOON_S, DAY_S = 600.0, 86400.0
DONE = Outcome(state=CallState.DONE, input_tokens=10, output_tokens=5, cost_usd=0.25)


def begin(store: Store, call: NewCall = CALL, limits: Limits | None = None) -> str | Refused:
    return store.transact(lambda tx: model_calls.begin(tx, call, limits or Limits()))


def begun(store: Store, call: NewCall = CALL, limits: Limits | None = None) -> str:
    found = begin(store, call, limits)
    assert isinstance(found, str), found
    return found


def end(store: Store, call_id: str, outcome: Outcome = DONE, *, is_paid: bool = True) -> None:
    store.transact(lambda tx: model_calls.end(tx, call_id, outcome, is_paid=is_paid))


def spent(store: Store) -> float:
    with store.read() as tx:
        return model_calls.spent(tx)["library"]


def test_what_is_reserved_counts_until_the_cost_is_known(store: Store) -> None:
    call_id = begun(store)
    assert spent(store) == 1.0
    end(store, call_id)
    assert spent(store) == 0.25


def test_what_surely_cost_nothing_gives_back_what_it_reserved(store: Store) -> None:
    failed = Outcome(state=CallState.FAILED, error={"code": "model_failed"})
    end(store, begun(store), failed, is_paid=False)
    assert spent(store) == 0


def test_what_nobody_heard_of_keeps_it(store: Store) -> None:
    end(store, begun(store), Outcome(state=CallState.UNSURE))
    assert spent(store) == 1.0


def test_a_price_that_is_not_told_afterwards_keeps_it(store: Store) -> None:
    end(store, begun(store), replace(DONE, cost_usd=None))
    assert spent(store) == 1.0


@pytest.mark.parametrize("name", ["job", "day", "library"])
def test_each_budget_is_kept(store: Store, name: str) -> None:
    limits = Limits(**{name: 1.5}, pending_s=SOON_S)
    begun(store, limits=limits)
    refused = begin(store, replace(CALL, key="1"), limits)
    assert isinstance(refused, Refused)
    assert (refused.budget, refused.spent_usd, refused.left_usd) == (name, 1.0, 0.5)


def test_another_job_has_its_own_budget(store: Store) -> None:
    limits = Limits(job=1.5, pending_s=SOON_S)
    begun(store, limits=limits)
    assert isinstance(begin(store, replace(CALL, job_id="job2"), limits), str)


def test_yesterday_counts_for_the_library_and_not_for_today(store: Store) -> None:
    call_id = begun(store)
    with store.read() as tx:
        yesterday = tx.now() // 86400 * 86400 - 1
    moved = table.update().where(table.c.id == call_id).values(at=yesterday)
    store.transact(lambda tx: tx.run(moved))
    assert isinstance(
        begin(store, replace(CALL, key="1"), Limits(day=1.5, pending_s=2 * DAY_S)), str
    )
    assert isinstance(
        begin(store, replace(CALL, key="2"), Limits(library=1.5, pending_s=2 * DAY_S)), Refused
    )


def test_what_is_free_needs_no_budget_and_takes_none(store: Store) -> None:
    free = replace(CALL, is_local=True, reserved_usd=0.0)
    assert isinstance(begin(store, free, Limits(library=0.0)), str)
    assert spent(store) == 0


def test_connections_that_ask_at_once_do_not_take_the_same_rest(database_url: str) -> None:
    """As two processes would: each has a store of its own."""
    stores = [open_store(database_url) for _ in range(4)]
    start = threading.Barrier(8)
    found: list[str | Refused] = []

    def ask(number: int) -> None:
        start.wait(60)
        call = replace(CALL, key=str(number))
        found.append(begin(stores[number % 4], call, Limits(library=3.5, pending_s=SOON_S)))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    try:
        assert sum(isinstance(one, str) for one in found) == 3
        assert spent(stores[0]) == 3.0
    finally:
        for store in stores:
            store.close()


def test_a_try_whose_process_is_gone_is_lost_when_the_same_is_asked_again(store: Store) -> None:
    first = begun(store)
    other = begun(store, replace(CALL, key="1"))
    second = begun(store)
    with store.read() as tx:
        rows = [model_calls.get(tx, one) for one in (first, other, second)]
    assert [row.state for row in rows if row] == [CallState.LOST, CallState.BEGUN, CallState.BEGUN]
    assert spent(store) == 2.0
    with store.read() as tx:
        (total,) = model_costs.costs(tx)
    assert total.unsettled_usd == 3.0  # it may be on the bill


def _step(store: Store, state: str, attempt: int) -> None:
    """The step in whose name calls are made."""

    def put(tx: Tx) -> None:
        if tx.run(sa.select(steps.c.id).where(steps.c.id == "step1")).first() is None:
            job = {**JOBS[0], "id": "job1"}
            tx.run(sa.insert(jobs), job)
            tx.run(sa.insert(steps), {**STEPS[0], "id": "step1", "job_id": "job1"})
        changed = {"state": state, "attempt": attempt}
        tx.run(sa.update(steps).where(steps.c.id == "step1").values(**changed))

    store.transact(put)


@pytest.mark.parametrize(
    ("state", "attempt", "is_over"),
    [
        ("running", 1, False),
        ("running", 2, True),  # somebody else is at it
        ("ready", 1, True),
        ("failed", 1, True),
        ("cancelled", 1, True),
    ],
)
def test_what_an_attempt_reserved_goes_when_it_is_over(
    store: Store, state: str, attempt: int, is_over: bool
) -> None:
    _step(store, "running", 1)
    limits = Limits(library=1.5, pending_s=SOON_S)
    first = begun(store, replace(CALL, attempt=1), limits)
    _step(store, state, attempt)
    other = begin(store, replace(CALL, key="1", attempt=attempt), limits)
    assert isinstance(other, str) is is_over
    with store.read() as tx:
        row = model_calls.get(tx, first)
    assert row is not None
    assert row.state == (CallState.LOST if is_over else CallState.BEGUN)
    # What comes of it all the same is counted.
    end(store, first)
    assert spent(store) == 0.25 + (1.0 if is_over else 0.0)


def test_a_call_without_a_step_is_over_when_nothing_can_come_any_more(store: Store) -> None:
    call = replace(CALL, job_id=None, step_id=None)
    begun(store, call)
    later = replace(call, key="1")
    assert isinstance(begin(store, later, Limits(day=1.5, pending_s=SOON_S)), Refused)
    _older(store, SOON_S + 1)
    assert isinstance(begin(store, later, Limits(library=1.5, pending_s=SOON_S)), str)


def _older(store: Store, seconds: float) -> None:
    store.transact(lambda tx: tx.run(table.update().values(at=table.c.at - seconds)))


def _everything(store: Store) -> list[object]:
    with store.read() as tx:
        return [
            model_costs.costs(tx),
            *(model_costs.costs(tx, by) for by in By),
            *(model_costs.costs(tx, By.MODEL, owner=owner) for owner in ("me", "you")),
            model_costs.costs(tx, job_id="job1"),
            model_calls.spent(tx, job_id="job1")["job"],
            model_calls.spent(tx)["library"],
        ]


def _prune(store: Store, keep_s: float, most: int = 1000) -> int:
    return store.transact(lambda tx: model_pruning.prune(tx, keep_s, most))


def test_records_go_and_what_they_came_to_stays(store: Store) -> None:
    for key, outcome in enumerate(
        (
            DONE,
            replace(DONE, cost_usd=0.5),
            replace(DONE, cost_usd=None),
            Outcome(state=CallState.UNSURE),
            Outcome(state=CallState.FAILED, cost_usd=0.125),
        )
    ):
        end(store, begun(store, replace(CALL, key=str(key))), outcome)
    begun(store, replace(CALL, key="lost"))
    begun(store, replace(CALL, key="lost"))  # the first is lost, the second may come
    end(store, begun(store, replace(CALL, key="9", prompt=None, job_id=None, owner=None)))
    free = replace(CALL, key="free", is_local=True, reserved_usd=0.0, provider="local")
    end(store, begun(store, free), replace(DONE, cost_usd=0.0))
    store.transact(lambda tx: model_calls.cached(tx, CALL, replace(DONE, cost_usd=0.0)))
    _older(store, 400 * DAY_S)
    rated = begun(store, replace(CALL, key="rated"))
    end(store, rated)
    _older(store, 1.0)
    store.transact(lambda tx: prompt_ratings.rate(tx, rated, rated_by="me", rating=5, note=None))
    store.transact(lambda tx: model_calls.release(tx, 0.0))
    before = _everything(store)

    assert _prune(store, 365 * DAY_S, 4) == 4  # in parts, as others write, too
    assert _everything(store) == before
    assert _prune(store, 365 * DAY_S) == 6
    assert _everything(store) == before
    assert _prune(store, 365 * DAY_S) == 0
    # What somebody has rated stays as it is.
    _older(store, 400 * DAY_S)
    assert _prune(store, 365 * DAY_S) == 0
    with store.read() as tx:
        assert model_calls.get(tx, rated) is not None


def test_sums_of_records_that_are_gone_count_in_budgets(store: Store) -> None:
    end(store, begun(store))
    _older(store, 400 * DAY_S)
    assert _prune(store, 365 * DAY_S) == 1
    for limits in (Limits(library=1.2), Limits(job=1.2)):
        assert isinstance(begin(store, CALL, limits), Refused)
    assert isinstance(begin(store, CALL, Limits(library=1.3, job=1.3, day=1.0)), str)


@pytest.mark.parametrize("by", list(By))
def test_costs_are_summed_up(store: Store, by: By) -> None:
    end(store, begun(store), replace(DONE, served="gpt-5-mini-2031"))
    end(store, begun(store, replace(CALL, key="1")), replace(DONE, cost_usd=None))
    store.transact(lambda tx: model_calls.cached(tx, CALL, replace(DONE, cost_usd=0.0)))
    begun(store, replace(CALL, key="2"))
    with store.read() as tx:
        groups = model_costs.costs(tx, by)
        (total,) = model_costs.costs(tx)
        nobody = model_costs.costs(tx, by, owner="you")
        (later,) = model_costs.costs(tx, since=tx.now() + 60)
    assert (total.calls, total.cached, total.unknown) == (4, 1, 1)
    assert (total.cost_usd, total.unsettled_usd) == (0.25, 1.0)
    assert (total.input_tokens, total.output_tokens) == (20, 10)
    assert sum(group.calls for group in groups) == 4
    expected = {
        By.JOB: "job1",
        By.ASSET: None,
        By.PROVIDER: "openai",
        By.PROMPT: "describe@1",
        By.KIND: "vision",
    }
    if by in expected:
        assert [group.group for group in groups] == [expected[by]]
    if by is By.MODEL:
        assert {group.group for group in groups} == {
            "openai:gpt-5-mini",
            "openai:gpt-5-mini-2031",
        }
    assert nobody == []
    assert (later.calls, later.cost_usd) == (0, 0.0)


def test_where_no_price_is_known_the_sum_is_unknown(store: Store) -> None:
    end(store, begun(store), replace(DONE, cost_usd=None))
    with store.read() as tx:
        (total,) = model_costs.costs(tx)
    assert total.cost_usd is None


def test_answers_are_remembered_until_they_are_too_old(store: Store) -> None:
    def put(key: str, keep_s: float) -> None:
        store.transact(
            lambda tx: model_answers.put(
                tx, key, identity="m", answer={"text": key}, usage=None, keep_s=keep_s
            )
        )

    put("a" * 64, 60.0)
    put("b" * 64, -1.0)
    put("a" * 64, 60.0)
    with store.read() as tx:
        kept, gone = model_answers.get(tx, "a" * 64), model_answers.get(tx, "b" * 64)
    assert kept is not None
    assert kept.answer == {"text": "a" * 64}
    assert gone is None
    assert store.transact(model_answers.forget) == 1


def test_ratings_belong_to_calls_and_versions(store: Store) -> None:
    first, second = begun(store), begun(store, replace(CALL, prompt="describe@2"))
    told = [(first, "ann", 2), (first, "bob", 5), (first, "ann", 4), (second, "ann", 1)]
    for call_id, who, rating in told:

        def rate(tx: object, told: tuple[str, str, int] = (call_id, who, rating)) -> None:
            prompt_ratings.rate(tx, told[0], rated_by=told[1], rating=told[2], note=None)  # type: ignore[arg-type]

        store.transact(rate)
    with store.read() as tx:
        means = prompt_ratings.means(tx)
        ratings = prompt_ratings.of_calls(tx, [first])
        calls = model_calls.of_prompt(tx, "describe")
        of_two = model_calls.of_prompt(tx, "describe@2", owner="me")
        others = model_calls.of_prompt(tx, "describe", owner="you")
    assert (means["describe@1"].count, means["describe@1"].rating) == (2, 4.5)
    assert [(one.rated_by, one.rating) for one in ratings[first]] == [("bob", 5), ("ann", 4)]
    assert {row.id for row in calls} == {first, second}
    assert [row.id for row in of_two] == [second]
    assert others == []
