"""``/v1/audio/speech``: what is asked, and what its answers and errors become."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.models.kinds import ModelKind, Spoken, VoiceAsk
from reelwright.tools.models.providers import ModelSpec, identify, make
from tests.model_stub import ModelStub, Reply, model_stub, tone


def spec(url: str | None, model: str = "tts-1@nova", **more: Any) -> ModelSpec:
    return ModelSpec(kind=ModelKind.VOICE, provider="local", model=model, url=url, **more)


def ask(stub: ModelStub, **more: Any) -> Spoken:
    async def run() -> Spoken:
        provider = make(spec(stub.url, key="test-key-of-nobody"))
        try:
            made, _ = await provider.answer(VoiceAsk(text="three short words", **more))
        finally:
            await provider.close()
        assert isinstance(made, Spoken)
        return made

    return asyncio.run(run())


def refused(reply: Reply) -> ReelError:
    with model_stub(speech=lambda body: reply) as stub, pytest.raises(ReelError) as caught:
        ask(stub)
    return caught.value


def test_a_stream_of_unknown_length_becomes_a_wav_with_its_length() -> None:
    with model_stub() as stub:
        made = ask(stub, speed=9.0)
        (asked,) = stub.asked
    assert made.duration_s == pytest.approx(0.9)
    assert int.from_bytes(made.wav[40:44], "little") == len(made.wav) - 44
    assert asked.path == "/v1/audio/speech"
    assert asked.headers["authorization"] == "Bearer test-key-of-nobody"
    assert asked.body == {
        "model": "tts-1",
        "voice": "nova",
        "input": "three short words",
        "response_format": "wav",
        "speed": 4.0,
    }


def test_stereo_becomes_mono() -> None:
    body = bytearray(tone(1.0, streamed=False))
    body[22:24] = (2).to_bytes(2, "little")
    with model_stub(speech=lambda _: Reply(200, bytes(body), type="audio/wav")) as stub:
        assert ask(stub).duration_s == pytest.approx(0.5)


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
def test_an_error_has_its_code_and_what_the_server_said(status: int, code: Code) -> None:
    error = refused(Reply(status, b'{"error": {"message": "not today"}}', (("retry-after", "7"),)))
    assert error.code is code
    assert "not today" in str(error)
    if status == 429:
        assert error.problem.evidence["retry_after_s"] == 7


def test_what_is_no_wav_is_no_answer() -> None:
    assert refused(Reply(200, b"ID3" + bytes(99))).code is Code.MODEL_ANSWER_INVALID
    assert refused(Reply(200, tone(0))).code is Code.MODEL_ANSWER_INVALID


def test_nobody_there_is_a_network_error() -> None:
    with model_stub() as stub:
        gone = ModelStub(url=stub.url)
    with pytest.raises(ReelError) as caught:
        ask(gone)
    assert caught.value.code is Code.NETWORK_UNREACHABLE


def test_without_model_or_address_it_says_what_is_missing() -> None:
    with pytest.raises(ReelError, match="which model"):
        identify(spec("http://127.0.0.1:1/v1", ""))
    with pytest.raises(ReelError, match="where it is"):
        identify(spec(None))
