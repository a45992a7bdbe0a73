"""What calls cost: by the model that served, unknown where it is unknown, nothing at home."""

from __future__ import annotations

import pytest

from reelwright.tools.models.kinds import ModelIdentity, ModelKind, Usage
from reelwright.tools.models.prices import cost_usd, is_free, is_own_address
from reelwright.tools.models.providers import ModelSpec

MILLION = Usage(input_tokens=1_000_000, output_tokens=1_000_000)


def cost(provider: str, model: str, usage: Usage, *, is_local: bool = False) -> float | None:
    return cost_usd(ModelIdentity(provider=provider, model=model), usage, is_local=is_local)


def test_tokens_cost_what_the_list_says() -> None:
    assert cost("openai", "gpt-5-mini", MILLION) == pytest.approx(2.25)
    assert cost("anthropic", "claude-3-5-haiku-latest", MILLION) == pytest.approx(4.8)


def test_the_model_that_served_counts_not_the_one_that_was_asked() -> None:
    served = Usage(input_tokens=1_000_000, output_tokens=1_000_000, model="gpt-4o-mini")
    assert cost("openai", "gpt-5-mini", served) == cost("openai", "gpt-4o-mini", MILLION)


def test_what_is_not_known_is_unknown_and_not_nothing() -> None:
    assert cost("openai", "no-such-model", MILLION) is None
    assert cost("local", "gpt-5-mini", MILLION) is None
    assert cost("openai", "gpt-5-mini", Usage()) is None
    assert cost("openai", "gpt-5-mini", Usage(input_tokens=5)) is None
    unknown = Usage(input_tokens=5, output_tokens=5, model="another-model")
    assert cost("openai", "gpt-5-mini", unknown) is None


def test_a_dated_version_costs_what_its_model_does() -> None:
    dated = Usage(input_tokens=1_000_000, output_tokens=1_000_000, model="gpt-5-mini-2031-01-01")
    assert cost("openai", "gpt-5-mini", dated) == pytest.approx(2.25)


def test_at_home_it_is_free_whatever_the_model_is_called() -> None:
    assert cost("openai", "gpt-5-mini", MILLION, is_local=True) == 0
    assert cost("local", "no-such-model", Usage(), is_local=True) == 0


@pytest.mark.parametrize(
    ("provider", "url", "is_gateway", "expected"),
    [
        ("local", "https://gpu.example.org/v1", False, True),
        ("ollama", "http://127.0.0.1:11434/v1", False, True),
        ("openai", "http://127.0.0.1:4000/v1", False, True),
        ("openai", "http://127.0.0.1:4000/v1", True, False),
        ("local", "http://127.0.0.1:4000/v1", True, False),
        ("openai", "https://api.openai.com/v1", False, False),
    ],
)
def test_who_is_free(provider: str, url: str, is_gateway: bool, expected: bool) -> None:
    options = {"is_gateway": True} if is_gateway else {}
    spec = ModelSpec(kind=ModelKind.LANGUAGE, provider=provider, url=url, options=options)
    assert is_free(spec) is expected


def test_sound_and_letters_have_prices_too() -> None:
    assert cost("openai", "whisper-1", Usage(audio_s=3600.0)) == pytest.approx(0.36)
    assert cost("openai", "whisper-1", Usage(input_tokens=5, output_tokens=5)) is None
    assert cost("openai", "tts-1", Usage(characters=1_000_000)) == pytest.approx(15)
    heard = Usage(input_tokens=1_000_000, output_tokens=0, audio_s=60.0)
    assert cost("openai", "gpt-4o-mini-transcribe", heard) == pytest.approx(3)
    texts = Usage(input_tokens=1_000_000, output_tokens=0)
    assert cost("openai", "text-embedding-3-small", texts) == pytest.approx(0.02)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:11434/v1",
        "http://localhost:8000",
        "http://[::1]:1/v1",
        "http://192.168.1.7/v1",
        "http://10.1.2.3/v1",
        "http://gpu:8000/v1",
        "http://gpu.local/v1",
        "http://host.docker.internal:11434/v1",
    ],
)
def test_addresses_of_ones_own(url: str) -> None:
    assert is_own_address(url)


@pytest.mark.parametrize(
    "url",
    ["https://api.openai.com/v1", "https://8.8.8.8/v1", "https://localhost.example/v1", "", None],
)
def test_addresses_of_others(url: str | None) -> None:
    assert not is_own_address(url)
