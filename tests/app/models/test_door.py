"""The door to models: cache, budgets, records, retries, breaker and fallback, on both databases."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reelwright.app.settings import Loaded, Settings
from reelwright.app.settings_sections import Models
from reelwright.app.wiring import App
from reelwright.errors import Code, ReelError
from reelwright.store import hosts, model_calls
from reelwright.store.model_calls import CallRow, CallState
from reelwright.store.tables_library import hosts as host_table
from reelwright.store.tables_understand import model_calls as table
from reelwright.tools.models.kinds import ModelIdentity, ModelKind, PromptAsk, Said, Served
from reelwright.tools.models.quoting import quote_usd
from tests.wire_server import Turn, WireServer, wire_server

# One call of gpt-5-mini by `ask`: what it costs.
COST_USD = 100 * 0.25e-6 + 20 * 2e-6
BUSY = Turn(status=429, headers=(("Retry-After", "0"),))
SCHEMA = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}


@pytest.fixture
def server() -> Iterator[WireServer]:
    with wire_server() as made:
        yield made


def app_at(home: Path, database: str, server: WireServer | None, **models: Any) -> App:
    """With `server` as OpenAI, reached through a gateway that costs; and as a local one."""
    url = f"{server.url}/v1" if server else "http://127.0.0.1:9/v1"
    told = {
        "language": "openai:gpt-5-mini",
        "openai_url": url,
        "openai_key": "made-up",
        "local_url": url,
        "gateways": "openai",
        "timeout_s": 60.0,
        **models,
    }
    return App(Loaded(Settings(home=home, database=database, models=Models(**told))))


def ask(user: str = "What is it?", **more: Any) -> PromptAsk:
    return PromptAsk(prompt="describe@1", system="", user=user, inputs={"span": user}, **more)


# What it may cost at the most.
QUOTE_USD = (
    quote_usd(ModelIdentity(provider="openai", model="gpt-5-mini"), ask(), is_local=False) or 0.0
)


def write(app: App, asked: PromptAsk | None = None) -> Served[Said]:
    return asyncio.run(app.asker(owner="me").write(asked or ask()))


def rows(app: App) -> list[CallRow]:
    with app.store.read() as tx:
        ids = [row.id for row in tx.run(table.select().order_by(table.c.at, table.c.id))]
        return [row for one in ids if (row := model_calls.get(tx, one)) is not None]


def test_an_answer_is_recorded_with_what_it_took_and_cost(
    tmp_path: Path, database_url: str, server: WireServer
) -> None:
    with app_at(tmp_path, database_url, server) as app:
        served = write(app)
        (row,) = rows(app)
    assert served.value.text == "well"
    assert served.cost_usd == pytest.approx(COST_USD)
    assert (row.state, row.prompt, row.owner) == (CallState.DONE, "describe@1", "me")
    assert row.inputs == {"span": "What is it?"}
    assert (row.response, row.input_tokens, row.output_tokens) == ("well", 100, 20)
    assert row.cost_usd == pytest.approx(COST_USD)
    assert row.latency_s is not None
    assert "made-up" not in str(row)


def test_the_same_is_not_asked_twice_and_costs_nothing_then(
    tmp_path: Path, database_url: str, server: WireServer
) -> None:
    with app_at(tmp_path, database_url, server) as app:
        first, second, other = write(app), write(app), write(app, ask("And that?"))
        states = [(row.is_cached, row.cost_usd) for row in rows(app)]
    assert len(server.asked) == 2
    assert (first.is_cached, second.is_cached, other.is_cached) == (False, True, False)
    assert second.cost_usd == 0
    assert second.value == first.value
    assert states[1] == (True, 0)


def test_what_is_told_besides_changes_what_is_asked(
    tmp_path: Path, database_url: str, server: WireServer
) -> None:
    """Prompt, schema, pictures and model are in the key."""
    server.turns = [Turn(text='{"n": 1}')]
    asks = [ask(), ask(schema=SCHEMA), ask(images=(b"one",)), ask(images=(b"two",))]
    with app_at(tmp_path, database_url, server) as app:
        for one in asks:
            write(app, one)
    with app_at(tmp_path, database_url, server, language="openai:gpt-5-nano") as app:
        write(app)
    assert len(server.asked) == 5


def test_what_is_too_old_is_asked_again(
    tmp_path: Path, database_url: str, server: WireServer
) -> None:
    with app_at(tmp_path, database_url, server, cache_days=0.0) as app:
        write(app)
        write(app)
    assert len(server.asked) == 2


def test_what_is_free_at_home_costs_nothing(
    tmp_path: Path, database_url: str, server: WireServer
) -> None:
    told = {"language": "local:gpt-5-mini", "gateways": "", "job_budget_usd": 0.0}
    with app_at(tmp_path, database_url, server, **told, library_budget_usd=0.0) as app:
        served = write(app)
    assert served.cost_usd == 0
    assert served.is_local


def test_a_budget_is_kept_and_says_what_is_left(
    tmp_path: Path, database_url: str, server: WireServer
) -> None:
    with app_at(tmp_path, database_url, server, day_budget_usd=1.001 * QUOTE_USD) as app:
        write(app)
        with pytest.raises(ReelError) as raised:
            write(app, ask("Another?"))
        assert len(rows(app)) == 1
    assert raised.value.code is Code.BUDGET_REACHED
    left = raised.value.problem.evidence["left_usd"]
    assert left == pytest.approx(1.001 * QUOTE_USD - COST_USD, rel=0.01)
    assert raised.value.problem.where == "models.day_budget_usd"
    assert len(server.asked) == 1


def test_calls_at_the_same_time_do_not_take_the_same_rest(
    tmp_path: Path, database_url: str
) -> None:
    """Ten at once, with a budget for three: the others wait for what those really cost."""
    until = threading.Event()
    with wire_server(Turn(until=until)) as server:
        told = {"library_budget_usd": 3.5 * QUOTE_USD, "at_once": 10}
        with app_at(tmp_path, database_url, server, **told) as app:

            async def main() -> list[Served[Said]]:
                door = app.asker()
                tasks = [asyncio.create_task(door.write(ask(f"{n:02}"))) for n in range(10)]
                await asyncio.to_thread(server.wait_for, 3)
                until.set()
                return await asyncio.gather(*tasks)

            found = asyncio.run(main())
    assert len(found) == len(server.asked) == 10
    assert server.most_at_once == 3


def test_what_is_on_its_way_is_not_waited_for_where_it_would_not_help(
    tmp_path: Path, database_url: str, server: WireServer
) -> None:
    with app_at(tmp_path, database_url, server, library_budget_usd=0.5 * QUOTE_USD) as app:
        with pytest.raises(ReelError) as raised:
            write(app)
        assert rows(app) == []
    assert raised.value.code is Code.BUDGET_REACHED


def test_with_a_budget_nobody_is_asked_whose_price_is_unknown(
    tmp_path: Path, database_url: str, server: WireServer
) -> None:
    told = {"language": "openai:no-such-model"}
    with (
        app_at(tmp_path, database_url, server, **told, day_budget_usd=100.0) as app,
        pytest.raises(ReelError) as raised,
    ):
        write(app)
    assert raised.value.code is Code.BUDGET_REACHED
    assert server.asked == []


def test_without_a_budget_an_unknown_price_stays_unknown(
    tmp_path: Path, database_url: str, server: WireServer
) -> None:
    with app_at(tmp_path, database_url, server, language="openai:no-such-model") as app:
        assert write(app).cost_usd is None
        assert rows(app)[0].cost_usd is None


def test_a_server_that_is_busy_is_asked_again(
    tmp_path: Path, database_url: str, server: WireServer
) -> None:
    server.turns = [BUSY, BUSY, Turn()]
    with app_at(tmp_path, database_url, server) as app:
        assert write(app).value.text == "well"
        states = [(row.state, row.cost_usd) for row in rows(app)]
    assert states[:2] == [(CallState.FAILED, 0), (CallState.FAILED, 0)]
    # Each try that failed has a key of its own; the same key would bring the same failure.
    keys = [one.headers["idempotency-key"] for one in server.asked]
    assert len(set(keys)) == 3


def test_an_answer_of_the_wrong_form_is_paid_and_asked_again(
    tmp_path: Path, database_url: str, server: WireServer
) -> None:
    server.turns = [Turn(text='{"n": "one"}'), Turn(text='```json\n{"n": 1}\n```')]
    with app_at(tmp_path, database_url, server) as app:
        served = write(app, ask(schema=SCHEMA))
        first, second = rows(app)
    assert served.value.data == {"n": 1}
    assert first.state == CallState.FAILED
    assert first.cost_usd == pytest.approx(COST_USD)
    assert first.error is not None
    assert first.error["code"] == "model_answer_invalid"
    assert second.state == CallState.DONE


def test_the_next_of_the_chain_serves_and_says_who_did_not(
    tmp_path: Path, database_url: str, server: WireServer
) -> None:
    server.turns = [Turn(status=401, message="no such key"), Turn()]
    told = {"language": "openai:gpt-5-mini, local:llama3"}
    with app_at(tmp_path, database_url, server, **told) as app:
        served = write(app)
    assert (served.identity.provider, served.identity.model) == ("local", "llama3")
    (passed,) = served.provenance()["passed_over"]
    assert (passed["provider"], passed["code"]) == ("openai", "model_unavailable")
    assert "no such key" in passed["message"]


def test_where_nobody_serves_the_error_names_each(
    tmp_path: Path, database_url: str, server: WireServer
) -> None:
    server.turns = [Turn(status=401)]
    told = {"language": "openai:gpt-5-mini, local:llama3"}
    with app_at(tmp_path, database_url, server, **told) as app, pytest.raises(ReelError) as raised:
        write(app)
    assert raised.value.code is Code.MODEL_UNAVAILABLE
    passed = raised.value.problem.evidence["passed_over"]
    assert [one["provider"] for one in passed] == ["openai", "local"]


def test_a_paid_one_that_has_no_budget_left_is_passed_over_for_a_free_one(
    tmp_path: Path, database_url: str, server: WireServer
) -> None:
    told = {"language": "openai:gpt-5-mini,local:llama3", "day_budget_usd": 0.0001}
    with app_at(tmp_path, database_url, server, **told) as app:
        served = write(app)
    assert served.identity.provider == "local"
    assert served.provenance()["passed_over"][0]["code"] == "budget_reached"


def test_a_model_that_is_ill_is_left_alone_and_tried_by_one(
    tmp_path: Path, database_url: str, server: WireServer
) -> None:
    server.turns = [Turn(status=500)]
    with app_at(tmp_path, database_url, server, attempts=1) as app:
        for _ in range(5):
            with pytest.raises(ReelError):
                write(app)
        with pytest.raises(ReelError) as raised:
            write(app)
        assert len(server.asked) == 5
        assert "rests" in str(raised.value)
        server.turns = [Turn()]
        _let_it_rest(app)
        assert write(app).value.text == "well"
        assert write(app, ask("Again?")).value.text == "well"


def _let_it_rest(app: App) -> None:
    """As if the time of the breaker were over."""
    with app.store.read() as tx:
        (host,) = (row.host for row in hosts.listing(tx) if row.host.startswith("model:"))
    rested = host_table.update().where(host_table.c.host == host).values(until=0.0)
    app.store.transact(lambda tx: tx.run(rested))


def test_so_many_a_minute_and_no_more(
    tmp_path: Path, database_url: str, server: WireServer
) -> None:
    """The pace is that of the database: a second process has the same."""
    told = {"per_minute": 0.1, "attempts": 1}
    with app_at(tmp_path, database_url, server, **told) as app:
        write(app)
    again = app_at(tmp_path, database_url, server, **told)
    with again as app, pytest.raises(ReelError) as raised:
        write(app, ask("Another?"))
    assert raised.value.code is Code.BUDGET_SPENT
    assert raised.value.problem.evidence["retry_after_s"] > 60
    assert len(server.asked) == 1


def test_what_is_cancelled_keeps_what_it_reserved(tmp_path: Path, database_url: str) -> None:
    until = threading.Event()
    with wire_server(Turn(until=until)) as server, app_at(tmp_path, database_url, server) as app:

        async def main() -> None:
            task = asyncio.create_task(app.asker().write(ask()))
            await asyncio.to_thread(server.came.wait, 60)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(main())
        until.set()
        (row,) = rows(app)
    assert row.state == CallState.UNSURE
    assert row.reserved_usd == pytest.approx(QUOTE_USD, rel=0.05)
    assert row.cost_usd is None


def test_a_stream_is_recorded_and_remembered_when_it_is_whole(
    tmp_path: Path, database_url: str, server: WireServer
) -> None:
    server.turns = [BUSY, Turn(text="one two three")]

    async def pieces(app: App) -> list[str]:
        return [piece async for piece in app.asker().stream(ask())]

    with app_at(tmp_path, database_url, server) as app:
        found = asyncio.run(pieces(app))
        again = asyncio.run(pieces(app))
        states = [(row.state, row.is_cached) for row in rows(app)]
    assert "".join(found).strip() == "one two three"
    assert len(found) >= 3
    assert "".join(again) == "".join(found)
    assert len(server.asked) == 2
    assert states[1:] == [(CallState.DONE, False), (CallState.DONE, True)]


def test_a_stream_that_breaks_off_is_no_answer_and_nobody_else_goes_on_with_it(
    tmp_path: Path, database_url: str, server: WireServer
) -> None:
    server.turns = [Turn(text="one two", is_cut=True)]
    told = {"language": "openai:gpt-5-mini,local:llama3"}
    came: list[str] = []

    async def main(app: App) -> None:
        async for piece in app.asker().stream(ask()):
            came.append(piece)  # noqa: PERF401 - what came before it broke off

    with app_at(tmp_path, database_url, server, **told) as app:
        with pytest.raises(ReelError) as raised:
            asyncio.run(main(app))
        (row,) = rows(app)
    assert raised.value.code is Code.NETWORK_RESET
    assert came
    assert row.state == CallState.UNSURE
    assert len(server.asked) == 1


def test_a_stream_that_nobody_hears_out_is_closed(
    tmp_path: Path, database_url: str, server: WireServer
) -> None:
    server.turns = [Turn(text="one two three four")]

    async def main(app: App) -> None:
        stream = app.asker().stream(ask())
        await anext(stream)
        await stream.aclose()

    with app_at(tmp_path, database_url, server) as app:
        asyncio.run(main(app))
        (row,) = rows(app)
    assert row.state == CallState.UNSURE


def test_without_a_model_there_is_none(tmp_path: Path, database_url: str) -> None:
    with app_at(tmp_path, database_url, None, language="") as app:
        assert not app.asker().has(ModelKind.LANGUAGE)
        with pytest.raises(ReelError) as raised:
            write(app)
    assert raised.value.code is Code.MODEL_UNAVAILABLE
    assert raised.value.problem.where == "models.language"


@pytest.mark.parametrize("chain", ["nobody:x", "openai:gpt-5,,local:x", "rapidocr"])
def test_a_chain_that_makes_no_sense_is_said(tmp_path: Path, database_url: str, chain: str) -> None:
    made = app_at(tmp_path, database_url, None, language=chain)
    with made as app, pytest.raises(ReelError) as raised:
        app.asker().has(ModelKind.LANGUAGE)
    assert raised.value.code is Code.CONFIG_INVALID
    assert raised.value.problem.where == "models.language"
