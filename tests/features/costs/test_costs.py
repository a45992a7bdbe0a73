"""What models cost: sums, budgets, free at home, unknown where it is unknown, over HTTP too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.reel import Done, reel
from tests.served import serving
from tests.wire_server import Turn, WireServer, wire_server

pytestmark = pytest.mark.timeout(600)
# A thousand tokens in and a hundred out of gpt-5-mini.
COST_USD = 1000 * 0.25e-6 + 100 * 2e-6
ANSWER = Turn(text="The cat. [1]", tokens=(1000, 100))


def settings(server: WireServer, **more: str) -> dict[str, str]:
    """`server` is a gateway to OpenAI, which costs, and a local server, which does not."""
    return {
        "REEL_MODELS__LANGUAGE": "openai:gpt-5-mini",
        "REEL_MODELS__OPENAI_URL": f"{server.url}/v1",
        "REEL_MODELS__OPENAI_KEY": "made-up",
        "REEL_MODELS__GATEWAYS": "openai",
        "REEL_MODELS__LOCAL_URL": f"{server.url}/v1",
        **more,
    }


def ask(folder: Path, question: str, *more: str, **environ: str) -> Done:
    words = ("-i", f"question={question}", "-i", "evidence=[1] A cat.", "-i", "language=en")
    return reel("prompts", "run", "answer", *words, "--json", *more, cwd=folder, **environ)


def costs(folder: Path, *more: str, **environ: str) -> dict[str, Any]:
    return reel("costs", "--json", *more, cwd=folder, **environ).json


def test_what_was_asked_is_summed_up_by_what_served(tmp_path: Path) -> None:
    with wire_server(ANSWER) as server:
        told = settings(server)
        for question in ("One?", "Two?", "One?"):
            assert ask(tmp_path, question, **told).code == 0
        ask(tmp_path, "One?", "--model", "local:gpt-5-mini", **told)
        ask(tmp_path, "One?", "--model", "openai:no-such-model", **told)
    assert len(server.asked) == 4
    found = costs(tmp_path, "--by", "model")
    total = found["total"]
    assert (total["calls"], total["cached"], total["unknown"]) == (5, 1, 1)
    assert total["cost_usd"] == pytest.approx(2 * COST_USD)
    by = {group["group"]: group for group in found["groups"]}
    assert by["openai:gpt-5-mini"]["cost_usd"] == pytest.approx(2 * COST_USD)
    assert by["openai:gpt-5-mini"]["input_tokens"] == 2000
    assert by["local:gpt-5-mini"]["cost_usd"] == 0
    assert by["openai:no-such-model"]["cost_usd"] is None
    for way in ("provider", "day", "prompt", "kind", "job", "asset"):
        groups = costs(tmp_path, "--by", way)["groups"]
        assert sum(group["calls"] for group in groups) == 5
    assert costs(tmp_path, "--since", "2099-01-01")["total"]["calls"] == 0
    shown = reel("costs", "--by", "model", cwd=tmp_path)
    assert "openai:gpt-5-mini" in shown.out
    assert "no known price" in shown.err


def test_a_budget_stops_before_it_is_exceeded_and_says_what_is_left(tmp_path: Path) -> None:
    with wire_server(ANSWER) as server:
        told = settings(server, REEL_MODELS__DAY_BUDGET_USD="0.0045")
        assert ask(tmp_path, "One?", **told).code == 0
        stopped = ask(tmp_path, "Two?", **told)
        assert len(server.asked) == 1
        (budget,) = costs(tmp_path, **told)["budgets"]
    assert stopped.code == 6
    assert "budget_reached" in stopped.out + stopped.err
    assert "left of" in stopped.out + stopped.err
    assert budget["name"] == "day"
    assert budget["spent_usd"] == pytest.approx(COST_USD)
    assert budget["left_usd"] == pytest.approx(0.0045 - COST_USD)


def test_at_home_a_budget_of_nothing_stops_nothing(tmp_path: Path) -> None:
    with wire_server(ANSWER) as server:
        told = settings(server, REEL_MODELS__LIBRARY_BUDGET_USD="0", REEL_MODELS__GATEWAYS="")
        done = ask(tmp_path, "One?", **told)
    assert done.code == 0, done.err
    assert done.json["cost_usd"] == 0


def test_the_service_tells_costs_and_prompts(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with wire_server(ANSWER) as server:
        told = settings(server)
        assert ask(tmp_path, "One?", REEL_HOME=str(home), **told).code == 0
    with serving(home) as served:
        found = served.client.get("/v1/costs", params={"by": "provider"}).json()
        assert found["groups"][0]["group"] == "openai"
        assert found["total"]["cost_usd"] == pytest.approx(COST_USD)
        assert served.client.get("/v1/costs", params={"by": "nothing"}).status_code == 422
        names = [one["prompt"] for one in served.client.get("/v1/prompts").json()["prompts"]]
        assert "answer@1" in names
        assert "{{question}}" in served.client.get("/v1/prompts/answer").json()["user"]
        (call,) = served.client.get("/v1/prompts/answer@1/calls").json()["calls"]
        assert call["response"] == "The cat. [1]"
        assert call["inputs"]["question"] == "One?"
        missing = served.client.get("/v1/prompts/nothing-such")
        assert (missing.status_code, missing.json()["code"]) == (404, "prompt_unknown")
        metrics = served.client.get("/metrics").text
    assert f'reel_model_cost_usd_total{{model="openai:gpt-5-mini"}} {COST_USD}' in metrics


def test_the_command_knows_all_ways_to_group() -> None:
    from reelwright.cli.commands.costs import Way
    from reelwright.store.model_costs import By

    assert [way.value for way in Way] == [by.value for by in By]


def test_nobody_was_asked(tmp_path: Path) -> None:
    assert "No hosted model was asked" in reel("costs", cwd=tmp_path).out
    assert costs(tmp_path)["total"]["cost_usd"] == 0
