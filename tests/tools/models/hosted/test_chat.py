"""Hosted vision and language models, against servers that speak their wire formats."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.models.hosted import chat
from reelwright.tools.models.idempotency import SENDING, Sending
from reelwright.tools.models.kinds import ModelKind, PromptAsk, Said, Usage
from reelwright.tools.models.providers import ModelSpec
from tests.wire_server import Turn, WireServer, wire_server

KEY = "made-up-key"
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["tags"],
    "properties": {"tags": {"type": "array", "items": {"type": "string"}}},
}
PNG = b"\x89PNG\r\n\x1a\n picture"
PROVIDERS = ("local", "openai", "anthropic", "google")


def spec(server: WireServer, provider: str = "local", model: str = "llama3") -> ModelSpec:
    path = "" if provider in ("anthropic", "google") else "/v1"
    return ModelSpec(
        kind=ModelKind.VISION,
        provider=provider,
        model=model,
        url=server.url + path,
        key=KEY,
        timeout_s=60.0,
    )


def ask(**more: Any) -> PromptAsk:
    told = {"prompt": "describe@1", "system": "Be brief.", "user": "What is it?"}
    return PromptAsk(**{**told, **more})


def answer(of: ModelSpec, asked: PromptAsk) -> tuple[Said, Usage]:
    return asyncio.run(chat.make(of).answer(asked))


def failure(of: ModelSpec, asked: PromptAsk | None = None) -> ReelError:
    with pytest.raises(ReelError) as raised:
        answer(of, asked or ask())
    return raised.value


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_text_comes_with_what_it_took_and_who_served(provider: str) -> None:
    with wire_server(Turn(text="A cat.", model="served-2")) as server:
        said, usage = answer(spec(server, provider), ask())
    assert said.text == "A cat."
    assert (usage.input_tokens, usage.output_tokens, usage.model) == (100, 20, "served-2")
    told = str(server.asked[0].body)
    assert "Be brief." in told
    assert "What is it?" in told


@pytest.mark.parametrize("provider", PROVIDERS)
def test_pictures_and_a_schema_are_sent(provider: str) -> None:
    with wire_server(Turn(data={"tags": ["cat"]})) as server:
        said, _ = answer(spec(server, provider), ask(images=(PNG, PNG), schema=SCHEMA))
    assert said.text.replace(" ", "") == '{"tags":["cat"]}'
    told = str(server.asked[0].body)
    assert told.count("iVBORw0KGgogcGljdHVyZQ") == 2  # base64 of PNG
    assert "tags" in told


@pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")
def test_a_model_without_structured_output_is_given_a_tool() -> None:
    with wire_server(Turn(data={"tags": ["cat"]})) as server:
        of = spec(server, "anthropic", "claude-3-5-haiku-latest")
        said, _ = answer(of, ask(schema=SCHEMA))
    assert said.text.replace(" ", "") == '{"tags":["cat"]}'
    assert server.asked[0].body["tools"][0]["input_schema"]["required"] == ["tags"]


@pytest.mark.parametrize(
    ("provider", "header"),
    [
        ("local", "authorization"),
        ("openai", "authorization"),
        ("anthropic", "authorization"),
        ("google", "x-goog-api-key"),
    ],
)
def test_the_key_and_the_idempotency_key_are_sent(provider: str, header: str) -> None:
    sending = Sending("call-1")
    with wire_server() as server:

        async def main() -> None:
            SENDING.set(sending)
            await chat.make(spec(server, provider)).answer(ask())

        asyncio.run(main())
    assert KEY in server.asked[0].headers[header]
    assert server.asked[0].headers["idempotency-key"] == "call-1"
    assert sending.is_sent


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, Code.MODEL_UNAVAILABLE),
        (404, Code.MODEL_UNAVAILABLE),
        (400, Code.MODEL_REFUSED),
        (429, Code.MODEL_RATE_LIMITED),
        (500, Code.MODEL_FAILED),
    ],
)
def test_a_status_has_a_code_and_is_asked_once(provider: str, status: int, code: Code) -> None:
    with wire_server(Turn(status=status, message=f"no, {KEY}")) as server:
        error = failure(spec(server, provider))
    assert error.code is code
    assert "no, " in str(error)
    assert KEY not in str(error.problem)
    assert len(server.asked) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_retry_after_is_told(provider: str) -> None:
    with wire_server(Turn(status=429, headers=(("Retry-After", "7"),))) as server:
        error = failure(spec(server, provider))
    assert error.problem.evidence["retry_after_s"] == 7


@pytest.mark.parametrize(
    ("provider", "turn"),
    [
        ("local", Turn(refusal="I do not do that")),
        ("local", Turn(finish="content_filter")),
        ("anthropic", Turn(finish="refusal")),
        ("google", Turn(finish="SAFETY")),
    ],
)
def test_a_refusal_is_one(provider: str, turn: Turn) -> None:
    with wire_server(turn) as server:
        assert failure(spec(server, provider)).code is Code.MODEL_REFUSED


@pytest.mark.parametrize(
    ("provider", "finish"),
    [("local", "length"), ("anthropic", "max_tokens"), ("google", "MAX_TOKENS")],
)
def test_an_answer_that_was_cut_off_is_invalid(provider: str, finish: str) -> None:
    with wire_server(Turn(finish=finish)) as server:
        error = failure(spec(server, provider))
    assert error.code is Code.MODEL_ANSWER_INVALID
    assert "cut off" in str(error)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_connection_that_breaks_off(provider: str) -> None:
    with wire_server(Turn(is_cut=True)) as server:
        assert failure(spec(server, provider)).code is Code.NETWORK_RESET


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_server_that_is_not_there(provider: str) -> None:
    with wire_server() as server:
        of = spec(server, provider)
    assert failure(of).code is Code.NETWORK_UNREACHABLE


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_server_that_does_not_answer_in_time(provider: str) -> None:
    until = threading.Event()
    with wire_server(Turn(until=until)) as server:
        error = failure(replace(spec(server, provider), timeout_s=0.5))
        until.set()
    assert error.code is Code.NETWORK_TIMEOUT


@pytest.mark.parametrize("raw", [b"{}", b'{"choices": []}', b"[1]"])
def test_what_is_no_answer_is_invalid(raw: bytes) -> None:
    with wire_server(Turn(raw=raw)) as server:
        assert failure(spec(server)).code is Code.MODEL_ANSWER_INVALID


def test_a_page_of_html_is_a_server_that_failed() -> None:
    with wire_server(Turn(raw=b"<html>")) as server:
        assert failure(spec(server)).code is Code.MODEL_FAILED


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("local", "max_tokens"),  # Ollama does not know the other
        ("ollama", "max_tokens"),
        ("openai", "max_completion_tokens"),
        ("anthropic", "max_tokens"),
    ],
)
def test_the_answer_is_bounded(provider: str, name: str) -> None:
    with wire_server() as server:
        answer(spec(server, provider), ask(max_tokens=77))
    assert server.asked[0].body[name] == 77


def test_tokens_that_are_not_told_are_unknown() -> None:
    with wire_server(Turn(tokens=None)) as server:
        _, usage = answer(spec(server), ask())
    assert (usage.input_tokens, usage.output_tokens) == (None, None)


async def _pieces(of: ModelSpec) -> list[str | Usage]:
    return [piece async for piece in chat.make(of).stream(ask())]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_stream_comes_in_pieces(provider: str) -> None:
    with wire_server(Turn(text="one two three")) as server:
        *pieces, last = asyncio.run(_pieces(spec(server, provider)))
    assert "".join(map(str, pieces)).strip() == "one two three"
    assert len(pieces) >= 3
    assert isinstance(last, Usage)
    assert (last.input_tokens, last.output_tokens) == (100, 20)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_stream_that_breaks_off_is_no_answer(provider: str) -> None:
    with (
        wire_server(Turn(text="one two", is_cut=True)) as server,
        pytest.raises(ReelError) as raised,
    ):
        asyncio.run(_pieces(spec(server, provider)))
    assert raised.value.code is Code.NETWORK_RESET


def test_without_a_key_a_hosted_model_is_not_there() -> None:
    of = ModelSpec(
        kind=ModelKind.LANGUAGE, provider="openai", model="gpt-5", url="https://api.openai.com/v1"
    )
    with pytest.raises(ReelError) as raised:
        chat.identify(of)
    assert raised.value.code is Code.MODEL_UNAVAILABLE
    assert "REEL_MODELS__OPENAI_KEY" in (raised.value.problem.hint or "")
